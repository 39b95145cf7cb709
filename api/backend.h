// What the API needs of the daemon: plain structs in and out. The daemon implements Backend over its engine and its
// journal; a unit test stands in for it with a mock. JSON stops on this side.
//
// Thread: every function may be called from any HTTP worker at once. None waits on packets; the bound is said where
// one may wait at all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "api/time_text.h"
#include "api/ways_in.h"
#include "emulator/conditions/conditions.h"
#include "emulator/events/event.h"
#include "emulator/memory_budget.h"
#include "emulator/statistics/link_stats.h"

namespace wobble::api {

struct SideInfo {
  std::string device;                  ///< the TUN device's name, inside `netns`
  std::string netns;                   ///< a path to the namespace: "/proc/123/fd/7"; empty: the daemon's own
  std::vector<std::string> addresses;  ///< IPv4 and IPv6, without prefix length
};

/// What a link comes back to by itself, when a change that was made for a while ends.
struct UpcomingConditions {
  TimePoint due{};
  WallTime at = 0;  ///< `due` by the wall's clock
  LinkConditions conditions;
};

struct LinkInfo {
  std::string name;
  std::uint64_t revision = 0;  ///< counts changes of the conditions and of what they come back to, from 1; the ETag
  std::uint64_t seed = 0;
  LinkConditions conditions;
  std::optional<WallTime> reverts_at;        ///< the first of `upcoming`
  TimePoint as_of{};                         ///< when all this was so
  std::vector<UpcomingConditions> upcoming;  ///< in the order of time; each differs from the one before
  SideInfo near;
  SideInfo far;
  WayInInfo way_in;
};

/// One endpoint, as a list shows it.
struct EndpointRow {
  Endpoint endpoint;
  TcpState state = TcpState::none;
  EndpointFigures figures;
};

/// A segment that closed, or meant to.
struct CloseRow {
  Role side = Role::client;
  CloseKind kind = CloseKind::fin;
  WallTime at = 0;
  bool is_delivered = false;
  bool operator==(const CloseRow&) const = default;
};

struct ConnectionRow {
  ConnectionId id = 0;
  std::string link;
  std::uint8_t protocol = kTcp;
  Side client_side = Side::near;
  bool midstream = false;
  std::uint32_t ordinal = 0;
  EndpointRow client;
  EndpointRow server;
  WallTime opened_at = 0;
  std::optional<WallTime> closed_at;
  End end = End::open;
  ClosedBy closed_by = ClosedBy::nobody;
  Duration handshake_rtt_client{0};
  Duration handshake_rtt_server{0};
  Duration initial_rtt{0};
  std::optional<WallTime> last_packet_at;  ///< none: not known
  TcpFacts tcp;
  std::vector<CloseRow> closes;
  std::uint32_t closes_left_out = 0;
};

struct TransitionRow {
  std::uint64_t event_id = 0;  ///< transitions and events share one growing sequence
  ConnectionId connection = 0;
  std::string link;
  WallTime at = 0;
  Role side = Role::client;
  TcpState from = TcpState::none;
  TcpState to = TcpState::none;
  Evidence evidence = Evidence::sent;
  Rule row = Rule::timer;
  std::optional<SegmentSummary> segment;
};

struct SegmentRow {
  std::uint64_t id = 0;
  Role from = Role::client;
  std::uint8_t copy = 0;
  bool retransmission = false;
  FateWord fate = FateWord::forwarded;
  DropReason drop = DropReason::none;
  WallTime sent_at = 0;
  std::optional<WallTime> delivered_at;  ///< none: dropped
  TcpSegment tcp;
};

/// `kind` is one of event_kinds.h.
struct EventRow {
  std::uint64_t id = 0;
  WallTime at = 0;
  std::string kind;
  std::string link;                         ///< empty: none in particular
  ConnectionId connection = 0;              ///< 0: none
  std::string text;                         ///< one line for a person
  std::string detail;                       ///< a JSON object as text, or empty
  std::optional<TransitionRow> transition;  ///< with kind "transition"
};

/// What was asked of a link from a moment on.
struct ConditionsRow {
  std::uint64_t event_id = 0;  ///< of the event that tells it
  WallTime at = 0;
  std::uint64_t revision = 0;
  std::string source;      ///< who asked: "api PATCH", "start"
  std::string conditions;  ///< a JSON object as text: {"up": {...}, "down": {...}}
};

/// Whether whoever asked has gone, so that the answer is not worth finding any more. Called a few times a second by the
/// thread that asks; absent: he stays.
using IsGone = std::function<bool()>;

/// Filters; what is absent does not filter. Newest first.
struct ConnectionQuery {
  std::optional<std::string> link;
  std::optional<TcpState> state;      ///< of either endpoint
  std::optional<std::uint16_t> port;  ///< of either endpoint
  std::optional<End> end;
  std::optional<ClosedBy> closed_by;
  std::optional<std::uint8_t> protocol;  ///< absent: TCP, or with `flows` anything else
  bool flows = false;
  bool all_protocols = false;           ///< TCP, and the flows
  std::optional<WallTime> since;        ///< opened at or after
  std::uint32_t limit = 100;            ///< 1 to 1000
  std::optional<std::uint64_t> cursor;  ///< from the page before
  std::optional<WallTime> until;        ///< opened before
  /// In place of since and until: so long ago, by a clock that nobody sets. What a connection that was opened before
  /// the system's clock was set bears as its time does not matter then.
  std::optional<Duration> since_ago;
  std::optional<Duration> until_ago;
  std::optional<IpAddress> address;  ///< of either endpoint
  /// Lived while this was asked of its link, in either direction: an impairment's name, or "none" for a clean link.
  std::optional<std::string> condition;
  IsGone is_gone = {};
};

template <typename Row>
struct Page {
  std::vector<Row> items;
  std::optional<std::uint64_t> next;  ///< cursor; none: this was the last page
};

/// What an answer holds of the log, in bytes of text. A row that holds whole conditions may be as large as that.
inline constexpr std::size_t kMaxLogBytes = std::size_t{1} << 20;

struct EventQuery {
  std::uint64_t since = 0;  ///< ids above this
  std::optional<std::string> link;
  std::optional<std::string> kind;
  std::uint32_t limit = 1000;
  std::size_t max_bytes = kMaxLogBytes;     ///< of texts and details: the row that reaches them is the last
  std::optional<std::uint64_t> up_to = {};  ///< ids to this at most
  bool is_live = false;                     ///< of a live stream: other questions never make it wait
  IsGone is_gone = {};

  static std::size_t bytes_of(const EventRow& row) { return row.text.size() + row.detail.size(); }
};

/// More may follow behind these rows.
inline bool is_full(const EventQuery& query, const std::vector<EventRow>& rows) {
  std::size_t bytes = 0;
  for (const EventRow& row : rows) bytes += EventQuery::bytes_of(row);
  return rows.size() >= query.limit || bytes >= query.max_bytes;
}

struct Health {
  bool ok = true;
  /// What is wrong, if not ok: "the journal cannot write: disk full"; else what does not carry by no fault of ours.
  std::string detail;
};

struct JournalStats {
  std::uint64_t rows_written = 0;
  std::uint64_t lost_transitions = 0;
  std::uint64_t lost_segments = 0;
  std::uint64_t write_errors = 0;
  std::uint64_t database_bytes = 0;
  std::uint64_t renewals = 0;  ///< of the file, after something had happened to it
};

/// What a backend throws when a request cannot be met.
struct NotFound : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct RevisionMismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Unavailable : std::runtime_error {  ///< the forwarder or the journal did not answer in time
  using std::runtime_error::runtime_error;
};

struct Gone : std::runtime_error {  ///< was there, and is not kept any more
  using std::runtime_error::runtime_error;
};
struct Conflict : std::runtime_error {  ///< with what is there already: a name, a way in
  using std::runtime_error::runtime_error;
};
struct Incapable : std::runtime_error {  ///< this machine lacks something, or we may not: says what, and what mends it
  using std::runtime_error::runtime_error;
};
/// A request that is well-formed, but of which one field names what is not there.
struct Unfit : std::runtime_error {
  Unfit(std::string json_pointer, const std::string& why) : std::runtime_error(why), pointer(std::move(json_pointer)) {}
  std::string pointer;
};

/// A change of one link's conditions.
struct Change {
  LinkConditions conditions;
  std::optional<Duration> lasts;  ///< then what would be in force without it comes back
  /// What each of LinkInfo::upcoming is with the change; empty: `conditions` as well. Those beyond `lasts` stay.
  std::vector<LinkConditions> upcoming;
  std::optional<std::uint64_t> if_revision;  ///< else RevisionMismatch
  std::string source;                        ///< for the log: "api PATCH"
};

/// What to capture of a link, and until when.
struct CaptureOptions {
  std::optional<Duration> lasts;
  std::optional<std::uint64_t> packets;  ///< as many as arrive
  std::uint32_t snap_length = 65'535;    ///< bytes kept of each packet: 1 to 65,535
  std::optional<std::uint16_t> port;     ///< only packets from or to this port
};

/// A capture under way. Destroying it ends it. One thread.
class Capture {
 public:
  virtual ~Capture() = default;
  /// Appends what has come meanwhile, as whole pcapng blocks, waiting at most `at_most` if there is nothing. False: it
  /// is over, and everything was handed out.
  virtual bool read(std::string& out, Duration at_most) = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string version() = 0;
  virtual Duration uptime() = 0;
  virtual WallTime wall_clock(TimePoint at) = 0;
  /// What the links and the files that their conditions name may use together; null: without a bound. The same always.
  virtual std::shared_ptr<MemoryBudget> memory() = 0;

  virtual std::vector<LinkInfo> links() = 0;
  virtual LinkInfo link(const std::string& name) = 0;  ///< NotFound
  /// Returns when the change is in effect: the next packet read meets it. At most 1 s, then Unavailable.
  /// NotFound, RevisionMismatch; Conflict if more would be upcoming than is kept.
  virtual LinkInfo apply(const std::string& name, const Change& change) = 0;
  /// No conditions, and nothing upcoming. NotFound, RevisionMismatch, Unavailable.
  virtual LinkInfo reset(const std::string& name, const std::string& source,
                         std::optional<std::uint64_t> if_revision) = 0;
  /// Every change that was made for a while ends now; nothing to do if there is none. As reset().
  virtual LinkInfo end_temporary(const std::string& name, const std::string& source,
                                 std::optional<std::uint64_t> if_revision) = 0;
  /// What was in force at a revision of the link, as ConditionsRow has it: a JSON object as text. NotFound if it never
  /// had that revision, Gone if it is not kept any more.
  virtual std::string past_conditions(const std::string& name, std::uint64_t revision) = 0;
  /// Sets the way in up and puts the link into service under its conditions, then lets traffic in. At most a few
  /// seconds. If any of it fails nothing is left. Conflict, Incapable, Unfit.
  virtual LinkInfo create(const NewLink& wanted) = 0;
  /// Takes the way in down, and puts everything back that it changed. NotFound, RevisionMismatch; Conflict for the lab.
  virtual void remove(const std::string& name, std::optional<std::uint64_t> if_revision) = 0;
  virtual LinkStats stats(const std::string& name) = 0;  ///< NotFound, Unavailable

  // Questions to the log. Unavailable if it cannot be read, or if the answer is not found in time, and then it says how
  // to ask for less.
  /// The journal is brought up to date first, for at most a quarter of a second.
  virtual Page<ConnectionRow> connections(const ConnectionQuery& query) = 0;
  virtual ConnectionRow connection(ConnectionId id) = 0;                ///< NotFound
  virtual std::vector<TransitionRow> transitions(ConnectionId id) = 0;  ///< NotFound
  virtual std::vector<SegmentRow> segments(ConnectionId id) = 0;        ///< NotFound
  /// In force while it lived, oldest first; empty if it is not known.
  /// Up to the row with which they reach kMaxLogBytes.
  virtual std::vector<ConditionsRow> conditions(ConnectionId id) = 0;
  virtual void follow(ConnectionId id) = 0;  ///< NotFound; nothing to do if it has ended

  virtual std::vector<EventRow> events(const EventQuery& query) = 0;  ///< oldest first
  /// Waits until an event with an id above `since` is committed, at most `at_most`. Returns the newest id.
  virtual std::uint64_t wait_for_event(std::uint64_t since, Duration at_most) = 0;
  virtual std::uint64_t newest_event() = 0;
  virtual EventRow annotate(const std::string& text, const std::optional<std::string>& link) = 0;

  /// Packets from now on. NotFound, Unavailable.
  virtual std::unique_ptr<Capture> capture(const std::string& name, const CaptureOptions& options) = 0;

  virtual Health health() = 0;  ///< answers at once, whatever the journal does
  virtual JournalStats journal() = 0;
};

}  // namespace wobble::api
