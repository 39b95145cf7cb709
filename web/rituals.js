// The two rituals in a list of segments: which one is handshake step 1, 2, 3 and close step 1, 2, 3, 4. Pure.
//
//   handshake 1 SYN, 2 SYN-ACK, 3 the client's first ACK of it.
//   close     1 the first FIN, 2 the other side's ACK of it, 3 the other side's FIN, 4 the ACK of that.
// One segment can be two steps: a FIN that acknowledges the first FIN is close 2 and 3. Where a step was sent more
// than once, the one that counts is the first that was delivered.

/**
 * @typedef {import('./api.js').Segment} Segment
 * @typedef {(segment: Segment) => boolean} Test
 */

/** @param {Segment} s @param {string} flag */
const has = (s, flag) => s.flags.split(',').includes(flag);
/** a >= b in the arithmetic of sequence numbers. @param {number} a @param {number} b */
const reaches = (a, b) => ((a - b) | 0) >= 0;

/** The first delivered one, or else the first. @param {Segment[]} segments @param {Test} test */
const effective = (segments, test) => segments.find(s => test(s) && s.delivered_at !== null) ?? segments.find(test);

/** The sequence number just past a FIN. @param {Segment} fin */
const pastFin = fin => (fin.seq + fin.length + (has(fin, 'SYN') ? 1 : 0) + 1) >>> 0;

/**
 * @param {Segment[]} segments in the order of sending
 * @returns {Map<number, string>} by the segment's id: "handshake-1", or "close-2 close-3"
 */
export function numberSteps(segments) {
  const originals = segments.filter(s => s.copy === 0);
  /** @type {Map<number, string>} */
  const steps = new Map();
  const mark = (/** @type {Segment|undefined} */ segment, /** @type {string} */ step) => {
    if (segment) steps.set(segment.id, [steps.get(segment.id), step].filter(Boolean).join(' '));
  };
  const syn = effective(originals, s => s.from === 'client' && has(s, 'SYN') && !has(s, 'ACK'));
  const synAck = effective(originals, s => s.from === 'server' && has(s, 'SYN') && has(s, 'ACK'));
  mark(syn, 'handshake-1');
  mark(synAck, 'handshake-2');
  if (synAck) {
    mark(effective(originals, s => s.from === 'client' && !has(s, 'SYN') && !has(s, 'RST') && has(s, 'ACK') &&
      reaches(s.ack, synAck.seq + 1)), 'handshake-3');
  }

  const firstFin = originals.find(s => has(s, 'FIN'));
  if (!firstFin) return steps;
  const active = firstFin.from;
  const fin = effective(originals, s => s.from === active && has(s, 'FIN')) ?? firstFin;
  mark(fin, 'close-1');
  const acks = (/** @type {string} */ from, /** @type {Segment} */ what) =>
    effective(originals, s => s.from === from && has(s, 'ACK') && !has(s, 'RST') && reaches(s.ack, pastFin(what)));
  const passive = active === 'client' ? 'server' : 'client';
  mark(acks(passive, fin), 'close-2');
  const secondFin = effective(originals, s => s.from === passive && has(s, 'FIN'));
  if (!secondFin) return steps;
  mark(secondFin, 'close-3');
  mark(acks(active, secondFin), 'close-4');
  return steps;
}
