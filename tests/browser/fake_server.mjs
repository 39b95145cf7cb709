// A stand-in for wobbled, for looking at the page while writing it and for tests of cases that a real daemon seldom
// brings about. It serves web/ and the API's shapes with made-up, moving figures; it emulates nothing.
//
//   node tests/browser/fake_server.mjs [PORT]

import {createServer} from 'node:http';
import {readFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';
import path from 'node:path';
import {makeConnection, storyOf} from './fake_connections.mjs';

const WEB = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../web');
const TYPES = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml'};
/** The daemon's. */
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const now = (ms = Date.now()) => new Date(ms).toISOString().replace('Z', '123456Z');

/** RFC 7396. */
function merge(target, patch) {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const result = {...(target !== null && typeof target === 'object' ? target : {})};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

const TIME = /^\d+(\.\d+)?(ns|us|ms|s|m|h)$|^0$/;

/** A taste of the daemon's strictness: times need units. */
function problems(direction, conditions) {
  const errors = [];
  for (const field of ['time', 'jitter']) {
    const value = conditions.delay?.[field];
    if (value !== undefined && !TIME.test(value)) {
      errors.push({pointer: `/${direction}/delay/${field}`, detail: `"${value}" is not a time: write it as "80ms"`});
    }
  }
  return errors;
}

const PROFILES = [
  {name: '3g', summary: '3G', source: 'a source', up: {rate: '330kbit', delay: {time: '100ms'}}, down: {rate: '780kbit', delay: {time: '100ms'}}},
  {name: 'cable', summary: 'cable', source: 'a source', up: {rate: '1mbit', delay: {time: '2ms'}}, down: {rate: '6mbit', delay: {time: '2ms'}}},
];

/** A taste of what the daemon describes, and an impairment that no daemon has: the page makes its controls of this alone. */
const time = name => ({name, kind: 'time', help: '', default: '0ms'});
const SETTINGS = [
  {name: 'delay', kind: 'object', help: '', shorthand: 'time', settings: [time('time'), time('jitter'),
    {name: 'distribution', kind: 'distribution', help: 'how jitter is spread', default: 'uniform', choices: ['uniform', 'normal']}]},
  {name: 'loss', kind: 'object', help: 'one model at most', shorthand: 'random', settings: [
    {name: 'random', kind: 'percent', help: '', default: '0%', alternative: 'random'},
    {name: 'gilbert_elliott', kind: 'object', help: '', alternative: 'gilbert_elliott', settings: [
      {name: 'p', kind: 'percent', help: 'good to bad', default: '0%', example: '1%'},
      {name: '1-h', kind: 'percent', help: 'loss in bad', default: '100%'}]},
    {name: 'every', kind: 'count', help: 'each n-th packet', default: 0, alternative: 'every'}]},
  {name: 'queue', kind: 'object', help: '', shorthand: 'limit', settings: [{name: 'limit', kind: 'limit', help: ''},
    {name: 'discipline', kind: 'choice', help: '', default: 'droptail', choices: ['droptail', 'codel']}]},
  {name: 'slot', kind: 'object', help: 'packets pass in slots', shorthand: 'min', settings: [time('min'), time('max')]},
  {name: 'deja_vu', kind: 'object', help: 'packets come again a day later', shorthand: 'percent', settings: [
    {name: 'percent', kind: 'percent', help: 'of packets', default: '0%'},
    {name: 'cats', kind: 'count', help: 'how many are seen', default: 2},
    {name: 'in_order', kind: 'flag', help: 'as they came before', default: true}]},
];

export class FakeServer {
  constructor() {
    this.started = Date.now();
    this.events = [];
    this.connections = [];
    this.streams = new Set();
    this.requests = [];
    this.refuseStreams = false;
    this.failStats = false;
    this.revision = 1;
    this.link = {
      name: 'lab', seed: 42, reverts_at: null,
      near: {device: 'near', netns: '/proc/123/fd/7', addresses: ['10.77.0.1', 'fd77::1']},
      far: {device: 'far', netns: '/proc/123/fd/8', addresses: ['10.77.1.1', 'fd77::1:1']}, up: {}, down: {},
    };
    this.drops = {up: {loss: 0, queue: 0}, down: {loss: 0, queue: 0}};
    this.tell('daemon_started', {text: 'wobbled 0.1.0 started'});
    this.others = [];  // links beside the lab's
    for (let i = 1; i <= 130; ++i) this.connections.push(makeConnection(i, Date.now() - (131 - i) * 1700));
  }

  async listen(port = 0) {
    this.server = createServer((request, response) => this.handle(request, response).catch(error => {
      response.writeHead(500).end(String(error.stack));
    }));
    await new Promise(resolve => this.server.listen(port, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    this.ticker = setInterval(() => this.tick(), 1000);
    return this.url;
  }

  close() {
    clearInterval(this.ticker);
    for (const stream of this.streams) stream.destroy();
    this.server.closeAllConnections();
    return new Promise(resolve => this.server.close(resolve));
  }

  tell(kind, fields) {
    const event = {id: this.events.length + 1, at: now(), kind, link: 'lab', connection: null, detail: null, transition: null, ...fields};
    this.events.push(event);
    for (const stream of this.streams) this.write(stream, event);
    return event;
  }

  write(stream, event) {
    stream.write(`event: ${event.kind}\nid: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  tick() {
    for (const direction of ['up', 'down']) {
      if (this.link[direction].loss) this.drops[direction].loss += Math.round(Math.random() * 4);
      if (this.link[direction].rate) this.drops[direction].queue += Math.round(Math.random() * 2);
    }
    const connection = makeConnection(this.connections.length + 1, Date.now());
    this.connections.push(connection);
    this.tell('connection_opened', {connection: connection.id, text: `connection ${connection.id} opened`});
    for (const transition of storyOf(connection, this.link).transitions) {
      this.tell('transition', {connection: connection.id, text: `${transition.from} to ${transition.to}`, transition});
    }
    for (const stream of this.streams) stream.write(': still here\n\n');
  }

  resource() {
    const asked = JSON.stringify([this.link.up, this.link.down]);
    const profile = PROFILES.find(p => JSON.stringify([p.up, p.down]) === asked)?.name ?? null;
    return {...this.link, revision: this.revision, profile};
  }

  direction(name) {
    const c = this.link[name];
    const ms = c.delay ? parseFloat(c.delay.time) : 0;
    const wave = 1 + 0.4 * Math.sin(Date.now() / 9000) + 0.2 * Math.random();
    const rate = (name === 'up' ? 180e3 : 2.4e6) * wave;
    const packets = Math.round((Date.now() - this.started) / 10);
    const dropped = {total: this.drops[name].loss + this.drops[name].queue, outage: 0, memory: 0, malformed: 0, device: 0, ...this.drops[name]};
    const counters = {
      packets_in: packets, bytes_in: packets * 700, packets_out: packets - dropped.total, bytes_out: (packets - dropped.total) * 700,
      dropped, duplicated: 0, corrupted: 0, reordered: 0,
    };
    const spread = m => ({median: m, p90: m * 1.05, p99: m * 1.08 + 0.05, mean: m * 1.01, max: m * 1.2 + 0.1});
    return {
      asked: c,
      delivered: {
        delay_ms: spread(ms + 0.02), lateness_ms: spread(0.021), loss_percent: c.loss ? 1.98 : 0, duplicate_percent: 0,
        corrupt_percent: 0, reorder_percent: 0, rate_in_bps: rate, rate_out_bps: rate * (c.loss ? 0.97 : 1),
      },
      in_flight: {packets: Math.round((ms * rate) / 8e6), bytes: Math.round((ms * rate) / 8e3)},
      since_change: counters, total: counters,
    };
  }

  async handle(request, response) {
    const url = new URL(request.url, this.url);
    this.requests.push(`${request.method} ${url.pathname}`);
    let body = '';
    for await (const chunk of request) body += chunk;
    const json = (value, status = 200) => response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(value));
    const problem = (status, error, errors = []) =>
      response.writeHead(status, {'content-type': 'application/problem+json'})
        .end(JSON.stringify({title: error, status, detail: error, errors, error}));
    const at = url.pathname;
    if (at === '/healthz') return json({status: 'ok'});
    if (!at.startsWith('/api/v1')) return this.file(at, response);
    const rest = at.slice('/api/v1'.length);
    if (rest === '') return json({version: '0.1.0'});
    if (rest === '/links') return json({items: [this.resource(), ...this.others], next: null});
    if (rest === '/links/lab/stats') {
      if (this.failStats) return problem(503, 'the forwarder did not answer in time');
      return json({link: 'lab', at: now(), changed_at: now(this.started), connections: 12,
        connections_by_state: {ESTABLISHED: 3, TIME_WAIT: 9}, events_lost: 0, up: this.direction('up'), down: this.direction('down')});
    }
    if (rest === '/schema/conditions') return json({impairments: SETTINGS});
    if (rest === '/profiles') return json({items: PROFILES, next: null});
    if (rest === '/links/lab/apply') {
      const {up, down} = PROFILES.find(p => p.name === JSON.parse(body).profile);
      return json(this.change({up, down}));
    }
    if (rest === '/links/lab/revert') return json(this.change(this.before));
    if (rest === '/links/lab/reset') return json(this.change({up: {}, down: {}}));
    if (rest === '/links/lab' && request.method === 'PATCH') {
      const patch = JSON.parse(body);
      const next = {up: merge(this.link.up, patch.up ?? patch.both ?? {}), down: merge(this.link.down, patch.down ?? patch.both ?? {})};
      const errors = [...problems('up', next.up), ...problems('down', next.down)];
      if (errors.length) return problem(422, errors[0].detail, errors);
      return json(this.change(next));
    }
    if (rest === '/links/lab' && request.method === 'PUT') {
      const next = {up: {}, down: {}, ...JSON.parse(body)};
      const errors = [...problems('up', next.up), ...problems('down', next.down)];
      if (errors.length) return problem(422, errors[0].detail, errors);
      return json(this.change(next));
    }
    if (rest === '/links/lab') return json(this.resource());
    if (rest === '/events') return this.eventRoute(request, response, url, json, problem);
    if (rest === '/annotations') return json(this.tell('annotation', {text: JSON.parse(body).text}), 201);
    if (rest.startsWith('/connections')) return this.connectionRoute(rest, url, json, problem, response);
    return problem(404, `there is no ${at}`);
  }

  change(conditions) {
    this.before = {up: this.link.up, down: this.link.down};
    Object.assign(this.link, conditions);
    ++this.revision;
    this.tell('conditions', {
      text: `lab: conditions changed (revision ${this.revision})`,
      detail: {conditions: {up: this.link.up, down: this.link.down}, revision: this.revision, source: 'api'},
    });
    return this.resource();
  }

  eventRoute(request, response, url, json, problem) {
    const since = Number(url.searchParams.get('since') ?? request.headers['last-event-id'] ?? 0);
    if (!(request.headers.accept ?? '').includes('text/event-stream')) {
      const kind = url.searchParams.get('kind');
      return json({items: this.events.filter(e => e.id > since && (!kind || e.kind === kind)), next: null});
    }
    if (this.refuseStreams) return problem(503, 'too many streams');
    response.writeHead(200, {'content-type': 'text/event-stream', 'cache-control': 'no-store'});
    response.write(': hello\n\n');
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }

  connectionRoute(rest, url, json, problem, response) {
    const [, , id, what] = rest.split('/');
    if (!id) {
      const q = url.searchParams;
      const before = Number(q.get('cursor') ?? Infinity);
      const matches = this.connections.filter(c => c.id < before && (!q.get('end') || c.end === q.get('end')) &&
        (!q.get('port') || [c.client.port, c.server.port].includes(Number(q.get('port')))) &&
        (!q.get('state') || [c.client.state, c.server.state].includes(q.get('state')))).reverse();
      const limit = Number(q.get('limit') ?? 100);
      return json({items: matches.slice(0, limit), next: matches.length > limit ? String(matches[limit - 1].id) : null});
    }
    const connection = this.connections.find(c => c.id === Number(id));
    if (!connection) return problem(404, `there is no connection ${id}`);
    if (!what) return json(connection);
    if (what === 'follow') return response.writeHead(204).end();
    const story = storyOf(connection, this.link);
    return json({items: story[what], next: null});
  }

  async file(name, response) {
    let file = path.join(WEB, path.normalize(name === '/' ? '/index.html' : name));
    if (name.startsWith('/vendor/')) file = path.join(WEB, 'node_modules/uplot/dist', path.basename(name));
    try {
      const content = await readFile(file);
      const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
      response.writeHead(200, {'content-type': type, 'content-security-policy': CSP, 'x-content-type-options': 'nosniff'}).end(content);
    } catch {
      response.writeHead(404).end();
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = new FakeServer();
  console.log(await server.listen(Number(process.argv[2] ?? 7980)));
}
