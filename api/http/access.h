// Who may use the API. Whoever can change links steers the network with the daemon's privileges, so loopback alone is
// no boundary: every program of every user of this machine is there.
//
//   Unix socket   whoever may open it: the file's owner and group decide.
//   TCP           by whom the kernel says that the other end of a loopback connection belongs to: the daemon's own
//   user,
//                 root, and users and groups that were named. Everybody else, also whoever is not known because it is
//                 on another machine or in another network namespace, by a token.
//   a token       once one is set it is asked of everybody over TCP but of users and groups that were named, since what
//                 comes over loopback may be a proxy that hands on what others ask.
//
// The page's files, /healthz and the exchange of a token for the page's cookie are for everybody.
//
// Thread: const after construction; any.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "api/conditions/asked_file.h"
#include "api/http/http.h"

namespace wobble::api {

struct AccessRules {
  std::string token;          ///< empty: there is none
  bool knows_users = false;   ///< Peer::uid of loopback connections is set wherever the kernel can tell
  bool insecure = false;      ///< without a token everybody may
  std::vector<uid_t> users;   ///< who may, beside root and the daemon's own
  std::vector<gid_t> groups;  ///< whose members may
  std::string files;          ///< the directory below which others than root and the daemon's own user may name files
  int port = 0;               ///< in the cookie's name: browsers do not tell a host's ports apart
};

class Access {
 public:
  explicit Access(AccessRules rules);

  /// Throws Problem 401 or 403, which say what would help. `may_wait` false: a name service is not asked for the user's
  /// groups; if only they could help this passes, and must be called again.
  void check(const Request& request, bool may_wait) const;

  /// What files the request may name.
  FileRights file_rights(const Request& request) const;

  /// The Set-Cookie of a browser that knows the token. Throws Problem 401, or 409 if there is no token.
  std::string open_session(const std::string& token) const;

 private:
  bool has_credentials(const Request& request) const;
  bool is_in_group(const Peer& peer) const;
  [[noreturn]] void refuse(const Peer& peer) const;

  const AccessRules rules_;
  const uid_t own_;
  const std::string session_;  ///< what the cookie holds, until the daemon ends
};

/// 32 hexadecimal digits that nobody can guess.
std::string random_name();

}  // namespace wobble::api
