// The last two minutes, drawn by uPlot: for each direction rate, drops by reason, delay and packets in flight.

import uPlot from '/vendor/uPlot.esm.js';
import {h, setText} from './dom.js';
import {instant, parseTime, showBytes, showRate, significant} from './units.js';

/**
 * @typedef {import('./api.js').Stats} Stats
 * @typedef {import('./api.js').DirectionStats} DirectionStats
 * @typedef {import('./api.js').DirectionName} DirectionName
 * @typedef {{name: string, color: string, width?: number, dash?: number[], fill?: string, stepped?: boolean}} Line
 * @typedef {object} Sheet one chart
 * @property {string} title
 * @property {Line[]} lines
 * @property {(value: number) => string} tick
 * @property {number} least the least height of its scale
 * @property {(now: DirectionStats, before: DirectionStats|null, seconds: number) => (number|null)[]} sample
 * @property {(values: (number|null)[]) => string[]} tell one text a line; '' hides its key
 */

/** Seconds shown. */
const WINDOW = 120;
/** A pause between samples beyond this is a gap in the lines. Seconds. */
const GAP = 3.5;

/** @param {number} value */
function shortNumber(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return significant(value / 1e9) + 'G';
  if (size >= 1e6) return significant(value / 1e6) + 'M';
  if (size >= 1e3) return significant(value / 1e3) + 'k';
  return significant(value);
}

/** @param {string} reason @param {DirectionStats} now @param {DirectionStats|null} before @param {number} seconds */
function dropRate(reason, now, before, seconds) {
  if (!before || seconds <= 0) return null;
  const count = (now.total.dropped[reason] ?? 0) - (before.total.dropped[reason] ?? 0);
  return count < 0 ? null : count / seconds;
}

/** The last is drawn on top. */
const DROP_REASONS = ['malformed', 'device', 'memory', 'outage', 'queue', 'aqm', 'loss'];

/** @param {DirectionName} direction @returns {Sheet[]} */
const sheets = direction => [
  {
    title: 'Rate', least: 1000, tick: shortNumber,
    lines: [
      {name: 'in', color: '--quiet-line', dash: [3, 3]},
      {name: 'out', color: `--${direction}`, width: 1.5, fill: `--${direction}-wash`},
    ],
    sample: now => [now.delivered.rate_in_bps, now.delivered.rate_out_bps],
    tell: ([a, b]) => [`in ${showRate(a)}`, `out ${showRate(b)}`],
  },
  {
    title: 'Dropped, per second', least: 1, tick: shortNumber,
    lines: DROP_REASONS.map(name => ({name, color: `--drop-${name}`, width: 1.5})),
    sample: (now, before, seconds) => DROP_REASONS.map(reason => dropRate(reason, now, before, seconds)),
    tell: values => DROP_REASONS.map((reason, i) => (reason === 'loss' || values[i] ? `${reason} ${perSecond(values[i])}` : '')),
  },
  {
    title: 'Delay, ms', least: 1, tick: shortNumber,
    lines: [
      {name: 'asked', color: '--quiet-line', dash: [3, 3], stepped: true},
      {name: 'p99', color: `--${direction}-soft`},
      {name: 'p50', color: `--${direction}`, width: 1.5},
    ],
    sample: now => [
      (parseTime(now.asked.delay?.time ?? '0') ?? 0) * 1000, now.delivered.delay_ms.p99, now.delivered.delay_ms.median,
    ],
    tell: ([a, b, c]) => [`asked ${plain(a)}`, `p99 ${plain(b)}`, `p50 ${plain(c)}`],
  },
  {
    title: 'In flight', least: 4, tick: shortNumber,
    lines: [{name: 'packets', color: `--${direction}`, width: 1.5, fill: `--${direction}-wash`}],
    sample: now => [now.in_flight.packets],
    tell: ([a]) => [a === null ? '–' : `${significant(a)} packet${a === 1 ? '' : 's'}`],
  },
];

/** @param {number|null} value */
const plain = value => (value === null ? '–' : significant(value));
/** @param {number|null} value */
const perSecond = value => (value === null ? '–' : significant(value, 2));

const probe = h('i', {class: 'offscreen', 'aria-hidden': 'true'});

/** A colour of the style sheet as the canvas understands it, in the theme of the moment. @param {string} variable */
function colour(variable) {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(${variable})`;
  return getComputedStyle(probe).color;
}

class Chart {
  /** @param {Sheet} sheet @param {DirectionName} direction */
  constructor(sheet, direction) {
    this.sheet = sheet;
    this.direction = direction;
    /** @type {(number|null)[][]} */
    this.data = [[], ...sheet.lines.map(() => [])];
    this.keys = sheet.lines.map(() => h('span', {class: 'text'}));
    const marks = sheet.lines.map((line, i) => {
      const mark = h('span', {class: line.dash ? 'key dashed' : 'key'});
      mark.style.setProperty('--key', `var(${line.color})`);
      return h('span', {class: 'entry'}, mark, this.keys[i]);
    });
    this.plot = h('div', {class: 'plot', role: 'img'});
    this.element = h('figure', {class: 'chart'},
      h('figcaption', {}, h('b', {}, sheet.title), ...marks), this.plot);
    /** @type {uPlot|null} */
    this.uplot = null;
    new ResizeObserver(() => this.resize()).observe(this.plot);
  }

  resize() {
    const [width, height] = [this.plot.clientWidth, this.plot.clientHeight];
    if (width < 40 || height < 40) return;
    if (this.uplot) this.uplot.setSize({width, height});
    else this.uplot = new uPlot(this.options(width, height), this.columns(), this.plot);
  }

  /** @param {number} width @param {number} height @returns {uPlot.Options} */
  options(width, height) {
    const font = '10.5px system-ui, sans-serif';
    const axis = {
      stroke: () => colour('--quiet'), font, grid: {stroke: () => colour('--hair'), width: 1}, ticks: {show: false},
    };
    return {
      width, height, padding: [6, 4, 0, 0], legend: {show: false}, pxAlign: true,
      cursor: {sync: {key: 'wobble'}, points: {size: 5}, drag: {x: false, y: false, setScale: false}, y: false},
      hooks: {setCursor: [u => this.tell(u.cursor.idx ?? null)]},
      scales: {
        x: {time: false, range: () => [this.now - WINDOW, this.now]},
        y: {range: (_u, _low, high) => [0, Math.max(this.sheet.least, (high ?? 0) * 1.08)]},
      },
      axes: [
        {
          ...axis, size: 18, gap: 3, splits: () => [0, 30, 60, 90, 120].map(s => this.now - s).reverse(),
          values: (_u, splits) => splits.map((_s, i) => ['', '−90 s', '−60 s', '−30 s', ''][i]),
        },
        {...axis, size: 38, gap: 4, space: 22, values: (_u, splits) => splits.map(v => this.sheet.tick(v))},
      ],
      series: [{}, ...this.sheet.lines.map(line => ({
        stroke: () => colour(line.color), width: line.width ?? 1, dash: line.dash, points: {show: false},
        fill: line.fill ? () => colour(/** @type {string} */ (line.fill)) : undefined,
        paths: line.stepped ? uPlot.paths.stepped?.({align: -1}) : undefined,
      }))],
    };
  }

  get now() {
    return this.data[0][this.data[0].length - 1] ?? 0;
  }

  columns() {
    return /** @type {uPlot.AlignedData} */ (this.data);
  }

  /** @param {number} time seconds @param {(number|null)[]} values */
  add(time, values) {
    const times = this.data[0];
    const last = times[times.length - 1] ?? time;
    if (time < /** @type {number} */ (last)) this.data = this.data.map(() => []);
    else if (time - /** @type {number} */ (last) > GAP) this.data.forEach((column, i) => column.push(i === 0 ? time - 0.5 : null));
    this.data[0].push(time);
    values.forEach((value, i) => this.data[i + 1].push(value));
    while ((this.data[0][0] ?? time) < time - WINDOW - 5) for (const column of this.data) column.shift();
    this.uplot?.setData(this.columns());
    this.tell(this.uplot?.cursor.idx ?? null);
  }

  /** Writes the keys: at the cursor, or else the latest. @param {number|null} index */
  tell(index) {
    const at = index ?? this.data[0].length - 1;
    const texts = this.sheet.tell(this.sheet.lines.map((_line, i) => this.data[i + 1][at] ?? null));
    texts.forEach((text, i) => {
      setText(this.keys[i], text);
      const entry = this.keys[i].parentElement;
      if (entry) entry.hidden = text === '';
    });
    const label = `${this.sheet.title}, ${this.direction}: ${texts.filter(Boolean).join(', ')}`;
    if (this.plot.getAttribute('aria-label') !== label) this.plot.setAttribute('aria-label', label);
  }
}

export class Charts {
  /** @param {HTMLElement} root */
  constructor(root) {
    /** @type {Record<DirectionName, Chart[]>} */
    this.charts = {up: [], down: []};
    /** @type {Stats|null} */
    this.before = null;
    for (const direction of /** @type {DirectionName[]} */ (['up', 'down'])) {
      this.charts[direction] = sheets(direction).map(sheet => new Chart(sheet, direction));
      const bytes = h('span', {class: 'quiet'});
      root.append(h('h2', {class: direction}, direction, ' ', bytes),
        h('div', {class: 'charts'}, ...this.charts[direction].map(chart => chart.element)));
      this.charts[direction].forEach(chart => chart.resize());
      bytes.dataset.totals = direction;
    }
    this.root = root;
  }

  /** @param {Stats} stats */
  add(stats) {
    const time = instant(stats.at) / 1000;
    const before = this.before;
    const seconds = before ? time - instant(before.at) / 1000 : 0;
    if (before && seconds === 0) return;
    for (const direction of /** @type {DirectionName[]} */ (['up', 'down'])) {
      const [now, then] = [stats[direction], before ? before[direction] : null];
      for (const chart of this.charts[direction]) chart.add(time, chart.sheet.sample(now, then, seconds));
      const totals = this.root.querySelector(`[data-totals=${direction}]`);
      const {packets_out: packets, bytes_out: bytes, dropped} = now.total;
      if (totals) setText(totals, `${significant(packets, 5)} packets, ${showBytes(bytes)} delivered, ${significant(dropped.total ?? 0, 5)} dropped in all`);
    }
    this.before = stats;
  }

  /** The theme changed: the canvas must be told. */
  redraw() {
    for (const chart of [...this.charts.up, ...this.charts.down]) chart.uplot?.redraw(false);
  }
}
