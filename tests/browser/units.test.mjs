// Quantities, sliders' scales and the patches of the controls, without a browser.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {describedFields} from '../../web/described_fields.js';
import {inWords} from '../../web/events.js';
import {FIELDS, isAbout} from '../../web/fields.js';
import {SCALES, instant, nanosecondsBetween, parsePercent, parseRate, parseSize, parseTime, positionOf, queueScale,
  shellQuote, showMs} from '../../web/units.js';

test('quantities are read as the API spells them', () => {
  assert.equal(parseTime('80ms'), 0.08);
  assert.equal(parseTime('1.5s'), 1.5);
  assert.equal(parseTime('0'), 0);
  assert.equal(parseTime('80'), null);
  assert.equal(parseTime('80 bananas'), null);
  assert.equal(parseTime('5constructor'), null);
  assert.equal(parseRate('5mbit'), 5e6);
  assert.equal(parseRate('5kbps'), null);
  assert.equal(parseSize('64KiB'), 65536);
  assert.equal(parsePercent('2%'), 2);
});

test('every step of a slider reads back as itself', () => {
  for (const [name, scale] of Object.entries(SCALES)) {
    scale.steps.forEach((value, i) => {
      assert.equal(positionOf(scale, scale.read(scale.spell(value))), i, `${name} ${value}`);
      if (i) assert.ok(value > scale.steps[i - 1], `${name} rises at ${value}`);
    });
  }
});

test('a value between two steps stands at the nearer one, beyond the end at the end', () => {
  assert.equal(SCALES.time.steps[positionOf(SCALES.time, 0.0801)], 0.08);
  assert.equal(positionOf(SCALES.time, 3600), SCALES.time.steps.length - 1);
});

test('a queue\'s slider speaks the unit of its text', () => {
  assert.equal(queueScale('100packets'), SCALES.count);
  assert.equal(queueScale('64kB'), SCALES.size);
  assert.equal(queueScale('200ms'), SCALES.time);
});

test('instants keep their nanoseconds', () => {
  assert.equal(nanosecondsBetween('2026-11-22T09:05:57.999999999Z', '2026-11-22T09:05:58.000000001Z'), 2);
  assert.equal(nanosecondsBetween('2026-11-22T09:05:57Z', '2026-11-22T09:05:57.5Z'), 5e8);
  assert.equal(instant('2026-11-22T09:05:57.250000000Z') % 1000, 250);
});

test('lengths of time read well', () => {
  assert.equal(showMs(80.123), '80.1 ms');
  assert.equal(showMs(0.021), '21 µs');
  assert.equal(showMs(5020), '5.02 s');
  assert.equal(showMs(null), '–');
});

test('a control\'s patch leaves its neighbours alone', () => {
  assert.deepEqual(FIELDS.delay.write({}, '80ms'), {delay: {time: '80ms'}});
  assert.deepEqual(FIELDS.delay.write({delay: {time: '80ms', jitter: '5ms'}}, ''), {delay: {time: '0ms'}});
  assert.deepEqual(FIELDS.delay.write({delay: {time: '80ms'}}, '0ms'), {delay: null});
  assert.deepEqual(FIELDS.jitter.write({}, '5ms'), {delay: {time: '0ms', jitter: '5ms'}});
  assert.deepEqual(FIELDS.loss.write({}, '2%'), {loss: {random: '2%'}});
  assert.deepEqual(FIELDS.rate.write({rate: '5mbit'}, ' '), {rate: null});
  assert.deepEqual(FIELDS.reorder.write({}, '5%'), {reorder: {percent: '5%', by: '3packets'}});
  assert.deepEqual(FIELDS.outage.write({outage: {on: true}}, ''), {outage: null});
  assert.deepEqual(FIELDS.bits.write({corrupt: {percent: '1%'}}, 'seven'), {corrupt: {bits: 'seven'}});
});

test('a described setting\'s patch is as its kind asks', () => {
  const size = name => ({name, kind: 'size', help: '', default: '0B'});
  const {below, plain} = describedFields([
    {name: 'loss', kind: 'object', help: '', shorthand: 'random', settings: [
      {name: 'random', kind: 'percent', help: '', alternative: 'random'}, {name: 'list', kind: 'numbers', help: '', alternative: 'list'}]},
    {name: 'rate', kind: 'object', help: '', shorthand: 'rate', settings: [
      {name: 'rate', kind: 'rate', help: ''}, {name: 'cell', kind: 'object', help: '', settings: [size('size'), size('overhead')]}]},
    {name: 'mtu', kind: 'object', help: '', shorthand: 'bytes', settings: [size('bytes'), {name: 'icmp', kind: 'flag', help: '', default: true}]},
    {name: 'night', kind: 'object', help: '', shorthand: 'on', settings: [{name: 'on', kind: 'flag', help: '', default: false}]},
  ], ['loss', 'rate'], ['loss/random', 'rate']);
  const fields = Object.fromEntries([...Object.values(below).flat(), ...plain.flatMap(row => row.fields)].map(({field}) => [field.key, field]));
  assert.deepEqual(fields['rate/cell/size'].write({rate: '5mbit'}, '48B'), {rate: {cell: {size: '48B'}}});
  assert.deepEqual(fields['loss/list'].write({}, '3, 5 x'), {loss: {list: [3, 5, 'x']}});
  assert.deepEqual(fields['mtu/icmp'].write({mtu: {bytes: '1400B'}}, ''), {mtu: {icmp: false}});
  assert.deepEqual(fields['mtu/bytes'].write({mtu: {bytes: '1400B'}}, ''), {mtu: null});
  assert.deepEqual(fields['night/on'].write({}, 'true'), {night: {on: true}});
  assert.equal(fields['rate/rate'], undefined, 'it has a control of its own');
});

test('conditions in few words', () => {
  assert.equal(inWords({}), 'clean');
  assert.equal(inWords({delay: {time: '80ms', jitter: '10ms', distribution: 'normal'}, loss: {random: '2%'}, rate: '5mbit'}),
    'delay 80ms ±10ms normal, loss 2%, rate 5mbit');
  assert.equal(inWords({loss: {gilbert_elliott: {p: '1%', r: '10%'}}, outage: {up_for: '10s', down_for: '1s'}}),
    'loss p 1% r 10%, outage 1s each 10s');
});

test('an error finds its field', () => {
  assert.ok(isAbout(FIELDS.jitter, '/up/delay/jitter'));
  assert.ok(isAbout(FIELDS.delay, '/down/delay'));
  assert.ok(!isAbout(FIELDS.delay, '/up/delay/jitter'));
  assert.ok(isAbout(FIELDS.rate, '/both/rate'));
});

test('a shell takes the quoted line as one word', () => {
  assert.equal(shellQuote("it's"), "'it'\\''s'");
});
