// Reads words one after the other: numbers with their units, counts, and what is wrong with them. What the words mean
// is netem_words.cpp's.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/conditions/units.h"
#include "api/cut_text.h"

namespace wobble::api {

class WordReader {
 protected:
  /// `words` outlives the reader.
  explicit WordReader(const std::vector<std::string>& words) : words_(words) {}

  const std::string* peek() const { return next_ < words_.size() ? &words_[next_] : nullptr; }

  bool number_follows() const {
    const std::string* word = peek();
    return word != nullptr && !word->empty() &&
           ((*word)[0] == '.' || (*word)[0] == '-' || ((*word)[0] >= '0' && (*word)[0] <= '9'));
  }

  bool take(std::string_view word) {
    if (peek() == nullptr || *peek() != word) return false;
    ++next_;
    return true;
  }

  void fail(std::string error) { errors_.push_back(std::move(error)); }

  /// The next word as a quantity of `word`, canonical; an error and 0 of it if it is missing or wrong.
  template <typename T, typename Print>
  std::string quantity(const std::string& word, Parsed<T> (*parse)(std::string_view), Print print,
                       const char* example) {
    if (!number_follows()) {
      fail(word + ": a value such as " + example + " is missing");
      return print(T{});
    }
    const Parsed<T> parsed = parse(words_[next_++]);
    if (!parsed.ok()) fail(word + ": " + parsed.error);
    return print(parsed.value);
  }

  std::string percent(const std::string& word) { return quantity(word, parse_percent, print_percent, "2%"); }

  void refuse_number(const std::string& word, const std::string& reason) {
    if (!number_follows()) return;
    fail(word + ": " + reason + " (\"" + cut_text(*peek()) + "\")");
    while (number_follows()) ++next_;
  }

  std::uint64_t count(const std::string& word) {
    if (!number_follows()) {
      fail(word + ": a number of packets such as 10 is missing");
      return 0;
    }
    const std::string& text = words_[next_++];
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
    fail(word + ": \"" + cut_text(text) + "\" is not a number of packets such as 10");
    return 0;
  }

  /// The next word as a size, or as a plain number of bytes.
  template <typename T, typename Print>
  std::string bytes(const std::string& word, Parsed<T> (*parse)(std::string_view), Print print) {
    const std::string& text = words_[next_++];
    const bool is_plain = text.find_first_not_of("-0123456789") == std::string::npos;
    const Parsed<T> parsed = parse(is_plain ? text + "B" : text);
    if (!parsed.ok()) fail(word + ": " + parsed.error);
    return print(parsed.value);
  }

  /// "1,-2,3"; empty if it is something else.
  static std::vector<std::int64_t> numbers(const std::string& text) {
    std::vector<std::int64_t> out;
    for (std::size_t at = 0; at <= text.size(); ++at) {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
      at = static_cast<std::size_t>(end - text.data());
      if (error != std::errc() || (at < text.size() && text[at] != ',')) return {};
      out.push_back(number);
    }
    return out;
  }

  const std::vector<std::string>& words_;
  std::size_t next_ = 0;
  std::vector<std::string> errors_;
};

}  // namespace wobble::api
