// Reading server-sent events (the HTML standard, 9.2) from the pieces in which they arrive.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace wobble::daemon {

struct ServerEvent {
  std::string id;    ///< the last one given, also by an earlier event
  std::string name;  ///< "message" if none was given
  std::string data;  ///< lines joined by line feeds
};

class EventReader {
 public:
  /// Calls `on_event` for each event that `bytes` completes; comments are skipped. False: `on_event` said to stop, or
  /// a line or an event is longer than kLongest (see too_long()).
  bool feed(std::string_view bytes, const std::function<bool(const ServerEvent&)>& on_event);

  bool too_long() const { return too_long_; }

  static constexpr std::size_t kLongest = 4 << 20;

 private:
  bool take_line(const std::string& line, const std::function<bool(const ServerEvent&)>& on_event);

  std::string line_;
  bool after_cr_ = false;
  bool has_data_ = false;
  bool too_long_ = false;
  ServerEvent event_;
};

}  // namespace wobble::daemon
