#include "tests/api/mock_backend.h"

#include "api/conditions/conditions_json.h"

namespace wobble::api {

MockBackend::MockBackend() { add_link("lab"); }

void MockBackend::add_link(const std::string& name) {
  const LockGuard lock(mutex_);
  LinkInfo& link = links_[name];
  link.name = name;
  link.revision = 1;
  link.seed = 42;
  link.near = {"near", "/proc/123/fd/7", {"10.77.0.1", "fd77::1"}};
  link.far = {"far", "/proc/123/fd/8", {"10.77.1.1", "fd77::1:1"}};
}

LinkInfo& MockBackend::find(const std::string& name) {
  const auto found = links_.find(name);
  if (found == links_.end()) throw NotFound("there is no link \"" + name + "\"");
  return found->second;
}

std::vector<LinkInfo> MockBackend::links() {
  const LockGuard lock(mutex_);
  std::vector<LinkInfo> all;
  for (const auto& [name, link] : links_) all.push_back(link);
  return all;
}

LinkInfo MockBackend::link(const std::string& name) {
  const LockGuard lock(mutex_);
  return find(name);
}

void MockBackend::hang(const std::string& name) {
  const LockGuard lock(mutex_);
  hanging_ = name;
}

void MockBackend::wait_until_it_hangs() {
  UniqueLock lock(mutex_);
  grown_.wait(lock, [this]() WOBBLE_REQUIRES(mutex_) { return hangs_; });
}

void MockBackend::go_on() {
  const LockGuard lock(mutex_);
  hanging_.clear();
  grown_.notify_all();
}

LinkInfo MockBackend::apply(const std::string& name, const Change& change) {
  UniqueLock lock(mutex_);
  LinkInfo& link = find(name);
  if (name == hanging_) {
    hangs_ = true;
    grown_.notify_all();
    grown_.wait(lock, [&]() WOBBLE_REQUIRES(mutex_) { return name != hanging_; });
  }
  if (interferences_ > 0) {
    --interferences_;
    ++link.revision;
    link.conditions.down.rate = 1'000'000;
  }
  if (change.if_revision && *change.if_revision != link.revision) throw RevisionMismatch("the link has changed");
  // One end to come at most: enough to see what the API makes of it.
  const LinkConditions before = link.conditions;
  if (change.lasts) {
    link.upcoming = {{TimePoint(*change.lasts), kEpoch + change.lasts->count(), before}};
  } else if (!link.upcoming.empty()) {
    link.upcoming[0].conditions = change.upcoming.empty() ? change.conditions : change.upcoming[0];
    if (link.upcoming[0].conditions == change.conditions) link.upcoming.clear();
  }
  past_[link.revision] = before;
  link.conditions = change.conditions;
  ++link.revision;
  link.reverts_at = link.upcoming.empty() ? std::nullopt : std::optional(link.upcoming[0].at);
  changes_.push_back(change);
  return link;
}

LinkInfo MockBackend::reset(const std::string& name, const std::string& source,
                            std::optional<std::uint64_t> if_revision) {
  Change change;
  change.if_revision = if_revision;
  change.source = source;
  return apply(name, change);
}

LinkInfo MockBackend::end_temporary(const std::string& name, const std::string& source,
                                    std::optional<std::uint64_t> if_revision) {
  const LinkInfo present = link(name);
  if (present.upcoming.empty()) return present;
  Change change;
  change.conditions = present.upcoming[0].conditions;
  change.if_revision = if_revision;
  change.source = source;
  return apply(name, change);
}

std::string MockBackend::past_conditions(const std::string& name, std::uint64_t revision) {
  const LinkInfo present = link(name);
  const LockGuard lock(mutex_);
  if (revision == present.revision) return to_json(present.conditions).dump();
  if (revision == 0 || revision > present.revision) throw NotFound("the link never had that revision");
  const auto found = past_.find(revision);
  if (found == past_.end()) throw Gone("that revision is not kept any more");
  return to_json(found->second).dump();
}

void MockBackend::forget_past() {
  const LockGuard lock(mutex_);
  past_.clear();
}

LinkInfo MockBackend::create(const NewLink& wanted) {
  const LockGuard lock(mutex_);
  if (wanted.name == "lab") throw Conflict("there is a link 'lab' already");
  if (wanted.name == "nowhere") throw Unfit("/attach/target", "there is no process 4711");
  if (wanted.name == "powerless") throw Incapable("there is no /dev/net/tun");
  created_.push_back(wanted);
  LinkInfo link = find("lab");
  link.name = wanted.name.empty() ? "derived name" : wanted.name;
  link.conditions = wanted.conditions;
  link.way_in.settings = wanted.way_in;
  return link;
}

std::vector<NewLink> MockBackend::created() {
  const LockGuard lock(mutex_);
  return created_;
}

void MockBackend::remove(const std::string& name, std::optional<std::uint64_t> if_revision) {
  const LockGuard lock(mutex_);
  if (name == "lab") throw Conflict("the lab lives as long as the daemon");
  if (if_revision && *if_revision != find(name).revision) throw RevisionMismatch("the link has changed");
  find(name);
  links_.erase(name);
}

LinkStats MockBackend::stats(const std::string& name) {
  const LockGuard lock(mutex_);
  find(name);
  if (stats_broken) throw std::logic_error("a secret of the implementation");
  if (stats_unavailable) throw Unavailable("the forwarder did not answer");
  return stats_;
}

Page<ConnectionRow> MockBackend::connections(const ConnectionQuery& query) {
  {
    const LockGuard lock(mutex_);
    last_query_ = query;
  }
  return {{connection(17)}, 17};
}

ConnectionRow MockBackend::connection(ConnectionId id) {
  if (id != 17) throw NotFound("there is no connection " + std::to_string(id));
  ConnectionRow row;
  row.id = 17;
  row.link = "lab";
  row.client = {{*IpAddress::parse("10.77.0.1"), 40112}, TcpState::established, {}};
  row.server = {{*IpAddress::parse("fd77::1:1"), 80}, TcpState::none, {}};
  row.client.figures.packets_sent = 12;
  row.client.figures.retransmissions = 7;
  row.client.figures.retransmissions_by_us = 2;
  row.client.figures.retransmissions_fast = 1;
  row.client.figures.retransmissions_spurious = 1;
  row.client.figures.retransmissions_lost_behind = 2;
  row.client.figures.retransmissions_lost_before = 1;
  row.client.figures.offer.mss = 1460;
  row.client.figures.offer.sack = true;
  row.client.figures.offer.fast_open = FastOpen::cookie;
  row.server.figures.offer.sack = true;
  row.tcp.syn = true;
  row.tcp.conn_state = ConnState::s2;
  row.tcp.closed_first = ClosedBy::client;
  row.tcp.handshake_rtt_server_net = std::chrono::microseconds(250);
  row.tcp.history.add('S');
  row.tcp.history.add('h');
  row.closes.push_back({Role::client, CloseKind::fin, kEpoch, true});
  row.opened_at = kEpoch;
  row.ordinal = 1;
  row.handshake_rtt_client = std::chrono::microseconds(1500);
  return row;
}

std::vector<TransitionRow> MockBackend::transitions(ConnectionId id) {
  connection(id);
  TransitionRow row;
  row.event_id = 501;
  row.connection = id;
  row.link = "lab";
  row.at = kEpoch;
  row.side = Role::server;
  row.to = TcpState::syn_received;
  row.row = Rule::third_ack;
  row.segment.emplace();
  row.segment->tcp.flags = tcp_flag::kSyn | tcp_flag::kAck;
  row.segment->fate = FateWord::dropped;
  row.segment->drop = DropReason::loss;
  return {row};
}

std::vector<SegmentRow> MockBackend::segments(ConnectionId id) {
  connection(id);
  SegmentRow row;
  row.id = 9;
  row.sent_at = kEpoch;
  row.delivered_at = kEpoch + 80'000'000;
  row.fate = FateWord::delayed;
  row.tcp = {4'000'000'000, 2, 100, tcp_flag::kPsh | tcp_flag::kAck, 64240};
  return {row};
}

std::vector<ConditionsRow> MockBackend::conditions(ConnectionId id) {
  connection(id);
  return {{12, kEpoch, 3, "api PATCH", R"({"up":{"delay":{"time":"80ms"}},"down":{},"scenario":[{"for":"2s"}]})"}};
}

void MockBackend::follow(ConnectionId id) {
  connection(id);
  const LockGuard lock(mutex_);
  followed_.push_back(id);
}

std::vector<EventRow> MockBackend::events(const EventQuery& query) {
  const LockGuard lock(mutex_);
  std::vector<EventRow> out;
  for (const EventRow& event : events_) {
    if (event.id <= query.since || out.size() >= query.limit) continue;
    if (query.kind && event.kind != *query.kind) continue;
    if (query.link && event.link != *query.link) continue;
    out.push_back(event);
  }
  return out;
}

std::uint64_t MockBackend::wait_for_event(std::uint64_t since, Duration at_most) {
  UniqueLock lock(mutex_);
  grown_.wait_for(lock, at_most, [&]() WOBBLE_REQUIRES(mutex_) { return events_.size() > since; });
  return events_.size();
}

std::uint64_t MockBackend::newest_event() {
  const LockGuard lock(mutex_);
  return events_.size();
}

EventRow MockBackend::annotate(const std::string& text, const std::optional<std::string>& link) {
  add_event("annotation", text, link.value_or(""));
  const LockGuard lock(mutex_);
  return events_.back();
}

Health MockBackend::health() {
  const LockGuard lock(mutex_);
  return health_;
}

void MockBackend::add_event(const std::string& kind, const std::string& text, const std::string& link) {
  const LockGuard lock(mutex_);
  EventRow event;
  event.id = events_.size() + 1;
  event.at = kEpoch;
  event.kind = kind;
  event.text = text;
  event.link = link;
  events_.push_back(event);
  grown_.notify_all();
}

std::unique_ptr<Capture> MockBackend::capture(const std::string& name, const CaptureOptions& options) {
  /// Two pieces, then the end; or piece after piece, if it is for a while.
  struct TwoPieces final : Capture {
    TwoPieces(std::atomic<int>& captures, bool endless) : captures_(captures), endless_(endless) { ++captures_; }
    ~TwoPieces() override { --captures_; }
    bool read(std::string& out, Duration) override {
      if (pieces_ == 2 && !endless_) return false;
      out += ++pieces_ == 1 ? "first " : "second";
      return true;
    }
    std::atomic<int>& captures_;
    bool endless_;
    int pieces_ = 0;
  };
  link(name);
  const LockGuard lock(mutex_);
  last_capture_ = options;
  return std::make_unique<TwoPieces>(captures_, options.lasts.has_value());
}

CaptureOptions MockBackend::last_capture() {
  const LockGuard lock(mutex_);
  return last_capture_;
}

int MockBackend::captures_under_way() { return captures_; }

LinkConditions MockBackend::conditions() {
  const LockGuard lock(mutex_);
  return find("lab").conditions;
}

std::vector<Change> MockBackend::changes() {
  const LockGuard lock(mutex_);
  return changes_;
}

ConnectionQuery MockBackend::last_query() {
  const LockGuard lock(mutex_);
  return last_query_;
}

std::vector<ConnectionId> MockBackend::followed() {
  const LockGuard lock(mutex_);
  return followed_;
}

void MockBackend::set_health(Health health) {
  const LockGuard lock(mutex_);
  health_ = std::move(health);
}

void MockBackend::set_stats(const LinkStats& stats) {
  const LockGuard lock(mutex_);
  stats_ = stats;
}

void MockBackend::interfere(int times) {
  const LockGuard lock(mutex_);
  interferences_ = times;
}

}  // namespace wobble::api
