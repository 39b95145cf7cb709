// What the connection table tells while a capture is read, gathered into the API's rows. A connection is handed on when
// nothing more can follow: it has ended and the table has forgotten it. So there are never many more of them here than
// the table can hold.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/backend.h"
#include "emulator/connection_table.h"

namespace wobble::daemon {

struct AnalysedConnection {
  api::ConnectionRow row;
  std::vector<api::TransitionRow> transitions;
  bool has_ended = false;  ///< once
};
using AnalysisSink = std::function<void(const AnalysedConnection&)>;

/// A capture's times as those of a machine that was switched on an hour before: the table expects a steady clock's.
struct CaptureClock {
  static constexpr Duration kBefore = std::chrono::hours(1);
  static constexpr Duration kLongest = std::chrono::hours(24 * 365 * 30);  ///< later is taken for this

  api::WallTime first = 0;  ///< of the capture

  TimePoint moment(api::WallTime at) const {
    const auto after = static_cast<__int128>(at) - first;
    const auto count = std::clamp<__int128>(after, -kBefore.count() + 1, kLongest.count());
    return TimePoint(kBefore + Duration(static_cast<Duration::rep>(count)));
  }
  api::WallTime wall_time(TimePoint at) const { return first + (at.time_since_epoch() - kBefore).count(); }
};

class AnalysisRows final : public ConnectionObserver {
 public:
  explicit AnalysisRows(AnalysisSink sink) : sink_(std::move(sink)) {}

  /// For connections that open from now on. Without sides the client's is always the near one.
  void set_link(const std::string& name, bool has_sides) {
    link_ = name;
    has_sides_ = has_sides;
  }

  void set_clock(const CaptureClock& clock) { clock_ = clock; }

  void on(const ConnectionOpened& event) noexcept override;
  void on(const Transition& event) noexcept override;
  void on(const ConnectionClosed& event) noexcept override;
  void on(const SegmentRecord&) noexcept override {}
  void on_reopened(const ConnectionReopened& event) noexcept override;
  void on_late(const LateFigures& event) noexcept override;

  /// Hands on what has ended and is not in `table` any more. Cheap to call often.
  void sweep(const ConnectionTable& table);
  /// What ends from now on would have lived beyond the capture.
  void end_capture() { is_at_end_ = true; }
  /// Hands on everything, in the order of opening; the table is empty.
  void finish();

 private:
  AnalysisSink sink_;
  CaptureClock clock_;
  std::string link_;
  bool has_sides_ = false;
  bool is_at_end_ = false;
  std::unordered_map<ConnectionId, AnalysedConnection> open_;
  std::vector<ConnectionId> ended_;
  std::size_t sweep_at_ = 1024;  ///< when so many have ended
  std::uint64_t next_event_ = 1;
};

}  // namespace wobble::daemon
