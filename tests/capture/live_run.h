// A link in virtual time with a capture of it, and with what it told live.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "api/rows/connection_json.h"
#include "api/rows/rows_json.h"
#include "daemon/capture/link_capture.h"
#include "emulator/link/link.h"
#include "tests/capture/conversation.h"

namespace wobble::captures {

using namespace std::chrono_literals;

/// What the table told live, in the API's rows.
class LiveLog final : public ConnectionObserver {
 public:
  explicit LiveLog(daemon::AnalysisSink sink) : rows(std::move(sink)) {
    rows.set_link("lab", true);
    rows.set_clock(clock_);
  }
  void on(const ConnectionOpened& event) noexcept override { rows.on(event); }
  void on(const Transition& event) noexcept override { rows.on(event); }
  void on(const ConnectionClosed& event) noexcept override { rows.on(event); }
  void on(const SegmentRecord&) noexcept override {}
  void on_reopened(const ConnectionReopened& event) noexcept override { rows.on_reopened(event); }
  void on_late(const LateFigures& event) noexcept override { rows.on_late(event); }
  daemon::AnalysisRows rows;

 private:
  const daemon::CaptureClock clock_{kBegin};
};

inline LinkConditions harsh() {
  LinkConditions conditions;
  conditions.up.delay = {20ms, 8ms};
  conditions.up.delay.reorder = true;
  conditions.up.loss.model = RandomLoss{Probability::percent(8)};
  conditions.up.duplicate.probability = Probability::percent(10);
  conditions.up.corrupt.probability = Probability::percent(5);
  conditions.up.reorder = {Probability::percent(5), 3};
  conditions.down = conditions.up;
  conditions.down.outage = {false, 700ms, 40ms, true};
  return conditions;
}

/// A link in virtual time with a tap, traffic of every kind at random, and the file that came out.
struct LiveRun {
  LiveRun() : log([this](const daemon::AnalysedConnection& c) { told.push_back(c); }), link({}, log, moment(0)) {
    daemon::write_link_preamble(file, "lab", 65535);
    tap = std::make_shared<daemon::CaptureTap>(api::CaptureOptions{});
    link.add_tap(tap);
    link.apply(harsh(), moment(0));
  }
  static inline const daemon::CaptureClock kClock{kBegin};
  static TimePoint moment(std::int64_t at) { return kClock.moment(kBegin + at); }

  void drain() {
    daemon::CaptureTap::Sight sight;
    while (tap->next(sight)) daemon::write_sight(file, kClock.wall_time(sight.at), sight);
  }
  void move_to(TimePoint then) {
    for (TimePoint due = link.next_due(); due <= then; due = link.next_due()) {
      now = std::max(now, due);
      link.advance(now);
      for (const Direction d : {Direction::up, Direction::down}) {
        while (auto packet = link.pop_due(d, now)) link.complete(*packet, d, random() % 50 != 0, now);
      }
      drain();
    }
    now = then;
  }
  void admit(const Bytes& bytes, const Offload& offload, Side side) {
    link.admit(bytes, offload, side, now);
    drain();
  }
  void finish() {
    move_to(now + 5s);
    link.connections().close_all(now);
    log.rows.finish();
  }

  std::mt19937_64 random{7};
  std::vector<daemon::AnalysedConnection> told;
  std::string file;
  TimePoint now = moment(0);
  LiveLog log;
  Link link;
  std::shared_ptr<daemon::CaptureTap> tap;
};

/// Everything but the numbers that a log counts over all its connections.
inline std::string lines_of(const std::vector<daemon::AnalysedConnection>& connections) {
  std::string out;
  for (const daemon::AnalysedConnection& connection : connections) {
    api::ConnectionRow row = connection.row;
    row.closed_at.reset();  // the end of a capture is its last packet
    out += api::to_json(row).dump() + "\n";
    for (const api::TransitionRow& transition : connection.transitions)
      out += "  " + api::to_json(transition).dump() + "\n";
  }
  return out;
}

}  // namespace wobble::captures
