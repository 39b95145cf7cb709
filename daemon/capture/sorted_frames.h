// Frames in the order in which they happened. Our own captures have them so, and say when the clock was set. Where
// another has them slightly out of order (several queues of one interface, several interfaces), each waits until ten
// milliseconds of later frames were read, or 1,024 of them.
//
// A time that goes back by more than that is a clock that was set back, or an older capture that was appended: what was
// read before comes before, and stepped_back() says by how much the times go on too early from there. A straggler is
// taken for such a step too, and the frame behind it, which is as much later, for the way back.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "daemon/capture/capture_reader.h"

namespace wobble::daemon {

class SortedFrames {
 public:
  static constexpr std::int64_t kWindow = 10'000'000;  ///< nanoseconds
  static constexpr std::size_t kMost = 1024;
  /// Between two interfaces, whose frames are written in turns: as long as one of them may keep its own for itself.
  static constexpr std::int64_t kTurn = 1'000'000'000;
  /// So many frames behind a step back the clock is taken to be set, not a group of frames to be late.
  static constexpr std::uint32_t kMostLate = 64;

  explicit SortedFrames(CaptureReader& reader) : reader_(reader) {}

  /// As CaptureReader::next(), also in its errors, which come after everything that was read before them.
  bool next(CapturedFrame& frame);
  /// A frame that was read already takes its place.
  void hold(const CapturedFrame& frame);
  /// Nanoseconds to add to the time of the frame that next() gave last, so that time goes on from the frames before.
  std::int64_t stepped_back() const noexcept { return out_ ? out_->behind : 0; }
  /// Both together.
  std::int64_t steady_time() const noexcept;

 private:
  struct Held {
    CapturedFrame frame;
    std::vector<std::uint8_t> bytes;
    std::string comment;
    std::int64_t behind = 0;  ///< see stepped_back()
    std::uint32_t clock = 0;  ///< counts the steps
  };
  struct Interface {
    std::int64_t newest;  ///< since the latest step; the least number there is: none yet
    bool is_ours;
    std::int64_t behind;  ///< as our capture says (LaneMark)
  };
  Interface& interface_of(const CapturedFrame& frame);
  bool read_one();
  void step(std::int64_t by, std::int64_t at);
  void follow_clock(const CapturedFrame& frame);
  bool is_ripe() const;

  CaptureReader& reader_;
  std::deque<std::unique_ptr<Held>> waiting_;  ///< in their order
  std::vector<std::unique_ptr<Held>> spare_;
  std::unique_ptr<Held> out_;
  bool has_begun_ = false;
  std::int64_t newest_ = 0;  ///< since the latest step
  std::vector<Interface> interfaces_;
  std::int64_t before_ = 0;  ///< the time of the frame read before
  std::int64_t behind_ = 0;
  std::int64_t latest_step_ = 0;  ///< 0: none, or it was taken back
  std::uint32_t since_step_ = 0;  ///< frames
  std::uint32_t clock_ = 0;
  std::int64_t ours_behind_ = 0;
  bool was_ours_ = false;  ///< the frame read before
  bool is_at_end_ = false;
  std::exception_ptr error_;
};

}  // namespace wobble::daemon
