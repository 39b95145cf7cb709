// The REST API as the page uses it: shapes, requests, problems, and the live stream.

import {EventLine} from './event_line.js';

/**
 * @typedef {{time?: string, jitter?: string, distribution?: string|{table?: number[], file?: string}, reorder?: boolean,
 *   correlation?: string, per?: string}} Delay
 * @typedef {{random?: string, burst?: Record<string, string>, gilbert_elliott?: Record<string, string>,
 *   markov?: Record<string, string>, every?: number, list?: number[], pattern?: string, after_rate?: boolean, ecn?: boolean}} Loss
 * @typedef {object} Conditions sparse: what is absent is at its default
 * @property {Delay} [delay]
 * @property {Loss} [loss]
 * @property {{percent?: string}} [duplicate]
 * @property {{percent?: string, bits?: number, fix_checksum?: boolean}} [corrupt]
 * @property {{percent?: string, by?: string}} [reorder]
 * @property {string|{rate?: string, burst?: string, overhead?: string}} [rate]
 * @property {{limit?: string, discipline?: string, ecn?: boolean}} [queue]
 * @property {{file?: string, ms?: number[]}} [trace]
 * @property {{min?: string, max?: string, packets?: number, bytes?: string, delay?: string, jitter?: string,
 *   distribution?: string|{table?: number[], file?: string}}} [slot]
 * @property {{bytes?: string, icmp?: boolean}} [mtu]
 * @property {{time?: string, then?: string}} [idle_timeout]
 * @property {{on?: boolean, up_for?: string, down_for?: string, drop_in_flight?: boolean}} [outage]
 *
 * @typedef {object} Setting one that there is, or with `settings` an object of several
 * @property {string} name
 * @property {string} kind what its value is made of: time, percent, flag ...
 * @property {string} help
 * @property {string|number|boolean} [default]
 * @property {string} [example]
 * @property {string} [zero] what 0 stands for
 * @property {string[]} [choices]
 * @property {string} [alternative] those of one object that stand in place of each other have different ones
 * @property {string[]} [disciplines] of the queue that it is for
 * @property {string} [shorthand] of an object: the one that may stand in its place
 * @property {Setting[]} [settings]
 *
 * @typedef {{name: string, summary: string, source: string, up: Conditions, down: Conditions}} Profile
 *
 * @typedef {{for: string, up?: Conditions, down?: Conditions}} Step
 * @typedef {'up'|'down'} DirectionName
 * @typedef {{device: string, netns: string, addresses: string[]}} SideInfo
 * @typedef {object} Link
 * @property {string} name
 * @property {number} revision
 * @property {number} seed
 * @property {SideInfo} near
 * @property {SideInfo} far
 * @property {Conditions} up
 * @property {Conditions} down
 * @property {Step[]} [scenario]
 * @property {string|null} reverts_at
 * @property {{pointer: string, at: string, to: any}[]} [temporary] what comes back by itself, and when
 * @property {{kind: string, state: 'up'|'down'|'waiting', detail: string}} [way_in] how traffic reaches it
 * @property {string|null} [profile] the preset that asks for exactly these conditions
 *
 * @typedef {{median: number|null, p90: number|null, p99: number|null, mean: number|null, max: number|null}} Spread
 * @typedef {object} Counters
 * @property {number} packets_in
 * @property {number} bytes_in
 * @property {number} packets_out
 * @property {number} bytes_out
 * @property {Record<string, number>} dropped by reason, and total
 * @property {number} duplicated
 * @property {number} corrupted
 * @property {number} reordered
 * @property {number} [marked] congestion experienced
 *
 * @typedef {object} DirectionStats
 * @property {Conditions} asked
 * @property {{delay_ms: Spread, lateness_ms: Spread, loss_percent: number|null, loss_burst_length?: number|null,
 *   duplicate_percent: number|null,
 *   corrupt_percent: number|null, reorder_percent: number|null, marked_percent?: number|null, rate_in_bps: number,
 *   reordering?: {percent: number|null, extent_mean: number|null, extent_max: number|null}, rate_out_bps: number}} delivered
 * @property {{packets: number, bytes: number}} in_flight
 * @property {Counters} since_change
 * @property {Counters} total
 *
 * @typedef {object} Stats
 * @property {string} link
 * @property {string} at
 * @property {string} changed_at
 * @property {{step: number, of: number, until: string}|null} [scenario] the step in force
 * @property {number} connections
 * @property {Record<string, number>} connections_by_state
 * @property {number} events_lost
 * @property {DirectionStats} up
 * @property {DirectionStats} down
 *
 * @typedef {object} Endpoint
 * @property {string} address
 * @property {number} port
 * @property {'near'|'far'} side
 * @property {string} state
 * @property {number} packets_sent
 * @property {number} bytes_sent
 * @property {number} packets_delivered
 * @property {number} bytes_delivered
 * @property {number} payload_bytes
 * @property {number} retransmissions
 * @property {number} retransmissions_by_us
 * @property {{due_to_us: number, fast: number, timeout: number, spurious: number, lost_behind: number, lost_before: number}} retransmitted
 * @property {number} dropped
 * @property {number} duplicated
 * @property {number} corrupted
 * @property {number} reordered
 *
 * @typedef {object} Connection
 * @property {number} id
 * @property {string} link
 * @property {string} protocol
 * @property {Endpoint} client
 * @property {Endpoint} server
 * @property {string} opened_at
 * @property {string|null} closed_at
 * @property {string} end
 * @property {'client'|'server'|'both'|null} closed_by
 * @property {boolean} midstream
 * @property {number} ordinal
 * @property {{rtt_client_ms: number|null, rtt_server_ms: number|null, initial_rtt_ms: number|null}} handshake
 * @property {{at: string, revision: number, up: object, down: object, scenario?: object[]}[]} [conditions] what was in force
 *   while it lived, oldest first; only of one connection
 *
 * @typedef {'client'|'server'} Role
 * @typedef {object} Transition
 * @property {number} id
 * @property {string} at
 * @property {number} connection
 * @property {string} link
 * @property {Role} side
 * @property {string} from
 * @property {string} to
 * @property {string} evidence
 * @property {number} row of the transition table
 * @property {string} rule that row's name
 * @property {string} sentence what it says of the endpoint
 * @property {{flags: string, seq: number, ack: number, length: number, window: number, fate: string,
 *   reason: string|null}|null} segment
 *
 * @typedef {object} Segment
 * @property {number} id
 * @property {Role} from
 * @property {string} sent_at
 * @property {string|null} delivered_at
 * @property {string} flags
 * @property {number} seq
 * @property {number} ack
 * @property {number} length
 * @property {number} window
 * @property {string} fate
 * @property {string|null} reason
 * @property {number} copy
 * @property {boolean} retransmission
 *
 * @typedef {object} WobbleEvent
 * @property {number} id
 * @property {string} at
 * @property {string} kind
 * @property {string|null} link
 * @property {number|null} connection
 * @property {string} text
 * @property {Record<string, unknown>|null} detail
 * @property {Transition|null} transition
 *
 * @typedef {{pointer: string, detail: string}} FieldError
 */

/**
 * @template T
 * @typedef {{items: T[], next: string|number|null}} List
 */

/** An answer that is not a success, or none at all (status 0). */
export class Problem extends Error {
  /** @param {number} status @param {string} line @param {FieldError[]} errors */
  constructor(status, line, errors = []) {
    super(line);
    this.status = status;
    this.errors = errors;
  }
}

const ROOT = '/api/v1';

/**
 * @param {string} method @param {string} path below /api/v1, or from the root if it starts with "//"
 * @param {unknown} [body]
 * @returns {Promise<any>} the JSON of the answer; null if it has no body
 */
export async function request(method, path, body) {
  /** @type {RequestInit} */
  const options = {method, headers: {accept: 'application/json'}, cache: 'no-store'};
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = {accept: 'application/json', 'content-type': 'application/json'};
  }
  let response, text;
  try {
    response = await fetch(path.startsWith('//') ? path.slice(1) : ROOT + path, options);
    text = await response.text();
  } catch {
    throw new Problem(0, 'the daemon does not answer');
  }
  let json = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    if (response.ok) throw new Problem(response.status, 'the answer is not JSON');
  }
  if (response.ok) return json;
  const line = json?.error ?? json?.detail ?? json?.title ?? `${response.status} ${response.statusText}`;
  throw new Problem(response.status, String(line), Array.isArray(json?.errors) ? json.errors : []);
}

/** @param {string} name */
const linkPath = name => `/links/${encodeURIComponent(name)}`;

export const api = {
  /** @returns {Promise<{version: string, instance?: string}>} */
  about: () => request('GET', ''),
  /** @param {string} token the daemon's; from here on the browser sends a cookie in its place */
  beginSession: token => request('POST', '/session', {token}),
  health: () => request('GET', '//healthz'),
  /** What there is to set. @returns {Promise<{impairments: Setting[]}>} */
  settings: () => request('GET', '/schema/conditions'),
  /** @returns {Promise<List<Link>>} */
  links: () => request('GET', '/links'),
  /** @param {string} name @returns {Promise<Link>} */
  link: name => request('GET', linkPath(name)),
  /** @param {string} name @param {object} patch @returns {Promise<Link>} */
  patch: (name, patch) => request('PATCH', linkPath(name), patch),
  /** @param {string} name @param {object} conditions @returns {Promise<Link>} */
  put: (name, conditions) => request('PUT', linkPath(name), conditions),
  /** @returns {Promise<List<Profile>>} */
  profiles: () => request('GET', '/profiles'),
  /** @param {string} name @param {string} profile @returns {Promise<Link>} */
  applyProfile: (name, profile) => request('POST', linkPath(name) + '/apply', {profile}),
  /** @param {string} name @returns {Promise<Link>} */
  reset: name => request('POST', linkPath(name) + '/reset'),
  /** The last change undone. @param {string} name @returns {Promise<Link>} */
  revert: name => request('POST', linkPath(name) + '/revert', {}),
  /** @param {string} name @returns {Promise<Stats>} */
  stats: name => request('GET', linkPath(name) + '/stats'),
  /** @param {Record<string, string|number>} query @returns {Promise<List<Connection>>} */
  connections: query => request('GET', '/connections' + search(query)),
  /** @param {number} id @returns {Promise<Connection>} */
  connection: id => request('GET', `/connections/${id}`),
  /** @param {number} id @returns {Promise<List<Transition>>} */
  transitions: id => request('GET', `/connections/${id}/transitions`),
  /** @param {number} id @returns {Promise<List<Segment>>} */
  segments: id => request('GET', `/connections/${id}/segments`),
  /** @param {number} id */
  follow: id => request('POST', `/connections/${id}/follow`),
  /** @param {Record<string, string|number>} query @returns {Promise<List<WobbleEvent>>} */
  events: query => request('GET', '/events' + search(query)),
  /** @param {string} text @param {string} link @returns {Promise<WobbleEvent>} */
  annotate: (text, link) => request('POST', '/annotations', {text, link}),
};

/** @param {Record<string, string|number>} query */
function search(query) {
  const text = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)])).toString();
  return text ? '?' + text : '';
}

/**
 * The live stream, shared with the other tabs where the browser can (a shared worker).
 */
export class Stream {
  /**
   * @param {(event: WobbleEvent) => void} onEvent
   * @param {(state: 'live'|'connecting'|'refused') => void} onState
   * @param {(instance: string) => void} onInstance which start of the daemon it is
   */
  constructor(onEvent, onState, onInstance) {
    this.onEvent = onEvent;
    this.onState = onState;
    this.onInstance = onInstance;
  }

  open() {
    if (typeof SharedWorker === 'undefined') return new EventLine(news => this.hear(news)).open();
    const {port} = new SharedWorker('/stream_worker.js', {type: 'module', name: 'wobble'});
    port.onmessage = message => this.hear(message.data);
    addEventListener('pagehide', () => port.postMessage('bye'));
  }

  /** @param {import('./event_line.js').News} news */
  hear(news) {
    if ('state' in news) return this.onState(news.state);
    if ('instance' in news) return this.onInstance(news.instance);
    let event;
    try {
      event = /** @type {WobbleEvent} */ (JSON.parse(news.event));
    } catch {
      return;
    }
    this.onEvent(event);
  }
}
