#include "api/handlers/metrics.h"

#include <array>
#include <cstdio>
#include <utility>

namespace wobble::api {
namespace {

struct LinkFigures {
  std::string name;
  LinkConditions asked;
  LinkStats stats;
};

std::string number(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.12g", value);
  return text.data();
}

double seconds(Duration d) { return static_cast<double>(d.count()) / 1e9; }

using Labels = std::vector<std::pair<std::string_view, std::string>>;

/// Writes one family of samples after the other.
class Writer {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
  }

  void sample(const Labels& labels, const std::string& value, std::string_view suffix = "") {
    out_ += name_;
    out_ += suffix;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      out_ += (i == 0 ? '{' : ',');
      out_ += labels[i].first;
      out_ += "=\"" + escape_label(labels[i].second) + '"';
    }
    if (!labels.empty()) out_ += '}';
    out_ += ' ' + value + '\n';
  }

  void sample(const Labels& labels, std::uint64_t value) { sample(labels, std::to_string(value)); }

  template <std::size_t N>
  void histogram(const Labels& labels, const Histogram& h, const Duration (&limits)[N]) {
    for (const Duration limit : limits) {
      Labels bucket = labels;
      bucket.emplace_back("le", number(seconds(limit)));
      sample(bucket, std::to_string(h.count_up_to(limit)), "_bucket");
    }
    Labels all = labels;
    all.emplace_back("le", "+Inf");
    sample(all, std::to_string(h.count()), "_bucket");
    sample(labels, number(seconds(h.sum())), "_sum");
    sample(labels, std::to_string(h.count()), "_count");
  }

  std::string take() { return std::move(out_); }

 private:
  std::string name_;
  std::string out_;
};

using std::chrono::microseconds;
using std::chrono::milliseconds;
constexpr Duration kLatenessLimits[] = {microseconds(1),  microseconds(5),    microseconds(10),  microseconds(25),
                                        microseconds(50), microseconds(100),  microseconds(250), microseconds(500),
                                        milliseconds(1),  microseconds(2500), milliseconds(5),   milliseconds(10),
                                        milliseconds(50), milliseconds(100),  milliseconds(1000)};
constexpr Duration kDelayLimits[] = {milliseconds(1),    milliseconds(2),    milliseconds(5),    milliseconds(10),
                                     milliseconds(20),   milliseconds(50),   milliseconds(100),  milliseconds(200),
                                     milliseconds(500),  milliseconds(1000), milliseconds(2000), milliseconds(5000),
                                     milliseconds(10000)};

/// Calls `each(labels, stats of the direction)` for both directions of every link.
template <typename Each>
void for_directions(const std::vector<LinkFigures>& links, Each each) {
  for (const LinkFigures& link : links) {
    each(Labels{{"link", link.name}, {"direction", "up"}}, link.stats.up);
    each(Labels{{"link", link.name}, {"direction", "down"}}, link.stats.down);
  }
}

struct Counter {
  std::string_view name;
  std::string_view help;
  std::uint64_t DirectionCounters::*field;
};

constexpr Counter kCounters[] = {
    {"wobble_packets_total", "IP packets that arrived.", &DirectionCounters::packets_in},
    {"wobble_bytes_total", "Bytes of IP packets that arrived.", &DirectionCounters::bytes_in},
    {"wobble_released_packets_total", "IP packets that left, copies included.", &DirectionCounters::packets_out},
    {"wobble_released_bytes_total", "Bytes of IP packets that left.", &DirectionCounters::bytes_out},
    {"wobble_duplicates_total", "Copies made by duplicate.", &DirectionCounters::duplicated},
    {"wobble_corruptions_total", "Packets damaged by corrupt.", &DirectionCounters::corrupted},
    {"wobble_reorders_total", "Packets moved back by reorder.", &DirectionCounters::reordered},
    {"wobble_marks_total", "Packets marked with congestion experienced.", &DirectionCounters::marked},
    {"wobble_bad_checksums_total", "TCP segments and ICMP messages that came with a wrong checksum.",
     &DirectionCounters::bad_checksum},
    {"wobble_originated_packets_total", "IP packets the link sent by itself: ICMP errors, resets, fragments.",
     &DirectionCounters::originated},
};

void write_packets(Writer& out, const std::vector<LinkFigures>& links) {
  for (const Counter& counter : kCounters) {
    out.family(counter.name, "counter", counter.help);
    for_directions(links,
                   [&](const Labels& labels, const DirectionStats& s) { out.sample(labels, s.total.*counter.field); });
  }
  out.family("wobble_drops_total", "counter", "IP packets dropped, by reason.");
  for_directions(links, [&](const Labels& labels, const DirectionStats& s) {
    for (std::size_t i = 1; i < kDropReasonCount; ++i) {
      Labels with_reason = labels;
      with_reason.emplace_back("reason", to_string(static_cast<DropReason>(i)));
      out.sample(with_reason, s.total.dropped[i]);
    }
  });
  out.family("wobble_in_flight_packets", "gauge", "IP packets held now.");
  for_directions(links,
                 [&](const Labels& labels, const DirectionStats& s) { out.sample(labels, s.packets_in_flight); });
  out.family("wobble_in_flight_bytes", "gauge", "Bytes of IP packets held now.");
  for_directions(links, [&](const Labels& labels, const DirectionStats& s) { out.sample(labels, s.bytes_in_flight); });
}

void write_chance(Writer& out, const std::vector<LinkFigures>& links) {
  out.family("wobble_loss_bursts_total", "counter",
             "Runs of packets lost in a row; wobble_drops_total{reason=\"loss\"} by this is their mean length.");
  for_directions(links,
                 [&](const Labels& labels, const DirectionStats& s) { out.sample(labels, s.total.loss_runs.runs); });
  out.family("wobble_late_packets_total", "counter", "Packets that left behind one that arrived later (RFC 4737).");
  for_directions(
      links, [&](const Labels& labels, const DirectionStats& s) { out.sample(labels, s.total.reordering.reordered); });
  out.family("wobble_late_extent_packets_total", "counter", "By how many packets those were late, summed (RFC 4737).");
  for_directions(
      links, [&](const Labels& labels, const DirectionStats& s) { out.sample(labels, s.total.reordering.extent_sum); });
  out.family("wobble_rate_bits_per_second", "gauge", "Bits of IP packets over the last second.");
  for_directions(links, [&](const Labels& labels, const DirectionStats& s) {
    for (const auto& [where, rate] : {std::pair{"in", s.bits_per_second_in}, {"out", s.bits_per_second_out}}) {
      Labels with_place = labels;
      with_place.emplace_back("at", where);
      out.sample(with_place, number(rate));
    }
  });
}

void write_asked(Writer& out, const std::vector<LinkFigures>& links) {
  const auto for_asked = [&](auto each) {
    for (const LinkFigures& link : links) {
      each(Labels{{"link", link.name}, {"direction", "up"}}, link.asked.up);
      each(Labels{{"link", link.name}, {"direction", "down"}}, link.asked.down);
    }
  };
  out.family("wobble_asked_ratio", "gauge", "Share of packets that an impairment was asked to strike.");
  for_asked([&](const Labels& labels, const DirectionConditions& c) {
    const std::pair<const char*, double> shares[] = {{"loss", mean_loss(c.loss)},
                                                     {"duplicate", c.duplicate.probability.fraction()},
                                                     {"corrupt", c.corrupt.probability.fraction()},
                                                     {"reorder", c.reorder.probability.fraction()}};
    for (const auto& [name, share] : shares) {
      Labels with_name = labels;
      with_name.emplace_back("impairment", name);
      out.sample(with_name, number(share));
    }
  });
  out.family("wobble_asked_delay_seconds", "gauge", "Delay asked for.");
  for_asked([&](const Labels& l, const DirectionConditions& c) { out.sample(l, number(seconds(c.delay.time))); });
  out.family("wobble_asked_jitter_seconds", "gauge", "Jitter asked for.");
  for_asked([&](const Labels& l, const DirectionConditions& c) { out.sample(l, number(seconds(c.delay.jitter))); });
  out.family("wobble_asked_rate_bits_per_second", "gauge", "Rate asked for; 0: none.");
  for_asked([&](const Labels& l, const DirectionConditions& c) { out.sample(l, c.rate.bits_per_second); });
}

void write_times(Writer& out, const std::vector<LinkFigures>& links) {
  out.family("wobble_delay_seconds", "histogram", "Delay asked of each released packet.");
  for_directions(links, [&](const Labels& labels, const DirectionStats& s) {
    out.histogram(labels, s.total.delay, kDelayLimits);
  });
  out.family("wobble_release_lateness_seconds", "histogram", "How much later than asked a packet was released.");
  for_directions(links, [&](const Labels& labels, const DirectionStats& s) {
    out.histogram(labels, s.total.lateness, kLatenessLimits);
  });
}

void write_connections(Writer& out, const std::vector<LinkFigures>& links) {
  out.family("wobble_connections", "gauge", "TCP connections in the table, by the client's state.");
  for (const LinkFigures& link : links) {
    for (std::size_t i = 1; i < kTcpStateCount; ++i) {
      out.sample({{"link", link.name}, {"state", to_string(static_cast<TcpState>(i))}}, link.stats.by_client_state[i]);
    }
  }
  out.family("wobble_flows", "gauge", "Records in the connection table, of all protocols.");
  for (const LinkFigures& link : links) out.sample({{"link", link.name}}, link.stats.connections);
  out.family("wobble_events_lost_total", "counter", "Events that found their ring full.");
  for (const LinkFigures& link : links) out.sample({{"link", link.name}}, link.stats.events_lost);
}

void write_daemon(Writer& out, Backend& backend, unsigned live_streams) {
  const JournalStats journal = backend.journal();
  out.family("wobble_journal_rows_total", "counter", "Rows written to the journal.");
  out.sample({}, journal.rows_written);
  out.family("wobble_journal_lost_total", "counter", "What the journal had to leave out, by kind.");
  out.sample({{"kind", "transitions"}}, journal.lost_transitions);
  out.sample({{"kind", "segments"}}, journal.lost_segments);
  out.family("wobble_journal_write_errors_total", "counter", "Transactions that failed.");
  out.sample({}, journal.write_errors);
  out.family("wobble_journal_bytes", "gauge", "Size of the journal's database.");
  out.sample({}, journal.database_bytes);
  out.family("wobble_live_streams", "gauge", "Event streams open now.");
  out.sample({}, live_streams);
  out.family("wobble_healthy", "gauge", "1 if the engine and the journal are well.");
  out.sample({}, backend.health().ok ? 1 : 0);
  out.family("wobble_uptime_seconds", "gauge", "Time since the daemon started.");
  out.sample({}, number(seconds(backend.uptime())));
  out.family("wobble_build_info", "gauge", "Always 1; the version is a label.");
  out.sample({{"version", backend.version()}}, 1);
}

}  // namespace

std::string escape_label(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string print_metrics(Backend& backend, unsigned live_streams) {
  std::vector<LinkFigures> links;
  for (const LinkInfo& link : backend.links()) {
    try {
      links.push_back({link.name, link.conditions, backend.stats(link.name)});
    } catch (const Unavailable&) {  // scraped again soon
    } catch (const NotFound&) {     // gone meanwhile
    }
  }
  Writer out;
  write_packets(out, links);
  write_chance(out, links);
  write_asked(out, links);
  write_times(out, links);
  write_connections(out, links);
  write_daemon(out, backend, live_streams);
  return out.take();
}

}  // namespace wobble::api
