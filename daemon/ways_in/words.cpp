#include "daemon/ways_in/words.h"

#include <charconv>
#include <stdexcept>

namespace wobble::daemon {

api::WayInSettings attach_settings(const std::string& words) {
  constexpr std::string_view kLocalhost = "localhost:";
  if (!words.starts_with(kLocalhost)) {
    api::AttachSettings settings;
    settings.target = words;
    return settings;
  }
  api::LoopbackSettings settings;
  const char* begin = words.data() + kLocalhost.size();
  const char* end = words.data() + words.size();
  const auto [stop, error] = std::from_chars(begin, end, settings.port);
  if (error != std::errc() || stop != end || settings.port == 0) {
    throw std::invalid_argument("'" + words + "': a port from 1 to 65535 is expected, as in localhost:8000");
  }
  return settings;
}

api::GatewaySettings gateway_settings(const std::string& words) {
  const auto comma = words.find(',');
  const std::string interfaces = words.substr(0, comma);
  const auto colon = interfaces.find(':');
  api::GatewaySettings settings;
  settings.masquerade = comma != std::string::npos;
  const bool is_right = colon != std::string::npos && colon > 0 && colon + 1 < interfaces.size() &&
                        interfaces.find(':', colon + 1) == std::string::npos &&
                        (!settings.masquerade || words.substr(comma + 1) == "masquerade");
  if (!is_right) throw std::invalid_argument("'" + words + "': write IN:OUT, as in eth0:eth1 or eth0:eth1,masquerade");
  settings.in = interfaces.substr(0, colon);
  settings.out = interfaces.substr(colon + 1);
  if (settings.in == settings.out) throw std::invalid_argument("'" + words + "': these are one and the same interface");
  return settings;
}

}  // namespace wobble::daemon
