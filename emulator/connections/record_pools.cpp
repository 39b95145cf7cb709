#include "emulator/connections/record_pools.h"

#include <algorithm>

#include "emulator/connections/tcp/tcp_figures.h"

namespace wobble {

RecordPools::RecordPools(std::uint32_t records)
    : ranges(std::max(records, 1024u)),
      troubles(records + 1),
      marks(std::max(records, 1024u)),
      closes(std::max(4 * records, 4096u)) {}

// A SYN or a FIN alone is none (Zeek).
std::uint32_t RecordPools::payload_retransmissions(const Record& record, Role of) const noexcept {
  const TroublesIndex own = record.tcp.of(of).troubles;
  return troubles.count_of(own, Trouble::retransmission) - troubles.count_of(own, Trouble::syn_retry) -
         troubles.count_of(own, Trouble::syn_ack_retry) - troubles.count_of(own, Trouble::fin_retry);
}

std::uint64_t RecordPools::in_flight(const Record& record) const noexcept {
  std::uint64_t begun = 0, ended = 0;
  for (const Role role : {Role::client, Role::server}) {
    const PacketCounters& of_role = role == Role::client ? record.client : record.server;
    const TroublesIndex index = record.tcp.of(role).troubles;
    begun += std::uint64_t{of_role.packets_sent} + troubles.count_of(index, Trouble::duplicated);
    ended += std::uint64_t{of_role.packets_delivered} + troubles.count_of(index, Trouble::dropped);
  }
  return begun - std::min(begun, ended);
}

ConnectionFigures RecordPools::figures_of(const Record& record) const noexcept {
  ConnectionFigures figures;
  record.client.fill(figures.client);
  record.server.fill(figures.server);
  troubles.fill(figures.client, record.tcp.client.troubles, record.tcp.server.troubles);
  troubles.fill(figures.server, record.tcp.server.troubles, record.tcp.client.troubles);
  figures.last_packet_at = record.last_segment;
  if (record.key.protocol != kTcp) return figures;
  fill_figures(figures, record.tcp, troubles, record.last_segment);
  figures.closes = closes.read(record.closes);
  return figures;
}

void RecordPools::release(Record& record) noexcept {
  if (record.key.protocol == kTcp) count_state(record, record.tcp.client.state, -1u);
  for (TcpEndpoint* endpoint : {&record.tcp.client, &record.tcp.server}) {
    marks.release(endpoint->marks);
    troubles.release(endpoint->troubles, ranges);
  }
  closes.release(record.closes);
}

}  // namespace wobble
