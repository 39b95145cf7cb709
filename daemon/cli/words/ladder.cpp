// Drawing: one row of the ladder as one line.
#include "daemon/cli/words/ladder.h"

#include <algorithm>
#include <cstdio>

#include "daemon/cli/words/event_text.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

using Kind = LadderRow::Kind;

constexpr std::size_t kTimeWidth = 10;
constexpr std::size_t kStateWidth = 12;  // SYN_RECEIVED

struct Glyphs {
  const char* lifeline;
  const char* broken;  ///< the lifeline where time was left out
  const char* crossed;
  const char* line;
  const char* to_right;
  const char* to_left;
  const char* cross;
};
constexpr Glyphs kUnicode = {"│", "┊", "┼", "─", "►", "◄", "✕"};
constexpr Glyphs kAscii = {"|", ":", "+", "-", ">", "<", "X"};

/// What sequence numbers are counted from.
struct Bases {
  std::optional<std::uint32_t> client;
  std::optional<std::uint32_t> server;
};

struct Piece {
  std::string text;
  Colour colour = Colour::plain;
};

class Drawing {
 public:
  Drawing(const Ladder& ladder, const LadderStyle& style);
  std::string draw(const Ladder& ladder) const;

 private:
  std::string head() const;
  std::string line(const LadderRow& row) const;
  std::string time(const LadderRow& row) const;
  void lanes(const LadderRow& row, Piece& left, Piece& middle, Piece& right) const;
  std::string arrow(const std::string& label, bool to_right, bool has_start, bool has_end) const;
  std::string sent_label(const LadderSegment& segment) const;
  std::string delivered_label(const LadderSegment& segment) const;
  std::string beside(const std::string& remark, bool at_left) const;
  std::string number(std::uint32_t value, const std::optional<std::uint32_t>& base) const;
  std::string fitting(const std::vector<std::string>& choices) const;
  std::string blank() const { return std::string(half_, ' '); }

  const LadderStyle& style_;
  const Glyphs& glyphs_;
  std::size_t half_;  ///< columns between two lifelines
  std::int64_t zero_;
  Bases bases_;
};

// The initial sequence number if a SYN was seen; else one before the first byte, so that data starts at 1 either way.
std::optional<std::uint32_t> base_of(const Ladder& ladder, bool client) {
  const LadderSegment* first = nullptr;
  const auto consider = [&](const LadderSegment& segment, bool from_client) {
    if (from_client != client) return;
    const bool syn = segment.has_flag("SYN");
    const bool better = first == nullptr || (syn && !first->has_flag("SYN")) ||
                        (syn == first->has_flag("SYN") && segment.sent_at < first->sent_at);
    if (better) first = &segment;
  };
  for (const LadderSegment& segment : ladder.segments) consider(segment, segment.from_client);
  for (const LadderTransition& transition : ladder.transitions) {
    if (!transition.segment) continue;
    consider(*transition.segment, transition.of_client != (transition.evidence == "delivered"));
  }
  if (first == nullptr) return std::nullopt;
  return first->has_flag("SYN") ? first->seq : first->seq - 1;
}

Drawing::Drawing(const Ladder& ladder, const LadderStyle& style)
    : style_(style), glyphs_(style.ascii ? kAscii : kUnicode), zero_(ladder.opened_at) {
  const std::size_t width = std::max(style.width, kLeastLadderWidth);
  const std::size_t fixed = kTimeWidth + 1 + kStateWidth + 1 + 3 + 1 + kStateWidth;
  half_ = (width - fixed) / 2;
  if (!style.absolute) bases_ = {base_of(ladder, true), base_of(ladder, false)};
}

std::string Drawing::number(std::uint32_t value, const std::optional<std::uint32_t>& base) const {
  if (!base) return std::to_string(value);
  const std::uint32_t relative = value - *base;
  constexpr std::uint32_t kJustBelowZero = 0xffff0000;  // a keep-alive, not four gigabytes
  return relative >= kJustBelowZero ? std::to_string(static_cast<std::int32_t>(relative)) : std::to_string(relative);
}

// The first choice that leaves room for the arrow around it; the last one cut if none does.
std::string Drawing::fitting(const std::vector<std::string>& choices) const {
  const std::size_t room = half_ - 4;
  for (const std::string& choice : choices) {
    if (columns(choice) <= room) return choice;
  }
  return clip(choices.back(), room, style_.ascii);
}

// tcpdump's letters: "S.", "P.", "F."
std::string short_flags(const LadderSegment& segment) {
  std::string out;
  for (const char* flag : {"SYN", "FIN", "RST", "PSH", "URG"}) {
    if (segment.has_flag(flag)) out += flag[0];
  }
  return out + (segment.has_flag("ACK") ? "." : "");
}

std::string Drawing::sent_label(const LadderSegment& segment) const {
  const auto& own = segment.from_client ? bases_.client : bases_.server;
  const auto& peer = segment.from_client ? bases_.server : bases_.client;
  const std::string seq = number(segment.seq, own);
  const std::string end = number(segment.seq + static_cast<std::uint32_t>(segment.length), own);
  const std::string ack = segment.has_flag("ACK") ? number(segment.ack, peer) : "";
  const std::string again = segment.retransmission ? " again" : "";
  std::string full = segment.flags + " seq=" + seq;
  if (!ack.empty()) full += " ack=" + ack;
  if (segment.length > 0) full += " len=" + std::to_string(segment.length);
  const std::string range = segment.length > 0 ? " " + seq + ":" + end : " " + seq;
  const std::string acked = ack.empty() ? "" : " ack " + ack;
  return fitting({full + again, segment.flags + range + acked + again, short_flags(segment) + range + acked + again,
                  short_flags(segment) + range + again, short_flags(segment) + again, short_flags(segment)});
}

std::string Drawing::delivered_label(const LadderSegment& segment) const {
  const auto& own = segment.from_client ? bases_.client : bases_.server;
  std::string added;
  if (segment.delivered_at && *segment.delivered_at > segment.sent_at) {
    added = " +" + human_ms(static_cast<double>(*segment.delivered_at - segment.sent_at) / 1e6);
  }
  std::string note = segment.copy > 0 ? " copy" : "";
  if (segment.fate == "corrupted" || segment.fate == "reordered") note += " " + segment.fate;
  const std::string seq = " seq=" + number(segment.seq, own);
  return fitting({segment.flags + seq + added + note, segment.flags + added + note, short_flags(segment) + added + note,
                  short_flags(segment) + note, short_flags(segment)});
}

// Exactly half_ columns. A label stands near the arrow's start. Without an end the line runs on to the other half, or
// into a cross.
std::string Drawing::arrow(const std::string& label, bool to_right, bool has_start, bool has_end) const {
  std::string text = label.empty() ? "" : " " + label + " ";
  if (!text.empty() && !has_start) text = " " + label;
  const std::size_t start = has_start ? 1 : 0;
  const std::size_t tip = has_end ? 1 : 0;
  const std::size_t used = columns(text) + start + tip;
  const std::string shaft = repeat(glyphs_.line, half_ > used ? half_ - used : 0);
  if (to_right) return repeat(glyphs_.line, start) + text + shaft + (has_end ? glyphs_.to_right : "");
  return (has_end ? glyphs_.to_left : "") + shaft + text + repeat(glyphs_.line, start);
}

// A remark in one half, at the left or at the right lifeline of it; exactly half_ columns.
std::string Drawing::beside(const std::string& remark, bool at_left) const {
  const std::string text = clip(remark, half_ - 2, style_.ascii);
  return at_left ? pad_right(std::string(1, ' ').append(text), half_) : pad_left(text + " ", half_);
}

// The two halves and what stands on the middle lifeline.
void Drawing::lanes(const LadderRow& row, Piece& left, Piece& middle, Piece& right) const {
  left = right = {blank()};
  middle = {glyphs_.lifeline};
  if (!row.segment) {
    if (!row.note.empty()) left = {beside(row.note, true), Colour::dim};
    return;
  }
  const LadderSegment& segment = *row.segment;
  const bool to_right = segment.from_client;
  Piece& near_sender = to_right ? left : right;
  Piece& near_receiver = to_right ? right : left;
  const std::string reason = segment.reason.empty() ? "dropped" : segment.reason;
  switch (row.kind) {
    case Kind::sent:
      near_sender = {arrow(sent_label(segment), to_right, true, !segment.is_dropped())};
      if (!segment.is_dropped()) break;
      near_sender.colour = Colour::red;
      middle = {glyphs_.cross, Colour::red};
      near_receiver = {beside(reason, to_right), Colour::red};
      break;
    case Kind::delivered: {
      const Colour colour = segment.fate == "corrupted" ? Colour::red : Colour::plain;
      near_receiver = {arrow(delivered_label(segment), to_right, true, true), colour};
      break;
    }
    case Kind::whole:
      near_sender = {arrow(sent_label(segment), to_right, true, false)};
      middle = {glyphs_.crossed};
      near_receiver = {arrow("", to_right, false, true)};
      break;
    case Kind::lost_copy:
      middle = {glyphs_.cross, Colour::red};
      near_receiver = {beside("copy: " + reason, to_right), Colour::red};
      break;
    case Kind::states:
    case Kind::gap:
    case Kind::torn: break;
  }
}

std::string Drawing::time(const LadderRow& row) const {
  const std::int64_t since = row.at - zero_;
  char buffer[40];
  constexpr std::int64_t kAsMilliseconds = 1'000'000'000'000;  // fits the column below 1000 s
  if (since < kAsMilliseconds && since > -kAsMilliseconds / 10) {
    std::snprintf(buffer, sizeof buffer, "%.3f", static_cast<double>(since) / 1e6);
    return pad_left(buffer, kTimeWidth);
  }
  return pad_left(clip(human_age(since), kTimeWidth, true), kTimeWidth);
}

std::string Drawing::line(const LadderRow& row) const {
  const Paint& paint = style_.paint;
  const std::string gap(1, ' ');
  if (row.kind == Kind::gap) {
    const std::string broken = paint(Colour::dim, glyphs_.broken);
    const std::string when =
        pad_left(clip(std::string(1, '+').append(human_age(row.gap)), kTimeWidth, true), kTimeWidth);
    return paint(Colour::dim, when) + std::string(kStateWidth + 2, ' ') + broken + blank() + broken + blank() + broken +
           "\n";
  }
  if (row.kind == Kind::torn) {
    return std::string(kTimeWidth + kStateWidth + 2, ' ') + paint(Colour::dim, glyphs_.broken + (' ' + row.note)) +
           "\n";
  }
  Piece left;
  Piece middle;
  Piece right;
  lanes(row, left, middle, right);
  const std::string client = pad_left(clip(row.client_state, kStateWidth, true), kStateWidth);
  const std::string server = clip(row.server_state, kStateWidth, true);
  const auto state = [&](const std::string& text, const std::string& name) {
    const Colour colour = state_colour(name);
    return paint(colour == Colour::plain ? Colour::bold : colour, text);
  };
  std::string out = paint(Colour::dim, time(row)) + gap + state(client, row.client_state) + gap + glyphs_.lifeline +
                    paint(left.colour, left.text) + paint(middle.colour, middle.text) +
                    paint(right.colour, right.text) + glyphs_.lifeline;
  if (!server.empty()) out += gap + state(server, row.server_state);
  return out + "\n";
}

std::string Drawing::head() const {
  const std::size_t first = kTimeWidth + 1 + kStateWidth + 1;
  std::string out = pad_left("ms", kTimeWidth);
  const auto put = [&](std::string_view word, std::size_t centre) {
    out = pad_right(out, centre - word.size() / 2) + std::string(word);
  };
  put("client", first);
  put("wobble", first + half_ + 1);
  put("server", first + 2 * half_ + 2);
  return style_.paint(Colour::dim, out) + "\n";
}

std::string Drawing::draw(const Ladder& ladder) const {
  std::string out = head();
  for (const LadderRow& row : arrange_ladder(ladder)) out += line(row);
  return out;
}

}  // namespace

std::string draw_ladder(const Ladder& ladder, const LadderStyle& style) { return Drawing(ladder, style).draw(ladder); }

}  // namespace wobble::daemon
