// A request and its answer, as handlers see them: plain values, whatever library reads and writes the bytes.
//
// Thread: one request and its answer belong to one thread at a time; gone() may be asked from any.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wobble::api {

class BodyStream;

/// The fields of a head, in their order. Names are compared without regard to case.
class HeaderList {
 public:
  using Field = std::pair<std::string, std::string>;

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// In place of all fields of that name.
  void set(const std::string& name, std::string value);
  void erase(std::string_view name);
  /// The first field of that name; null if there is none.
  const std::string* find(std::string_view name) const;
  std::size_t count(std::string_view name) const;

  std::vector<Field>::const_iterator begin() const { return fields_.begin(); }
  std::vector<Field>::const_iterator end() const { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

/// Who is at the other end of a connection, as far as the kernel tells.
struct Peer {
  bool over_unix_socket = false;
  bool is_loopback = false;   ///< by TCP, from 127.0.0.0/8 or ::1
  std::optional<uid_t> uid;   ///< none: not known, as of whoever is on another machine or in another namespace
  std::vector<gid_t> groups;  ///< of the process; only over the Unix socket
  std::string address;        ///< numeric; empty over the Unix socket
};

struct Request {
  std::string method;  ///< as sent: "GET"
  std::string target;  ///< as sent: path and query, percent-encoded
  HeaderList headers;
  std::string body;  ///< whole; empty if there is none
  Peer peer;
  std::string local_address;  ///< numeric, to which the connection was made; empty over the Unix socket
  std::function<bool()> is_gone;

  bool has_header(std::string_view name) const { return headers.find(name) != nullptr; }
  std::string get_header_value(std::string_view name) const;  ///< empty if there is none
  bool has_body() const;                                      ///< the head announces one, of whatever kind
  std::size_t body_size(std::size_t limit) const;  ///< as announced, or `limit` if it is less or nothing is said
  std::size_t get_header_value_count(std::string_view name) const { return headers.count(name); }

  /// Nobody waits for the answer any more: the client has left (or has closed its sending side), or the daemon is to
  /// end. Work that takes longer than some milliseconds asks now and then, and gives up. One system call; any thread,
  /// until the answer has been handed over.
  bool gone() const { return is_gone && is_gone(); }
};

/// A body that is computed where it is needed, of a known size.
struct BodySource {
  std::uint64_t size = 0;
  /// Fills all of `out` with what stands at `offset`. Must not wait.
  std::function<void(std::uint64_t offset, char* out, std::size_t size)> fill;
};

struct Response {
  int status = 200;
  HeaderList headers;
  std::string body;
  std::optional<BodySource> source;    ///< in place of `body`
  std::shared_ptr<BodyStream> stream;  ///< in place of `body`: what comes until it ends
  /// The answer leaves so much later, and keeps no thread waiting.
  std::chrono::milliseconds delay{0};

  void set_header(const std::string& name, std::string value) { headers.set(name, std::move(value)); }
  bool has_header(std::string_view name) const { return headers.find(name) != nullptr; }
  void set_content(std::string content, const std::string& type) {
    body = std::move(content);
    headers.set("Content-Type", type);
  }
};

}  // namespace wobble::api
