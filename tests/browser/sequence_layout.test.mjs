// The time-sequence plot's geometry, without a browser.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {ahead, busierSide, layoutSequence, span} from '../../web/sequence_layout.js';

const START = Date.parse('2026-11-22T09:00:00Z');
const at = ms => new Date(START + ms).toISOString();
let serial = 0;
const segment = (from, flags, seq, ack, sent, delivered, more = {}) => ({
  id: ++serial, from, flags, seq, ack, length: 0, window: 1, sent_at: at(sent), delivered_at: delivered === null ? null : at(delivered),
  fate: delivered === null ? 'dropped' : 'delayed', reason: delivered === null ? 'loss' : null, copy: 0, retransmission: false, ...more,
});
const layout = segments => layoutSequence({segments, from: 'client', width: 800, height: 240});

test('SYN and FIN take one sequence number each', () => {
  assert.equal(span(segment('client', 'SYN', 0, 0, 0, 1)), 1);
  assert.equal(span(segment('client', 'FIN,ACK', 0, 0, 0, 1, {length: 10})), 11);
  assert.equal(span(segment('client', 'ACK', 0, 0, 0, 1)), 0);
});

test('sequence numbers wrap', () => {
  assert.equal(ahead(5, 0xfffffff0), 21);
  const {marks} = layout([
    segment('client', 'ACK', 0xfffffff0, 1, 0, 10, {length: 16}), segment('client', 'ACK', 0, 1, 5, 15, {length: 16}),
  ]);
  assert.ok(marks[1].y1 < marks[0].y1, 'later bytes are higher');
});

test('drops, repeats and acknowledgements each have their mark', () => {
  const {marks, arrived, acknowledged} = layout([
    segment('client', 'ACK', 1000, 1, 0, null, {length: 100}),
    segment('client', 'ACK', 1000, 1, 200, 210, {length: 100, retransmission: true}),
    segment('server', 'ACK', 1, 1100, 220, 230),
  ]);
  assert.deepEqual(marks.map(m => m.kind), ['dropped', 'repeated']);
  assert.equal(arrived.length, 1);
  assert.ok(acknowledged.at(-1).y < acknowledged[0].y);
  assert.ok(marks[1].x > marks[0].x);
});

test('a side that sent nothing has no plot, and the busier side is chosen', () => {
  assert.equal(layout([segment('server', 'ACK', 1, 1, 0, 1, {length: 5})]), null);
  assert.equal(busierSide([segment('server', 'ACK', 1, 1, 0, 1, {length: 5})]), 'server');
  assert.equal(busierSide([segment('client', 'ACK', 1, 1, 0, 1, {length: 5})]), 'client');
});
