// Puts the page together: what is fetched when, and who is told.

import {Problem, Stream, api} from './api.js';
import {Charts} from './charts.js';
import {Connections} from './connections.js';
import {byId, h, setText} from './dom.js';
import {Events} from './events.js';
import {Ladder} from './ladder.js';
import {LinkCard} from './link_card.js';
import {askForToken} from './session.js';

/** Between two polls of the figures, while the page is visible. Milliseconds. */
const POLL = 1000;

const connections = new Connections(byId('connections'));
const ladder = new Ladder(byId('ladder'), () => { location.hash = ''; });
const events = new Events(byId('events'));
/** @type {LinkCard} made once the daemon has described its settings */
let card;
const charts = new Charts(byId('measured'));

let linkName = '';
let instance = '';
let streamState = 'connecting';
let polls = 0;

/** One line above everything; '' takes it away. @param {string} text */
function alarm(text) {
  const element = byId('alarm');
  setText(element, text);
  element.hidden = text === '';
}

/** @param {string} id @param {'ok'|'bad'|'wait'} mood @param {string} text @param {string} [title] */
function badge(id, mood, text, title = '') {
  const element = byId(id);
  element.className = `badge ${mood}`;
  setText(element, text);
  element.title = title;
}

/** The parameters of the hash: #connection=17&link=lab. */
const hash = () => new URLSearchParams(location.hash.slice(1));

async function fetchLink(anew = false) {
  if (!linkName) return;
  try {
    card.show(await api.link(linkName), anew);
  } catch {
    // The poll of the figures tells what is wrong.
  }
}

async function poll() {
  if (!linkName || document.hidden) return;
  try {
    const stats = await api.stats(linkName);
    charts.add(stats);
    card.showStats(stats);
    connections.tick(stats.connections, stats.connections_by_state ?? {});
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return location.reload();  // which asks for the token
    badge('health', 'bad', 'no figures', 'GET stats failed');
  }
  // Without a stream the page asks; with one, now and then, for what no event tells.
  const every = streamState === 'live' ? 5 : 1;
  if (++polls % every === 0) {
    if (streamState !== 'live') fetchLink();
    connections.refresh();
    ladder.refresh();
    checkHealth();
  }
}

async function checkHealth() {
  try {
    const {detail} = await api.health();
    if (detail) badge('health', 'wait', 'healthy, but', detail);
    else badge('health', 'ok', 'healthy');
  } catch (error) {
    const problem = error instanceof Problem ? error : new Problem(0, String(error));
    badge('health', 'bad', problem.status ? 'unhealthy' : 'daemon gone', problem.message);
  }
}

/** @param {import('./api.js').WobbleEvent} event */
function onEvent(event) {
  if (event.kind === 'link_added' || event.kind === 'link_removed') refreshLinks().catch(() => {});
  if (event.link && event.link !== linkName) return;
  events.add([event]);
  if (event.kind === 'conditions' || event.kind === 'way_in') fetchLink();
  connections.onEvent(event);
  ladder.onEvent(event);
}

/** @param {'live'|'connecting'|'refused'} state */
function onStream(state) {
  streamState = state;
  if (state === 'live') badge('stream', 'ok', 'live', 'Events arrive as they happen');
  else if (state === 'connecting') badge('stream', 'wait', 'connecting', 'Waiting for the stream of events');
  else badge('stream', 'bad', 'polling', 'The stream of events was refused; the page asks once a second instead');
  if (state !== 'live') return;
  fetchLink(true);
  connections.refresh();
}

/** Another start of the daemon has other links, another log and maybe another page. @param {string} seen */
async function onInstance(seen) {
  if (!instance || seen === instance) return;
  try {
    if ((await api.about()).instance !== instance) location.reload();
  } catch {
    // It is gone again; the stream tells when it is back.
  }
}

function onHash() {
  const id = Number(hash().get('connection') ?? 0);
  const valid = Number.isSafeInteger(id) && id > 0;
  if (location.hash === '#connections') return;  // the skip link
  connections.select(valid ? id : 0);
  byId('log').classList.toggle('with-ladder', valid);
  if (valid) ladder.show(id);
  else ladder.hide();
}

const THEMES = ['auto', 'light', 'dark'];
function setUpTheme() {
  const button = byId('theme');
  const root = document.documentElement;
  const tell = () => {
    setText(button, `◐ ${root.dataset.theme ?? 'auto'}`);
    button.setAttribute('aria-label', `Theme: ${root.dataset.theme ?? 'auto'}`);
    charts.redraw();
  };
  button.addEventListener('click', () => {
    const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? 'auto') + 1) % THEMES.length];
    if (next === 'auto') delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem('wobble-theme', next);
    } catch {
      // It lasts for this visit only.
    }
    tell();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', tell);
  tell();
}

/** @param {string} name */
function chooseLink(name) {
  linkName = connections.linkName = events.linkName = name;
  setText(byId('link-name'), name);
  document.title = `${name} · wobble`;
}

async function start() {
  setUpTheme();
  addEventListener('hashchange', onHash);
  for (;;) {
    try {
      const [about, links, settings] = await Promise.all([api.about(), api.links(), api.settings()]);
      instance = about.instance ?? '';
      setText(byId('version'), `wobbled ${about.version}`);
      const chosen = links.items.find(link => link.name === hash().get('link')) ?? links.items[0];
      if (!chosen) {
        alarm('no link yet: put one in front of something with "wobble attach TARGET", or POST /api/v1/links');
        badge('health', 'wait', 'no link');
        await new Promise(resolve => setTimeout(resolve, 2000));
        continue;
      }
      chooseLink(chosen.name);
      offerLinks(links.items.map(link => link.name));
      card = new LinkCard(byId('link-card'), settings.impairments, alarm);
      card.show(chosen, true);
      alarm('');
      break;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        await askForToken();
        continue;
      }
      alarm(`${error instanceof Error ? error.message : error}; trying again`);
      badge('health', 'bad', 'daemon gone');
      await new Promise(resolve => setTimeout(resolve, 2000));
    }
  }
  new Stream(onEvent, onStream, onInstance).open();
  onHash();
  checkHealth();
  connections.refresh();
  events.load().catch(error => events.showError(String(error.message ?? error)));
  poll();
  setInterval(poll, POLL);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    poll();
    connections.refresh();
  });
}

/** @param {string[]} names */
function offerLinks(names) {
  const choice = byId('link-choice');
  choice.replaceChildren(...names.map(name => h('option', {value: name}, name)));
  choice.value = linkName;
  choice.hidden = names.length < 2;
  byId('link-name').hidden = names.length > 1;
  choice.onchange = () => {
    location.hash = `link=${encodeURIComponent(choice.value)}`;
    location.reload();
  };
}

/** Links have come or gone. */
async function refreshLinks() {
  const names = (await api.links()).items.map(link => link.name);
  if (names.includes(linkName)) offerLinks(names);
  else location.reload();
}

start();
