#include "api/handlers/openapi.h"

#include <algorithm>

#include "api/ascii.h"
#include "api/event_kinds.h"
#include "api/handlers/openapi_schemas.h"
#include "api/handlers/routes.h"
#include "api/json.h"

namespace wobble::api {
namespace {

constexpr std::pair<std::string_view, std::string_view> kParameters[] = {
    {"link", "A link's name"},
    {"profile", "A profile's name: 3g"},
    {"id", "A connection's id"},
    {"file", "A file's name"},
    {"state", "Connections one of whose endpoints is in this state: ESTABLISHED"},
    {"port", "Connections, or packets, one of whose endpoints has this port"},
    {"end", "Connections that ended so: orderly, reset, refused, open, ..."},
    {"closed_by", "client, server or both"},
    {"protocol", "tcp, udp, icmp, icmpv6, a number, or all; if absent tcp, of flows all"},
    {"since",
     "Connections: opened at or after this time (RFC 3339, or a day), or so long ago (10m, 3d). Events: with an id "
     "above this"},
    {"limit", "How many at most, 1 to 1000"},
    {"cursor", "`next` of the page before"},
    {"kind", "Events of this kind"},
    {"for", "How long: 10s; until the client goes if absent"},
    {"packets", "Until so many have arrived"},
    {"snaplen", "Bytes kept of each packet, 20 to 65535; all if absent"},
    {"until", "Connections opened before this time (RFC 3339, or a day), or so long ago (10m, 3d)"},
    {"address", "Connections one of whose endpoints has this address"},
    {"condition",
     "Connections that lived while this was asked of their link, be it in a step of a scenario: loss, delay, rate, "
     "...; none: nothing"},
};

Json parameter(std::string_view name, const char* in) {
  std::string_view description;
  for (const auto& [known, text] : kParameters) {
    if (known == name) description = text;
  }
  return {{"name", name},
          {"in", in},
          {"required", std::string_view(in) == "path"},
          {"description", description},
          {"schema", {{"type", "string"}}}};
}

void add_path_parameters(Json& out, std::string_view pattern) {
  while (true) {
    const std::size_t open = pattern.find('{');
    if (open == std::string_view::npos) return;
    const std::size_t close = pattern.find('}', open);
    out.push_back(parameter(pattern.substr(open + 1, close - open - 1), "path"));
    pattern.remove_prefix(close);
  }
}

void add_query_parameters(Json& out, std::string_view names) {
  while (!names.empty()) {
    const std::size_t space = names.find(' ');
    out.push_back(parameter(names.substr(0, space), "query"));
    names = space == std::string_view::npos ? std::string_view{} : names.substr(space + 1);
  }
}

Json content(const char* type, std::string_view schema) {
  return {{type, {{"schema", {{"$ref", "#/components/schemas/" + std::string(schema)}}}}}};
}

/// An answer has what is described and nothing else: all of it, but for what "x-optional" names.
void close_answers(Json& schema) {
  if (schema.is_object() && schema.contains("properties") && !schema.contains("additionalProperties")) {
    const Json optional = schema.value("x-optional", Json::array());
    Json required = Json::array();
    for (const auto& [name, inner] : schema.at("properties").items()) {
      if (std::find(optional.begin(), optional.end(), Json(name)) == optional.end()) required.push_back(name);
    }
    schema["required"] = std::move(required);
    schema["additionalProperties"] = false;
    schema.erase("x-optional");
  }
  for (Json& inner : schema) {
    if (inner.is_structured()) close_answers(inner);
  }
}

/// What is no JSON, by its path.
Json other_content(std::string_view pattern) {
  constexpr std::pair<std::string_view, const char*> kTypes[] = {
      {"/", "text/html"},
      {"/metrics", "text/plain"},
      {"/{file}", "*/*"},
      {"/api/v1/events", "text/event-stream"},
      {"/api/v1/links/{link}/capture", "application/x-pcapng"}};
  for (const auto& [path, type] : kTypes) {
    if (path == pattern) return {{type, {{"schema", {{"type", "string"}}}}}};
  }
  return Json::object();
}

Json responses(const Route& route) {
  Json success = {{"description", "Success"}};
  Json types = other_content(route.pattern);
  if (!route.answer.empty()) types.update(content("application/json", route.answer));
  if (!types.empty()) success["content"] = std::move(types);
  Json out = {{std::to_string(route.status), std::move(success)},
              {"default",
               {{"description", "A problem (RFC 9457)"}, {"content", content("application/problem+json", "Problem")}}}};
  if (route.answer == "Health") {
    out["503"] = {{"description", "Not well"}, {"content", content("application/json", route.answer)}};
  }
  const bool is_page = route.pattern == "/" || route.pattern == "/{file}";
  if (is_page || (route.method == "GET" && route.answer == "Link")) {
    out["304"] = {{"description", "Its ETag is in If-None-Match"}};
  }
  return out;
}

Json operation(const Route& route) {
  Json out = {{"summary", route.summary}, {"responses", responses(route)}};
  Json parameters = Json::array();
  add_path_parameters(parameters, route.pattern);
  add_query_parameters(parameters, route.query);
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (!route.takes.empty()) {
    out["requestBody"] = {{"required", route.takes != "Nothing"},
                          {"content", content("application/json", route.takes)}};
  }
  return out;
}

}  // namespace

Json openapi_document(const std::string& version) {
  Json paths = Json::object();
  for (const Route& route : routes()) paths[std::string(route.pattern)][lowered(route.method)] = operation(route);
  Json schemas = openapi_schemas();
  close_answers(schemas);
  Json& kinds = schemas["Event"]["properties"]["kind"]["enum"];
  for (const std::string_view kind : kEventKinds) kinds.push_back(kind);
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "wobble"},
            {"version", version},
            {"description",
             "Quantities are strings with their unit: 80ms, 2%, 5mbit, 64kB, 100packets. What changes a link takes "
             "If-Match with its revision (ETag); 412 if it has moved on. Errors name every wrong field, of many the "
             "first 100."}}},
          {"paths", std::move(paths)},
          {"components", {{"schemas", std::move(schemas)}}}};
}

}  // namespace wobble::api
