// Columns, aligned.
#pragma once

#include <string>
#include <vector>

#include "daemon/cli/words/terminal.h"

namespace wobble::daemon {

class Table {
 public:
  enum class Align : std::uint8_t { left, right };

  struct Column {
    std::string head;
    Align align = Align::left;
  };
  struct Cell {
    std::string text;  ///< clean
    Colour colour = Colour::plain;
  };

  explicit Table(std::vector<Column> columns);

  /// Missing cells are empty; those beyond the last column are not shown.
  void add(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }

  /// The head (left out if every head is empty) and the rows, two spaces between columns, no space at a line's end.
  std::string print(const Paint& paint) const;

 private:
  std::string line(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths, const Paint& paint) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace wobble::daemon
