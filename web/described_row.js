// A line of described settings: below a slider's row, where a button opens it and what is set keeps it open; or a row of its
// own. Each setting is there while it is of use.

import {h, setAttribute} from './dom.js';

/**
 * @typedef {import('./described_fields.js').Described} Described
 * @typedef {import('./control.js').Control} Control
 * @typedef {import('./api.js').Conditions} Conditions
 */

/** Controls that are as wide as what is written in them. */
const WIDE = /^(loss\/pattern|loss\/list|trace|.*\/file)$/;

export class DescribedRow {
  /** @param {Described[]} fields @param {(field: import('./fields.js').Field) => Control} make */
  constructor(fields, make) {
    this.isOpen = false;
    this.cells = fields.map(described => {
      const control = make(described.field);
      return {described, control, element: element(described, control)};
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
    for (const {described, element} of this.cells) {
      element.hidden = !described.when(conditions);
      if (!element.hidden && isSet(described, conditions)) this.isSet = true;
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

/** Whether it is asked for, and not at its default. @param {Described} described @param {Conditions} conditions */
function isSet({field, choices}, conditions) {
  const text = field.read(conditions);
  return text !== (choices?.[0] ?? field.read({}));
}

/** @param {Described} described @param {Control} control */
function element({kind, title, hint, empty, choices, shownOnly, field}, control) {
  if (kind === 'check') return control.makeCheck(title, hint);
  const input = kind === 'select' ? control.makeSelect((choices ?? []).map(name => [name, name]), shownOnly)
    : control.makeText(empty, WIDE.test(field.key) ? 'wide' : empty.length > 8 ? 'medium' : 'short');
  return h('label', {title: hint}, title, input);
}
