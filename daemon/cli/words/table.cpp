#include "daemon/cli/words/table.h"

#include <algorithm>

#include "daemon/cli/words/text.h"

namespace wobble::daemon {

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<Cell> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::line(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths,
                        const Paint& paint) const {
  std::string out;
  std::string gap;  // held back until something follows it
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::string& text = cells[i].text;
    const std::size_t missing = widths[i] - columns(text);
    const std::string spaces(missing, ' ');
    if (columns_[i].align == Align::right) gap += spaces;
    if (!text.empty()) {
      out += gap;
      out += paint(cells[i].colour, text);
      gap.clear();
    }
    if (columns_[i].align == Align::left) gap += spaces;
    gap += "  ";
  }
  return out + "\n";
}

std::string Table::print(const Paint& paint) const {
  std::vector<Cell> heads;
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    heads.push_back({column.head, Colour::dim});
    widths.push_back(columns(column.head));
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i].text));
  }
  const bool headed = std::any_of(columns_.begin(), columns_.end(), [](const Column& c) { return !c.head.empty(); });
  std::string out = headed ? line(heads, widths, paint) : "";
  for (const auto& row : rows_) out += line(row, widths, paint);
  return out;
}

}  // namespace wobble::daemon
