// Frames in the order of their times, where a capture has them slightly out of order (several queues of one interface,
// several interfaces): each waits until ten milliseconds of later frames were read, or 1,024 of them. What comes later
// than that keeps the file's order.
#pragma once

#include <cstdint>
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

  explicit SortedFrames(CaptureReader& reader) : reader_(reader) {}

  /// As CaptureReader::next(), also in its errors, which come after everything that was read before them.
  bool next(CapturedFrame& frame);
  /// A frame that was read already takes its place.
  void hold(const CapturedFrame& frame);

 private:
  struct Held {
    CapturedFrame frame;
    std::vector<std::uint8_t> bytes;
    std::string comment;
    std::uint64_t order = 0;
  };
  static bool is_later(const std::unique_ptr<Held>& a, const std::unique_ptr<Held>& b) {
    return a->frame.at != b->frame.at ? a->frame.at > b->frame.at : a->order > b->order;
  }
  bool read_one();

  CaptureReader& reader_;
  std::vector<std::unique_ptr<Held>> heap_;
  std::vector<std::unique_ptr<Held>> spare_;
  std::unique_ptr<Held> out_;
  std::int64_t newest_ = 0;
  std::uint64_t order_ = 0;
  bool is_at_end_ = false;
  std::exception_ptr error_;
};

}  // namespace wobble::daemon
