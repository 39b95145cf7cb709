// Where everything on the ladder stands. Pure: the API's rows in, coordinates out; no DOM, no clock.
//
// Time runs down. Three lifelines: client, wobble in the middle, server. A segment is a straight line from its
// sender's lifeline at the moment it was sent to its receiver's at the moment it was delivered, so that its slope is
// the delay we added. A dropped one ends on the middle line. A duplicate's copy starts there.
//
// The axis of time is not even. Between two moments the distance is proportional to the time between them, except
//  - no less than what keeps the labels of one side readable, and
//  - no more than MAX_GAP, so that five idle seconds do not push the close off the screen. Such a gap is marked.
// Order is never changed: what happened earlier is never drawn lower.

import {nanosecondsBetween, showMs} from './units.js';
import {numberSteps} from './rituals.js';

/**
 * @typedef {import('./api.js').Segment} Segment
 * @typedef {import('./api.js').Transition} Transition
 * @typedef {import('./api.js').Connection} Connection
 * @typedef {import('./api.js').Role} Role
 * @typedef {{x: number, y: number}} Point
 *
 * @typedef {object} PlacedSegment
 * @property {Segment} segment
 * @property {Point} from
 * @property {Point} to
 * @property {boolean} dropped `to` is then on the middle line
 * @property {boolean} forked a copy: `from` is then on the middle line
 * @property {string} label
 * @property {string} note what we did to it: the delay added, or why it was dropped
 * @property {number} delayNs
 * @property {string|null} step "handshake-1" to "close-4"; two steps in one segment: "close-2 close-3"
 * @property {number|null} original index of the segment it repeats
 *
 * @typedef {{state: string, from: string|null, y0: number, y1: number, exactY: number, transition: Transition|null}} Band
 *
 * @typedef {object} Layout
 * @property {number} width
 * @property {number} height
 * @property {Columns} columns
 * @property {PlacedSegment[]} segments in the order of sending
 * @property {Record<Role, Band[]>} lanes
 * @property {{y: number, text: string}[]} ticks
 * @property {{y: number, text: string}[]} gaps
 *
 * @typedef {{time: number, laneWidth: number, clientLane: number, client: number, middle: number, server: number,
 *   serverLane: number}} Columns
 * @typedef {{t: number, kind: 'fold'|'deliver'|'send'|'transition', side: Role, noted: boolean, y: number}} Moment
 */

export const MIN_WIDTH = 640;
const TIME_WIDTH = 58;
const LANE_WIDTH = 94;
/** Between a lane and its lifeline: room for the curves of retransmissions. */
const LANE_GAP = 26;
const TOP = 18;
const BOTTOM = 26;
/** What the usual delay comes to, in pixels. */
const USUAL_DELAY = 44;
export const MAX_GAP = 72;
export const BAND_HEIGHT = 16;
const LABEL_HEIGHT = 17;
const NOTE_HEIGHT = 12;
/** Delays below this are those of the machine, not of the link: no note, and no say in the scale. Nanoseconds. */
const NOTABLE = 200e3;
/** More segments than this are folded in the middle. */
export const FOLD_ABOVE = 400;
const FOLD_HEAD = 150;
const FOLD_TAIL = 200;

/** @param {number} width @returns {Columns} */
export function columnsFor(width) {
  const clientLane = TIME_WIDTH;
  const client = clientLane + LANE_WIDTH + LANE_GAP;
  const server = width - 4 - LANE_WIDTH - LANE_GAP;
  return {
    time: TIME_WIDTH - 10, laneWidth: LANE_WIDTH, clientLane, client, middle: (client + server) / 2, server,
    serverLane: server + LANE_GAP,
  };
}

/**
 * @param {{connection: Connection, segments: Segment[], transitions: Transition[], width: number, absolute?: boolean,
 *   unfolded?: boolean}} input
 * @returns {Layout}
 */
export function layoutLadder(input) {
  const {connection} = input;
  const width = Math.max(MIN_WIDTH, input.width);
  const columns = columnsFor(width);
  const start = connection.opened_at;
  const all = [...input.segments].sort((a, b) => nanosecondsBetween(b.sent_at, a.sent_at) || a.id - b.id);
  const {shown, hidden, foldAfter} = input.unfolded ? {shown: all, hidden: 0, foldAfter: -1} : fold(all);
  const transitions = [...input.transitions].sort((a, b) => nanosecondsBetween(b.at, a.at) || a.id - b.id);

  const moments = collectMoments(shown, transitions, start, foldAfter);
  const scale = scaleFor(shown);
  const gaps = placeMoments(moments, scale, hidden);
  const yAt = interpolator(moments);
  const bottom = (moments.length ? moments[moments.length - 1].y : TOP) + BOTTOM;

  const segments = placeSegments(shown, columns, start, yAt, bases(all), input.absolute ?? false);
  const steps = numberSteps(all);
  for (const placed of segments) placed.step = steps.get(placed.segment.id) ?? null;
  const lanes = {
    client: lane('client', connection, transitions, start, yAt, bottom),
    server: lane('server', connection, transitions, start, yAt, bottom),
  };
  const lowest = Math.max(bottom, ...[...lanes.client, ...lanes.server].map(band => band.y1));
  for (const bands of Object.values(lanes)) if (bands.length) bands[bands.length - 1].y1 = lowest;
  return {width, height: lowest + 8, columns, segments, lanes, ticks: ticksFor(moments), gaps};
}

/** @param {Segment[]} all */
function fold(all) {
  if (all.length <= FOLD_ABOVE) return {shown: all, hidden: 0, foldAfter: -1};
  const shown = [...all.slice(0, FOLD_HEAD), ...all.slice(-FOLD_TAIL)];
  return {shown, hidden: all.length - shown.length, foldAfter: FOLD_HEAD - 1};
}

/** @param {Segment} segment */
const delayOf = segment =>
  segment.delivered_at === null ? 0 : Math.max(0, nanosecondsBetween(segment.sent_at, segment.delivered_at));

/** @param {Role} role @returns {Role} */
export const peerOf = role => (role === 'client' ? 'server' : 'client');

/**
 * Everything that happened, in order. At one instant a delivery comes before what it led to.
 * @param {Segment[]} segments @param {Transition[]} transitions @param {string} start @param {number} foldAfter
 */
function collectMoments(segments, transitions, start, foldAfter) {
  /** @type {Moment[]} */
  const moments = [];
  segments.forEach((segment, i) => {
    const t = nanosecondsBetween(start, segment.sent_at);
    const noted = delayOf(segment) >= NOTABLE || !['forwarded', 'delayed'].includes(segment.fate);
    if (segment.copy === 0) moments.push({t, kind: 'send', side: segment.from, noted, y: 0});
    if (i === foldAfter) moments.push({t: t + 0.5, kind: 'fold', side: segment.from, noted, y: 0});
    if (segment.delivered_at === null) return;
    moments.push({t: nanosecondsBetween(start, segment.delivered_at), kind: 'deliver', side: peerOf(segment.from), noted, y: 0});
  });
  for (const transition of transitions) {
    moments.push({t: nanosecondsBetween(start, transition.at), kind: 'transition', side: transition.side, noted: false, y: 0});
  }
  const rank = {fold: 0, deliver: 1, send: 2, transition: 3};
  return moments.sort((a, b) => a.t - b.t || rank[a.kind] - rank[b.kind]);
}

/** Pixels a nanosecond: so that the usual delay has a slope one can see. @param {Segment[]} segments */
function scaleFor(segments) {
  const delays = segments.map(delayOf).filter(d => d >= NOTABLE).sort((a, b) => a - b);
  const usual = delays.length ? delays[Math.floor(delays.length / 2)] : 5e6;
  return USUAL_DELAY / usual;
}

/**
 * Gives each moment its y. @param {Moment[]} moments @param {number} scale @param {number} hidden
 * @returns {{y: number, text: string}[]} the gaps that were cut short
 */
function placeMoments(moments, scale, hidden) {
  const gaps = [];
  const lastSend = {client: -Infinity, server: -Infinity};
  const lastArrival = {client: -Infinity, server: -Infinity};
  const lastNote = {client: -Infinity, server: -Infinity};
  let y = TOP, t = moments.length ? moments[0].t : 0;
  for (const moment of moments) {
    const before = y;
    const asked = (moment.t - t) * scale;
    y += Math.min(asked, MAX_GAP);
    const {side} = moment;
    if (moment.kind === 'send') {
      y = Math.max(y, lastSend[side] + LABEL_HEIGHT, lastSend[peerOf(side)] + 10, lastArrival[side] + LABEL_HEIGHT,
        lastNote[side] + LABEL_HEIGHT + NOTE_HEIGHT);
      lastSend[side] = y;
    } else if (moment.kind === 'deliver') {
      y = Math.max(y, lastNote[side] + NOTE_HEIGHT + 1, lastArrival[side] + 4, lastSend[side] + 3);
      lastArrival[side] = y;
      if (moment.noted) lastNote[side] = y;
    } else if (moment.kind === 'fold') {
      y += 16;
      gaps.push({y: y + 8, text: `${hidden} segments not shown`});
      y += 24;
    }
    moment.y = y;
    if (asked > MAX_GAP * 1.5) gaps.push({y: (before + y) / 2, text: showMs((moment.t - t) / 1e6)});
    t = moment.t;
  }
  return gaps;
}

/**
 * y of any time, straight between moments. With several moments at one time: `last` says which end of them.
 * @param {Moment[]} moments @returns {(t: number, kind: Moment['kind'], side: Role) => number}
 */
function interpolator(moments) {
  /** @type {Map<string, number>} */
  const exact = new Map();
  for (const m of moments) exact.set(`${m.t} ${m.kind} ${m.side}`, m.y);
  return (t, kind, side) => {
    const known = exact.get(`${t} ${kind} ${side}`);
    if (known !== undefined) return known;
    let low = -1;
    for (let step = 1 << 20; step; step >>= 1) {
      if (low + step < moments.length && moments[low + step].t <= t) low += step;
    }
    if (low < 0) return TOP;
    const a = moments[low], b = moments[low + 1];
    return b ? a.y + ((b.y - a.y) * (t - a.t)) / (b.t - a.t) : a.y;
  };
}

/** The number each side started from, for relative sequence numbers. @param {Segment[]} segments @returns {Record<Role, number>} */
function bases(segments) {
  const base = (/** @type {Role} */ role) => {
    const mine = segments.filter(s => s.from === role);
    const syn = mine.find(s => has(s, 'SYN'));
    if (syn) return syn.seq;
    const answer = segments.find(s => s.from !== role && has(s, 'ACK'));
    return mine.length ? mine[0].seq - 1 : answer ? answer.ack - 1 : 0;
  };
  return {client: base('client'), server: base('server')};
}

/** @param {{flags: string}} segment @param {string} flag */
export const has = (segment, flag) => segment.flags.split(',').includes(flag);

/** @param {Segment} s @param {Record<Role, number>} base @param {boolean} absolute */
function labelOf(s, base, absolute) {
  const seq = absolute ? s.seq : (s.seq - base[s.from]) >>> 0;
  const ack = absolute ? s.ack : (s.ack - base[peerOf(s.from)]) >>> 0;
  const parts = [s.flags || 'no flags', `seq ${seq}`];
  if (has(s, 'ACK')) parts.push(`ack ${ack}`);
  if (s.length) parts.push(`len ${s.length}`);
  return parts.join(' ');
}

/** @param {Segment} s */
function noteOf(s) {
  if (s.delivered_at === null) return s.reason && s.reason !== 'none' ? s.reason : 'dropped';
  const words = [];
  if (delayOf(s) >= NOTABLE) words.push(`+${showMs(delayOf(s) / 1e6)}`);
  if (s.copy > 0) words.push('copy');
  if (!['forwarded', 'delayed', 'dropped', s.copy > 0 ? 'duplicated' : ''].includes(s.fate)) words.push(s.fate);
  return words.join(' ');
}

/**
 * @param {Segment[]} shown @param {Columns} columns @param {string} start
 * @param {(t: number, kind: Moment['kind'], side: Role) => number} yAt
 * @param {Record<Role, number>} base @param {boolean} absolute @returns {PlacedSegment[]}
 */
function placeSegments(shown, columns, start, yAt, base, absolute) {
  /** @type {PlacedSegment[]} */
  const placed = [];
  for (const segment of shown) {
    const to = peerOf(segment.from);
    const sentY = yAt(nanosecondsBetween(start, segment.sent_at), 'send', segment.from);
    const dropped = segment.delivered_at === null;
    const end = dropped
      ? {x: columns.middle, y: sentY + 5}
      : {x: columns[to], y: yAt(nanosecondsBetween(start, /** @type {string} */ (segment.delivered_at)), 'deliver', to)};
    let from = {x: columns[segment.from], y: sentY};
    const forked = segment.copy > 0;
    if (forked) {
      const first = placed.find(p => p.segment.copy === 0 && isCopyOf(segment, p.segment));
      const y = first ? (first.dropped ? first.to.y : (first.from.y + first.to.y) / 2) : sentY;
      from = {x: columns.middle, y};
      if (dropped) end.y = y + 8;
    }
    placed.push({
      segment, from, to: end, dropped, forked, label: labelOf(segment, base, absolute), note: noteOf(segment),
      delayNs: delayOf(segment), step: null, original: originalOf(segment, placed),
    });
  }
  return placed;
}

/** @param {Segment} copy @param {Segment} first */
const isCopyOf = (copy, first) =>
  copy.from === first.from && copy.sent_at === first.sent_at && copy.seq === first.seq && copy.flags === first.flags;

/** The index of what a retransmission repeats: the last one before it that shares a byte, SYN or FIN.
 *  @param {Segment} segment @param {PlacedSegment[]} before */
function originalOf(segment, before) {
  if (!segment.retransmission || segment.copy > 0) return null;
  for (let i = before.length - 1; i >= 0; --i) {
    const other = before[i].segment;
    if (other.from !== segment.from || other.copy > 0) continue;
    const distance = (segment.seq - other.seq) | 0;
    if (distance === 0 && has(segment, 'SYN') && has(other, 'SYN')) return i;
    if (distance < octets(other) && -distance < octets(segment)) return i;
  }
  return null;
}

/** Sequence numbers taken. @param {Segment} s */
const octets = s => s.length + (has(s, 'SYN') ? 1 : 0) + (has(s, 'FIN') ? 1 : 0);

/**
 * One endpoint's states, down its lifeline.
 * @param {Role} role @param {Connection} connection @param {Transition[]} transitions @param {string} start
 * @param {(t: number, kind: Moment['kind'], side: Role) => number} yAt @param {number} bottom @returns {Band[]}
 */
function lane(role, connection, transitions, start, yAt, bottom) {
  const mine = transitions.filter(t => t.side === role);
  const first = mine.length ? mine[0].from : connection[role].state;
  /** @type {Band[]} */
  const bands = [{state: first, from: null, y0: 0, y1: bottom, exactY: 0, transition: null}];
  for (const transition of mine) {
    const last = bands[bands.length - 1];
    const exactY = yAt(nanosecondsBetween(start, transition.at), 'transition', role);
    const y0 = Math.max(exactY, last.y0 + BAND_HEIGHT);
    last.y1 = y0;
    bands.push({state: transition.to, from: transition.from, y0, y1: Math.max(bottom, y0 + BAND_HEIGHT), exactY, transition});
  }
  return bands;
}

/** Times on the axis: wherever something was sent or changed, if there is room. @param {Moment[]} moments */
function ticksFor(moments) {
  const ticks = [];
  let last = -Infinity;
  for (const moment of moments) {
    if (moment.kind === 'fold' || moment.kind === 'deliver' || moment.y - last < 15) continue;
    ticks.push({y: moment.y, text: moment.t <= 0 ? '0' : showMs(moment.t / 1e6)});
    last = moment.y;
  }
  return ticks;
}
