// The ladder: one connection as three lifelines, drawn in SVG from what ladder_layout.js computes.

import {Problem, api} from './api.js';
import {stateClass} from './connections.js';
import {h, s, setText} from './dom.js';
import {linkInWords} from './events.js';
import {layoutLadder} from './ladder_layout.js';
import {SequencePlot} from './sequence_plot.js';
import {clock, instant, showBytes, showMs, significant} from './units.js';

/**
 * @typedef {import('./api.js').Connection} Connection
 * @typedef {import('./api.js').Segment} Segment
 * @typedef {import('./api.js').Transition} Transition
 * @typedef {import('./ladder_layout.js').Layout} Layout
 * @typedef {import('./ladder_layout.js').PlacedSegment} PlacedSegment
 * @typedef {import('./ladder_layout.js').Band} Band
 * @typedef {{connection: Connection, segments: Segment[], transitions: Transition[]}} Story
 */

/** A live connection is fetched at most this often. Milliseconds. */
const REFETCH = 700;
/** Changes of conditions that are named; of others how many there are. */
const CHANGES = 4;

export class Ladder {
  /** @param {HTMLElement} root @param {() => void} onClose */
  constructor(root, onClose) {
    this.root = root;
    this.onClose = onClose;
    this.id = 0;
    /** @type {Story|null} */
    this.story = null;
    this.print = '';
    this.selected = 0;
    this.unfolded = false;
    this.fetching = false;
    this.lastFetch = 0;
    this.timer = 0;
    this.width = 0;
    this.build();
  }

  build() {
    this.title = h('h2', {tabindex: -1});
    this.summary = h('p', {class: 'summary'});
    this.inForce = h('p', {class: 'summary in-force'});
    this.problem = h('p', {class: 'error', role: 'alert', hidden: true});
    this.absolute = h('input', {type: 'checkbox', id: 'absolute'});
    this.absolute.addEventListener('change', () => this.draw());
    this.unfold = h('button', {type: 'button', class: 'plain', hidden: true}, 'Show all segments');
    this.unfold.addEventListener('click', () => {
      this.unfolded = true;
      this.draw();
    });
    const close = h('button', {type: 'button', class: 'plain', id: 'ladder-close', 'aria-label': 'Close the ladder'}, 'Close');
    close.addEventListener('click', () => this.onClose());
    this.headSvg = s('svg', {class: 'ladder-head', 'aria-hidden': 'true'});
    this.svg = s('svg', {class: 'ladder-body', role: 'group', 'aria-label': 'Segments, in the order of sending; arrow keys go from one to the next'});
    this.svg.addEventListener('keydown', event => this.onKey(event));
    this.svg.addEventListener('focusin', event => this.onFocus(event.target));
    this.svg.addEventListener('click', event => this.onClick(event.target));
    const scroll = h('div', {class: 'ladder-scroll'}, this.headSvg, this.svg);
    this.scroll = scroll;
    new ResizeObserver(() => {
      if (scroll.clientWidth !== this.width) this.draw();
    }).observe(scroll);
    this.details = h('dl', {class: 'details', 'aria-live': 'polite'});
    this.sequence = new SequencePlot();
    this.root.append(
      h('div', {class: 'head'}, this.title, h('span', {class: 'grow'}), this.unfold,
        h('label', {class: 'check', title: 'Sequence numbers as they are on the wire'}, this.absolute, 'absolute numbers'), close),
      this.summary, this.inForce, this.problem, this.scroll, this.details, this.sequence.element);
  }

  /** @param {number} id */
  show(id) {
    this.root.hidden = false;
    if (this.id === id) return;
    this.id = id;
    this.story = null;
    this.print = '';
    this.selected = 0;
    this.unfolded = false;
    this.lastFetch = 0;
    setText(this.title ?? this.root, `Connection ${id}`);
    this.svg?.replaceChildren();
    this.details?.replaceChildren();
    api.follow(id).catch(() => {});
    this.fetch().then(() => this.root.scrollIntoView({block: 'nearest'}));
  }

  hide() {
    this.root.hidden = true;
    this.id = 0;
    this.story = null;
  }

  /** @param {import('./api.js').WobbleEvent} event */
  onEvent(event) {
    if (this.id && event.connection === this.id) this.refresh(true);
  }

  /** Fetches a connection that still lives, or of which something was heard. @param {boolean} [heard] */
  refresh(heard = false) {
    if (!this.id || document.hidden || (!heard && this.story?.connection.closed_at)) return;
    const wait = this.lastFetch + REFETCH - performance.now();
    if (wait <= 0 && !this.fetching) return void this.fetch();
    if (!this.timer) this.timer = window.setTimeout(() => { this.timer = 0; this.refresh(true); }, Math.max(wait, 100));
  }

  async fetch() {
    const {id} = this;
    this.fetching = true;
    this.lastFetch = performance.now();
    try {
      const [connection, segments, transitions] =
        await Promise.all([api.connection(id), api.segments(id), api.transitions(id)]);
      if (id === this.id) {
        this.showProblem('');
        this.accept({connection, segments: segments.items, transitions: transitions.items});
      }
    } catch (error) {
      const gone = error instanceof Problem && error.status === 404;
      if (id === this.id) this.showProblem(gone ? `There is no connection ${id} in the log.` : String(/** @type {Error} */ (error).message));
    }
    this.fetching = false;
  }

  /** @param {Story} story */
  accept(story) {
    const print = JSON.stringify(story);
    if (print === this.print) return;
    this.print = print;
    this.story = story;
    this.draw();
  }

  /** @param {string} text */
  showProblem(text) {
    if (!this.problem) return;
    setText(this.problem, text);
    this.problem.hidden = text === '';
  }

  draw() {
    if (!this.story || !this.svg || !this.headSvg || !this.scroll || this.root.hidden) return;
    const {connection} = this.story;
    this.width = this.scroll.clientWidth;
    const focused = this.svg.contains(document.activeElement);
    const layout = layoutLadder({
      ...this.story, width: this.width, absolute: this.absolute?.checked, unfolded: this.unfolded,
    });
    this.layout = layout;
    if (this.unfold) this.unfold.hidden = layout.segments.length === this.story.segments.length;
    this.drawSummary(connection);
    this.sequence?.show(this.story.segments);
    drawHead(this.headSvg, layout, connection);
    for (const [name, value] of [['width', layout.width], ['height', layout.height], ['viewBox', `0 0 ${layout.width} ${layout.height}`]]) {
      this.svg.setAttribute(String(name), String(value));
    }
    this.svg.replaceChildren(
      ...background(layout), ...lane(layout, 'client'), ...lane(layout, 'server'), ...retransmissionCurves(layout),
      ...layout.segments.map(drawSegment), s('g', {class: 'texts', 'aria-hidden': 'true'}, ...layout.segments.map(drawTexts)));
    if (this.selected) this.mark();
    if (focused) this.element(this.selected)?.focus();
  }

  /** @param {Connection} c */
  drawSummary(c) {
    const ended = c.end === 'open' ? 'open' : c.end.replaceAll('_', ' ') + (c.closed_by ? `, closed first by ${c.closed_by === 'both' ? 'both at once' : 'the ' + c.closed_by}` : '');
    const tcp = c.protocol === 'tcp';
    const parts = [
      tcp ? h('span', {class: `state ${stateClass(c.client.state)}`}, c.client.state) : c.protocol,
      tcp && h('span', {class: `state ${stateClass(c.server.state)}`}, c.server.state),
      ended, `opened ${clock(c.opened_at)}`,
      c.closed_at && `closed ${clock(c.closed_at)}`,
      c.handshake.initial_rtt_ms !== null && `RTT ${showMs(c.handshake.initial_rtt_ms)}`,
      `${significant(c.client.packets_sent, 5)} + ${significant(c.server.packets_sent, 5)} packets`,
      `${showBytes(c.client.payload_bytes)} + ${showBytes(c.server.payload_bytes)}`,
      retransmissionsInWords(c),
      c.client.dropped + c.server.dropped > 0 && `${c.client.dropped + c.server.dropped} dropped by us`,
      c.midstream && 'picked up midstream',
      !this.story?.segments.length && (tcp ? 'no segments of it are kept' : 'only segments of TCP are kept'),
    ];
    this.summary?.replaceChildren(...parts.filter(Boolean).map(part => (part instanceof Node ? part : h('span', {}, String(part)))));
    this.inForce?.replaceChildren(...inForce(c).map(text => h('span', {}, text)));
  }

  /** @param {number} id @returns {SVGGElement|null} */
  element(id) {
    return this.svg?.querySelector(`.segment[data-id="${id}"]`) ?? null;
  }

  mark() {
    this.svg?.querySelectorAll('[data-id]').forEach(g => {
      const selected = g.getAttribute('data-id') === String(this.selected);
      g.classList.toggle('selected', selected);
      if (g.hasAttribute('aria-pressed')) g.setAttribute('aria-pressed', String(selected));
    });
  }

  /** A click on a label is a click on its segment. @param {EventTarget|null} target */
  onClick(target) {
    const group = target instanceof Element ? target.closest('[data-id]') : null;
    if (group) this.element(Number(group.getAttribute('data-id')))?.focus();
  }

  /** @param {EventTarget|null} target */
  onFocus(target) {
    const group = target instanceof Element ? target.closest('.segment') : null;
    if (!group) return;
    this.selected = Number(group.getAttribute('data-id'));
    this.mark();
    const placed = this.layout?.segments.find(p => p.segment.id === this.selected);
    if (placed) this.showDetails(placed);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const all = [...(this.svg?.querySelectorAll('.segment') ?? [])];
    const at = all.findIndex(g => g === document.activeElement);
    const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1}[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const next = all[Math.min(all.length - 1, Math.max(0, to))];
    if (next instanceof SVGElement) next.focus();
  }

  /** @param {PlacedSegment} placed */
  showDetails(placed) {
    const {segment} = placed;
    const transitions = (this.story?.transitions ?? []).filter(t => t.segment && t.segment.seq === segment.seq &&
      t.segment.flags === segment.flags && t.segment.ack === segment.ack && (t.at === segment.sent_at || t.at === segment.delivered_at));
    /** @type {[string, string|false|null][]} */
    const facts = [
      ['from', segment.from], ['flags', segment.flags || 'none'], ['seq', String(segment.seq)], ['ack', String(segment.ack)],
      ['length', `${segment.length} B`], ['window', String(segment.window)],
      ['sent', clock(segment.sent_at, 9)],
      ['delivered', segment.delivered_at ? clock(segment.delivered_at, 9) : 'never'],
      ['our delay', segment.delivered_at ? showMs(placed.delayNs / 1e6) : null],
      ['fate', segment.fate + (segment.reason && segment.reason !== 'none' ? `: ${segment.reason}` : '')],
      ['step', placed.step && placed.step.replaceAll('-', ' ').replace(/(\d) (?=[a-z])/g, '$1, ')],
      ['copy', segment.copy > 0 && 'a duplicate that we made'],
      ['retransmission', segment.retransmission && 'yes'],
      ...transitions.map(t => /** @type {[string, string]} */ ([t.side, `${t.from} → ${t.to}: ${t.sentence} (${t.evidence}, ${t.rule})`])),
    ];
    this.details?.replaceChildren(...facts.filter(([, value]) => value).map(([name, value]) =>
      h('div', {}, h('dt', {}, name), h('dd', {}, value))));
  }
}

/** @param {Connection} c */
function retransmissionsInWords(c) {
  const all = c.client.retransmissions + c.server.retransmissions;
  const of = (/** @type {'due_to_us'|'fast'|'timeout'|'spurious'|'lost_behind'|'lost_before'} */ kind) => c.client.retransmitted[kind] + c.server.retransmitted[kind];
  const kinds = [of('due_to_us') && `${of('due_to_us')} because of us`, of('fast') && `${of('fast')} fast`,
    of('timeout') && `${of('timeout')} after a time-out`, of('spurious') && `${of('spurious')} for nothing`,
    of('lost_behind') && `${of('lost_behind')} lost behind us`, of('lost_before') && `${of('lost_before')} lost before us`].filter(Boolean);
  return all > 0 && `${all} retransmitted: ${kinds.join(', ')}`;
}

/** What was asked of the link while the connection lived. @param {Connection} c */
function inForce(c) {
  const all = c.conditions ?? [];
  const parts = all.slice(0, CHANGES).map((asked, i) => {
    const after = instant(asked.at) - instant(c.opened_at);
    return (i > 0 && after > 0 ? `after ${showMs(after)}: ` : 'asked: ') + linkInWords(asked);
  });
  return all.length > CHANGES ? [...parts, `and ${all.length - CHANGES} changes more`] : parts;
}

/** @param {SVGSVGElement} svg @param {Layout} layout @param {Connection} c */
function drawHead(svg, layout, c) {
  const {columns, width} = layout;
  svg.setAttribute('width', String(width));
  svg.setAttribute('height', '38');
  const name = (/** @type {number} */ x, /** @type {string} */ title, /** @type {string} */ text, /** @type {string} */ cls) => [
    s('text', {x, y: 15, class: `who ${cls}`}, title), s('text', {x, y: 29, class: 'where'}, text),
  ];
  svg.replaceChildren(
    ...name(columns.client, 'client', `${c.client.address} : ${c.client.port}`, c.client.side === 'near' ? 'up' : 'down'),
    ...name(columns.middle, 'wobble', `link ${c.link}`, ''),
    ...name(columns.server, 'server', `${c.server.address} : ${c.server.port}`, c.server.side === 'near' ? 'up' : 'down'),
    s('line', {x1: 0, x2: width, y1: 37.5, y2: 37.5, class: 'rule'}));
}

/** @param {Layout} layout */
function background(layout) {
  const {columns, height} = layout;
  const lines = [columns.client, columns.middle, columns.server].map((x, i) =>
    s('line', {x1: x, x2: x, y1: 0, y2: height, class: i === 1 ? 'lifeline middle' : 'lifeline'}));
  const ticks = layout.ticks.map(tick => s('text', {x: columns.time, y: tick.y + 3.5, class: 'tick'}, tick.text));
  const gaps = layout.gaps.flatMap(gap => [
    s('path', {d: gapPath(columns, gap.y), class: 'gap'}),
    s('text', {x: columns.middle, y: gap.y + 3.5, class: 'gap-text'}, gap.text),
  ]);
  return [...lines, ...gaps, ...ticks];
}

/** Two short breaks on each lifeline. @param {import('./ladder_layout.js').Columns} columns @param {number} y */
const gapPath = (columns, y) => [columns.client, columns.server]
  .map(x => `M${x - 6} ${y + 1}l12 -6M${x - 6} ${y + 7}l12 -6`).join('');

/** @param {Layout} layout @param {'client'|'server'} role */
function lane(layout, role) {
  const {columns} = layout;
  const x = role === 'client' ? columns.clientLane : columns.serverLane;
  const edge = role === 'client' ? x + columns.laneWidth : x;
  return layout.lanes[role].map(band => {
    const cause = band.transition ? `, ${band.transition.evidence}` : '';
    return s('g', {class: `band ${stateClass(band.state)}`, 'data-side': role, 'data-state': band.state},
      s('title', {}, `${role}: ${band.from ? band.from + ' → ' : ''}${band.state}${cause}`),
      s('rect', {x, y: band.y0, width: columns.laneWidth, height: Math.max(0, band.y1 - band.y0), class: 'fill'}),
      s('rect', {x: role === 'client' ? edge - 3 : edge, y: band.y0, width: 3, height: Math.max(0, band.y1 - band.y0), class: 'spine'}),
      band.transition && s('path', {class: 'join', d: `M${columns[role]} ${band.exactY}L${edge} ${band.y0 + 0.5}`}),
      s('text', {x: role === 'client' ? edge - 8 : edge + 8, y: band.y0 + 11.5, class: role}, band.state));
  });
}

/** A dashed curve on the sender's side, from the original to its repetition. @param {Layout} layout */
function retransmissionCurves(layout) {
  return layout.segments.flatMap(placed => {
    if (placed.original === null) return [];
    const a = layout.segments[placed.original].from, b = placed.from;
    const bulge = (placed.segment.from === 'client' ? -1 : 1) * Math.min(22, 8 + (b.y - a.y) / 12);
    return [s('path', {class: 'repeat', d: `M${a.x} ${a.y}C${a.x + bulge} ${a.y + 6} ${b.x + bulge} ${b.y - 6} ${b.x} ${b.y}`})];
  });
}

/** @param {PlacedSegment} placed */
function drawSegment(placed) {
  const {segment, from, to} = placed;
  const classes = ['segment', segment.from, `fate-${segment.fate}`, placed.dropped && 'dropped', placed.forked && 'forked',
    segment.retransmission && 'retransmission', segment.flags.includes('RST') && 'rst'].filter(Boolean).join(' ');
  const words = [segment.from, placed.label, placed.dropped ? `dropped by wobble: ${placed.note}` : placed.note && `${placed.note}`,
    segment.retransmission && 'retransmission', placed.forked && 'copy', placed.step?.replaceAll('-', ' ')].filter(Boolean).join(', ');
  return s('g', {
    class: classes, tabindex: 0, role: 'button', 'aria-pressed': 'false', 'aria-label': words, 'data-id': segment.id,
    'data-seq': segment.seq, 'data-ack': segment.ack, 'data-flags': segment.flags, 'data-from': segment.from,
    'data-fate': segment.fate, 'data-step': placed.step,
  },
    s('path', {class: 'hit', d: `M${from.x} ${from.y}L${to.x} ${to.y}`}),
    s('path', {class: 'wire', d: `M${from.x} ${from.y}L${to.x} ${to.y}`}),
    placed.dropped
      ? s('path', {class: 'cross', d: `M${to.x - 5} ${to.y - 5}l10 10m0 -10l-10 10`})
      : s('path', {class: 'arrow', d: arrowHead(from, to)}));
}

/** Above all lines, so that none crosses a text. @param {PlacedSegment} placed */
function drawTexts(placed) {
  const {segment, from, to} = placed;
  const right = segment.from === 'client' ? 1 : -1;
  const classes = ['text', segment.from, segment.retransmission && 'retransmission'].filter(Boolean).join(' ');
  const label = placed.forked ? [] : onPaper(placed.label, `label ${segment.from}`, from.x + right * 8, from.y - 4, right, 11);
  const note = !placed.note ? [] : placed.dropped
    ? onPaper(placed.note, `note lost ${segment.from}`, to.x + right * 9, to.y + 4, right, 10)
    : onPaper(placed.note, `note ${segment.from}`, to.x - right * 10, to.y + 12, -right, 10);
  return s('g', {class: classes, 'data-id': segment.id}, ...label, ...note, ...stepBadges(placed, right));
}

/** A text with something opaque behind it; the typeface is monospaced, so its width is known well enough.
 *  @param {string} text @param {string} cls @param {number} x @param {number} y @param {number} right 1: it begins at x,
 *  -1: it ends there @param {number} size */
function onPaper(text, cls, x, y, right, size) {
  const width = text.length * size * 0.605 + 2;
  return [
    s('rect', {class: 'paper', x: right > 0 ? x - 1 : x - width + 1, y: y - size * 0.85, width, height: size * 1.1}),
    s('text', {class: cls, x, y}, text),
  ];
}

/** @param {PlacedSegment} placed @param {number} right */
function stepBadges(placed, right) {
  const steps = (placed.step ?? '').split(' ').filter(Boolean);
  return steps.map((step, i) => {
    const [ritual, number] = step.split('-');
    const outward = right > 0 ? steps.length - 1 - i : i;  // two steps read from left to right on either side
    const x = placed.from.x - right * (2 + outward * 16);
    return s('g', {class: `step ${ritual}`},
      s('circle', {cx: x, cy: placed.from.y, r: 7.5}), s('text', {x, y: placed.from.y + 3.5}, number));
  });
}

/** @param {{x: number, y: number}} from @param {{x: number, y: number}} to */
function arrowHead(from, to) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const point = (/** @type {number} */ along, /** @type {number} */ aside) =>
    `${(to.x - ux * along - uy * aside).toFixed(1)} ${(to.y - uy * along + ux * aside).toFixed(1)}`;
  return `M${point(0, 0)}L${point(8, 3.6)}L${point(8, -3.6)}Z`;
}
