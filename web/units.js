// Quantities as text and as numbers, and the scales of the sliders. No DOM here.
//
// The daemon is the judge of what is a valid quantity: parsing serves only to put a slider where its text says.

/** Seconds of each unit of time. @type {Record<string, number>} */
const TIME = {ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600};
/** Bits per second. @type {Record<string, number>} */
const RATE = {bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9};
/** Bytes. @type {Record<string, number>} */
const SIZE = {B: 1, kB: 1e3, MB: 1e6, KiB: 1024, MiB: 1048576};
/** @type {Record<string, number>} */
const COUNT = {packets: 1, packet: 1};
/** @type {Record<string, number>} */
const PERCENT = {'%': 1};

/**
 * @param {string|undefined|null} text
 * @param {Record<string, number>} units
 * @returns {number|null} null: not a quantity of that kind
 */
function parse(text, units) {
  const match = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-zA-Z%]*)\s*$/.exec(text ?? '');
  if (!match) return null;
  const number = Number(match[1]);
  if (match[2] === '') return number === 0 ? 0 : null;
  const factor = Object.hasOwn(units, match[2]) ? units[match[2]] : undefined;
  return factor === undefined ? null : number * factor;
}

/** "80ms" → 0.08 s. @param {string|undefined|null} text */
export const parseTime = text => parse(text, TIME);
/** "5mbit" → 5e6 bit/s. @param {string|undefined|null} text */
export const parseRate = text => parse(text, RATE);
/** "64kB" → 64000 bytes. @param {string|undefined|null} text */
export const parseSize = text => parse(text, SIZE);
/** "2%" → 2. @param {string|undefined|null} text */
export const parsePercent = text => parse(text, PERCENT);
/** "100packets" → 100. @param {string|undefined|null} text */
export const parseCount = text => parse(text, COUNT);

/** A number with at most `digits` significant digits and no trailing zeros. @param {number} n @param {number} digits */
export function significant(n, digits = 3) {
  if (!Number.isFinite(n)) return '–';
  if (n === 0) return '0';
  if (Math.abs(n) >= 10 ** digits) return Math.round(n).toLocaleString('en-US').replaceAll(',', '\u202f');
  return String(Number(n.toPrecision(digits)));
}

/** As the API spells it. @param {number} seconds */
export function spellTime(seconds) {
  if (seconds === 0) return '0ms';
  if (seconds < 1e-3) return trim(seconds * 1e6) + 'us';
  if (seconds < 1) return trim(seconds * 1e3) + 'ms';
  return trim(seconds) + 's';
}
/** @param {number} bps */
export function spellRate(bps) {
  if (bps >= 1e9) return trim(bps / 1e9) + 'gbit';
  if (bps >= 1e6) return trim(bps / 1e6) + 'mbit';
  if (bps >= 1e3) return trim(bps / 1e3) + 'kbit';
  return trim(bps) + 'bit';
}
/** @param {number} bytes */
export function spellSize(bytes) {
  if (bytes >= 1e6) return trim(bytes / 1e6) + 'MB';
  if (bytes >= 1e3) return trim(bytes / 1e3) + 'kB';
  return trim(bytes) + 'B';
}
/** @param {number} percent */
export const spellPercent = percent => trim(percent) + '%';
/** @param {number} count */
export const spellCount = count => trim(count) + (count === 1 ? 'packet' : 'packets');

/** @param {number} n */
const trim = n => String(Number(n.toPrecision(6)));

/** For reading: "1.2 Mbit/s". @param {number|null|undefined} bps */
export function showRate(bps) {
  if (bps === null || bps === undefined) return '–';
  if (bps >= 1e9) return significant(bps / 1e9) + ' Gbit/s';
  if (bps >= 1e6) return significant(bps / 1e6) + ' Mbit/s';
  if (bps >= 1e3) return significant(bps / 1e3) + ' kbit/s';
  return significant(bps) + ' bit/s';
}
/** @param {number|null|undefined} bytes */
export function showBytes(bytes) {
  if (bytes === null || bytes === undefined) return '–';
  if (bytes >= 1e9) return significant(bytes / 1e9) + ' GB';
  if (bytes >= 1e6) return significant(bytes / 1e6) + ' MB';
  if (bytes >= 1e3) return significant(bytes / 1e3) + ' kB';
  return bytes + ' B';
}
/** @param {number|null|undefined} percent */
export const showPercent = percent =>
  percent === null || percent === undefined ? '–' : significant(percent) + ' %';

/** A length of time for reading: "80.1 ms", "4.2 s", "3 min". @param {number|null|undefined} ms */
export function showMs(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–';
  const size = Math.abs(ms);
  if (size === 0) return '0 ms';
  if (size < 0.001) return significant(ms * 1e6) + ' ns';
  if (size < 1) return significant(ms * 1e3) + ' µs';
  if (size < 1000) return significant(ms) + ' ms';
  if (size < 120e3) return significant(ms / 1000) + ' s';
  if (size < 7200e3) return significant(ms / 60e3) + ' min';
  if (size < 48 * 3600e3) return significant(ms / 3600e3) + ' h';
  return significant(ms / 86400e3) + ' d';
}

/**
 * An instant of the API, in milliseconds since the epoch. A double holds today's to a quarter of a microsecond.
 * @param {string} text RFC 3339 with up to nine fractional digits
 */
export function instant(text) {
  const dot = text.indexOf('.');
  const whole = Date.parse(dot < 0 ? text : text.slice(0, dot) + 'Z');
  return dot < 0 ? whole : whole + Number('0' + text.slice(dot).replace('Z', '')) * 1000;
}

/**
 * From one instant to another, in nanoseconds, exact while it is less than about a hundred days.
 * @param {string} from @param {string} to
 */
export function nanosecondsBetween(from, to) {
  const [a, b] = [split(from), split(to)];
  return (b.whole - a.whole) * 1e6 + (b.nanoseconds - a.nanoseconds);
}

/** @param {string} text */
function split(text) {
  const match = /^(.*?)(?:\.(\d+))?Z$/.exec(text);
  if (!match) return {whole: Date.parse(text), nanoseconds: 0};
  return {whole: Date.parse(match[1] + 'Z'), nanoseconds: Number((match[2] ?? '').padEnd(9, '0').slice(0, 9))};
}

/** The time of day with milliseconds, local. @param {string} text */
export function clock(text, fraction = 3) {
  const date = new Date(Math.floor(instant(text)));
  const time = date.toLocaleTimeString('en-GB', {hour12: false});
  return fraction ? `${time}.${(text.split('.')[1] ?? '000').slice(0, fraction)}` : time;
}

/**
 * @typedef {object} Scale a slider's positions and what they mean
 * @property {number[]} steps the values, rising; position = index
 * @property {(value: number) => string} spell
 * @property {(text: string|undefined|null) => number|null} read
 */

/** Values as people choose them: about twenty to a decade. @param {number} from @param {number} to */
function decades(from, to) {
  const mantissas = [1, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9];
  const steps = [];
  for (let decade = from; decade < to * 1.0001; decade *= 10) {
    for (const m of mantissas) {
      const value = Number((m * decade).toPrecision(3));
      if (value <= to * 1.0001) steps.push(value);
    }
  }
  return steps;
}

/** @type {Record<'time'|'percent'|'rate'|'count'|'size', Scale>} */
export const SCALES = {
  time: {steps: [0, ...decades(0.001, 5)], spell: spellTime, read: parseTime},
  percent: {steps: [0, ...decades(0.01, 100)], spell: spellPercent, read: parsePercent},
  rate: {steps: decades(1e4, 1e9), spell: spellRate, read: parseRate},
  count: {steps: [...new Set(decades(1, 10000).map(Math.round))], spell: spellCount, read: parseCount},
  size: {steps: decades(1500, 1e8), spell: spellSize, read: parseSize},
};

/** The position nearest to a value, by ratio. @param {Scale} scale @param {number} value */
export function positionOf(scale, value) {
  const {steps} = scale;
  if (value <= steps[0]) return 0;
  for (let i = 1; i < steps.length; ++i) {
    if (value > steps[i]) continue;
    const middle = steps[i - 1] === 0 ? steps[i] / 2 : Math.sqrt(steps[i - 1] * steps[i]);
    return value < middle ? i - 1 : i;
  }
  return steps.length - 1;
}

/** The scale that a queue's limit is written in. @param {string} text */
export function queueScale(text) {
  if (parseTime(text) !== null && /[a-z]/i.test(text)) return SCALES.time;
  if (parseSize(text) !== null && /B\s*$/.test(text)) return SCALES.size;
  return SCALES.count;
}

/** `text` as one word of a POSIX shell. @param {string} text */
export const shellQuote = text => "'" + text.replaceAll("'", "'\\''") + "'";
