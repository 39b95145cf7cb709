// A line of finer settings: below a slider's row, where a button opens it and what is set keeps it open; or a row of its
// own. Each setting is there while it is of use.

import {h, setAttribute} from './dom.js';

/**
 * @typedef {import('./finer_fields.js').Finer} Finer
 * @typedef {import('./control.js').Control} Control
 * @typedef {import('./api.js').Conditions} Conditions
 */

/** Controls that are as wide as what is written in them. */
const WIDE = ['lossPattern', 'lossList', 'trace', 'traceFile', 'delayDistributionFile', 'slotDistributionFile'];

export class FinerRow {
  /** @param {Finer[]} fields @param {(name: string) => Control} make */
  constructor(fields, make) {
    this.isOpen = false;
    this.cells = fields.map(finer => {
      const control = make(finer.name);
      return {finer, control, element: element(finer, control)};
    });
    this.errors = this.cells.map(cell => cell.control.error);
    this.line = h('div', {class: 'finer'}, ...this.cells.map(cell => cell.element));
  }

  /** The button that opens and closes the line. @param {string} what */
  makeButton(what) {
    const button = h('button', {type: 'button', class: 'plain more', 'aria-label': `more of ${what}`, 'aria-expanded': 'false'}, '⋯');
    button.addEventListener('click', () => {
      this.isOpen = !this.isOpen;
      this.arrange();
    });
    this.button = button;
    return button;
  }

  /** @param {Conditions} conditions */
  show(conditions) {
    this.isSet = false;
    for (const {finer, element} of this.cells) {
      element.hidden = finer.when ? !finer.when(conditions) : false;
      const text = finer.field.read(conditions);
      if (!element.hidden && text !== '' && text !== finer.choices?.[0][0]) this.isSet = true;
    }
    if (this.line.classList.contains('alone')) this.line.closest('.row')?.classList.toggle('set', this.isSet);
    this.arrange();
  }

  arrange() {
    const isAny = this.cells.some(cell => !cell.element.hidden);
    this.line.hidden = !isAny;
    if (!this.button) return;
    this.button.hidden = !isAny;
    this.button.disabled = Boolean(this.isSet);
    this.button.title = this.isSet ? 'open, since some of it is set' : 'more settings';
    this.line.hidden = !isAny || !(this.isOpen || this.isSet);
    setAttribute(this.button, 'aria-expanded', String(!this.line.hidden));
  }
}

/** @param {Finer} finer @param {Control} control */
function element(finer, control) {
  if (finer.kind === 'check') return control.makeCheck(finer.title, finer.hint);
  const input = finer.kind === 'select' ? control.makeSelect(finer.choices ?? [], finer.shownOnly)
    : control.makeText(finer.empty, WIDE.includes(finer.name) ? 'wide' : 'short');
  return h('label', {title: finer.hint}, finer.title, input);
}
