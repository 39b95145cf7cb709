// The feed: what was said and what was changed, newest first, and a box to say something.

import {api} from './api.js';
import {h} from './dom.js';
import {clock} from './units.js';

/** @typedef {import('./api.js').WobbleEvent} WobbleEvent */

/** Transitions and the comings and goings of connections have their own place. */
const KINDS = ['daemon_started', 'daemon_stopped', 'conditions', 'annotation', 'events_lost', 'memory_exhausted', 'half_open_flood', 'one_sided_flood',
  'clock_stepped',   'log_interrupted', 'log_renewed', 'log_held_up'];
const SHOWN = 50;

export class Events {
  /** @param {HTMLElement} root */
  constructor(root) {
    /** @type {WobbleEvent[]} newest first */
    this.items = [];
    this.linkName = '';
    this.text = h('input', {type: 'text', id: 'annotation', 'aria-label': 'Annotation', placeholder: 'Write into the log: build 412 starts', maxlength: 500, autocomplete: 'off'});
    this.error = h('p', {class: 'error', role: 'alert', hidden: true});
    const form = h('form', {class: 'annotate'}, this.text, h('button', {}, 'Annotate'));
    form.addEventListener('submit', event => {
      event.preventDefault();
      this.annotate();
    });
    this.list = h('ol', {class: 'feed', id: 'feed'});
    root.append(h('div', {class: 'head'}, h('h2', {}, 'Events')), form, this.error, h('div', {class: 'scroll'}, this.list));
  }

  async annotate() {
    const text = this.text.value.trim();
    if (!text) return;
    try {
      const event = await api.annotate(text, this.linkName);
      this.text.value = '';
      this.showError('');
      if (event) this.add([event]);
    } catch (error) {
      this.showError(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} text */
  showError(text) {
    this.error.textContent = text;
    this.error.hidden = text === '';
  }

  /** What happened before the page was opened: of each kind the newest, whichever way the list is cut. */
  async load() {
    for (const kind of KINDS) {
      let since = 0;
      for (let page = 0; page < 8; ++page) {
        const list = await api.events({kind, since, limit: 1000});
        if (!list.items.length) break;
        this.add(list.items);
        const last = Math.max(...list.items.map(e => e.id));
        if (list.items.length < 1000 || last <= since) break;
        since = last;
      }
    }
  }

  /** @param {WobbleEvent[]} events */
  add(events) {
    const known = new Set(this.items.map(e => e.id));
    const fresh = events.filter(e => KINDS.includes(e.kind) && !known.has(e.id));
    if (!fresh.length) return;
    this.items = [...this.items, ...fresh].sort((a, b) => b.id - a.id).slice(0, SHOWN);
    this.list.replaceChildren(...this.items.map(entry));
  }
}

/**
 * One direction's conditions in few words: "delay 80ms ±10ms normal, loss 2%".
 * @param {import('./api.js').Conditions|undefined} c
 */
export function inWords(c) {
  if (!c || !Object.keys(c).length) return 'clean';
  const {delay, loss, outage, corrupt, reorder} = c;
  const bursts = Object.entries(loss?.gilbert_elliott ?? loss?.burst ?? loss?.markov ?? {})
    .map(([name, value]) => `${name} ${value}`).join(' ');
  const counted = ['every', 'list', 'pattern'].filter(name => loss && name in loss);
  const shape = (/** @type {string|object|undefined} */ own) => (typeof own === 'object' ? 'by table' : own);
  const words = [
    delay && ['delay', delay.time, delay.jitter && `±${delay.jitter}`, shape(delay.distribution), delay.reorder && 'overtaking'],
    loss?.random && ['loss', loss.random],
    bursts && ['loss', bursts],
    ...counted.map(name => ['loss', name, String(/** @type {any} */ (loss)[name])]),
    loss?.ecn && ['marked if it can be'],
    c.duplicate && ['duplicate', c.duplicate.percent],
    corrupt && ['corrupt', corrupt.percent, (corrupt.bits ?? 1) > 1 && `${corrupt.bits} bits`, corrupt.fix_checksum && 'sum fixed'],
    reorder && ['reorder', reorder.percent, reorder.by && `by ${reorder.by}`],
    c.rate && ['rate', typeof c.rate === 'object' ? c.rate.rate : c.rate],
    c.trace && ['trace', c.trace.file],
    c.queue && ['queue', c.queue.limit, c.queue.discipline, c.queue.ecn && 'ecn'],
    c.slot && ['slot', c.slot.min, c.slot.max, c.slot.delay, c.slot.jitter && `±${c.slot.jitter}`, shape(c.slot.distribution)],
    c.mtu && ['mtu', c.mtu.bytes, c.mtu.icmp === false && 'black hole'],
    c.idle_timeout && ['idle', c.idle_timeout.time, c.idle_timeout.then],
    outage?.on && ['outage'],
    outage?.up_for && ['outage', outage.down_for, 'each', outage.up_for],
  ];
  return words.filter(Boolean).map(part => /** @type {any[]} */ (part).filter(Boolean).join(' ')).join(', ');
}

/** What an event says; a change of conditions says what they are now. @param {WobbleEvent} event */
function said(event) {
  const conditions = /** @type {{up?: object, down?: object, scenario?: object[]}|undefined} */ (event.detail?.conditions);
  return event.kind === 'conditions' && conditions ? linkInWords(conditions) : event.text;
}

/** Both directions' conditions, and that there is a scenario. @param {{up?: object, down?: object, scenario?: object[]}} conditions */
export function linkInWords(conditions) {
  const [up, down] = [inWords(conditions.up), inWords(conditions.down)];
  const steps = conditions.scenario ? `, a scenario of ${conditions.scenario.length} steps` : '';
  return (up === down ? `${up}${up === 'clean' ? '' : ', both ways'}` : `up ${up} · down ${down}`) + steps;
}

/** @param {WobbleEvent} event */
const revision = event => (typeof event.detail?.revision === 'number' ? ` ${event.detail.revision}` : '');

/** @param {WobbleEvent} event */
function entry(event) {
  return h('li', {class: `kind-${event.kind.replaceAll('_', '-')}`, 'data-event': event.id},
    h('time', {datetime: event.at, title: event.at}, clock(event.at, 0)),
    h('span', {class: 'kind'}, event.kind.replaceAll('_', ' ') + revision(event)),
    h('span', {class: 'said', title: event.text}, said(event)));
}
