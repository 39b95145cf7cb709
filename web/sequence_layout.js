// A connection's sequence numbers over time, as tcptrace draws them: what one side sent, what of it arrived and when, and
// how far the other side had acknowledged. Pure geometry, without a document.

import {instant} from './units.js';

/**
 * @typedef {import('./api.js').Segment} Segment
 * @typedef {import('./api.js').Role} Role
 * @typedef {{x: number, y0: number, y1: number, segment: Segment, kind: 'sent'|'repeated'|'dropped'}} Mark
 * @typedef {object} SequenceLayout
 * @property {Mark[]} marks one for each segment that takes sequence numbers, where and when it was sent
 * @property {{x: number, y: number}[]} arrived the end of each that arrived, when it did
 * @property {{x: number, y: number}[]} acknowledged corners of the line of acknowledgements, as they were delivered
 * @property {{x: number, text: string}[]} times
 * @property {{y: number, text: string}[]} numbers
 */

const LEFT = 64, RIGHT = 26, TOP = 8, BOTTOM = 22;

/** a − b in sequence space (RFC 9293 3.4). @param {number} a @param {number} b */
export const ahead = (a, b) => (a - b) | 0;

/** The sequence numbers a segment takes. @param {Segment} s */
export const span = s => s.length + (/\bSYN\b/.test(s.flags) ? 1 : 0) + (/\bFIN\b/.test(s.flags) ? 1 : 0);

/** 1, 2 or 5 times a power of ten, near `rough`. @param {number} rough */
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
  return [1, 2, 5, 10].map(f => f * power).find(step => step >= rough) ?? rough;
}

/** The side that sent more. @param {Segment[]} segments @returns {Role} */
export function busierSide(segments) {
  let balance = 0;
  for (const s of segments) balance += s.from === 'client' ? s.length : -s.length;
  return balance > 0 ? 'client' : 'server';
}

/**
 * @param {{segments: Segment[], from: Role, width: number, height: number}} input
 * @returns {SequenceLayout|null} null if that side sent nothing that takes sequence numbers
 */
export function layoutSequence({segments, from, width, height}) {
  const sent = segments.filter(s => s.from === from && span(s) > 0 && s.copy === 0);
  if (sent.length === 0) return null;
  const base = sent[0].seq;
  const acks = segments.filter(s => s.from !== from && s.delivered_at && /\bACK\b/.test(s.flags) && ahead(s.ack, base) >= 0);
  const t0 = instant(sent[0].sent_at);
  const ends = [...sent.map(s => instant(s.delivered_at ?? s.sent_at)), ...acks.map(s => instant(s.delivered_at ?? s.sent_at))];
  const duration = Math.max(1, Math.max(...ends) - t0);
  const top = Math.max(1, ...sent.map(s => ahead(s.seq, base) + span(s)));
  const low = Math.min(0, ...sent.map(s => ahead(s.seq, base)));
  const x = (/** @type {number} */ t) => LEFT + ((t - t0) / duration) * (width - LEFT - RIGHT);
  const y = (/** @type {number} */ n) => height - BOTTOM - ((n - low) / (top - low)) * (height - TOP - BOTTOM);

  /** @type {Mark[]} */
  const marks = sent.map(s => ({
    x: x(instant(s.sent_at)), y0: y(ahead(s.seq, base)), y1: y(ahead(s.seq, base) + span(s)), segment: s,
    kind: s.fate === 'dropped' ? 'dropped' : s.retransmission ? 'repeated' : 'sent',
  }));
  const arrived = sent.filter(s => s.delivered_at)
    .map(s => ({x: x(instant(/** @type {string} */ (s.delivered_at))), y: y(ahead(s.seq, base) + span(s))}));

  const acknowledged = [];
  let highest = 0;
  for (const s of [...acks].sort((a, b) => instant(a.delivered_at ?? '') - instant(b.delivered_at ?? ''))) {
    const number = ahead(s.ack, base);
    if (number < highest) continue;
    const at = x(instant(s.delivered_at ?? ''));
    acknowledged.push({x: at, y: y(highest)}, {x: at, y: y(number)});
    highest = number;
  }

  const times = [], numbers = [];
  const seconds = duration / 1000;
  for (let step = niceStep(seconds / 6), t = 0; t <= seconds; t += step) {
    times.push({x: x(t0 + t * 1000), text: seconds < 2 ? `${Math.round(t * 1000)} ms` : `${Number(t.toPrecision(3))} s`});
  }
  for (let step = niceStep((top - low) / 5), n = 0; n <= top; n += step) numbers.push({y: y(n), text: String(Math.round(n))});
  return {marks, arrived, acknowledged, times, numbers};
}
