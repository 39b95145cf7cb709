// One control of a condition: a field of text, perhaps with a slider, or a choice, or a box to tick.
//
// What is shown is what is in effect, with one exception: while a person drags, types, or waits for the answer to
// their own change, the control is theirs and nothing from outside moves it.

import {h, setAttribute} from './dom.js';
import {positionOf, queueScale} from './units.js';

/**
 * @typedef {import('./fields.js').Row} Row
 * @typedef {import('./units.js').Scale} Scale
 * @typedef {(control: Control, text: string, soon: boolean) => void} OnEdit soon: still dragging
 */

let serial = 0;

export class Control {
  /** @param {import('./fields.js').Field} field @param {string} direction @param {OnEdit} onEdit */
  constructor(field, direction, onEdit) {
    this.field = field;
    this.direction = direction;
    this.onEdit = onEdit;
    this.value = '';
    this.held = false;
    /** Changes asked for and not yet answered. */
    this.waiting = 0;
    /** @type {HTMLInputElement|HTMLSelectElement|null} */
    this.input = null;
    /** @type {HTMLInputElement|null} */
    this.slider = null;
    /** @type {Scale|null} */
    this.scale = null;
    this.emptyAtEnd = false;
    this.empty = '';
    this.error = h('p', {class: 'error', id: `error-${++serial}`, role: 'alert', hidden: true});
  }

  get label() {
    return `${this.field.label}, ${this.direction}`;
  }

  /** @param {string} placeholder @param {string} [extraClass] */
  makeText(placeholder, extraClass = '') {
    this.empty = placeholder;
    const input = h('input', {
      type: 'text', class: `value ${extraClass}`, placeholder, autocomplete: 'off', spellcheck: 'false',
      'aria-label': this.label, 'data-field': `${this.direction}/${this.field.key}`,
    });
    input.addEventListener('input', () => { this.held = true; });
    input.addEventListener('change', () => this.edit(input.value, false));
    input.addEventListener('blur', () => { if (!this.error.textContent) this.release(); });
    input.addEventListener('keydown', event => {
      if (event.key !== 'Escape') return;
      this.showError('');
      this.release();
    });
    this.input = input;
    return input;
  }

  /** @param {Row} row */
  makeSlider(row) {
    this.scale = row.scale;
    this.emptyAtEnd = row.emptyAtEnd ?? false;
    const slider = h('input', {
      type: 'range', min: 0, max: this.lastStep, step: 1, 'aria-label': `${this.label}, slider`,
      'data-slider': `${this.direction}/${this.field.key}`,
    });
    slider.addEventListener('pointerdown', () => { this.held = true; });
    for (const end of ['pointerup', 'pointercancel', 'blur']) slider.addEventListener(end, () => this.release());
    slider.addEventListener('input', () => {
      const text = this.textAt(Number(slider.value));
      if (this.input) this.input.value = text;
      this.paintSlider();
      this.edit(text, true);
    });
    this.slider = slider;
    return slider;
  }

  /** @param {[string, string][]} choices value and text @param {string[]} shownOnly values a person cannot choose */
  makeSelect(choices, shownOnly = []) {
    const select = h('select', {'aria-label': this.label, 'data-field': `${this.direction}/${this.field.key}`});
    for (const [value, text] of choices) {
      select.append(h('option', {value, disabled: shownOnly.includes(value)}, text));
    }
    select.addEventListener('change', () => this.edit(select.value, false));
    this.input = select;
    return select;
  }

  /** @param {string} text beside the box @param {string} title */
  makeCheck(text, title) {
    const input = h('input', {
      type: 'checkbox', 'aria-label': this.label, 'data-field': `${this.direction}/${this.field.key}`,
    });
    input.addEventListener('change', () => this.edit(input.checked ? 'true' : '', false));
    this.input = input;
    return h('label', {class: 'check', title}, input, text);
  }

  /** One position more than the scale has, if the end of the slider means "not limited". */
  get lastStep() {
    return (this.scale?.steps.length ?? 1) - 1 + (this.emptyAtEnd ? 1 : 0);
  }

  /** @param {number} position */
  textAt(position) {
    const scale = /** @type {Scale} */ (this.scale);
    if (this.emptyAtEnd && position >= scale.steps.length) return '';
    const value = scale.steps[position];
    return value === 0 && !this.emptyAtEnd ? '' : scale.spell(value);
  }

  /** @param {string} text @param {boolean} soon */
  edit(text, soon) {
    this.showError('');
    if (!soon) this.held = false;
    this.onEdit(this, text, soon);
  }

  /** A change asked for has been answered, well or badly. */
  answered() {
    this.waiting = Math.max(0, this.waiting - 1);
  }

  /** The person let go: what is in effect shows again, once their own change has been answered. */
  release() {
    this.held = false;
    this.show(this.value);
  }

  /** @param {string} value as read from the conditions in effect */
  show(value) {
    this.value = value;
    if (this.held || this.waiting > 0) return;
    const {input} = this;
    if (input instanceof HTMLInputElement && input.type === 'checkbox') input.checked = value !== '';
    else if (input && input.value !== value) input.value = value;
    this.paintSlider();
    if (this.slider) this.slider.closest('.row')?.classList.toggle('set', value !== '');
  }

  paintSlider() {
    const {slider, scale} = this;
    if (!slider || !scale) return;
    const text = this.input?.value ?? '';
    if (this.field.key === 'queue/limit' && text !== '') this.scale = queueScale(text);
    setAttribute(slider, 'max', String(this.lastStep));
    const value = this.scale?.read(text) ?? null;
    const position =
      text === '' ? (this.emptyAtEnd ? this.lastStep : 0) : value === null ? null : positionOf(this.scale ?? scale, value);
    if (position !== null && Number(slider.value) !== position) slider.value = String(position);
    slider.style.setProperty('--fill', `${(100 * Number(slider.value)) / Math.max(1, this.lastStep)}%`);
    setAttribute(slider, 'aria-valuetext', text === '' ? this.empty : text);
  }

  /** @param {string} text '' takes it away */
  showError(text) {
    this.error.textContent = text;
    this.error.hidden = text === '';
    if (!this.input) return;
    setAttribute(this.input, 'aria-invalid', text ? 'true' : null);
    setAttribute(this.input, 'aria-describedby', text ? this.error.id : null);
    if (text) this.held = true;
  }
}
