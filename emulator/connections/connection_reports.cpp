#include "emulator/connections/connection_reports.h"

#include <new>

namespace wobble {

template <typename Event>
void ConnectionReports::report(Record& record, const Event& event) noexcept {
  if (is_muted_) return;
  if (record.is_withheld) {
    Withheld& kept = withheld_[store_.index_of(record)];
    if (kept.count < kept.events.size()) {
      kept.events[kept.count++] = event;
      return;
    }
    report_withheld(record);
  }
  observer_.on(event);
}

void ConnectionReports::report_withheld(Record& record) noexcept {
  record.is_withheld = false;
  const Withheld& kept = withheld_[store_.index_of(record)];
  report_opened(record, kept.ordinal, kept.opened_at);
  for (std::size_t i = 0; i < kept.count; ++i) {
    // Not std::visit, which may throw.
    if (const auto* step = std::get_if<Transition>(&kept.events[i])) observer_.on(*step);
    if (const auto* segment = std::get_if<SegmentRecord>(&kept.events[i])) observer_.on(*segment);
  }
}

void ConnectionReports::report_opened(const Record& record, std::uint32_t ordinal, TimePoint at) noexcept {
  const Side server_side = opposite(record.client_side);
  observer_.on(ConnectionOpened{record.id, at, record.key.protocol, record.client_side, record.tcp.midstream, ordinal,
                                record.key.endpoint(record.client_side), server_of(record.key, server_side)});
}

void ConnectionReports::report_opened(const HalfOpen& entry) noexcept {
  const Side client = entry.client_side, server = opposite(client);
  observer_.on(ConnectionOpened{entry.id, entry.opened_at, entry.key.protocol, client, false, entry.ordinal,
                                entry.key.endpoint(client), server_of(entry.key, server)});
}

void ConnectionReports::note_established(Record& record, const Step& step) noexcept {
  if (is_muted_) return;
  if (step.from == TcpState::syn_sent && step.side == Role::client) floods_.handshake_completed();
  if (record.is_withheld) report_withheld(record);
}

void ConnectionReports::report_steps(Record& record, const Steps& steps, const SegmentSummary* segment,
                                     TimePoint now) noexcept {
  for (const Step& step : steps) {
    if (step.from == step.to) continue;
    if (step.side == Role::client) {
      pools_.count_state(record, step.from, -1u);
      pools_.count_state(record, step.to, 1);
    }
    Transition transition{record.id, now, step.side, step.from, step.to, step.evidence, step.rule, false, {}};
    if (segment != nullptr) {
      transition.has_segment = true;
      transition.segment = *segment;
    }
    report(record, transition);
    if (step.to == TcpState::established) note_established(record, step);
  }
}

void ConnectionReports::report_segment(Record& record, const Landing& landing) noexcept {
  SegmentBudget& budget = record.budget;
  if (budget.follow && budget.followed < kMaxFollowedSegments) {
    ++budget.followed;
  } else if (landing.notable) {
    if (budget.notable >= kMaxNotableSegments) return;
    ++budget.notable;
  } else {
    if (budget.others >= kMaxOtherSegments) return;
    ++budget.others;
  }
  report(record, SegmentRecord{record.id, landing.from, landing.copy, landing.retransmission, landing.fate,
                               landing.drop, landing.sent_at, landing.delivered_at, landing.tcp});
}

void ConnectionReports::report_end(Record& record, End end, TimePoint now) noexcept {
  if (record.is_end_reported) return;
  record.is_end_reported = true;
  const TcpConnection& tcp = record.tcp;
  if (record.is_withheld) {
    const bool is_answered = tcp.server.has(TcpEndpoint::kSentSynAck);
    floods_.count_failure(record.key, record.client_side, {end == End::refused, is_answered, end == End::evicted}, now);
    return;
  }
  observer_.on(ConnectionClosed{record.id, now, end, tcp.closed_by, tcp.client.state, tcp.server.state,
                                pools_.figures_of(record)});
}

void ConnectionReports::report_reopened(Record& record, TimePoint now) noexcept {
  record.is_end_reported = record.is_late = false;
  observer_.on_reopened({record.id, now});
}

void ConnectionReports::report_late(const Record& record, TimePoint now) noexcept {
  if (!record.is_late || record.is_withheld) return;
  observer_.on_late({record.id, now, record.tcp.client.state, record.tcp.server.state, pools_.figures_of(record)});
}

void ConnectionReports::withhold(Record& record, std::uint32_t ordinal, TimePoint opened_at) noexcept {
  record.is_withheld = true;
  Withheld& kept = *new (&withheld_[store_.index_of(record)]) Withheld();
  kept.opened_at = opened_at;
  kept.ordinal = ordinal;
}

}  // namespace wobble
