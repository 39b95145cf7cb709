// The route table: one page that says what the API is. routes.cpp holds it; router.h finds a route in it; openapi.cpp
// describes it.
#pragma once

#include <span>
#include <string_view>

namespace wobble::api {

struct Call;
struct Handlers;
struct Response;

struct Route {
  std::string_view method;
  std::string_view pattern;  ///< {name} stands for one segment; {file} as the last, for all that follow
  void (*handler)(Handlers&, const Call&, Response&);
  std::string_view query;   ///< names of the parameters it takes, with a space between
  std::string_view takes;   ///< schema of the body, in openapi_schemas.cpp; empty: none
  int status;               ///< of success
  std::string_view answer;  ///< schema of the answer; empty: no JSON
  std::string_view summary;
};

std::span<const Route> routes();

}  // namespace wobble::api
