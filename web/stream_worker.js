// One stream of events for all tabs of a browser: it opens six connections to a host at most, and each stream holds one
// for good. A shared worker: it lives as long as one of the tabs.

import {EventLine} from './event_line.js';

/** @typedef {import('./event_line.js').News} News */

/** @type {Set<MessagePort>} */
const ports = new Set();
/** @type {News} */
let state = {state: 'connecting'};
/** @type {News|null} known while the stream lives */
let instance = null;
let started = false;

const line = new EventLine(news => {
  if ('state' in news) {
    state = news;
    if (news.state !== 'live') instance = null;
  }
  if ('instance' in news) instance = news;
  for (const port of ports) port.postMessage(news);
});

globalThis.addEventListener('connect', event => {
  const [port] = /** @type {MessageEvent} */ (event).ports;
  // A tab that is closed says so, if it can.
  port.addEventListener('message', () => ports.delete(port));
  port.start();
  if (!started) {
    started = true;
    line.open();
  }
  ports.add(port);
  port.postMessage(state);
  if (instance) port.postMessage(instance);
});
