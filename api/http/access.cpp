#include "api/http/access.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "api/ascii.h"
#include "api/conditions/problem.h"
#include "api/http/guards.h"
#include "api/http/users.h"

namespace wobble::api {
namespace {

template <typename Id>
bool contains(const std::vector<Id>& ids, Id id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

bool is_public(const std::string& target) {
  const std::string path = target.substr(0, target.find_first_of("?#"));
  return path == "/api/v1/session" || (!path.starts_with("/api/") && path != "/api" && path != "/metrics");
}

std::string cookie_name(int port) { return "wobble_session_" + std::to_string(port); }

/// Whether one of the cookies `name` in "a=b; name=value; c=d" has this value. A browser sends several of one name if
/// others on this host have set it, for other paths; which of them come first is not ours to say.
bool has_cookie(const Request& request, const std::string& name, const std::string& wanted) {
  constexpr int kMostLookedAt = 64;
  int looked_at = 0;
  for (const auto& [field, value] : request.headers) {
    if (lowered(field) != "cookie") continue;
    for (std::size_t at = 0; at < value.size();) {
      const std::size_t end = std::min(value.find(';', at), value.size());
      const std::string pair = trimmed(value.substr(at, end - at));
      at = end + 1;
      if (!pair.starts_with(name + "=")) continue;
      if (equal_in_constant_time(pair.substr(name.size() + 1), wanted)) return true;
      if (++looked_at == kMostLookedAt) return false;
    }
  }
  return false;
}

}  // namespace

std::string random_name() {
  constexpr char kDigits[] = "0123456789abcdef";
  unsigned char bytes[16];
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  std::string out;
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

Access::Access(AccessRules rules) : rules_(std::move(rules)), own_(::geteuid()), session_(random_name()) {}

bool Access::has_credentials(const Request& request) const {
  if (rules_.token.empty()) return false;
  const std::string given = single_header(request, "Authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (lowered(given.substr(0, kScheme.size())) == kScheme) {
    const std::size_t begin = given.find_first_not_of(' ', kScheme.size());
    if (begin != std::string::npos && equal_in_constant_time(given.substr(begin), rules_.token)) return true;
  }
  return has_cookie(request, cookie_name(rules_.port), session_);
}

bool Access::is_in_group(const Peer& peer) const {
  const std::vector<gid_t> groups = groups_of(*peer.uid);
  return std::any_of(groups.begin(), groups.end(), [&](gid_t group) { return contains(rules_.groups, group); });
}

void Access::check(const Request& request, bool may_wait) const {
  const Peer& peer = request.peer;
  if (is_public(request.target) || peer.over_unix_socket || has_credentials(request)) return;
  if (rules_.token.empty() && (rules_.insecure || !rules_.knows_users)) return;
  if (peer.uid) {
    if (contains(rules_.users, *peer.uid)) return;
    if (rules_.token.empty() && (*peer.uid == own_ || *peer.uid == 0)) return;
    if (!rules_.groups.empty() && (!may_wait || is_in_group(peer))) return;
  }
  refuse(peer);
}

void Access::refuse(const Peer& peer) const {
  if (!rules_.token.empty()) {
    throw Problem(401, "A token is needed: Authorization: Bearer TOKEN.").with_header("WWW-Authenticate", "Bearer");
  }
  if (!peer.uid) {
    throw Problem(403,
                  "Nobody can tell which user you are, as from another machine or network namespace: use the daemon's "
                  "Unix socket, or have it started with a token in WOBBLE_TOKEN and send it as 'Authorization: Bearer "
                  "TOKEN'.");
  }
  const std::string user = std::to_string(*peer.uid);
  throw Problem(403,
                "User " + user +
                    " may not use this API; root and the daemon's own user may. To let others in start wobbled "
                    "with --allow-user " +
                    user +
                    ", with --allow-group and a group of theirs, or with a token in WOBBLE_TOKEN; or let them into "
                    "the group of its Unix socket.");
}

FileRights Access::file_rights(const Request& request) const {
  const Peer& peer = request.peer;
  const bool is_known = peer.over_unix_socket || rules_.knows_users;
  const bool is_own = peer.uid && (*peer.uid == own_ || *peer.uid == 0);
  return {is_own || !is_known, rules_.files};
}

std::string Access::open_session(const std::string& token) const {
  if (rules_.token.empty()) throw Problem(409, "This daemon has no token.");
  if (!equal_in_constant_time(token, rules_.token)) {
    throw Problem(401, "This is not the daemon's token.").with_header("WWW-Authenticate", "Bearer");
  }
  return cookie_name(rules_.port) + "=" + session_ + "; Path=/; HttpOnly; SameSite=Strict";
}

}  // namespace wobble::api
