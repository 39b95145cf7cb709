// The time-sequence plot of one connection, beside its ladder: drops are crosses, repeated segments have their own colour.

import {h, s, setText} from './dom.js';
import {busierSide, layoutSequence} from './sequence_layout.js';
import {clock} from './units.js';

/**
 * @typedef {import('./api.js').Segment} Segment
 * @typedef {import('./api.js').Role} Role
 */

const HEIGHT = 240;
const CROSS = 4;
const LEAST = 3;  // of a mark's height, so that one segment of many can be seen

export class SequencePlot {
  constructor() {
    /** @type {Segment[]} */
    this.segments = [];
    /** @type {Role|''} */
    this.chosen = '';
    this.side = h('select', {id: 'sequence-side', 'aria-label': 'Whose sequence numbers'},
      h('option', {value: 'client'}, 'sent by the client'), h('option', {value: 'server'}, 'sent by the server'));
    this.side.addEventListener('change', () => {
      this.chosen = this.side.value === 'client' ? 'client' : 'server';
      this.draw();
    });
    this.svg = s('svg', {class: 'sequence', role: 'img', height: HEIGHT});
    this.note = h('p', {class: 'quiet'});
    this.element = h('details', {class: 'sequence-plot', id: 'sequence'}, h('summary', {}, 'Sequence numbers over time'),
      this.side, this.note, this.svg);
    this.element.addEventListener('toggle', () => this.draw());
  }

  /** @param {Segment[]} segments those that are kept, in the order of sending */
  show(segments) {
    this.segments = segments;
    this.draw();
  }

  draw() {
    if (!this.element.open) return;
    const from = this.chosen || busierSide(this.segments);
    this.side.value = from;
    const width = Math.max(320, this.element.clientWidth);
    const layout = layoutSequence({segments: this.segments, from, width, height: HEIGHT});
    this.svg.replaceChildren();
    setText(this.note, layout ? 'bar: sent · dot: arrived · line: acknowledged · cross: dropped by us · amber: sent again'
      : `Of what the ${from} sent no segment with data is kept.`);
    if (!layout) return;
    this.svg.setAttribute('width', String(width));
    const dropped = layout.marks.filter(m => m.kind === 'dropped').length;
    this.svg.setAttribute('aria-label', `${layout.marks.length} segments sent by the ${from}, ${dropped} of them dropped`);
    this.svg.append(
      ...layout.numbers.flatMap(n => [s('line', {class: 'rule', x1: 60, x2: width - 26, y1: n.y, y2: n.y}),
        s('text', {class: 'axis end', x: 56, y: n.y + 3}, n.text)]),
      ...layout.times.map(t => s('text', {class: 'axis', x: t.x, y: HEIGHT - 6}, t.text)),
      s('polyline', {class: 'acknowledged', points: layout.acknowledged.map(p => `${p.x},${p.y}`).join(' ')}),
      ...layout.arrived.map(p => s('circle', {class: `arrived ${from}`, cx: p.x, cy: p.y, r: 1.6})),
      ...layout.marks.map(m => drawMark(m, from)));
  }
}

/** @param {import('./sequence_layout.js').Mark} mark @param {Role} from */
function drawMark(mark, from) {
  const {segment, x, y0, y1, kind} = mark;
  const middle = (y0 + y1) / 2, half = Math.max(Math.abs(y0 - y1), LEAST) / 2;
  const cross = `M${x - CROSS} ${middle - CROSS}l${2 * CROSS} ${2 * CROSS}m0 ${-2 * CROSS}l${-2 * CROSS} ${2 * CROSS}`;
  const why = segment.reason && segment.reason !== 'none' ? `, ${segment.reason}` : '';
  return s('g', {class: `mark ${kind} ${from}`, 'data-id': segment.id},
    s('title', {}, `${clock(segment.sent_at, 6)} ${segment.flags} seq ${segment.seq}, ${segment.length} B, ${segment.fate}${why}`),
    s('line', {x1: x, x2: x, y1: middle + half, y2: middle - half}), kind === 'dropped' && s('path', {d: cross}));
}
