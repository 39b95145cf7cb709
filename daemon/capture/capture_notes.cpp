#include "daemon/capture/capture_notes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace wobble::daemon {
namespace {

constexpr std::string_view kMark = "wobble capture 1, ";
constexpr std::string_view kBadChecksum = "bad checksum";
constexpr std::string_view kClockSet = ", clock set by ";
constexpr std::int64_t kMostSet = std::numeric_limits<std::int64_t>::max();
constexpr std::array<std::string_view, 3> kLanes = {"near", "far", "lost"};
constexpr std::array<std::string_view, 3> kKinds = {"arrived", "left", "lost"};

/// Milliseconds with six digits: exactly nanoseconds.
std::string print_span(Duration span) {
  char text[40];
  const auto n = static_cast<unsigned long long>(span.count());
  std::snprintf(text, sizeof text, "%llu.%06llu ms", n / 1'000'000, n % 1'000'000);
  return text;
}

/// Reads from its front; each step answers whether it fitted.
struct Words {
  std::string_view left;

  bool take(std::string_view word) {
    if (!left.starts_with(word)) return false;
    left.remove_prefix(word.size());
    return true;
  }
  template <typename Number>
  bool take_number(Number& number) {
    const auto [end, error] = std::from_chars(left.data(), left.data() + left.size(), number);
    if (error != std::errc()) return false;
    left.remove_prefix(static_cast<std::size_t>(end - left.data()));
    return true;
  }
  bool take_span(Duration& span) {
    std::uint64_t whole = 0;
    std::uint32_t fraction = 0;
    if (!take_number(whole) || whole > 1'000'000'000'000 || !take(".")) return false;
    const std::size_t before = left.size();
    if (!take_number(fraction) || before - left.size() != 6 || !take(" ms")) return false;
    span = Duration(static_cast<std::int64_t>(whole * 1'000'000 + fraction));
    return true;
  }
  /// One of the enumerators' names, from 0 to `last`.
  template <typename Enum>
  bool take_name(Enum& value, Enum last) {
    for (int i = 0; i <= static_cast<int>(last); ++i) {
      if (!take(to_string(static_cast<Enum>(i)))) continue;
      value = static_cast<Enum>(i);
      return true;
    }
    return false;
  }
  bool take_reason(DropReason& reason) {
    constexpr auto kLast = static_cast<DropReason>(kDropReasonCount - 1);
    return take("dropped (") && take_name(reason, kLast) && take(")");
  }
};

std::string print_copies(const Fate& fate) {
  std::string out;
  for (std::uint8_t copy = 0; copy < fate.copies; ++copy) {
    out += "; copy " + std::to_string(copy);
    if (fate.lost[copy] == DropReason::none && fate.release_at[copy] == kNever) {
      out += " waits its turn";
    } else if (fate.lost[copy] == DropReason::none) {
      out += " leaves after " + print_span(fate.release_at[copy].time_since_epoch());
    } else {
      out += " dropped (" + std::string(to_string(fate.lost[copy])) + ")";
    }
  }
  return out;
}

bool take_copies(Words& words, Fate& fate) {
  fate.copies = 0;
  while (words.take("; copy ")) {
    unsigned copy = 0;
    if (!words.take_number(copy) || copy != fate.copies || copy >= Fate::kMaxCopies) return false;
    Duration after{0};
    if (words.take(" waits its turn")) {
      fate.release_at[copy] = kNever;
      ++fate.copies;
      continue;
    }
    if (words.take(" leaves after ")) {
      if (!words.take_span(after)) return false;
    } else if (!words.take(" ") || !words.take_reason(fate.lost[copy])) {
      return false;
    }
    fate.release_at[copy] = TimePoint(after);
    ++fate.copies;
  }
  fate.dropped = fate.lost[0];
  return fate.copies > 0;
}

bool take_fate_words(Words& words, CaptureNote& note) {
  bool is_first = true;
  do {
    if (!is_first && words.take(kBadChecksum)) {
      note.has_bad_checksum = true;
      continue;
    }
    FateWord word{};
    if (!words.take_name(word, FateWord::dropped)) return false;
    if (is_first) note.word = word;
    is_first = false;
    note.fate.corrupted = note.fate.corrupted || word == FateWord::corrupted;
    note.fate.reordered = note.fate.reordered || word == FateWord::reordered;
  } while (words.take(", "));
  return true;
}

}  // namespace

std::string print_note(const CaptureNote& note) {
  std::string out =
      "packet " + std::to_string(note.number) + " " + std::string(kKinds[static_cast<std::size_t>(note.kind)]) + ": ";
  const FateWord word = note.kind == CaptureNote::Kind::arrived ? word_for(note.fate, TimePoint{}) : note.word;
  out += to_string(word);
  if (note.fate.corrupted && word != FateWord::corrupted) out += ", corrupted";
  if (note.fate.reordered && word != FateWord::reordered) out += ", reordered";
  if (note.has_bad_checksum) out += ", " + std::string(kBadChecksum);
  if (note.kind == CaptureNote::Kind::arrived) return out + print_copies(note.fate);
  out += "; copy " + std::to_string(note.copy);
  if (note.kind == CaptureNote::Kind::lost) {
    return out + " dropped (" + to_string(note.reason) + ") after " + print_span(note.after);
  }
  const Duration due = note.fate.release_at[note.copy].time_since_epoch();
  return out + " due after " + print_span(due) + ", left after " + print_span(note.after);
}

std::optional<CaptureNote> parse_note(std::string_view text) {
  Words words{text};
  CaptureNote note;
  if (!words.take("packet ") || !words.take_number(note.number) || !words.take(" ")) return std::nullopt;
  std::size_t kind = 0;
  while (kind < kKinds.size() && !words.take(kKinds[kind])) ++kind;
  if (kind == kKinds.size() || !words.take(": ")) return std::nullopt;
  note.kind = static_cast<CaptureNote::Kind>(kind);
  if (!take_fate_words(words, note)) return std::nullopt;
  if (note.kind == CaptureNote::Kind::arrived) {
    if (!take_copies(words, note.fate) || !words.left.empty()) return std::nullopt;
    return note;
  }
  if (!words.take("; copy ") || !words.take_number(note.copy) || note.copy >= Fate::kMaxCopies) return std::nullopt;
  Duration due{0};
  if (note.kind == CaptureNote::Kind::lost) {
    if (!words.take(" ") || !words.take_reason(note.reason)) return std::nullopt;
    if (!words.take(" after ")) return std::nullopt;
  } else if (!words.take(" due after ") || !words.take_span(due) || !words.take(", left after ")) {
    return std::nullopt;
  }
  if (!words.take_span(note.after) || !words.left.empty()) return std::nullopt;
  note.fate.release_at[note.copy] = TimePoint(due);
  return note;
}

std::string lane_mark(CaptureLane lane, std::string_view link, std::int64_t behind) {
  std::string out = std::string(kMark) + std::string(kLanes[static_cast<std::size_t>(lane)]) + " of link ";
  out += link;
  if (behind != 0) out += std::string(kClockSet) + std::to_string(-behind) + " ns";
  return out;
}

std::optional<LaneMark> parse_lane_mark(std::string_view hardware) {
  Words words{hardware};
  if (!words.take(kMark)) return std::nullopt;
  for (std::size_t lane = 0; lane < kLanes.size(); ++lane) {
    if (!words.take(kLanes[lane])) continue;
    if (!words.take(" of link ")) return std::nullopt;
    const std::size_t comma = std::min(words.left.find(kClockSet), words.left.size());  // no link's name has one
    LaneMark mark{static_cast<CaptureLane>(lane), std::string(words.left.substr(0, comma))};
    words.left.remove_prefix(comma);
    std::int64_t set_by = 0;
    if (words.take(kClockSet) && words.take_number(set_by) && words.left == " ns" && set_by >= -kMostSet) {
      mark.behind = -set_by;
    }
    return mark;
  }
  return std::nullopt;
}

}  // namespace wobble::daemon
