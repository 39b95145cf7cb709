// The live stream as one EventSource. The browser resumes by Last-Event-ID after a broken connection; after a refusal
// (503: too many streams) it gives up, so then we try again ourselves, from the last event seen.

/** All there are: an EventSource hears no others. Those of api/event_kinds.h. */
export const EVENT_KINDS = /** @type {const} */ ([
  'daemon_started', 'daemon_stopped', 'conditions', 'connection_opened', 'connection_closed', 'annotation',
  'events_lost', 'transition', 'link_added', 'link_removed', 'way_in', 'link_started', 'memory_exhausted', 'half_open_flood',
  'one_sided_flood', 'clock_stepped', 'log_interrupted', 'log_renewed', 'log_held_up',
]);

/**
 * What is told of a stream: an event, as text of JSON; its state; or, when it begins, which start of the daemon it is.
 * @typedef {{event: string}|{state: 'live'|'connecting'|'refused'}|{instance: string}} News
 */

export class EventLine {
  /** @param {(news: News) => void} tell */
  constructor(tell) {
    this.tell = tell;
    this.last = 0;
    this.wait = 1000;
  }

  open() {
    this.tell({state: 'connecting'});
    const source = new EventSource('/api/v1/events' + (this.last ? `?since=${this.last}` : ''));
    source.onopen = () => {
      this.wait = 1000;
      this.tell({state: 'live'});
    };
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return this.tell({state: 'connecting'});
      source.close();
      this.tell({state: 'refused'});
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(this.wait * 2, 15000);
    };
    source.addEventListener('hello', message => this.greet(message));
    for (const kind of EVENT_KINDS) source.addEventListener(kind, message => this.receive(message));
  }

  /** @param {MessageEvent} message */
  greet(message) {
    try {
      const {instance} = JSON.parse(message.data);
      if (typeof instance === 'string') this.tell({instance});
    } catch {
      // Of another daemon than ours; what follows says more.
    }
  }

  /** @param {MessageEvent} message */
  receive(message) {
    const id = Number(message.lastEventId);
    if (Number.isSafeInteger(id)) this.last = id;  // also a smaller one: a new log begins anew
    this.tell({event: message.data});
  }
}
