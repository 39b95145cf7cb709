// How a Journal is opened.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "daemon/journal/retention.h"
#include "daemon/journal/wall_anchor.h"

namespace wobble::daemon {

struct JournalOptions {
  std::string file = {};
  WallAnchor::Clocks clocks = read_clocks;
  std::string version = WOBBLE_VERSION;  ///< of the daemon, for the table of sessions
  RetentionLimits retention = {};
  Duration interval = std::chrono::milliseconds(50);         ///< between two looks at the rings; at most 100 ms
  Duration retry_interval = std::chrono::milliseconds(250);  ///< after a failed write
  std::size_t batch_events = 8192;                           ///< per transaction at most
  std::size_t readers = 4;                                   ///< questions that are answered at once
  Duration question_limit = std::chrono::seconds(5);         ///< for each; 0: none
  Duration file_interval = std::chrono::seconds(1);          ///< between two looks at what has become of the file
  std::int64_t wal_bytes = 256'000'000;                      ///< a write-ahead log beyond that is told of
};

}  // namespace wobble::daemon
