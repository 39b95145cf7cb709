// The list of connections: newest first, kept alive by transitions as they come and by fetching it anew, in moderation.

import {api} from './api.js';
import {h, setAttribute, setText} from './dom.js';
import {clock, instant, showBytes, showMs, significant} from './units.js';

/**
 * @typedef {import('./api.js').Connection} Connection
 * @typedef {import('./api.js').Endpoint} Endpoint
 * @typedef {import('./api.js').WobbleEvent} WobbleEvent
 * @typedef {{name: string, title: string, cls?: string, wide?: boolean, hint?: string}} Column
 */

export const STATES = [
  'CLOSED', 'SYN_SENT', 'SYN_RECEIVED', 'ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSE_WAIT', 'CLOSING', 'LAST_ACK',
  'TIME_WAIT',
];
const PROTOCOLS = {tcp: 'TCP', udp: 'UDP', icmp: 'ICMP', icmpv6: 'ICMPv6', all: 'all protocols'};
const PAGE = 100;
/** The list is fetched at most this often, however much happens. Milliseconds. */
const REFETCH = 1000;

/** @type {Column[]} */
const COLUMNS = [
  {name: 'id', title: '#', cls: 'num'},
  {name: 'client', title: 'client'},
  {name: 'clientState', title: 'state'},
  {name: 'server', title: 'server', wide: true},
  {name: 'serverState', title: 'state'},
  {name: 'opened', title: 'opened', cls: 'num', wide: true},
  {name: 'age', title: 'lasted', cls: 'num', wide: true, hint: 'how long it lasted, or has lasted so far'},
  {name: 'end', title: 'end', wide: true, hint: 'how it ended, and who closed first'},
  {name: 'rtt', title: 'RTT', cls: 'num', wide: true, hint: 'the initial round trip: from the first SYN to the third ACK'},
  {name: 'retransmissions', title: 'retr', cls: 'num', wide: true, hint: 'retransmissions; in brackets those we caused'},
  {name: 'dropped', title: 'drop', cls: 'num', hint: 'dropped by us'},
  {name: 'bytes', title: 'bytes', cls: 'num', wide: true, hint: 'payload sent by the client and by the server'},
];

/** The class that colours a state, on chips and on the ladder's lanes. @param {string} state */
export const stateClass = state => 'state-' + state.toLowerCase().replaceAll('_', '-');

/** Of a protocol without ports the address. @param {Endpoint} e */
const place = e => (e.port === 0 ? e.address : e.address.includes(':') ? `[${e.address}]:${e.port}` : `${e.address}:${e.port}`);

/** @param {Connection} c @param {string} name */
function cellText(c, name) {
  switch (name) {
    case 'id': return String(c.id);
    case 'client': return place(c.client);
    case 'server': return place(c.server);
    case 'clientState': return c.protocol === 'tcp' ? c.client.state : c.protocol;
    case 'serverState': return c.protocol === 'tcp' ? c.server.state : c.protocol;
    case 'opened': return clock(c.opened_at, 0);
    case 'age': return showMs(Math.max(0, (c.closed_at ? instant(c.closed_at) : Date.now()) - instant(c.opened_at)));
    case 'end': return c.end === 'open' ? '' : c.end.replaceAll('_', ' ') + (c.closed_by ? ` · ${c.closed_by}` : '');
    case 'rtt': return c.handshake.initial_rtt_ms === null ? '' : showMs(c.handshake.initial_rtt_ms);
    case 'retransmissions': return counts(c.client.retransmissions + c.server.retransmissions,
      c.client.retransmissions_by_us + c.server.retransmissions_by_us);
    case 'dropped': return String(c.client.dropped + c.server.dropped || '');
    default: return `${showBytes(c.client.payload_bytes)} · ${showBytes(c.server.payload_bytes)}`;
  }
}

/** @param {number} all @param {number} ours */
const counts = (all, ours) => (all === 0 ? '' : ours ? `${all} (${ours})` : String(all));

class Row {
  /** @param {number} id */
  constructor(id) {
    this.link = h('a', {href: `#connection=${id}`, tabindex: -1}, String(id));
    /** @type {Map<string, HTMLElement>} */
    this.cells = new Map();
    this.element = h('tr', {'data-connection': id});
    for (const column of COLUMNS) {
      const cell = h('td', {class: [column.cls, column.wide && 'wide'].filter(Boolean).join(' ') || null});
      const target = column.name === 'id' ? this.link : column.name.endsWith('State') ? h('span', {class: 'state'}) : cell;
      if (target !== cell) cell.append(target);
      this.cells.set(column.name, target);
      this.element.append(cell);
    }
    this.element.addEventListener('click', () => this.link.click());
    this.link.addEventListener('click', event => event.stopPropagation());
  }

  /** @param {Connection} c */
  show(c) {
    for (const [name, cell] of this.cells) {
      const text = cellText(c, name);
      setText(cell, text);
      if (name.endsWith('State')) setAttribute(cell, 'class', `state ${c.protocol === 'tcp' ? stateClass(text) : ''}`);
    }
    this.element.classList.toggle('ended', c.end !== 'open');
    setAttribute(this.link, 'aria-label', `Connection ${c.id}, ${place(c.client)} ${c.client.state} to ${place(c.server)} ${c.server.state}`);
  }
}

export class Connections {
  /** @param {HTMLElement} root */
  constructor(root) {
    /** @type {Connection[]} the first page, and what "older" brought */
    this.page = [];
    /** @type {Connection[]} */
    this.older = [];
    /** @type {string|number|null} */
    this.next = null;
    /** @type {Map<number, Row>} */
    this.rows = new Map();
    this.selected = 0;
    this.fetching = false;
    this.stale = false;
    this.timer = 0;
    this.lastFetch = 0;
    this.linkName = '';
    this.build(root);
  }

  /** @param {HTMLElement} root */
  build(root) {
    this.state = h('select', {'aria-label': 'Only connections with an endpoint in state'}, h('option', {value: ''}, 'any state'));
    for (const state of STATES) this.state.append(h('option', {value: state}, state));
    this.protocol = h('select', {'aria-label': 'Protocol'},
      ...Object.entries(PROTOCOLS).map(([value, text]) => h('option', {value}, text)));
    this.port = h('input', {type: 'text', class: 'value short', inputmode: 'numeric', placeholder: 'any port', 'aria-label': 'Only connections with port'});
    this.open = h('input', {type: 'checkbox'});
    for (const filter of [this.protocol, this.state, this.port, this.open]) filter.addEventListener('change', () => this.filter());
    this.count = h('span', {class: 'quiet', id: 'connection-count'});
    this.problem = h('p', {class: 'error', role: 'alert', hidden: true});
    this.body = h('tbody');
    this.body.addEventListener('keydown', event => this.onKey(event));
    this.body.addEventListener('focusin', event => this.rove(event.target));
    this.empty = h('p', {class: 'empty', hidden: true}, 'No connections yet. Send something through the link, for instance ',
      h('code', {}, 'wobble exec lab near -- curl http://10.77.1.1/'));
    this.more = h('button', {type: 'button', class: 'plain', hidden: true}, 'Older connections');
    this.more.addEventListener('click', () => this.fetchOlder());
    const heads = COLUMNS.map(c => h('th', {scope: 'col', class: [c.cls, c.wide && 'wide'].filter(Boolean).join(' ') || null, title: c.hint}, c.title));
    root.append(
      h('div', {class: 'head'}, h('h2', {}, 'Connections'), this.count, h('span', {class: 'grow'}), this.protocol, this.state, this.port,
        h('label', {class: 'check'}, this.open, 'open only')),
      this.problem,
      h('div', {class: 'scroll'}, h('table', {class: 'list'}, h('thead', {}, h('tr', {}, ...heads)), this.body), this.empty, this.more));
  }

  /** @returns {Record<string, string|number>} */
  query() {
    /** @type {Record<string, string|number>} */
    const query = {limit: PAGE};
    if (this.linkName) query.link = this.linkName;
    if (this.protocol && this.protocol.value !== 'tcp') query.protocol = this.protocol.value;
    if (this.state?.value) query.state = this.state.value;
    if (this.port?.value.trim()) query.port = this.port.value.trim();
    if (this.open?.checked) query.end = 'open';
    return query;
  }

  filter() {
    this.older = [];
    this.lastFetch = 0;
    this.refresh();
  }

  /** Something changed: fetch now, or as soon as the last fetch is old enough. */
  refresh() {
    if (document.hidden) return;
    if (this.fetching) {
      this.stale = true;
      return;
    }
    const wait = this.lastFetch + REFETCH - performance.now();
    if (wait <= 0) return void this.fetch();
    if (!this.timer) this.timer = window.setTimeout(() => this.fetch(), wait);
  }

  async fetch() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.fetching = true;
    this.stale = false;
    this.lastFetch = performance.now();
    const query = this.query();
    try {
      const list = await api.connections(query);
      this.showProblem('');
      if (JSON.stringify(query) === JSON.stringify(this.query())) this.accept(list);
      else this.stale = true;
    } catch (error) {
      this.showProblem(error instanceof Error ? error.message : String(error));
    }
    this.fetching = false;
    if (this.stale) this.refresh();
  }

  /** @param {import('./api.js').List<Connection>} list */
  accept(list) {
    const lastId = list.items.length ? list.items[list.items.length - 1].id : Infinity;
    // What slid off the first page while older ones are shown stays in view.
    const slid = this.older.length ? this.page.filter(c => c.id < lastId) : [];
    this.older = [...slid, ...this.older.filter(c => c.id < lastId && !slid.some(s => s.id === c.id))];
    if (!this.older.length) this.next = list.next;
    this.page = list.items;
    this.render();
  }

  async fetchOlder() {
    if (this.next === null) return;
    try {
      const list = await api.connections({...this.query(), cursor: this.next});
      this.older.push(...list.items);
      this.next = list.next;
      this.render();
    } catch (error) {
      this.showProblem(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} text */
  showProblem(text) {
    if (!this.problem) return;
    setText(this.problem, text);
    this.problem.hidden = text === '';
  }

  render() {
    const all = [...this.page, ...this.older];
    const seen = new Set();
    let at = this.body?.firstElementChild ?? null;
    for (const connection of all) {
      seen.add(connection.id);
      let row = this.rows.get(connection.id);
      if (!row) this.rows.set(connection.id, row = new Row(connection.id));
      row.show(connection);
      row.element.classList.toggle('selected', connection.id === this.selected);
      if (row.element === at) at = at.nextElementSibling;
      else this.body?.insertBefore(row.element, at);
    }
    for (const [id, row] of this.rows) {
      if (seen.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    if (this.more) this.more.hidden = this.next === null;
    if (this.empty) this.empty.hidden = all.length > 0;
    this.ensureRoving();
  }

  /** Exactly one row can be reached with Tab; the arrows go on from there. */
  ensureRoving() {
    if (this.body?.querySelector('a[tabindex="0"]')) return;
    this.body?.querySelector('a')?.setAttribute('tabindex', '0');
  }

  /** @param {EventTarget|null} target */
  rove(target) {
    if (!(target instanceof HTMLAnchorElement)) return;
    this.body?.querySelectorAll('a[tabindex="0"]').forEach(a => a.setAttribute('tabindex', '-1'));
    target.setAttribute('tabindex', '0');
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const row = event.target instanceof Element ? event.target.closest('tr') : null;
    const to = {ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling,
      Home: this.body?.firstElementChild, End: this.body?.lastElementChild}[event.key];
    if (!to) return;
    event.preventDefault();
    to.querySelector('a')?.focus();
  }

  /** @param {number} id 0: none */
  select(id) {
    this.selected = id;
    for (const [rowId, row] of this.rows) row.element.classList.toggle('selected', rowId === id);
  }

  /** Shows a transition at once; the rest of the row follows with the next fetch. @param {WobbleEvent} event */
  onEvent(event) {
    const transition = event.transition;
    const connection = transition && this.page.find(c => c.id === transition.connection);
    if (connection) {
      connection[transition.side].state = transition.to;
      this.rows.get(connection.id)?.show(connection);
    }
    if (transition || event.kind.startsWith('connection_')) this.refresh();
  }

  /** Once a second: ages grow. @param {number} known connections the link holds @param {Record<string, number>} states */
  tick(known, states) {
    for (const connection of this.page) {
      if (connection.closed_at) continue;
      const cell = this.rows.get(connection.id)?.cells.get('age');
      if (cell) setText(cell, cellText(connection, 'age'));
    }
    const parts = Object.entries(states).filter(([, n]) => n > 0).map(([state, n]) => `${significant(n)} ${state}`);
    if (this.count) setText(this.count, [`${significant(known, 6)} on the link`, ...parts].join(' · '));
  }
}
