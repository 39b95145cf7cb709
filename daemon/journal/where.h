// A WHERE clause that grows; each condition has its parameters, bound in order.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/journal/database.h"

namespace wobble::daemon {

class Where {
 public:
  /// `select`: all that stands before it.
  explicit Where(std::string select) : sql_(std::move(select)) {}

  void add(const std::string& condition) {
    sql_ += (any_ ? " AND " : " WHERE ") + condition;
    any_ = true;
  }
  void add(const std::string& condition, std::int64_t value) {
    add(condition);
    numbers_.emplace_back(++parameters_, value);
  }
  void add(const std::string& condition, std::initializer_list<std::int64_t> values) {
    add(condition);
    for (const std::int64_t value : values) numbers_.emplace_back(++parameters_, value);
  }
  void add(const std::string& condition, std::string value) {
    add(condition);
    texts_.emplace_back(++parameters_, std::move(value));
  }

  const std::string& sql() const { return sql_; }
  /// This must live until the statement is reset.
  void bind(Statement& statement) const {
    for (const auto& [index, value] : numbers_) statement.bind(index, value);
    for (const auto& [index, value] : texts_) statement.bind(index, std::string_view(value));
  }

 private:
  std::string sql_;
  bool any_ = false;
  int parameters_ = 0;
  std::vector<std::pair<int, std::int64_t>> numbers_;
  std::vector<std::pair<int, std::string>> texts_;
};

}  // namespace wobble::daemon
