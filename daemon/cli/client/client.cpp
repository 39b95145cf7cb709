#include "daemon/cli/client/client.h"

#include <httplib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "api/http/peers.h"
#include "daemon/cli/client/sse.h"
#include "daemon/cli/words/text.h"
#include "daemon/system/socket_path.h"
#include "emulator/unique_fd.h"

namespace wobble::daemon {
namespace {

constexpr int kDefaultPort = 7979;
constexpr time_t kConnectSeconds = 3;
constexpr time_t kAnswerSeconds = 10;
constexpr time_t kHeartbeatSeconds = 30;  // a stream that is silent for longer is dead
constexpr std::chrono::milliseconds kRetryEvery{250};

constexpr std::string_view kUnix = "unix:";

std::string host_header(const Address& address) {
  return address.socket.empty() ? address.url().substr(std::string_view("http://").size()) : "localhost";
}

bool lets_us_in(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

Json parse_answer(const std::string& body, const Address& address) {
  if (body.empty()) return nullptr;
  Json parsed = Json::parse(body, nullptr, false);
  if (parsed.is_discarded()) {
    throw Failure(kExitRefused, "what answers at " + address.url() + " is not wobbled: its answer is no JSON");
  }
  return parsed;
}

Failure transport_failure(httplib::Error error, const Address& address) {
  if (error == httplib::Error::Read || error == httplib::Error::Write) {
    return {kExitUnreachable, "the daemon at " + address.url() + " gave no answer: is it wobbled that listens there?"};
  }
  return no_daemon(address.url());
}

}  // namespace

// ---------------------------------------------------------------------------------------------------- addresses

Address Address::parse(std::string_view url) {
  const auto wrong = [&](const std::string& why) {
    return Failure(kExitUsage, "--url " + clean(url) + ": " + why + "; write http://HOST:PORT, or unix:/PATH");
  };
  if (url.starts_with(kUnix)) {
    const std::string path(url.substr(kUnix.size()));
    if (!path.starts_with('/')) throw wrong("the socket's path is absolute");
    if (path.size() >= sizeof(sockaddr_un::sun_path)) throw wrong("the socket's path is too long");
    return {"localhost", 80, path};
  }
  std::string_view rest = url;
  if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
    if (rest.substr(0, scheme) != "http") throw wrong("only http is spoken");
    rest.remove_prefix(scheme + 3);
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@ ") != std::string_view::npos) throw wrong("a host and a port are all that is needed");
  Address address{"", kDefaultPort, ""};
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) throw wrong("']' is missing");
    address.host = rest.substr(1, close - 1);
    port = rest.substr(close + 1);
  } else {
    const auto colon = rest.find(':');
    address.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon);
  }
  if (address.host.empty()) throw wrong("the host is missing");
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc() || end != port.data() + port.size() || address.port < 1 || address.port > 65535) {
      throw wrong("the port is a number from 1 to 65535");
    }
  }
  return address;
}

std::string Address::url() const {
  if (!socket.empty()) return std::string(kUnix) + socket;
  const bool v6 = host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Address::is_loopback() const { return api::is_loopback(host); }

std::string default_url() {
  if (lets_us_in(kDefaultSocket)) return std::string(kUnix) + kDefaultSocket;
  return "http://127.0.0.1:" + std::to_string(kDefaultPort);
}

std::string url_encode(std::string_view segment) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : segment) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                       byte == '-' || byte == '.' || byte == '_' || byte == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

// ----------------------------------------------------------------------------------------------------- failures

Failure no_daemon(const std::string& url) {
  return {kExitUnreachable, "no daemon at " + url + ": start it with 'wobbled --lab' or give --url"};
}

Failure refused(int status, const std::string& body) {
  const Json problem = Json::parse(body, nullptr, false);
  std::vector<std::string> details;
  for (const Json& error : items(problem, "errors")) {
    details.push_back(text(error, "pointer") + ": " + text(error, "detail"));
  }
  std::string line = text(problem, "detail");
  if (line.empty()) line = text(problem, "error");
  if (line.empty()) line = text(problem, "title");
  if (line.empty()) line = "the daemon answered with status " + std::to_string(status);
  // A single wrong field that the line already tells in full is not told twice.
  if (details.size() == 1 && line.find(details[0]) != std::string::npos) details.clear();
  return {kExitRefused, line, details};
}

// ----------------------------------------------------------------------------------------------------- requests

struct Client::Connection {
  explicit Connection(const Address& address)
      : http(address.socket.empty() ? address.host : address.socket, address.port) {
    if (!address.socket.empty()) http.set_address_family(AF_UNIX);
    http.set_connection_timeout(kConnectSeconds);
    http.set_read_timeout(kAnswerSeconds);
    http.set_write_timeout(kAnswerSeconds);
    http.set_keep_alive(true);
    httplib::Headers headers = {{"Host", host_header(address)}, {"User-Agent", "wobble/" WOBBLE_VERSION}};
    const char* token = std::getenv("WOBBLE_TOKEN");
    if (token != nullptr && *token != '\0') headers.emplace("Authorization", std::string("Bearer ") + token);
    http.set_default_headers(std::move(headers));
  }
  httplib::Client http;
};

Client::Client(const std::string& url)
    : address_(Address::parse(url)), connection_(std::make_unique<Connection>(address_)) {}

Client::~Client() = default;

Json Client::request(const char* method, const std::string& path, const Json* body) {
  httplib::Request request;
  request.method = method;
  request.path = path;
  request.set_header("Accept", "application/json");
  if (body != nullptr) {
    request.body = body->dump(-1, ' ', false, Json::error_handler_t::replace);
    request.set_header("Content-Type", "application/json");
  }
  const httplib::Result result = connection_->http.send(request);
  if (!result) throw transport_failure(result.error(), address_);
  if (result->status < 200 || result->status >= 300) throw refused(result->status, result->body);
  return parse_answer(result->body, address_);
}

Json Client::get(const std::string& path) { return request("GET", path, nullptr); }
Json Client::patch(const std::string& path, const Json& body) { return request("PATCH", path, &body); }
Json Client::post(const std::string& path, const Json& body) { return request("POST", path, &body); }
Json Client::post(const std::string& path) { return request("POST", path, nullptr); }

void Client::remove(const std::string& path) { request("DELETE", path, nullptr); }

Json Client::get_whatever_status(const std::string& path, int& status) {
  const httplib::Result result = connection_->http.Get(path);
  if (!result) throw transport_failure(result.error(), address_);
  status = result->status;
  return parse_answer(result->body, address_);
}

Json Client::get_all(const std::string& path) {
  Json all = Json::array();
  std::string page = path;
  while (true) {
    const Json got = get(page);
    for (const Json& item : items(got)) all.push_back(item);
    const std::string next = text(got, "next");
    const char joint = path.find('?') == std::string::npos ? '?' : '&';
    const std::string next_page = path + joint + "cursor=" + url_encode(next);
    if (next.empty() || next_page == page) break;
    page = next_page;
  }
  return Json{{"items", std::move(all)}, {"next", nullptr}};
}

// ------------------------------------------------------------------------------------------------------ streams

struct Client::Stream {
  std::string path;
  std::optional<std::uint64_t> last;  ///< the id to go on behind
  const std::function<bool(const Json&)>& on_event;
  bool connected = false;  ///< at least once
  bool heard = false;      ///< anything at all, in this attempt
  std::exception_ptr error = nullptr;
};

// One attempt. True: there is no more to read, on_event had enough.
bool Client::read_stream(Stream& stream) {
  Connection connection(address_);
  connection.http.set_read_timeout(kHeartbeatSeconds);
  httplib::Headers headers = {{"Accept", "text/event-stream"}};
  std::string path = stream.path;
  if (stream.last) {
    headers.emplace("Last-Event-ID", std::to_string(*stream.last));
    path += (path.find('?') == std::string::npos ? "?since=" : "&since=") + std::to_string(*stream.last);
  }
  EventReader reader;
  bool enough = false;
  int status = 0;
  std::string refusal;
  const auto on_event = [&](const ServerEvent& event) {
    if (event.name == "hello") return true;  // which start of the daemon it is
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(event.id.data(), event.id.data() + event.id.size(), id);
    if (error == std::errc() && end == event.id.data() + event.id.size()) stream.last = id;
    const Json parsed = Json::parse(event.data, nullptr, false);
    if (parsed.is_object()) enough = !stream.on_event(parsed);
    return !enough;
  };
  const httplib::Result result = connection.http.Get(
      path, headers,
      [&](const httplib::Response& response) {
        status = response.status;
        return true;
      },
      [&](const char* data, std::size_t size) {
        if (status != 200) return refusal.append(data, size).size() < EventReader::kLongest;
        stream.heard = stream.connected = true;
        try {
          return reader.feed({data, size}, on_event);
        } catch (...) {  // not through the library
          stream.error = std::current_exception();
          return false;
        }
      });
  if (stream.error) std::rethrow_exception(stream.error);
  if (reader.too_long()) throw Failure(kExitRefused, "the daemon sent an event that is too long to be one");
  if (status != 0 && status != 200) throw refused(status, refusal);
  stream.connected = stream.connected || status == 200;
  if (!result && !stream.connected) throw transport_failure(result.error(), address_);
  return enough;
}

void Client::follow(const std::string& path, std::optional<std::uint64_t> since,
                    const std::function<bool(const Json&)>& on_event, std::chrono::milliseconds patience) {
  Stream stream{path, since, on_event};
  auto give_up_at = std::chrono::steady_clock::now() + patience;
  while (!read_stream(stream)) {
    if (stream.heard) {
      give_up_at = std::chrono::steady_clock::now() + patience;
      std::cerr << "wobble: the stream from " << address_.url() << " ended; trying to take it up again\n";
    }
    stream.heard = false;
    if (std::chrono::steady_clock::now() >= give_up_at) throw no_daemon(address_.url());
    std::this_thread::sleep_for(kRetryEvery);
  }
}

void Client::download(const std::string& path, const std::function<bool(std::string_view)>& take) {
  Connection connection(address_);
  connection.http.set_read_timeout(kHeartbeatSeconds);
  int status = 0;
  bool enough = false;
  std::string refusal;
  std::exception_ptr error;
  const httplib::Result result = connection.http.Get(
      path,
      [&](const httplib::Response& response) {
        status = response.status;
        return true;
      },
      [&](const char* data, std::size_t size) {
        if (status != 200) return refusal.append(data, size).size() < EventReader::kLongest;
        try {
          enough = !take({data, size});
        } catch (...) {  // not through the library
          error = std::current_exception();
        }
        return !enough && !error;
      });
  if (error) std::rethrow_exception(error);
  if (status != 0 && status != 200) throw refused(status, refusal);
  if (result || enough) return;
  if (status == 200) throw Failure(kExitUnreachable, "the daemon at " + address_.url() + " has gone away");
  throw transport_failure(result.error(), address_);
}

}  // namespace wobble::daemon
