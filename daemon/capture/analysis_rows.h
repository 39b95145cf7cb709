// What the connection table tells while a capture is read, gathered into the API's rows. A connection is handed on when
// nothing more can follow: it has ended and the table has forgotten it. So there are never many more of them here than
// the table can hold.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/backend.h"
#include "daemon/capture/capture_clock.h"
#include "emulator/connections/connection_table.h"

namespace wobble::daemon {

struct AnalysedConnection {
  api::ConnectionRow row;
  std::vector<api::TransitionRow> transitions;
  bool has_ended = false;  ///< once
};
using AnalysisSink = std::function<void(const AnalysedConnection&)>;

class AnalysisRows final : public ConnectionObserver {
 public:
  explicit AnalysisRows(AnalysisSink sink) : sink_(std::move(sink)) {}

  /// For connections that open from now on. Without sides the client's is always the near one.
  void set_link(const std::string& name, bool has_sides) {
    link_ = name;
    has_sides_ = has_sides;
  }

  /// The capture's, which outlives this.
  void set_clock(const CaptureClock& clock) { clock_ = &clock; }

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
  /// Packets of all connections and flows that were handed on.
  std::uint64_t packets() const noexcept { return packets_; }

 private:
  void hand_on(const AnalysedConnection& connection);

  AnalysisSink sink_;
  const CaptureClock* clock_ = nullptr;
  std::string link_;
  bool has_sides_ = false;
  bool is_at_end_ = false;
  std::unordered_map<ConnectionId, AnalysedConnection> open_;
  std::vector<ConnectionId> ended_;
  std::size_t sweep_at_ = 1024;  ///< when so many have ended
  std::uint64_t next_event_ = 1;
  std::uint64_t packets_ = 0;
};

}  // namespace wobble::daemon
