#include "daemon/cli/words/event_text.h"

#include "daemon/cli/words/text.h"
#include "daemon/cli/words/time_text.h"

namespace wobble::daemon {

std::string endpoint_text(const Json& endpoint) {
  return endpoint_text(text(endpoint, "address"), count(endpoint, "port"));
}

std::string endpoint_text(const std::string& address, std::uint64_t port) {
  if (port == 0) return address;
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::string segment_text(const Json& segment) {
  if (!segment.is_object()) return "";
  std::string out = text(segment, "flags");
  const bool acks = out.find("ACK") != std::string::npos;
  if (!out.empty()) out.append(" ");
  out.append("seq=").append(text(segment, "seq"));
  if (acks) out.append(" ack=").append(text(segment, "ack"));
  if (const auto length = count(segment, "length"); length > 0) out.append(" len=").append(std::to_string(length));
  const std::string fate = text(segment, "fate");
  const std::string reason = text(segment, "reason");
  if (!fate.empty() && fate != "forwarded") out.append(", ").append(fate);
  if (!reason.empty()) out.append(": ").append(reason);
  return out;
}

std::string event_line(const Json& event, std::int64_t now, const Paint& paint) {
  const auto at = parse_time(text(event, "at"));
  const std::string kind = text(event, "kind");
  const bool is_bad = kind == "events_lost" || kind == "memory_exhausted" || kind == "half_open_flood" ||
                      kind == "one_sided_flood" || kind == "log_interrupted" || kind == "log_renewed";
  const Colour colour = is_bad                 ? Colour::red
                        : kind == "conditions" ? Colour::yellow
                        : kind == "annotation" ? Colour::cyan
                                               : Colour::plain;
  std::string out = paint(Colour::dim, at ? human_time(*at, now) : text(event, "at")) + "  " +
                    pad_left(text(event, "id"), 6) + "  " + paint(colour, pad_right(kind, 17)) + "  ";
  if (const std::string link = text(event, "link"); !link.empty()) out += link + "  ";
  if (const auto id = count(event, "connection"); id > 0) out.append("#").append(std::to_string(id)).append("  ");
  const Json& transition = field(event, "transition");
  const std::string line = text(event, "text");
  if (!line.empty() || !transition.is_object()) return out + line;
  return out + text(transition, "side") + " " + text(transition, "from") + " -> " + text(transition, "to");
}

Colour state_colour(const std::string& state) {
  if (state == "ESTABLISHED") return Colour::green;
  if (state == "SYN_SENT" || state == "SYN_RECEIVED") return Colour::yellow;
  return Colour::plain;
}

}  // namespace wobble::daemon
