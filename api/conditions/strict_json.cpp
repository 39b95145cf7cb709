#include "api/conditions/strict_json.h"

#include <set>
#include <vector>

#include "api/conditions/field_error.h"
#include "api/conditions/problem.h"
#include "api/cut_text.h"

namespace wobble::api {
namespace {

constexpr std::size_t kLongestError = 300;  // it shows what was read last

/// Looks, and keeps nothing but where it is. Returns false to stop the parser.
class Checker : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    Level& level = levels_.back();
    level.member = name;
    if (level.names.insert(name).second) return true;
    return stop("\"" + cut_text(name) + "\" is there twice");
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    std::string text = e.what();
    const std::size_t end_of_id = text.find("] ");  // "[json.exception.parse_error.101] parse error at line 1, ..."
    if (end_of_id != std::string::npos) text.erase(0, end_of_id + 2);
    syntax_error_ = cut_text(text, kLongestError);
    return false;
  }

  [[noreturn]] void refuse() const {
    if (!syntax_error_.empty()) throw Problem(400, "The body is not JSON: " + syntax_error_);
    throw Problem(400, "The body is not acceptable JSON.", {{where_, reason_}});
  }

 private:
  struct Level {
    bool is_array = false;
    std::size_t index = 0;
    std::string member;
    std::set<std::string> names;
  };

  bool value() {
    if (!levels_.empty()) ++levels_.back().index;
    return true;
  }

  bool open(bool is_array) {
    if (levels_.size() >= kMaxJsonDepth) {
      return stop("nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
    }
    levels_.push_back({is_array, 0, {}, {}});
    return true;
  }

  bool close() {
    levels_.pop_back();
    return value();
  }

  bool stop(std::string reason) {
    reason_ = std::move(reason);
    for (const Level& level : levels_) {
      where_ += "/" + (level.is_array ? std::to_string(level.index) : pointer_token(level.member));
    }
    return false;
  }

  std::vector<Level> levels_;
  std::string syntax_error_;
  std::string where_;
  std::string reason_;
};

}  // namespace

Json parse_strict_json(const std::string& text) {
  Checker checker;
  if (!Json::sax_parse(text, &checker)) checker.refuse();
  return Json::parse(text);
}

}  // namespace wobble::api
