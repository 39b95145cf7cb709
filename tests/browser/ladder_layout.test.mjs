// The ladder's geometry and the numbering of the two rituals, without a browser.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {layoutLadder, FOLD_ABOVE, MAX_GAP, BAND_HEIGHT} from '../../web/ladder_layout.js';
import {numberSteps} from '../../web/rituals.js';
import {makeConnection, storyOf} from './fake_connections.mjs';

const START = Date.parse('2026-11-22T09:00:00Z');

/** Ids by residue: see fake_connections. 8: orderly, 3: open, 5: refused, 7: reset. */
function ladderOf(id, change = story => story) {
  const connection = makeConnection(id, START);
  const story = change(storyOf(connection));
  return {connection, story, layout: layoutLadder({connection, ...story, width: 800})};
}

let serial = 0;
const at = ms => new Date(START + Math.floor(ms)).toISOString().replace('Z', String(Math.round((ms % 1) * 1e6)).padStart(6, '0') + 'Z');
const segment = (from, flags, seq, ack, sent, delivered, more = {}) => ({
  id: ++serial, from, flags, seq, ack, length: 0, window: 1, sent_at: at(sent), delivered_at: delivered === null ? null : at(delivered),
  fate: delivered === null ? 'dropped' : 'delayed', reason: delivered === null ? 'loss' : null, copy: 0, retransmission: false, ...more,
});
const layoutOf = segments => layoutLadder({connection: makeConnection(8, START), segments, transitions: [], width: 800});
const stepsOf = segments => segments.map(s => numberSteps(segments).get(s.id) ?? '');

test('a segment runs from its sender\'s lifeline down to its receiver\'s', () => {
  const {layout: {segments, columns}} = ladderOf(8);
  assert.equal(segments[0].from.x, columns.client);
  assert.equal(segments[0].to.x, columns.server);
  assert.equal(segments[1].from.x, columns.server);
  assert.equal(segments[1].to.x, columns.client);
  for (const s of segments) assert.ok(s.to.y >= s.from.y, s.label);
  assert.ok(columns.client < columns.middle && columns.middle < columns.server);
});

test('twice the delay is twice the slope while nothing has to be stretched or cut', () => {
  const {segments: [a, b]} = layoutOf([segment('client', 'ACK', 1, 1, 0, 20), segment('client', 'ACK', 1, 1, 100, 130)]);
  assert.ok(Math.abs((b.to.y - b.from.y) / (a.to.y - a.from.y) - 1.5) < 1e-6);
});

test('order is never changed: what happened earlier is never drawn lower', () => {
  for (const id of [8, 3, 5, 7]) {
    const {layout} = ladderOf(id);
    const moments = layout.segments.flatMap(s => [
      ...(s.forked ? [] : [{t: s.segment.sent_at, y: s.from.y}]), ...(s.dropped ? [] : [{t: s.segment.delivered_at, y: s.to.y}])]);
    moments.sort((a, b) => (a.t < b.t ? -1 : a.t > b.t ? 1 : a.y - b.y));
    for (let i = 1; i < moments.length; ++i) assert.ok(moments[i].y >= moments[i - 1].y, `${moments[i - 1].t} before ${moments[i].t}`);
  }
});

test('labels of one side do not overlap', () => {
  const burst = Array.from({length: 20}, (_, i) => segment('server', 'ACK', i * 1448, 1, 10 + i * 0.001, 50 + i * 0.001, {length: 1448}));
  const ys = layoutOf(burst).segments.map(s => s.from.y);
  for (let i = 1; i < ys.length; ++i) assert.ok(ys[i] - ys[i - 1] >= 16, `${ys[i - 1]} ${ys[i]}`);
});

test('a long idle time is cut short and marked with what it was', () => {
  const {layout} = ladderOf(8);
  const fin = layout.segments.find(s => s.segment.flags.includes('FIN'));
  const before = layout.segments.filter(s => s.from.y < fin.from.y).at(-1);
  assert.ok(fin.from.y - before.to.y <= MAX_GAP + 40);
  assert.ok(layout.gaps.some(gap => /4\.9\d s/.test(gap.text)), JSON.stringify(layout.gaps));
});

test('a dropped segment ends on the middle line with its reason', () => {
  const {layout: {segments, columns}} = ladderOf(8);
  const lost = segments.find(s => s.dropped);
  assert.equal(lost.to.x, columns.middle);
  assert.equal(lost.note, 'loss');
});

test('a retransmission is joined to what it repeats', () => {
  const {layout: {segments}} = ladderOf(8);
  const again = segments.find(s => s.segment.retransmission);
  const first = segments[again.original];
  assert.equal(first.segment.seq, again.segment.seq);
  assert.equal(first.dropped, true);
});

test('a retransmission across the wrap of sequence numbers still finds its original', () => {
  const {segments} = layoutOf([
    segment('client', 'PSH,ACK', 4294967290, 1, 0, null, {length: 10}),
    segment('client', 'PSH,ACK', 4294967290, 1, 200, 280, {length: 10, retransmission: true}),
    segment('client', 'PSH,ACK', 2, 1, 400, 480, {length: 2, retransmission: true})]);
  assert.equal(segments[1].original, 0);
  assert.equal(segments[2].original, 1);
});

test('a duplicate forks at the middle line', () => {
  const {layout: {segments, columns}} = ladderOf(8);
  const copy = segments.find(s => s.forked);
  const first = segments.find(s => s.segment.seq === copy.segment.seq && s.segment.copy === 0);
  assert.equal(copy.from.x, columns.middle);
  assert.ok(Math.abs(copy.from.y - (first.from.y + first.to.y) / 2) < 1e-9);
  assert.equal(copy.to.x, first.to.x);
});

test('numbers are relative to each side\'s SYN', () => {
  const {layout: {segments}} = ladderOf(8);
  assert.match(segments[0].label, /^SYN seq 0$/);
  assert.match(segments[1].label, /^SYN,ACK seq 0 ack 1$/);
  assert.match(segments[3].label, /seq 1 ack 1 len 77$/);
});

test('states follow one another down both lanes, each with room for its name', () => {
  const {layout} = ladderOf(8);
  assert.deepEqual(layout.lanes.client.map(b => b.state),
    ['CLOSED', 'SYN_SENT', 'ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'TIME_WAIT']);
  assert.deepEqual(layout.lanes.server.map(b => b.state),
    ['LISTEN', 'SYN_RECEIVED', 'ESTABLISHED', 'CLOSE_WAIT', 'LAST_ACK', 'CLOSED']);
  for (const bands of Object.values(layout.lanes)) {
    for (const band of bands) assert.ok(band.y1 - band.y0 >= BAND_HEIGHT - 0.01, band.state);
    for (let i = 1; i < bands.length; ++i) assert.equal(bands[i].y0, bands[i - 1].y1);
  }
});

test('handshake and close are numbered', () => {
  const {story} = ladderOf(8);
  const named = [...numberSteps(story.segments)].map(([id, step]) => [step, story.segments.find(s => s.id === id).flags]);
  assert.deepEqual(named, [['handshake-1', 'SYN'], ['handshake-2', 'SYN,ACK'], ['handshake-3', 'ACK'],
    ['close-1', 'FIN,ACK'], ['close-2', 'ACK'], ['close-3', 'FIN,ACK'], ['close-4', 'ACK']]);
});

test('a close in three segments has two steps in one', () => {
  assert.deepEqual(stepsOf([segment('server', 'FIN,ACK', 10, 5, 0, 1), segment('client', 'FIN,ACK', 5, 11, 2, 3),
    segment('server', 'ACK', 11, 6, 4, 5)]), ['close-1', 'close-2 close-3', 'close-4']);
});

test('of a step sent twice, the one that arrived counts', () => {
  assert.deepEqual(stepsOf([segment('client', 'SYN', 0, 0, 0, null), segment('client', 'SYN', 0, 0, 1000, 1001),
    segment('server', 'SYN,ACK', 7, 1, 1002, null), segment('server', 'SYN,ACK', 7, 1, 2002, 2003),
    segment('client', 'ACK', 1, 8, 2004, 2005)]), ['', 'handshake-1', '', 'handshake-2', 'handshake-3']);
});

test('a refused connection has only the first step', () => {
  assert.deepEqual(stepsOf([segment('client', 'SYN', 0, 0, 0, 1), segment('server', 'RST,ACK', 0, 1, 2, 3)]), ['handshake-1', '']);
});

test('very many segments are folded, the ends stay', () => {
  const many = Array.from({length: 3000}, (_, i) => segment(i % 2 ? 'server' : 'client', 'ACK', i, i, i, i + 0.5));
  const layout = layoutOf(many);
  assert.ok(layout.segments.length < FOLD_ABOVE);
  assert.equal(layout.segments[0].segment.id, many[0].id);
  assert.equal(layout.segments.at(-1).segment.id, many.at(-1).id);
  const fold = layout.gaps.find(gap => /segments not shown/.test(gap.text));
  assert.equal(Number.parseInt(fold.text, 10) + layout.segments.length, 3000);
});

test('nothing at all is a ladder too', () => {
  const {layout} = ladderOf(5, () => ({segments: [], transitions: []}));
  assert.equal(layout.segments.length, 0);
  assert.ok(Number.isFinite(layout.height) && layout.height > 0);
  assert.equal(layout.lanes.client[0].state, 'CLOSED');
});
