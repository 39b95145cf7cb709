// The controls that the daemon's own description of its settings makes (GET /api/v1/schema/conditions): what stands below
// a slider's row, opened by a person or by being set, and the rows of impairments that have no slider. A setting that is
// new to the daemon is on the page by this alone. No DOM.

/**
 * @typedef {import('./api.js').Conditions} Conditions
 * @typedef {import('./api.js').Setting} Setting
 * @typedef {import('./fields.js').Field} Field
 */

/**
 * @typedef {object} Described a field with what the page needs to make a control of it
 * @property {string} title beside the control
 * @property {'text'|'count'|'check'|'select'} kind
 * @property {string} empty the default, shown while nothing is set
 * @property {string[]} [choices] of a select; the first is the default
 * @property {string[]} [shownOnly] of those, what a person cannot choose
 * @property {(c: Conditions) => boolean} when whether it is of use
 * @property {string} hint what it means
 * @property {Field} field
 */

/** @typedef {{name: string, title: string, hint: string, fields: Described[]}} PlainRow */

/** @param {object} c @param {string} key */
const valueAt = (c, key) => key.split('/').reduce((/** @type {any} */ at, name) => at?.[name], c);

/** {a: {b: value}} for "a/b". @param {string} key @param {unknown} value @returns {object} */
const nest = (key, value) => key.split('/').reduceRight((/** @type {any} */ inner, name) => ({[name]: inner}), value);

/** @param {string} text */
const wordsOf = text => text.split(/[\s,]+/).filter(Boolean);
/** @param {string} word */
const numberOr = word => (/^[-+]?\d+$/.test(word) ? Number(word) : word);

/**
 * How a value of each kind is shown, and what is sent for a text that a person wrote. Others are text.
 * @type {Record<string, {show: (value: any) => string, parse: (text: string) => unknown}>}
 */
const KINDS = {
  count: {show: String, parse: numberOr},
  numbers: {show: values => values.join(' '), parse: text => wordsOf(text).map(numberOr)},
};
const TEXT = {show: String, parse: (/** @type {string} */ text) => text};

/** The name of a distribution, whichever it is. @param {string|object|undefined} distribution */
export const nameOfDistribution = distribution => (typeof distribution === 'object' ? 'table' : distribution ?? 'uniform');

/** @param {Setting} setting */
function emptyText({default: standard, zero}) {
  if (standard === undefined) return '–';
  return zero && !/[1-9]/.test(String(standard)) ? zero : String(standard);
}

/** @param {Setting} setting @param {string} key @returns {Field} */
function fieldOf(setting, key) {
  const words = key.replaceAll('/', ' ').replaceAll('_', ' ');
  const label = setting.help ? `${words}: ${setting.help}` : words;
  const {show, parse} = KINDS[setting.kind] ?? TEXT;
  const standard = setting.default ?? setting.choices?.[0];
  if (setting.kind === 'flag') {
    return {
      key, label, read: c => ((valueAt(c, key) ?? standard) ? 'true' : ''),
      write: (_c, text) => nest(key, Boolean(text) === standard ? null : Boolean(text)),
    };
  }
  if (setting.kind === 'choice' || setting.kind === 'distribution') {
    return {
      key, label, read: c => (setting.kind === 'distribution' ? nameOfDistribution(valueAt(c, key)) : valueAt(c, key) ?? standard),
      write: (_c, text) => nest(key, text === standard ? null : text),
    };
  }
  return {
    key, label, read: c => (valueAt(c, key) === undefined ? '' : show(valueAt(c, key))),
    write: (_c, text) => nest(key, text.trim() === '' ? null : parse(text.trim())),
  };
}

/** @param {Setting} setting @param {string} key @param {(c: Conditions) => boolean} when @param {string} [title] @returns {Described} */
function describe(setting, key, when, title = setting.name) {
  const made = {
    title: title.replaceAll('_', ' '), hint: setting.help || setting.name, empty: emptyText(setting), when, field: fieldOf(setting, key),
  };
  if (setting.kind === 'flag') return {...made, kind: 'check'};
  if (setting.kind === 'choice') return {...made, kind: 'select', choices: setting.choices};
  if (setting.kind === 'distribution') return {...made, kind: 'select', choices: [...setting.choices ?? [], 'table'], shownOnly: ['table']};
  return {...made, kind: setting.kind === 'count' ? 'count' : 'text'};
}

/** More values of a table are too many to read. */
const FEW_VALUES = 16;

/**
 * A table in place of a named distribution: of a file on the daemon's machine, or the values themselves.
 * @param {string} key of the distribution @param {(c: Conditions) => boolean} when @returns {Described}
 */
function describeTable(key, when) {
  const hint = 'a distribution\'s own table: a .dist file on the daemon\'s machine, or values in 8192ths of the jitter';
  const field = {
    key: `${key}/file`, label: `${key.replace('/', ' ')}: ${hint}`,
    read: (/** @type {Conditions} */ c) => {
      const own = valueAt(c, key);
      if (typeof own !== 'object') return '';
      const values = own.table ?? [];
      return own.file ?? (values.length > FEW_VALUES ? `${values.length} values` : values.join(' '));
    },
    write: (/** @type {Conditions} */ _c, /** @type {string} */ text) => {
      const words = wordsOf(text);
      const own = words.every(word => /^[-+]?\d+$/.test(word)) ? {table: words.map(Number)} : {file: text.trim()};
      return nest(key, words.length ? own : null);
    },
  };
  return {title: 'table', hint, kind: 'text', empty: '–', when, field};
}

/** A trace stands in place of a rate. @param {Setting} trace @returns {Described} */
function describeTrace(trace) {
  const hint = `${trace.help}: the path of a file on the daemon's machine`;
  const field = {
    key: 'trace', label: `trace: ${hint}`,
    read: (/** @type {Conditions} */ c) => c.trace?.file ?? (c.trace?.ms ? `${c.trace.ms.length} moments` : ''),
    write: (/** @type {Conditions} */ _c, /** @type {string} */ text) =>
      (text.trim() === '' ? {trace: null} : {rate: null, trace: {file: text.trim()}}),
  };
  return {title: 'trace', hint, kind: 'text', empty: '–', when: () => true, field};
}

/** Which of the alternatives is asked for; the first, if none is. @param {Setting} impairment @param {Conditions} c */
function alternativeOf(impairment, c) {
  const present = /** @type {any} */ (c)[impairment.name] ?? {};
  const named = (impairment.settings ?? []).filter(s => s.alternative);
  return (named.find(s => s.name in present) ?? named[0])?.alternative;
}

/** All of an impairment's settings but those that have a control of their own. @param {Setting} impairment @param {Set<string>} own @param {boolean} isPlain */
function describeAll(impairment, own, isPlain) {
  const alternatives = new Set();
  /** @type {Described[]} */
  const found = [];
  for (const setting of impairment.settings ?? []) {
    // In a row of its own the first of each alternative can always be chosen: it is what begins the impairment.
    const isHead = isPlain && (setting.name === impairment.shorthand || (setting.alternative && !alternatives.has(setting.alternative)));
    alternatives.add(setting.alternative);
    const when = (/** @type {Conditions} */ c) => isHead || (
      (!isPlain || Boolean(/** @type {any} */ (c)[impairment.name])) &&
      (!setting.alternative || alternativeOf(impairment, c) === setting.alternative) &&
      (!setting.disciplines || setting.disciplines.includes(c.queue?.discipline ?? 'droptail')));
    const key = `${impairment.name}/${setting.name}`;
    if (setting.settings) {
      for (const inner of setting.settings) {
        found.push(describe(inner, `${key}/${inner.name}`, when, setting.alternative ? inner.name : `${setting.name} ${inner.name}`));
      }
    } else if (!own.has(key) && !(own.has(impairment.name) && setting.name === impairment.shorthand)) {
      const made = describe(setting, key, when);
      if (isHead) {
        const {write} = made.field;
        made.field.write = (c, text) => {
          const value = text.trim() === '' ? null : valueAt(write(c, text), key);
          return {[impairment.name]: value === null ? null : {[setting.name]: value}};
        };
      }
      found.push(made);
    }
    if (setting.kind === 'distribution') found.push(describeTable(key, when));
  }
  return found;
}

/** With what the models begin that are chosen most: 2 % of packets, or thereabouts. @type {Record<string, object>} */
const BEGINS = {burst: {percent: '2%', length: '4packets'}, gilbert_elliott: {p: '0.5%', r: '25%'}, markov: {p13: '0.5%', p31: '25%'}};
/** With what a model of loss begins. @param {Setting} model */
function beginOf(model) {
  if (BEGINS[model.name]) return BEGINS[model.name];
  if (model.settings) return Object.fromEntries(model.settings.filter(s => s.example).map(s => [s.name, s.example]));
  return {count: 50, numbers: [1], pattern: '.'.repeat(49) + 'x'}[model.kind];
}

/** One model of loss at most; a model takes back the other. @param {Setting} loss @returns {Described} */
function describeModels(loss) {
  const models = (loss.settings ?? []).filter(s => s.name === s.alternative);
  const names = models.map(s => s.name);
  const field = {
    key: 'loss', label: 'model of loss',
    read: (/** @type {Conditions} */ c) => names.find(name => c.loss && name in c.loss) ?? names[0],
    write: (/** @type {Conditions} */ _c, /** @type {string} */ text) => {
      const model = models.find(s => s.name === text);
      return {loss: !model || text === names[0] ? null : {[text]: beginOf(model)}};
    },
  };
  return {title: '', hint: loss.help, kind: 'select', empty: '', choices: names, when: () => true, field};
}

/** Under which row of the card an impairment's settings stand, where that is not its own. */
const ROW_OF = {delay: 'jitter', trace: 'rate'};
/** Rows that have a short name of their own. @type {Record<string, [string, string]>} */
const PLAIN_NAMES = {slot: ['slot', 'Slots'], mtu: ['mtu', 'MTU'], idle_timeout: ['idle', 'Idle']};

/**
 * @param {Setting[]} impairments as the daemon describes them
 * @param {string[]} rows of the card that have a slider
 * @param {string[]} ownKeys of the settings that have a control of their own
 */
export function describedFields(impairments, rows, ownKeys) {
  const own = new Set([...ownKeys, 'queue/discipline']);
  /** By row of the card. @type {Record<string, Described[]>} */
  const below = {};
  /** @type {PlainRow[]} */
  const plain = [];
  for (const impairment of impairments) {
    const row = /** @type {Record<string, string>} */ (ROW_OF)[impairment.name] ?? impairment.name;
    const isPlain = !rows.includes(row);
    const fields = impairment.name === 'trace' ? [describeTrace(impairment)] : describeAll(impairment, own, isPlain);
    if (fields.length === 0) continue;
    if (!isPlain) {
      below[row] = [...below[row] ?? [], ...fields];
      continue;
    }
    const words = impairment.name.replaceAll('_', ' ');
    const [name, title] = PLAIN_NAMES[impairment.name] ?? [impairment.name, words[0].toUpperCase() + words.slice(1)];
    plain.push({name, title, hint: impairment.help || words, fields});
  }
  /** @param {string} impairment @param {string} name */
  const setting = (impairment, name) => impairments.find(s => s.name === impairment)?.settings?.find(s => s.name === name);
  const loss = impairments.find(s => s.name === 'loss');
  const discipline = setting('queue', 'discipline');
  return {
    below, plain,
    models: loss && describeModels(loss),
    discipline: discipline && describe(discipline, 'queue/discipline', () => true),
    distributions: [...setting('delay', 'distribution')?.choices ?? [], 'table'],
  };
}
