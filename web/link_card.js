// The link's card: both directions' controls, changes sent one after the other, and the curl line that repeats them.

import {Problem, api} from './api.js';
import {Delivered} from './delivered.js';
import {Control} from './control.js';
import {copyText, h, setText} from './dom.js';
import {describedFields} from './described_fields.js';
import {DescribedRow} from './described_row.js';
import {inWords} from './events.js';
import {FIELDS, SLIDERS, isAbout} from './fields.js';
import {Settings} from './settings.js';
import {clock, instant, shellQuote, showMs} from './units.js';

/**
 * @typedef {import('./api.js').Link} Link
 * @typedef {import('./api.js').DirectionName} DirectionName
 */

/** While a slider is dragged, a change is sent at most this often. Milliseconds. */
const DRAG_INTERVAL = 120;
/** @type {DirectionName[]} */
const DIRECTIONS = ['up', 'down'];

export class LinkCard {
  /**
   * @param {HTMLElement} root @param {import('./api.js').Setting[]} impairments as the daemon describes them
   * @param {(line: string) => void} onAlarm
   */
  constructor(root, impairments, onAlarm) {
    this.described = describedFields(impairments, SLIDERS.map(row => row.name), Object.values(FIELDS).map(f => f.key));
    this.onAlarm = onAlarm;
    /** @type {Link|null} */
    this.link = null;
    /** @type {Record<DirectionName, Control[]>} */
    this.controls = {up: [], down: []};
    /** @type {Record<DirectionName, DescribedRow[]>} */
    this.rows = {up: [], down: []};
    /** What waits to be sent, newest text by control. @type {Map<Control, string>} */
    this.queue = new Map();
    this.sending = false;
    this.timer = 0;
    this.build(root);
  }

  /** @param {HTMLElement} root */
  build(root) {
    this.near = h('span', {class: 'side near'});
    this.far = h('span', {class: 'side far'});
    this.revision = h('span', {class: 'quiet', id: 'revision'});
    this.both = h('input', {type: 'checkbox', id: 'both'});
    this.reverts = h('span', {class: 'badge warn', hidden: true});
    this.wayIn = h('span', {class: 'badge bad', id: 'way-in', role: 'status', hidden: true});
    this.step = h('span', {class: 'badge ok', id: 'scenario-step', hidden: true});
    this.settings = new Settings(link => {
      this.onAlarm('');
      this.show(link);
    });
    /** @type {Record<DirectionName, Delivered>} */
    this.delivered = {up: new Delivered('up'), down: new Delivered('down')};
    this.curl = h('code', {id: 'curl'});
    const copy = h('button', {type: 'button', class: 'plain', 'aria-label': 'Copy the curl line'}, 'Copy');
    copy.addEventListener('click', async () => {
      await copyText(this.curl?.textContent ?? '');
      copy.textContent = 'Copied';
      setTimeout(() => { copy.textContent = 'Copy'; }, 1500);
    });
    this.capture = h('a', {id: 'capture', download: '',
      title: 'The packets of the next 10 seconds, for Wireshark: each with what was done to it'}, 'Capture 10 s');
    const reset = h('button', {type: 'button', id: 'reset'}, 'Reset');
    reset.addEventListener('click', () => this.replace(api.reset));
    this.undo = h('button', {type: 'button', class: 'plain', id: 'undo', title: 'Undo the last change'}, 'Undo');
    this.undo.addEventListener('click', () => this.replace(api.revert));
    root.append(
      h('div', {class: 'head'},
        h('div', {class: 'path'}, this.near, h('span', {class: 'wire', 'aria-hidden': 'true'}), this.far),
        this.wayIn, this.step, this.reverts, h('span', {class: 'grow'}), this.revision, this.settings.preset,
        h('label', {class: 'check', title: 'Change both directions together'}, this.both, 'both directions alike'), this.undo, reset),
      h('div', {class: 'directions', id: 'asked-delivered'}, ...DIRECTIONS.map(d => this.buildDirection(d))),
      h('div', {class: 'curl'}, h('span', {class: 'prompt', 'aria-hidden': 'true'}, '$'), this.curl, copy,
        this.capture),
      this.settings.details);
  }

  /** @param {DirectionName} direction */
  buildDirection(direction) {
    const arrow = direction === 'up' ? 'near → far' : 'far → near';
    const form = h('div', {class: `direction ${direction}`, role: 'group', 'aria-label': `${direction}, ${arrow}`},
      h('div', {class: 'row titles'}, h('h2', {class: direction}, direction, ' ', h('span', {class: 'quiet'}, arrow)),
        h('span', {class: 'value'}, 'asked'), h('span', {class: 'delivered'}, 'delivered')));
    for (const row of SLIDERS) form.append(...this.buildRow(row, direction));
    for (const row of this.described.plain) form.append(...this.buildPlain(row, direction));
    form.append(...this.buildOutage(direction), this.delivered?.[direction].summary ?? '');
    return form;
  }

  /** @param {import('./fields.js').Field} field @param {DirectionName} direction */
  control(field, direction) {
    const control = new Control(field, direction, (c, text, soon) => this.edit(c, text, soon));
    this.controls[direction].push(control);
    return control;
  }

  /** @param {import('./described_fields.js').Described[]} fields @param {DirectionName} direction */
  describedRow(fields, direction) {
    const row = new DescribedRow(fields, field => this.control(field, direction));
    this.rows[direction].push(row);
    return row;
  }

  /** @param {import('./fields.js').Row} row @param {DirectionName} direction */
  buildRow(row, direction) {
    const main = this.control(FIELDS[row.name], direction);
    const slider = main.makeSlider(row);
    const text = main.makeText(row.empty);
    const [extras, more, errors] = this.buildExtras(row.name, direction);
    const title = h('span', {class: 'name', title: row.hint}, row.title);
    const below = this.described.below[row.name];
    if (below) {
      const finer = this.describedRow(below, direction);
      // A queue's settings are those of its discipline: choosing one opens them.
      if (row.name !== 'queue') title.append(finer.makeButton(`${row.title.toLowerCase()}, ${direction}`));
      more.push(finer.line);
      errors.push(...finer.errors);
    }
    const line = h('div', {class: `row ${row.name}`}, title, slider, text, h('span', {class: 'extras'}, ...extras),
      this.delivered?.[direction].cell(row.name) ?? '');
    return [line, ...more, main.error, ...errors];
  }

  /**
   * What stands beside a row's text field, what stands below it, and the errors of both.
   * @param {string} name @param {DirectionName} direction @returns {HTMLElement[][]}
   */
  buildExtras(name, direction) {
    const make = (/** @type {string} */ field) => this.control(FIELDS[field], direction);
    if (name === 'jitter') {
      const [distribution, overtake] = [make('distribution'), make('overtake')];
      return [
        [distribution.makeSelect(this.described.distributions.map(name => [name, name]), ['table']),
          overtake.makeCheck('overtake', 'Let packets overtake each other; else order is kept')],
        [], [distribution.error, overtake.error]];
    }
    const choice = {loss: this.described.models, queue: this.described.discipline}[name];
    if (choice) {
      const control = this.control(choice.field, direction);
      return [[control.makeSelect((choice.choices ?? []).map(each => [each, name === 'loss' ? each.replace('_', '-') : each]))], [], [control.error]];
    }
    if (name === 'corrupt') {
      const [bits, fix] = [make('bits'), make('fixChecksum')];
      return [
        [h('label', {title: 'How many bits are flipped'}, bits.makeText('1', 'tiny'), 'bits'),
          fix.makeCheck('fix sum', 'Make the checksum right again, so that the application reads the damage')],
        [], [bits.error, fix.error]];
    }
    if (name === 'reorder') {
      const by = make('reorderBy');
      return [[h('label', {title: 'How far back: packets or time'}, 'by', by.makeText('3packets', 'short'))], [], [by.error]];
    }
    return [[], [], []];
  }

  /** A row without a slider. @param {import('./described_fields.js').PlainRow} row @param {DirectionName} direction */
  buildPlain(row, direction) {
    const finer = this.describedRow(row.fields, direction);
    finer.line.classList.add('alone');
    return [h('div', {class: `row plain ${row.name}`}, h('span', {class: 'name', title: row.hint}, row.title), finer.line,
      this.delivered?.[direction].cell(row.name) ?? ''), ...finer.errors];
  }

  /** @param {DirectionName} direction */
  buildOutage(direction) {
    const make = (/** @type {string} */ field) => this.control(FIELDS[field], direction);
    const [on, up, down, drop] = ['outage', 'outageUp', 'outageDown', 'dropInFlight'].map(make);
    const line = h('div', {class: 'row outage'}, h('span', {class: 'name'}, 'Outage'),
      on.makeCheck('now', 'Everything is dropped for as long as this is on'),
      h('span', {class: 'extras wide'},
        h('label', {title: 'In a cycle: this long without an outage'}, 'up for', up.makeText('–', 'tiny')),
        h('label', {title: 'In a cycle: this long an outage'}, 'down for', down.makeText('–', 'tiny')),
        drop.makeCheck('in flight too', 'An outage that begins also drops what is in flight')),
      this.delivered?.[direction].cell('outage') ?? '');
    return [line, on.error, up.error, down.error, drop.error];
  }

  /**
   * The link as it is in effect. An older revision than what is shown is an answer that was overtaken, unless the
   * daemon may have begun anew.
   * @param {Link} link @param {boolean} [anew]
   */
  show(link, anew = false) {
    if (!anew && this.link?.name === link.name && link.revision < this.link.revision) return;
    this.link = link;
    this.showSide(this.near, 'near', link.near);
    this.showSide(this.far, 'far', link.far);
    this.undo?.toggleAttribute('disabled', link.revision <= 1);
    if (this.revision) setText(this.revision, `revision ${link.revision} · seed ${link.seed}`);
    for (const direction of DIRECTIONS) {
      const conditions = link[direction];
      for (const control of this.controls[direction]) {
        control.show(control.field.read(conditions));
        if (control.field.key === 'loss') showModel(control, conditions);
      }
      for (const row of this.rows[direction]) row.show(conditions);
    }
    if (this.curl) setText(this.curl, curlLine(link));
    this.capture?.setAttribute('href', `/api/v1/links/${encodeURIComponent(link.name)}/capture?for=10s`);
    this.settings?.show(link);
    this.showReverts();
    this.showWayIn();
  }

  /** @param {HTMLElement|undefined} element @param {string} name @param {import('./api.js').SideInfo} side */
  showSide(element, name, side) {
    element?.replaceChildren(h('b', {}, name), ...side.addresses.map(a => h('code', {}, a)));
    element?.setAttribute('title', `device ${side.device}${side.netns ? ` in ${side.netns}` : ''}`);
  }

  /** @param {import('./api.js').Stats} stats */
  showStats(stats) {
    for (const direction of DIRECTIONS) this.delivered?.[direction].show(stats[direction], stats.at, stats.changed_at);
    this.showStep(stats.scenario ?? null);
    this.showReverts();
  }

  /** Which step of the scenario is in force. @param {import('./api.js').Stats['scenario']} scenario */
  showStep(scenario) {
    if (!this.step) return;
    this.step.hidden = !scenario || !this.link?.scenario;
    if (!scenario || !this.link?.scenario) return;
    const step = this.link.scenario[scenario.step - 1];
    const sides = DIRECTIONS.filter(d => step?.[d]).map(d => `${d} ${inWords(step[d])}`).join(' · ');
    setText(this.step, `step ${scenario.step} of ${scenario.of}${step ? `, ${step.for}: ${sides || 'as asked below'}` : ''}`);
  }

  /** Whether its traffic passes through it, where that is not so. */
  showWayIn() {
    const wayIn = this.link?.way_in;
    if (!this.wayIn) return;
    this.wayIn.hidden = !wayIn || wayIn.state === 'up';
    if (wayIn) setText(this.wayIn, wayIn.state === 'waiting' ? `waiting: ${wayIn.detail}` : `does not carry: ${wayIn.detail}`);
  }

  showReverts() {
    const at = this.link?.reverts_at;
    if (!this.reverts) return;
    this.reverts.hidden = !at;
    if (!at) return;
    setText(this.reverts, `reverts in ${showMs(Math.max(0, instant(at) - Date.now()))}, at ${clock(at, 0)}`);
    this.reverts.title = (this.link?.temporary ?? [])
      .map(back => `${back.pointer.slice(1).replace('/', ' ')}: at ${clock(back.at, 0)}`).join('\n');
  }

  /** @param {Control} control @param {string} text @param {boolean} soon */
  edit(control, text, soon) {
    const twins = this.both?.checked
      ? DIRECTIONS.flatMap(d => this.controls[d].filter(c => c.field.key === control.field.key)) : [control];
    for (const twin of twins) {
      if (!this.queue.has(twin)) twin.waiting++;
      this.queue.set(twin, text);
    }
    if (!soon) return void this.flush();
    if (!this.timer) this.timer = window.setTimeout(() => this.flush(), DRAG_INTERVAL);
  }

  /** Sends what waits: one request at a time, so that answers come in the order of the changes. */
  async flush() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.sending || !this.link || this.queue.size === 0) return;
    const batch = this.takeBatch();
    /** @type {Record<string, object>} */
    const patch = {};
    for (const [control, text] of batch) {
      patch[control.direction] = control.field.write(this.link[/** @type {DirectionName} */ (control.direction)], text);
    }
    this.sending = true;
    try {
      const link = await api.patch(this.link.name, patch);
      for (const [control] of batch) control.answered();
      this.onAlarm('');
      this.show(link);
    } catch (error) {
      for (const [control] of batch) control.answered();
      this.showProblem(error, batch.map(([control]) => control));
    }
    this.sending = false;
    if (this.queue.size) this.flush();
  }

  /** The first change, and its twin of the other direction. @returns {[Control, string][]} */
  takeBatch() {
    const entries = [...this.queue];
    const batch = entries.filter(([control]) => control.field.key === entries[0][0].field.key);
    for (const [control] of batch) this.queue.delete(control);
    return batch;
  }

  /** Beside the field it is about, else above everything. @param {unknown} error @param {Control[]} controls */
  showProblem(error, controls) {
    const problem = error instanceof Problem ? error : new Problem(0, String(error));
    let placed = false;
    for (const control of controls) {
      const mine = problem.errors.filter(e => isAbout(control.field, e.pointer) && isOf(control.direction, e.pointer));
      if (mine.length) control.showError(mine.map(e => e.detail).join('; '));
      else if (problem.status === 400 || problem.status === 422) control.showError(problem.message);
      else continue;
      placed = true;
    }
    if (placed) return;
    this.onAlarm(problem.message);
    for (const control of controls) control.release();
  }

  /** Other conditions in place of these: what waits to be sent is for the old ones. @param {(name: string) => Promise<Link>} ask */
  async replace(ask) {
    if (!this.link) return;
    this.queue.clear();
    for (const direction of DIRECTIONS) {
      for (const control of this.controls[direction]) {
        control.waiting = 0;
        control.held = false;
        control.showError('');
      }
    }
    try {
      this.show(await ask(this.link.name));
      this.onAlarm('');
    } catch (error) {
      this.onAlarm(error instanceof Error ? error.message : String(error));
    }
  }
}

/** A model with parameters of its own has no use for the slider. @param {Control} control @param {import('./api.js').Conditions} conditions */
function showModel(control, conditions) {
  const row = control.input?.closest('.row');
  row?.classList.toggle('bursts', Boolean(conditions.loss && !conditions.loss.random));
  row?.classList.toggle('set', Boolean(conditions.loss));
}

/** @param {string} direction @param {string} pointer */
const isOf = (direction, pointer) => !/^\/(up|down)(\/|$)/.test(pointer) || pointer.startsWith('/' + direction);

/** The command that brings these conditions about, whatever was before. @param {Link} link */
function curlLine(link) {
  const url = `${location.origin}/api/v1/links/${encodeURIComponent(link.name)}`;
  const clean = Object.keys(link.up).length === 0 && Object.keys(link.down).length === 0 && !link.scenario;
  if (clean) return `curl -X POST ${url}/reset`;
  return `curl -X PUT ${url} -d ${shellQuote(JSON.stringify({up: link.up, down: link.down, scenario: link.scenario}))}`;
}
