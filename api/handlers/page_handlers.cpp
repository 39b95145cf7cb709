#include "api/handlers/page_handlers.h"

#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "api/conditions/field_error.h"
#include "api/conditions/problem.h"
#include "api/handlers/page_files.h"
#include "api/nearest_name.h"

namespace wobble::api {
namespace {

const PageFile* find_file(const std::string& name) {
  for (const PageFile& file : page_files()) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

const char* content_type(const std::string& name) {
  constexpr std::pair<std::string_view, const char*> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".json", "application/json"},
      {".png", "image/png"},
      {".webmanifest", "application/manifest+json"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

/// Names come from the table, so they cannot lead out of the directory.
std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

void PageHandlers::index(const Call& call, Response& response) { serve_file(call, response, "index.html"); }

void PageHandlers::file(const Call& call, Response& response) { serve_file(call, response, call.arguments[0]); }

void PageHandlers::session(const Call& call, Response& response) {
  const Json body = body_object(call, false);
  std::vector<FieldError> errors;
  for (const auto& [name, value] : body.items()) {
    constexpr std::string_view kKnown[] = {"token"};
    if (name != "token") errors.push_back({"/" + pointer_token(name), unknown_name("field", name, kKnown)});
  }
  const bool has_token = body.contains("token") && body.at("token").is_string();
  if (!has_token) errors.push_back({"/token", "the daemon's token is expected: WOBBLE_TOKEN where it was started"});
  if (!errors.empty()) throw Problem::invalid(std::move(errors));
  response.set_header("Set-Cookie", access_.open_session(body.at("token").get<std::string>()));
  response.status = 204;
}

void PageHandlers::serve_file(const Call& call, Response& response, const std::string& name) {
  const PageFile* file = find_file(name);
  if (file == nullptr) throw Problem(404, "There is nothing here. GET /api/v1 lists what there is.");
  response.set_header("Cache-Control", "no-cache");  // kept, but asked for again: a new daemon brings a new page
  if (!web_root_.empty()) {
    if (const auto text = read_file(web_root_ + "/" + name)) {
      response.status = 200;
      response.set_content(*text, content_type(name));
      return;
    }
  }
  // Weak: packed or not, it is the same file.
  const std::string etag = "W/" + std::string(file->etag);
  response.set_header("ETag", etag);
  if (call.request.get_header_value("If-None-Match").find(file->etag) != std::string::npos) {
    response.status = 304;
    return;
  }
  response.status = 200;
  response.set_content(std::string(file->content()), content_type(name));
}

}  // namespace wobble::api
