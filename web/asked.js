// The table "asked and delivered" of one direction.

import {h, setText} from './dom.js';
import {instant, showBytes, showMs, showPercent, showRate, significant} from './units.js';

/**
 * @typedef {import('./api.js').DirectionStats} DirectionStats
 * @typedef {import('./api.js').Conditions} Conditions
 * @typedef {{name: string, title?: string, asked: (c: Conditions) => string, delivered: (d: DirectionStats) => string}} Line
 */

/** @param {import('./api.js').Spread} spread */
const medianAnd99 = spread => (spread.median === null ? '–' : `${showMs(spread.median)} · ${showMs(spread.p99)}`);
/** @param {DirectionStats} d @param {string[]} reasons */
const drops = (d, ...reasons) => {
  const n = reasons.reduce((sum, reason) => sum + (d.since_change.dropped[reason] ?? 0), 0);
  return n ? `${significant(n)} dropped` : '–';
};

/** @type {Line[]} */
const LINES = [
  {
    name: 'Delay', title: 'delivered: median · 99th percentile',
    asked: c => (c.delay ? [c.delay.time ?? '0ms', c.delay.jitter && `± ${c.delay.jitter}`].filter(Boolean).join(' ') : ''),
    delivered: d => medianAnd99(d.delivered.delay_ms),
  },
  {
    name: 'Lateness', title: 'of release, beyond what was asked: median · 99th percentile', asked: () => '',
    delivered: d => medianAnd99(d.delivered.lateness_ms),
  },
  {
    name: 'Loss', asked: c => c.loss?.random ?? askedBursts(c.loss?.gilbert_elliott),
    delivered: d => showPercent(d.delivered.loss_percent),
  },
  {name: 'Duplicate', asked: c => c.duplicate?.percent ?? '', delivered: d => showPercent(d.delivered.duplicate_percent)},
  {name: 'Corrupt', asked: c => c.corrupt?.percent ?? '', delivered: d => showPercent(d.delivered.corrupt_percent)},
  {name: 'Reorder', asked: c => c.reorder?.percent ?? '', delivered: d => showPercent(d.delivered.reorder_percent)},
  {name: 'Rate', title: 'delivered: in the last second', asked: c => c.rate ?? '', delivered: d => showRate(d.delivered.rate_out_bps)},
  {name: 'Queue', asked: c => c.queue?.limit ?? '', delivered: d => drops(d, 'queue')},
  {
    name: 'Outage', asked: c => (c.outage?.on ? 'now' : c.outage?.up_for ? `${c.outage.up_for} / ${c.outage.down_for}` : ''),
    delivered: d => drops(d, 'outage'),
  },
  {
    name: 'Packets', title: 'since the last change of conditions: in → out', asked: () => '',
    delivered: d => `${significant(d.since_change.packets_in, 4)} → ${significant(d.since_change.packets_out, 4)}`,
  },
  {
    name: 'Bytes', title: 'since the last change of conditions: in → out', asked: () => '',
    delivered: d => `${showBytes(d.since_change.bytes_in)} → ${showBytes(d.since_change.bytes_out)}`,
  },
];

/** The mean that a Gilbert-Elliott model comes to. @param {Record<string, string>|undefined} model */
function askedBursts(model) {
  if (!model) return '';
  const of = (/** @type {string} */ name, /** @type {number} */ otherwise) =>
    model[name] === undefined ? otherwise : parseFloat(model[name]) / 100;
  const [p, r] = [of('p', 0), of('r', 0)];
  if (!(p + r > 0)) return 'bursts';
  const bad = p / (p + r);
  return `≈ ${significant(100 * (bad * of('1-h', 1) + (1 - bad) * of('1-k', 0)), 2)} % bursts`;
}

export class AskedTable {
  /** @param {'up'|'down'} direction */
  constructor(direction) {
    /** @type {{line: Line, row: HTMLElement, asked: HTMLElement, delivered: HTMLElement}[]} */
    this.cells = [];
    this.since = h('span', {class: 'quiet'});
    const body = h('tbody');
    for (const line of LINES) {
      const [asked, delivered] = [h('td', {class: 'num'}), h('td', {class: 'num'})];
      const row = h('tr', {}, h('th', {scope: 'row', title: line.title}, line.name), asked, delivered);
      this.cells.push({line, row, asked, delivered});
      body.append(row);
    }
    this.element = h('table', {class: `asked ${direction}`},
      h('caption', {}, h('b', {}, direction), ' ', this.since),
      h('thead', {}, h('tr', {}, h('td'), h('th', {scope: 'col'}, 'asked'), h('th', {scope: 'col'}, 'delivered'))),
      body);
  }

  /** @param {DirectionStats} stats @param {string} at @param {string} changedAt */
  show(stats, at, changedAt) {
    setText(this.since, `since the last change, ${showMs(Math.max(0, instant(at) - instant(changedAt)))} ago`);
    for (const {line, row, asked, delivered} of this.cells) {
      const text = line.asked(stats.asked);
      setText(asked, text);
      setText(delivered, line.delivered(stats));
      row.classList.toggle('set', text !== '');
    }
  }
}
