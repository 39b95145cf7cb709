#include "daemon/cli/client/sse.h"

namespace wobble::daemon {

bool EventReader::feed(std::string_view bytes, const std::function<bool(const ServerEvent&)>& on_event) {
  for (const char c : bytes) {
    const bool second_half = after_cr_ && c == '\n';  // of a CR LF
    after_cr_ = c == '\r';
    if (second_half) continue;
    if (c != '\n' && c != '\r') {
      line_ += c;
      if (line_.size() + event_.data.size() > kLongest) {
        too_long_ = true;
        return false;
      }
      continue;
    }
    std::string line;
    line.swap(line_);
    if (!take_line(line, on_event)) return false;
  }
  return true;
}

bool EventReader::take_line(const std::string& line, const std::function<bool(const ServerEvent&)>& on_event) {
  if (line.empty()) {
    bool go_on = true;
    if (has_data_) {
      event_.data.pop_back();  // the line feed behind the last line
      if (event_.name.empty()) event_.name = "message";
      go_on = on_event(event_);
    }
    event_.name.clear();
    event_.data.clear();
    has_data_ = false;
    return go_on;
  }
  const std::size_t colon = line.find(':');
  const std::string name = line.substr(0, colon);
  std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
  if (!value.empty() && value[0] == ' ') value.erase(0, 1);
  if (name == "data") {
    event_.data += value + "\n";
    has_data_ = true;
  } else if (name == "event") {
    event_.name = value;
  } else if (name == "id" && value.find('\0') == std::string::npos) {
    event_.id = value;
  }
  return true;
}

}  // namespace wobble::daemon
