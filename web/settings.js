// All that can be asked of a link, as text: a preset to start from, and both directions in the API's own JSON. What has
// no slider is set here; what is wrong is said beside the direction it is about, and nothing is changed by it.

import {Problem, api} from './api.js';
import {h, setText} from './dom.js';

/**
 * @typedef {import('./api.js').Link} Link
 * @typedef {import('./api.js').DirectionName} DirectionName
 */

/** @type {DirectionName[]} */
const DIRECTIONS = ['up', 'down'];
/** @typedef {DirectionName|'scenario'} Part */
/** @type {Part[]} */
const PARTS = [...DIRECTIONS, 'scenario'];
const CUSTOM = '';

export class Settings {
  /** @param {(link: Link) => void} onLink told what is in effect after a change made here */
  constructor(onLink) {
    this.onLink = onLink;
    this.linkName = '';
    /** @type {Record<Part, HTMLTextAreaElement>} */
    this.texts = {up: this.makeText('up'), down: this.makeText('down'), scenario: this.makeText('scenario')};
    this.scenario = this.texts.scenario;
    this.scenario.rows = 3;
    this.scenario.placeholder = '[{"for": "14s"}, {"for": "1s", "both": {"delay": "65ms", "loss": "1%"}}]';
    /** @type {Record<Part, HTMLElement>} */
    this.errors = {up: this.makeError('up'), down: this.makeError('down'), scenario: this.makeError('scenario')};
    /** Edited, and not yet sent. @type {Set<Part>} */
    this.edited = new Set();
    this.preset = h('select', {id: 'preset', 'aria-label': 'Preset'}, h('option', {value: CUSTOM}, 'preset …'));
    this.preset.addEventListener('change', () => this.applyPreset());
    this.send = h('button', {type: 'button', id: 'send-settings', disabled: true}, 'Put in effect');
    this.send.addEventListener('click', () => this.put());
    this.details = h('details', {class: 'settings', id: 'settings'},
      h('summary', {}, 'All settings, as the API has them'),
      h('div', {class: 'directions'}, ...DIRECTIONS.map(d =>
        h('div', {class: `direction ${d}`}, h('h2', {class: d}, d), this.texts[d], this.errors[d]))),
      h('h2', {}, 'scenario'), this.scenario, this.errors.scenario,
      h('p', {class: 'quiet'}, 'Every impairment with its units: ', h('code', {}, 'wobble settings'),
        ' lists them. "netem" takes netem\'s words: ',
        h('code', {}, '{"netem": "delay 80ms 10ms loss 2%"}')),
      this.send);
    this.loadPresets();
  }

  /** @param {Part} direction */
  makeText(direction) {
    const text = h('textarea', {rows: 7, spellcheck: 'false', 'aria-label': `all settings, ${direction}`,
      'data-settings': direction, 'aria-describedby': `settings-error-${direction}`});
    text.addEventListener('input', () => {
      this.edited.add(direction);
      this.send.disabled = false;
    });
    text.addEventListener('keydown', event => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.put();
      if (event.key === 'Escape') this.takeBack();
    });
    return text;
  }

  /** @param {Part} direction */
  makeError(direction) {
    return h('p', {class: 'error', role: 'alert', id: `settings-error-${direction}`, hidden: true});
  }

  async loadPresets() {
    try {
      const {items} = await api.profiles();
      this.preset.append(...items.map(p => h('option', {value: p.name, title: p.source}, `${p.name}: ${p.summary}`)));
      if (this.link) this.show(this.link);
    } catch {
      this.preset.hidden = true;
    }
  }

  /** @param {Link} link */
  show(link) {
    this.link = link;
    this.linkName = link.name;
    this.preset.value = link.profile ?? CUSTOM;
    for (const part of PARTS) {
      const value = link[part];
      if (!this.edited.has(part)) this.texts[part].value = value ? JSON.stringify(value, null, 2) : '';
    }
  }

  takeBack() {
    this.edited.clear();
    this.send.disabled = true;
    this.showErrors({});
    if (this.link) this.show(this.link);
  }

  /** @param {Partial<Record<Part, string>>} texts */
  showErrors(texts) {
    for (const direction of PARTS) {
      setText(this.errors[direction], texts[direction] ?? '');
      this.errors[direction].hidden = !texts[direction];
    }
  }

  /** @param {Link} link */
  accept(link) {
    this.takeBack();
    this.onLink(link);
  }

  async applyPreset() {
    if (this.preset.value === CUSTOM) return;
    try {
      this.accept(await api.applyProfile(this.linkName, this.preset.value));
    } catch (error) {
      this.refuse(error);
    }
  }

  async put() {
    /** @type {Record<string, unknown>} */
    const body = {};
    /** @type {Partial<Record<Part, string>>} */
    const wrong = {};
    for (const direction of PARTS) {
      try {
        body[direction] = JSON.parse(this.texts[direction].value.trim() || (direction === 'scenario' ? 'null' : '{}'));
      } catch (error) {
        wrong[direction] = error instanceof Error ? error.message : String(error);
      }
    }
    if (Object.keys(wrong).length) return this.showErrors(wrong);
    try {
      this.accept(await api.put(this.linkName, body));
    } catch (error) {
      this.refuse(error);
    }
  }

  /** @param {unknown} error */
  refuse(error) {
    const problem = error instanceof Problem ? error : new Problem(0, String(error));
    const about = (/** @type {string} */ d) => problem.errors.filter(e => e.pointer.startsWith(`/${d}`))
      .map(e => `${e.pointer.slice(d.length + 2) || 'all of it'}: ${e.detail}`).join('; ');
    const [up, down, scenario] = [about('up'), about('down'), about('scenario')];
    this.showErrors(up || down || scenario ? {up, down, scenario} : {up: problem.message});
    if (this.link) this.preset.value = this.link.profile ?? CUSTOM;
  }
}
