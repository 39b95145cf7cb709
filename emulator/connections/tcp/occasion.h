// One segment meeting one endpoint: what the rows of the transition table, and all else that looks at a segment, are
// asked about. A view of what it refers to, for as long as one segment is looked at.
#pragma once

#include "emulator/connections/tcp/segment_kind.h"
#include "emulator/connections/tcp/tcp_connection.h"

namespace wobble {

/// What a row's condition looks at and its effect changes.
struct Occasion {
  TcpConnection& connection;
  RangePool& ranges;
  TroublePool& pool;
  const TcpSegment& segment;
  Role who;  ///< X
  SegmentKind kind;
  TimePoint now;
  bool had_fin;               ///< X had sent its FIN before this segment
  bool ends_request = false;  ///< of an ICMP error: see IcmpError

  TcpEndpoint& x() const noexcept { return connection.of(who); }
  TcpEndpoint& y() const noexcept { return connection.of(peer_of(who)); }
  /// What is known of trouble with what X sends, to look at; to write to; and once more of one kind, which is how many
  /// by now.
  const DataLists& lists() const noexcept { return pool.known_lists(x().troubles); }
  DataLists& need_lists() const noexcept { return pool.need_lists(x().troubles); }
  std::uint32_t count(Trouble what) const noexcept { return pool.count(x().troubles, what); }
  /// The same of what Y sends.
  const DataLists& lists_of_y() const noexcept { return pool.known_lists(y().troubles); }
  DataLists& need_lists_of_y() const noexcept { return pool.need_lists(y().troubles); }
  std::uint32_t count_of_y(Trouble what) const noexcept { return pool.count(y().troubles, what); }
  /// One gap more in what that endpoint sends.
  void count_gap(Role of) const noexcept {
    connection.facts.tell(of, 'G', pool.count(connection.of(of).troubles, Trouble::gap));
  }
  /// Nothing if there is none.
  const PendingSyn* pending() const noexcept { return pending_syn(connection, pool); }
};

}  // namespace wobble
