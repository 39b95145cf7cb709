#include "emulator/events/fate.h"

#pragma GCC diagnostic error "-Wswitch"  // each value has its word

namespace wobble {

const char* to_string(DropReason reason) noexcept {
  switch (reason) {
    case DropReason::none: return "none";
    case DropReason::loss: return "loss";
    case DropReason::outage: return "outage";
    case DropReason::queue: return "queue";
    case DropReason::memory: return "memory";
    case DropReason::malformed: return "malformed";
    case DropReason::device: return "device";
    case DropReason::aqm: return "aqm";
    case DropReason::mtu: return "mtu";
    case DropReason::idle_timeout: return "idle_timeout";
  }
  return "?";
}

FateWord word_for(const Fate& fate, TimePoint arrived) noexcept {
  if (fate.is_dropped()) return FateWord::dropped;
  if (fate.corrupted) return FateWord::corrupted;
  if (fate.copies > 1) return FateWord::duplicated;
  if (fate.reordered) return FateWord::reordered;
  return fate.release_at[0] > arrived ? FateWord::delayed : FateWord::forwarded;
}

const char* to_string(FateWord word) noexcept {
  switch (word) {
    case FateWord::forwarded: return "forwarded";
    case FateWord::delayed: return "delayed";
    case FateWord::reordered: return "reordered";
    case FateWord::duplicated: return "duplicated";
    case FateWord::corrupted: return "corrupted";
    case FateWord::dropped: return "dropped";
  }
  return "?";
}

}  // namespace wobble
