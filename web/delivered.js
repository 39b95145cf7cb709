// What one direction delivered, beside what was asked of it, since the last change of its conditions.

import {h, setText} from './dom.js';
import {instant, showMs, showPercent, showRate, significant} from './units.js';

/** @typedef {import('./api.js').DirectionStats} DirectionStats */

/** @param {DirectionStats} d @param {string} reason */
const drops = (d, reason) => {
  const n = d.since_change.dropped[reason] ?? 0;
  return n ? `${significant(n, 5)} dropped` : '–';
};

/** @param {DirectionStats} d */
function showLoss(d) {
  const {loss_percent: percent, loss_burst_length: burst} = d.delivered;
  if (d.asked.loss?.ecn && percent !== null) return `${showPercent(percent)}\n${showPercent(d.delivered.marked_percent)} marked`;
  return burst ? `${showPercent(percent)} × ${significant(burst, 2)}` : showPercent(percent);
}

/** What was moved back, or if nothing was, what left out of order for another reason. @param {DirectionStats} d */
function showReordering(d) {
  const measured = d.delivered.reordering;
  if (!measured?.percent) return showPercent(d.delivered.reorder_percent);
  return `${showPercent(measured.percent)} by ≤${measured.extent_max}`;
}

/** @param {DirectionStats} d */
function showQueue(d) {
  const [full, early, marked] = [d.since_change.dropped.queue ?? 0, d.since_change.dropped.aqm ?? 0, d.since_change.marked ?? 0];
  const parts = [full + early > 0 && `${significant(full + early, 5)} dropped`, marked > 0 && `${significant(marked, 5)} marked`];
  return parts.filter(Boolean).join('\n') || '–';
}

/** By row of the card: its text, and what that text is. @type {Record<string, {title: string, text: (d: DirectionStats) => string}>} */
const CELLS = {
  delay: {title: 'delay delivered, median', text: d => showMs(d.delivered.delay_ms.median)},
  jitter: {
    title: 'delay delivered, 99th percentile',
    text: d => (d.delivered.delay_ms.p99 === null ? '–' : `p99 ${showMs(d.delivered.delay_ms.p99)}`),
  },
  loss: {title: 'packets lost by the loss model (ECN: and all that were marked), and how many in a row on average', text: d => showLoss(d)},
  duplicate: {title: 'packets duplicated', text: d => showPercent(d.delivered.duplicate_percent)},
  corrupt: {title: 'packets corrupted', text: d => showPercent(d.delivered.corrupt_percent)},
  reorder: {title: 'packets that left out of order (RFC 4737)', text: d => showReordering(d)},
  rate: {title: 'rate out, the last second', text: d => showRate(d.delivered.rate_out_bps)},
  queue: {title: 'packets that the queue dropped or marked', text: d => showQueue(d)},
  mtu: {title: 'packets that were too large', text: d => drops(d, 'mtu')},
  idle: {title: 'packets of connections that were forgotten', text: d => drops(d, 'idle_timeout')},
  slot: {title: 'delay delivered, the longest', text: d => (d.asked.slot && d.delivered.delay_ms.max !== null ? `≤ ${showMs(d.delivered.delay_ms.max)}` : '–')},
  outage: {title: 'packets dropped by an outage', text: d => drops(d, 'outage')},
};

/** @param {string} name */
const cellOf = name => CELLS[name] ?? {title: `packets dropped by ${name.replaceAll('_', ' ')}`, text: (/** @type {DirectionStats} */ d) => drops(d, name)};

export class Delivered {
  /** @param {'up'|'down'} direction */
  constructor(direction) {
    this.direction = direction;
    /** @type {Map<string, HTMLElement>} */
    this.cells = new Map();
    this.summary = h('p', {class: 'delivered-summary', 'data-summary': direction});
  }

  /** The cell of a row, '–' until there is something to say. @param {string} name */
  cell(name) {
    const {title} = cellOf(name);
    const cell = h('output', {class: 'delivered', title: `${this.direction}: ${title}`, 'aria-label': `${title}, ${this.direction}`,
      'aria-live': 'off', 'data-delivered': `${this.direction}/${name}`}, '–');
    this.cells.set(name, cell);
    return cell;
  }

  /** @param {DirectionStats} stats @param {string} at @param {string} changedAt */
  show(stats, at, changedAt) {
    for (const [name, cell] of this.cells) setText(cell, cellOf(name).text(stats));
    const {since_change: c, delivered: {lateness_ms: late}} = stats;
    const ago = showMs(Math.max(0, Math.round((instant(at) - instant(changedAt)) / 1000) * 1000));
    const lateness = late.median === null ? '' : ` · released ${showMs(late.median)} late, p99 ${showMs(late.p99)}`;
    setText(this.summary, `${significant(c.packets_in, 5)} → ${significant(c.packets_out, 5)} packets since the change ${ago} ago${lateness}`);
  }
}
