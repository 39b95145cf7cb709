#include "tests/api/answer_check.h"

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>

namespace wobble::api {
namespace {

using nlohmann::json;
using Faults = std::vector<std::string>;

bool is_of(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  return type == "null" && value.is_null();
}

class Checker {
 public:
  explicit Checker(const json& document) : document_(document) {}

  void check(const json& value, const json& schema, const std::string& where, Faults& out) const {
    for (const auto& [keyword, is] : schema.items()) check_keyword(value, keyword, is, schema, where, out);
  }

 private:
  void check_keyword(const json& value, const std::string& keyword, const json& is, const json& schema,
                     const std::string& where, Faults& out) const {
    const auto require = [&](bool holds) {
      if (!holds) out.push_back(where + " breaks " + keyword + " " + is.dump() + ": " + value.dump().substr(0, 200));
    };
    if (keyword == "$ref") {
      check(value, referred(is), where, out);
    } else if (keyword == "type") {
      const json types = is.is_array() ? is : json::array({is});
      require(std::any_of(types.begin(), types.end(), [&](const json& type) { return is_of(value, type); }));
    } else if (keyword == "enum") {
      require(std::find(is.begin(), is.end(), value) != is.end());
    } else if (keyword == "const") {
      require(value == is);
    } else if (keyword == "oneOf") {
      check_one_of(value, is, where, out);
    } else if (keyword == "properties" || keyword == "required" || keyword == "additionalProperties" ||
               keyword == "maxProperties") {
      if (value.is_object()) check_object(value, keyword, is, schema, where, out);
    } else if (keyword == "items" || keyword == "minItems" || keyword == "maxItems") {
      if (value.is_array()) check_array(value, keyword, is, where, out);
    } else if (keyword == "pattern" || keyword == "maxLength" || keyword == "format") {
      if (value.is_string()) require(check_text(value.get<std::string>(), keyword, is));
    } else if (keyword == "minimum") {
      require(!value.is_number() || value >= is);
    } else if (keyword == "maximum") {
      require(!value.is_number() || value <= is);
    } else if (keyword != "description" && keyword != "default" && keyword != "examples") {
      out.push_back("the schema of " + where + " uses what is not checked: " + keyword);
    }
  }

  void check_one_of(const json& value, const json& schemas, const std::string& where, Faults& out) const {
    int fitting = 0;
    Faults last;
    for (const json& schema : schemas) {
      Faults faults;
      check(value, schema, where, faults);
      fitting += faults.empty();
      if (!faults.empty()) last = std::move(faults);
    }
    if (fitting == 1) return;
    out.push_back(where + " fits " + std::to_string(fitting) + " of what it may be: " + value.dump().substr(0, 200));
    if (fitting == 0) out.insert(out.end(), last.begin(), last.end());
  }

  void check_object(const json& value, const std::string& keyword, const json& is, const json& schema,
                    const std::string& where, Faults& out) const {
    if (keyword == "properties") {
      for (const auto& [name, inner] : is.items()) {
        if (value.contains(name)) check(value.at(name), inner, where + "/" + name, out);
      }
    } else if (keyword == "required") {
      for (const json& name : is) {
        if (!value.contains(name.get<std::string>())) out.push_back(where + " lacks " + name.dump());
      }
    } else if (keyword == "maxProperties") {
      if (value.size() > is) out.push_back(where + " has too many members");
    } else {
      const json known = schema.value("properties", json::object());
      for (const auto& [name, inner] : value.items()) {
        if (known.contains(name) || is == true) continue;
        if (is == false) out.push_back(where + " has what is not described: " + name);
        if (is.is_object()) check(inner, is, where + "/" + name, out);
      }
    }
  }

  void check_array(const json& value, const std::string& keyword, const json& is, const std::string& where,
                   Faults& out) const {
    if (keyword == "items") {
      for (std::size_t i = 0; i < value.size(); ++i) check(value[i], is, where + "/" + std::to_string(i), out);
    } else if (keyword == "minItems" ? value.size() < is.get<std::size_t>() : value.size() > is.get<std::size_t>()) {
      out.push_back(where + " breaks " + keyword);
    }
  }

  static bool check_text(const std::string& text, const std::string& keyword, const json& is) {
    if (keyword == "maxLength") return text.size() <= is.get<std::size_t>();
    if (keyword == "pattern") return std::regex_search(text, std::regex(is.get<std::string>()));
    static const std::regex kTime(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)");
    return is == "date-time" && std::regex_match(text, kTime);
  }

  const json& referred(const json& reference) const {
    return document_.at(json::json_pointer(reference.get<std::string>().substr(1)));
  }

  const json& document_;
};

/// Whether a path of the description, such as /links/{link}, is that of a request.
bool fits(const std::string& described, const std::string& path) {
  if (described == "/{file}") return path.size() > 1 && !path.starts_with("/api/");
  std::string pattern;
  for (std::size_t at = 0; at < described.size(); ++at) {
    if (described[at] == '{') {
      pattern += "[^/]+";
      at = described.find('}', at);
    } else {
      pattern += described[at] == '.' ? std::string("\\.") : std::string(1, described[at]);
    }
  }
  return std::regex_match(path, std::regex(pattern));
}

/// The operation, of the path that says most of it; null: there is none.
const json* find_operation(const Answer& answer, const json& document) {
  const std::string path = answer.target.substr(0, answer.target.find_first_of("?#"));
  std::string method;
  for (const char c : answer.method == "HEAD" ? "GET" : answer.method) method += static_cast<char>(std::tolower(c));
  const json* found = nullptr;
  std::size_t parameters = std::string::npos;
  for (const auto& [described, operations] : document.at("paths").items()) {
    const auto count = static_cast<std::size_t>(std::count(described.begin(), described.end(), '{'));
    if (!fits(described, path) || count >= parameters || !operations.contains(method)) continue;
    found = &operations.at(method);
    parameters = count;
  }
  return found;
}

const json& problem_response() {
  static const json response =
      json::parse(R"({"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}})");
  return response;
}

}  // namespace

std::vector<std::string> differences(const json& value, const json& schema, const json& document) {
  Faults out;
  Checker(document).check(value, schema, "", out);
  return out;
}

std::vector<std::string> differences(const Answer& answer, const json& document) {
  const std::string name = answer.method + " " + answer.target + " " + std::to_string(answer.status);
  if (answer.method == "OPTIONS") return {};  // no operation: what is allowed stands in a header
  const json* operation = find_operation(answer, document);
  // What leads nowhere is answered with a problem too.
  const json& responses = operation == nullptr ? json{{"default", problem_response()}} : operation->at("responses");
  const std::string status = std::to_string(answer.status);
  const json response = responses.contains(status) ? responses.at(status) : responses.at("default");
  if (!responses.contains(status) && answer.status < 400) return {name + ": this status is not described"};
  if (answer.body.empty()) return {};
  if (!response.contains("content")) return {name + ": a body, where none is described"};
  const json& content = response.at("content");
  const std::string type = answer.type.substr(0, answer.type.find(';'));
  if (!content.contains(type)) {
    if (content.contains("*/*")) return {};
    return {name + ": the type " + type + " is not described"};
  }
  if (!type.ends_with("json")) return {};
  const json body = json::parse(answer.body, nullptr, false);
  if (body.is_discarded()) return {name + ": is not JSON"};
  Faults out = differences(body, content.at(type).at("schema"), document);
  for (std::string& fault : out) fault.insert(0, name + ": ");
  return out;
}

}  // namespace wobble::api
