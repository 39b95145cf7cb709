#include "api/rows/stats_json.h"

#include "api/conditions/conditions_json.h"
#include "api/rows/json_values.h"

namespace wobble::api {
namespace {

Json spread(const Histogram& h) {
  if (h.count() == 0) {
    return {{"median", nullptr}, {"p90", nullptr}, {"p99", nullptr}, {"mean", nullptr}, {"max", nullptr}};
  }
  return {{"median", in_milliseconds(h.quantile(0.5))},
          {"p90", in_milliseconds(h.quantile(0.9))},
          {"p99", in_milliseconds(h.quantile(0.99))},
          {"mean", in_milliseconds(h.mean())},
          {"max", in_milliseconds(h.max())}};
}

std::uint64_t dropped(const DirectionCounters& c, DropReason reason) {
  return c.dropped[static_cast<std::size_t>(reason)];
}

Json percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? Json() : Json(100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

Json counters_json(const DirectionCounters& c) {
  Json drops = Json::object();
  std::uint64_t total = 0;
  for (std::size_t i = 1; i < kDropReasonCount; ++i) {
    drops[to_string(static_cast<DropReason>(i))] = c.dropped[i];
    total += c.dropped[i];
  }
  drops["total"] = total;
  return {{"packets_in", c.packets_in},     {"bytes_in", c.bytes_in},      {"packets_out", c.packets_out},
          {"bytes_out", c.bytes_out},       {"dropped", std::move(drops)}, {"duplicated", c.duplicated},
          {"corrupted", c.corrupted},       {"reordered", c.reordered},    {"marked", c.marked},
          {"bad_checksum", c.bad_checksum}, {"originated", c.originated},  {"loss_bursts", c.loss_runs.runs}};
}

/// RFC 4737, of what has left: the share that left out of order, and how far (4.2.1).
Json reordering_json(const ReorderingCounters& c) {
  const Json mean =
      c.reordered == 0 ? Json() : Json(static_cast<double>(c.extent_sum) / static_cast<double>(c.reordered));
  return {{"percent", percent(c.reordered, c.packets)},
          {"extent_mean", mean},
          {"extent_max", c.reordered == 0 ? Json() : Json(c.extent_max)}};
}

/// Packets lost in a row, on average.
Json burst_json(const LossRuns& runs) {
  return runs.runs == 0 ? Json() : Json(static_cast<double>(runs.lost) / static_cast<double>(runs.runs));
}

/// Each share is of the packets that met the impairment: of those that nothing took before, and, behind `loss`, of
/// those that it let live. So it can be held against what was asked.
Json delivered_json(const DirectionStats& s, const DirectionConditions& asked) {
  const DirectionCounters& c = s.since_change;
  const std::uint64_t queued_away = dropped(c, DropReason::queue) + dropped(c, DropReason::aqm);
  const std::uint64_t arrived =
      less(c.packets_in, dropped(c, DropReason::outage) + dropped(c, DropReason::malformed) +
                             dropped(c, DropReason::mtu) + dropped(c, DropReason::idle_timeout));
  const std::uint64_t met_loss = asked.loss.after_rate ? less(arrived + c.duplicated, queued_away) : arrived;
  const std::uint64_t lived = asked.loss.after_rate ? arrived : less(arrived, dropped(c, DropReason::loss));
  return {{"delay_ms", spread(c.delay)},
          {"lateness_ms", spread(c.lateness)},
          {"loss_percent", percent(dropped(c, DropReason::loss), met_loss)},
          {"loss_burst_length", burst_json(c.loss_runs)},
          {"duplicate_percent", percent(c.duplicated, lived)},
          {"corrupt_percent", percent(c.corrupted, lived)},
          {"reorder_percent", percent(c.reordered, lived)},
          {"reordering", reordering_json(c.reordering)},
          {"marked_percent", percent(c.marked, less(lived + c.duplicated, queued_away))},
          {"rate_in_bps", s.bits_per_second_in},
          {"rate_out_bps", s.bits_per_second_out}};
}

Json direction_json(const DirectionStats& s, const DirectionConditions& asked) {
  return {{"asked", to_json(asked)},
          {"delivered", delivered_json(s, asked)},
          {"in_flight", {{"packets", s.packets_in_flight}, {"bytes", s.bytes_in_flight}}},
          {"since_change", counters_json(s.since_change)},
          {"total", counters_json(s.total)}};
}

}  // namespace

Json to_json(const LinkStats& stats, const LinkInfo& asked, WallTime at, WallTime changed_at, WallTime step_ends) {
  Json by_state = Json::object();
  for (std::size_t i = 0; i < kTcpStateCount; ++i) {
    const auto state = static_cast<TcpState>(i);
    if (state != TcpState::none && stats.by_client_state[i] != 0) by_state[to_string(state)] = stats.by_client_state[i];
  }
  Json scenario;
  if (stats.step > 0 && stats.step <= asked.conditions.scenario.size()) {
    scenario = {{"step", stats.step}, {"of", asked.conditions.scenario.size()}, {"until", print_time(step_ends)}};
  }
  return {{"link", asked.name},
          {"at", print_time(at)},
          {"changed_at", print_time(changed_at)},
          {"connections", stats.connections},
          {"connections_by_state", std::move(by_state)},
          {"events_lost", stats.events_lost},
          {"scenario", std::move(scenario)},
          {"up", direction_json(stats.up, up_in_step(asked.conditions, stats.step))},
          {"down", direction_json(stats.down, down_in_step(asked.conditions, stats.step))}};
}

}  // namespace wobble::api
