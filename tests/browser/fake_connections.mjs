// Made-up connections with a story each: an orderly HTTP request with a loss, a retransmission and a duplicate; a
// refused one; a reset one; one that is still open.

const stamp = (base, ns) => {
  const total = BigInt(base) * 1000000n + BigInt(Math.round(ns));
  return new Date(Number(total / 1000000000n) * 1000).toISOString().slice(0, 19) + '.' +
    String(total % 1000000000n).padStart(9, '0') + 'Z';
};

const endpoint = (address, port, side, state) => ({
  address, port, side, state, packets_sent: 6, bytes_sent: 420, packets_delivered: 5, bytes_delivered: 400,
  payload_bytes: side === 'near' ? 77 : 4321, retransmissions: 0, retransmissions_by_us: 0, retransmitted: {due_to_us: 0, fast: 0, timeout: 0, spurious: 0, lost_behind: 0, lost_before: 0}, dropped: 0, duplicated: 0,
  corrupted: 0, reordered: 0,
});

export function makeConnection(id, openedMs) {
  const kind = ['orderly', 'orderly', 'orderly', 'open', 'orderly', 'refused', 'orderly', 'reset'][id % 8];
  const states = {orderly: ['TIME_WAIT', 'CLOSED'], open: ['ESTABLISHED', 'ESTABLISHED'], refused: ['CLOSED', 'CLOSED'], reset: ['CLOSED', 'CLOSED']}[kind];
  const six = id % 5 === 0;
  const connection = {
    id, link: 'lab', protocol: 'tcp',
    client: endpoint(six ? 'fd77::1' : '10.77.0.1', 40000 + id, 'near', states[0]),
    server: endpoint(six ? 'fd77::1:1' : '10.77.1.1', kind === 'refused' ? 81 : 80, 'far', states[1]),
    opened_at: stamp(openedMs, 123456), closed_at: kind === 'open' ? null : stamp(openedMs + 900, 5000), end: kind,
    closed_by: {orderly: 'client', reset: 'server', refused: 'server'}[kind] ?? null, midstream: false, ordinal: id,
    handshake: {rtt_client_ms: 0.1, rtt_server_ms: 80.2, initial_rtt_ms: kind === 'refused' ? null : 160.4}, kind, openedMs,
  };
  if (kind === 'orderly') Object.assign(connection.client, {retransmissions: 1, retransmissions_by_us: 1, retransmitted: {due_to_us: 1, fast: 0, timeout: 0, spurious: 0, lost_behind: 0, lost_before: 0}, dropped: 1, duplicated: 1});
  return connection;
}

/** Segments and transitions: [from, flags, relative seq, relative ack, length, sent at ms, fate, what it brings about]. */
const SCRIPTS = {
  orderly: [
    ['client', 'SYN', 0, 0, 0, 0, 'delayed', 'client s CLOSED SYN_SENT 1'],
    ['server', 'SYN,ACK', 0, 1, 0, 80.1, 'delayed', 'server s LISTEN SYN_RECEIVED 11'],
    ['client', 'ACK', 1, 1, 0, 120.4, 'delayed', 'client s SYN_SENT ESTABLISHED 14; server d SYN_RECEIVED ESTABLISHED 16'],
    ['client', 'PSH,ACK', 1, 1, 77, 120.7, 'dropped'],
    ['client', 'PSH,ACK', 1, 1, 77, 341.2, 'delayed', '', true],
    ['server', 'ACK', 1, 78, 0, 421.5, 'delayed'],
    ['server', 'ACK', 1, 78, 1448, 422.1, 'delayed'],
    ['server', 'ACK', 1449, 78, 1448, 422.2, 'duplicated'],
    ['server', 'PSH,ACK', 2897, 78, 1424, 422.3, 'reordered'],
    ['client', 'ACK', 78, 1449, 0, 462.4, 'delayed'],
    ['client', 'ACK', 78, 2897, 0, 463.0, 'corrupted'],
    ['client', 'ACK', 78, 4321, 0, 502.0, 'delayed'],
    ['client', 'FIN,ACK', 78, 4321, 0, 5502.4, 'delayed', 'client s ESTABLISHED FIN_WAIT_1 17'],
    ['server', 'ACK', 4321, 79, 0, 5582.5, 'delayed', 'server s ESTABLISHED CLOSE_WAIT 18; client d FIN_WAIT_1 FIN_WAIT_2 21'],
    ['server', 'FIN,ACK', 4321, 79, 0, 5584.0, 'delayed', 'server s CLOSE_WAIT LAST_ACK 19'],
    ['client', 'ACK', 79, 4322, 0, 5624.2, 'delayed', 'client s FIN_WAIT_2 TIME_WAIT 23; server d LAST_ACK CLOSED 25'],
  ],
  refused: [
    ['client', 'SYN', 0, 0, 0, 0, 'delayed', 'client s CLOSED SYN_SENT 1'],
    ['server', 'RST,ACK', 0, 1, 0, 80.1, 'delayed', 'client d SYN_SENT CLOSED 33'],
  ],
};
/** By number: the row's name, and what it says. @type {Record<string, [string, string]>} */
const RULES = {
  1: ['syn', 'SYN: it opens'], 11: ['syn_ack', 'SYN-ACK: it answers the SYN'],
  14: ['third_ack', 'third ACK: its handshake is complete'], 16: ['syn_acknowledged', 'its SYN is acknowledged: open'],
  17: ['fin', 'FIN: it closes'], 18: ['peer_fin_acknowledged', "it acknowledges the peer's FIN"],
  19: ['second_fin', 'FIN: it closes as well'], 21: ['fin_acknowledged', 'its FIN is acknowledged'],
  23: ['last_fin_acknowledged', "it acknowledges the peer's FIN: 2MSL begins"],
  25: ['last_ack_arrived', 'its FIN is acknowledged: the end'], 30: ['reset_sent', 'RST: it aborted'],
  33: ['refused', 'RST: the SYN was refused'], 34: ['reset_accepted', 'RST exactly at the edge: accepted'],
};
SCRIPTS.open = SCRIPTS.orderly.slice(0, 12);
SCRIPTS.reset = [...SCRIPTS.orderly.slice(0, 6),
  ['server', 'RST,ACK', 1, 78, 0, 600, 'delayed', 'server s ESTABLISHED CLOSED 30; client d ESTABLISHED CLOSED 34']];

export function storyOf(connection) {
  const base = {client: 3000000000 + connection.id, server: 700000 + connection.id};
  const segments = [], transitions = [];
  let id = connection.id * 1000;
  for (const [from, flags, seq, ack, length, at, fate, changes = '', retransmission = false] of SCRIPTS[connection.kind]) {
    const peer = from === 'client' ? 'server' : 'client';
    const delay = (from === 'client' ? 80 : 40) + (fate === 'reordered' ? 12 : 0) + (length % 7) / 30;
    const sent = stamp(connection.openedMs, 123456 + at * 1e6);
    const delivered = stamp(connection.openedMs, 123456 + (at + delay) * 1e6);
    const segment = {
      id: ++id, from, sent_at: sent, delivered_at: fate === 'dropped' ? null : delivered, flags, seq: base[from] + seq,
      ack: flags.includes('ACK') ? base[peer] + ack : 0, length, window: 64240, fate, reason: fate === 'dropped' ? 'loss' : null,
      copy: 0, retransmission,
    };
    segments.push(segment);
    if (fate === 'duplicated') {
      segments.push({...segment, id: ++id, copy: 1, delivered_at: stamp(connection.openedMs, 123456 + (at + delay + 9) * 1e6)});
    }
    for (const change of changes.split('; ').filter(Boolean)) {
      const [side, evidence, before, after, row] = change.split(' ');
      transitions.push({
        id: ++id, at: evidence === 's' ? sent : delivered, connection: connection.id, link: 'lab', side, from: before, to: after,
        evidence: evidence === 's' ? 'sent' : 'delivered', row: Number(row), rule: RULES[row][0], sentence: RULES[row][1],
        segment: {flags, seq: segment.seq, ack: segment.ack, length, window: 64240, fate, reason: segment.reason},
      });
    }
  }
  return {segments, transitions};
}
