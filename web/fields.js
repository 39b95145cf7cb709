// The controls that the page has made by hand: what each shows of the conditions of a direction, and which merge patch
// (RFC 7396) sets it. All others are described_fields.js'. No DOM.
//
// A patch names only what the control is about, so that a change from elsewhere to its neighbours survives.

import {nameOfDistribution} from './described_fields.js';
import {SCALES, parsePercent, parseTime} from './units.js';

/** @typedef {import('./api.js').Conditions} Conditions */

/**
 * @typedef {object} Field
 * @property {string} key the JSON pointer below the direction, without its first slash
 * @property {string} label the accessible name, without the direction
 * @property {(c: Conditions) => string} read '' at its default
 * @property {(c: Conditions, text: string) => object} write a merge patch for the direction
 */

/** @param {string} text */
const isNoTime = text => text.trim() === '' || parseTime(text) === 0;
/** @param {string} text */
const isNoPercent = text => text.trim() === '' || parsePercent(text) === 0;
/** A text, or null for the default. @param {string} text */
const orNull = text => (text.trim() === '' ? null : text.trim());

/** @param {Conditions} c @param {object} change of `delay`, which always has its time */
const delayPatch = (c, change) => ({delay: {...(c.delay ? {} : {time: '0ms'}), ...change}});

/** @type {Record<string, Field>} */
export const FIELDS = {
  delay: {
    key: 'delay/time',
    label: 'delay',
    read: c => c.delay?.time ?? '',
    write: (c, text) => {
      const others = Object.keys(c.delay ?? {}).some(name => name !== 'time');
      if (isNoTime(text)) return {delay: others ? {time: '0ms'} : null};
      return {delay: {time: text.trim()}};
    },
  },
  jitter: {
    key: 'delay/jitter',
    label: 'jitter',
    read: c => c.delay?.jitter ?? '',
    write: (c, text) => delayPatch(c, {jitter: isNoTime(text) ? null : text.trim()}),
  },
  distribution: {
    key: 'delay/distribution',
    label: 'distribution of the jitter',
    read: c => nameOfDistribution(c.delay?.distribution),
    write: (c, text) => delayPatch(c, {distribution: text === 'uniform' ? null : text}),
  },
  overtake: {
    key: 'delay/reorder',
    label: 'packets may overtake each other',
    read: c => (c.delay?.reorder ? 'true' : ''),
    write: (c, text) => delayPatch(c, {reorder: text ? true : null}),
  },
  loss: {
    key: 'loss/random',
    label: 'loss',
    read: c => c.loss?.random ?? '',
    write: (_c, text) => ({loss: isNoPercent(text) ? null : {random: text.trim()}}),
  },
  duplicate: {
    key: 'duplicate/percent',
    label: 'duplicate',
    read: c => c.duplicate?.percent ?? '',
    write: (_c, text) => ({duplicate: isNoPercent(text) ? null : {percent: text.trim()}}),
  },
  corrupt: {
    key: 'corrupt/percent',
    label: 'corrupt',
    read: c => c.corrupt?.percent ?? '',
    write: (_c, text) => ({corrupt: isNoPercent(text) ? null : {percent: text.trim()}}),
  },
  bits: {
    key: 'corrupt/bits',
    label: 'bits flipped',
    read: c => String(c.corrupt?.bits ?? 1),
    write: (c, text) => ({
      corrupt: {...(c.corrupt ? {} : {percent: '0%'}), bits: /^\s*\d+\s*$/.test(text) ? Number(text) : orNull(text)},
    }),
  },
  fixChecksum: {
    key: 'corrupt/fix_checksum',
    label: 'make the checksum right again',
    read: c => (c.corrupt?.fix_checksum ? 'true' : ''),
    write: (c, text) => ({corrupt: {...(c.corrupt ? {} : {percent: '0%'}), fix_checksum: text ? true : null}}),
  },
  reorder: {
    key: 'reorder/percent',
    label: 'reorder',
    read: c => c.reorder?.percent ?? '',
    write: (c, text) => ({
      reorder: isNoPercent(text) ? null : {percent: text.trim(), ...(c.reorder?.by ? {} : {by: '3packets'})},
    }),
  },
  reorderBy: {
    key: 'reorder/by',
    label: 'moved back by',
    read: c => c.reorder?.by ?? '',
    write: (c, text) => ({reorder: {...(c.reorder ? {} : {percent: '1%'}), by: orNull(text)}}),
  },
  rate: {
    key: 'rate',
    label: 'rate',
    read: c => (typeof c.rate === 'object' ? c.rate?.rate : c.rate) ?? '',
    write: (c, text) => ({rate: typeof c.rate === 'object' && orNull(text) !== null ? {rate: text.trim()} : orNull(text)}),
  },
  queue: {
    key: 'queue/limit',
    label: 'queue limit',
    read: c => c.queue?.limit ?? '',
    write: (c, text) => ({queue: orNull(text) !== null ? {limit: text.trim()} : c.queue?.discipline ? {limit: null} : null}),
  },
  outage: {
    key: 'outage/on',
    label: 'outage',
    read: c => (c.outage?.on ? 'true' : ''),
    write: (c, text) => ({outage: text ? {on: true} : c.outage?.up_for ? {on: null} : null}),
  },
  outageUp: {
    key: 'outage/up_for',
    label: 'outage cycle: up for',
    read: c => c.outage?.up_for ?? '',
    write: (c, text) => cyclePatch(c, isNoTime(text) ? null : {up_for: text.trim(), down_for: c.outage?.down_for ?? '1s'}),
  },
  outageDown: {
    key: 'outage/down_for',
    label: 'outage cycle: down for',
    read: c => c.outage?.down_for ?? '',
    write: (c, text) => cyclePatch(c, isNoTime(text) ? null : {down_for: text.trim(), up_for: c.outage?.up_for ?? '10s'}),
  },
  dropInFlight: {
    key: 'outage/drop_in_flight',
    label: 'an outage also drops what is in flight',
    read: c => (c.outage?.drop_in_flight ? 'true' : ''),
    write: (_c, text) => ({outage: {drop_in_flight: text ? true : null}}),
  },
};

/** An outage's cycle has both times or neither. @param {Conditions} c @param {object|null} cycle */
function cyclePatch(c, cycle) {
  if (cycle) return {outage: cycle};
  return {outage: c.outage?.on ? {up_for: null, down_for: null} : null};
}

/**
 * A row of the card: its slider's scale, what its text field says when empty, and where the slider then stands.
 * @typedef {{name: string, title: string, scale: import('./units.js').Scale|null, empty: string, emptyAtEnd?: boolean,
 *   hint: string}} Row
 */
/** @type {Row[]} */
export const SLIDERS = [
  {name: 'delay', title: 'Delay', scale: SCALES.time, empty: '0ms', hint: 'one way'},
  {name: 'jitter', title: 'Jitter', scale: SCALES.time, empty: '0ms', hint: 'around the delay'},
  {name: 'loss', title: 'Loss', scale: SCALES.percent, empty: '0%', hint: 'of packets'},
  {name: 'duplicate', title: 'Duplicate', scale: SCALES.percent, empty: '0%', hint: 'of packets'},
  {name: 'corrupt', title: 'Corrupt', scale: SCALES.percent, empty: '0%', hint: 'of packets'},
  {name: 'reorder', title: 'Reorder', scale: SCALES.percent, empty: '0%', hint: 'of packets'},
  {name: 'rate', title: 'Rate', scale: SCALES.rate, empty: 'no limit', emptyAtEnd: true, hint: 'of the bottleneck'},
  {name: 'queue', title: 'Queue', scale: SCALES.count, empty: '1s / 1MiB', emptyAtEnd: true, hint: 'at the bottleneck'},
];

/** Does an error at `pointer` ("/up/delay/time") belong to this field? @param {Field} field @param {string} pointer */
export function isAbout(field, pointer) {
  const below = pointer.replace(/^\/(up|down|both)(\/|$)/, '').replace(/^\//, '');
  return below === field.key || field.key.startsWith(below + '/') || below.startsWith(field.key + '/');
}
