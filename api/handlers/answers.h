// Answers: JSON, lists, and problems.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "api/conditions/problem.h"
#include "api/http/http.h"
#include "api/json.h"
#include "api/rows/rows_json.h"

namespace wobble::api {

void send_json(Response& response, int status, const Json& body);
void send_problem(Response& response, const Problem& problem);

/// Problem as it is; NotFound 404, Conflict 409, Gone 410, RevisionMismatch 412, Unfit 422, Unavailable, Incapable and
/// GivenUp 503; anything else 500, without its innards.
Problem problem_of(const std::exception_ptr& thrown);

/// A list that is always whole.
void send_list(Response& response, Json items);

/// A page of rows, each of which `print` makes text by itself: a tree of them all would take ten times the text. `next`
/// is where the next page begins, if there is one.
template <typename Row, typename Print>
void send_page(Response& response, const std::vector<Row>& rows, const std::optional<std::uint64_t>& next,
               Print print) {
  std::string text = "{\"items\":[";
  for (std::size_t i = 0; i < rows.size(); ++i) text += (i == 0 ? "" : ",") + print(rows[i]);
  text += "],\"next\":" + (next ? '"' + std::to_string(*next) + '"' : std::string("null")) + "}\n";
  response.set_content(std::move(text), "application/json");
}

template <typename Row>
void send_page(Response& response, const std::vector<Row>& rows, const std::optional<std::uint64_t>& next = {}) {
  send_page(response, rows, next, [](const Row& row) { return print_json(row); });
}

}  // namespace wobble::api
