#include "api/conditions/problem.h"

#include <nlohmann/json.hpp>

#include "api/cut_text.h"

namespace wobble::api {

namespace {

constexpr std::size_t kLongestText = 1000;  // whatever it shows of what was sent

Problem invalid_fields(std::size_t count, std::vector<FieldError> errors) {
  const std::string detail = count == 1 ? "One field is wrong" : std::to_string(count) + " fields are wrong";
  return {422, detail + "; nothing was changed.", std::move(errors)};
}

}  // namespace

Problem Problem::invalid(std::vector<FieldError> errors) {
  const std::size_t count = errors.size();
  return invalid_fields(count, std::move(errors));
}

Problem Problem::invalid(const Reading& reading) { return invalid_fields(reading.count(), reading.listed()); }

nlohmann::json to_json(const Problem& problem) {
  nlohmann::json errors = nlohmann::json::array();
  std::string line;
  for (const FieldError& error : problem.errors) {
    const std::string pointer = cut_text(error.pointer, kLongestText), what = cut_text(error.detail, kLongestText);
    errors.push_back({{"pointer", pointer}, {"detail", what}});
    line += (line.empty() ? "" : "; ") + (pointer.empty() ? "" : pointer + ": ") + what;
  }
  const std::string detail = cut_text(problem.detail, kLongestText);
  return {{"title", status_phrase(problem.status)},
          {"status", problem.status},
          {"detail", detail},
          {"errors", std::move(errors)},
          {"error", line.empty() ? detail : line}};
}

const char* status_phrase(int status) noexcept {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default: return status >= 500 ? "Internal Server Error" : "Error";
  }
}

}  // namespace wobble::api
