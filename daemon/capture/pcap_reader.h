#pragma once

#include "daemon/capture/byte_order.h"
#include "daemon/capture/capture_reader.h"

namespace wobble::daemon {

/// pcap, behind its magic number:
///        0 magic | 4 version major, minor | 8 reserved | 16 snap length | 20 link type      then for each frame
///        0 seconds | 4 micro- or nanoseconds | 8 captured length | 12 original length | bytes
class PcapReader final : public CaptureReader {
 public:
  PcapReader(CaptureInput input, ByteOrder order, bool nanoseconds);
  bool next(CapturedFrame& frame) override;

 private:
  CaptureInput input_;
  ByteOrder order_;
  bool nanoseconds_;
  bool is_swapped_version_ = false;  ///< before 2.4 the two lengths stood the other way round
};

}  // namespace wobble::daemon
