// The lab's HTTP server, on port 80 of the far side: something to talk to.
//
//   /            a short text
//   /bytes/N     N bytes of a fixed pattern (at most 100 GB), so that a checksum can be compared
//   /slow?ms=N   answers after N milliseconds (at most 60,000)
//
// HTTP/1.1 connections are kept alive; HTTP/1.0 closes after each answer.
#pragma once

#include "api/http/http_server.h"
#include "daemon/system/network_namespace.h"

namespace wobble::daemon {

class LabServer : private api::HttpHandler {
 public:
  /// Serves from inside `netns`. Throws std::runtime_error if the port cannot be had there.
  explicit LabServer(const NetworkNamespace& netns, std::uint16_t port);
  /// Ends at once, whatever is under way.
  ~LabServer() override = default;

 private:
  std::optional<api::Response> refuse(const api::Request& head) override;
  api::Response answer(const api::Request& request) override;
  api::Response too_large(const api::Request& head) override;
  api::Response no_memory() override;
  api::Response stopping() override;
  bool is_urgent(const api::Request&) const override { return false; }

  api::HttpServer http_;
};

/// The byte at `offset` of /bytes/N.
constexpr char lab_byte(std::size_t offset) { return static_cast<char>('!' + (offset * 7 + offset / 94) % 94); }

}  // namespace wobble::daemon
