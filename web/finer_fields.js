// The finer settings of each impairment: what stands below its row, opened by a person or by being set. No DOM.

/**
 * @typedef {import('./api.js').Conditions} Conditions
 * @typedef {import('./fields.js').Field} Field
 */

/**
 * @typedef {object} Finer a field with what the page needs to make a control of it
 * @property {string} name its name among the fields
 * @property {string} title beside the control
 * @property {string} hint what it means, with its unit
 * @property {'text'|'count'|'check'|'select'} kind
 * @property {string} empty the default, shown while nothing is set
 * @property {[string, string][]} [choices] of a select: value and text; the first is the default
 * @property {string[]} [shownOnly] of those, what a person cannot choose
 * @property {(c: Conditions) => boolean} [when] whether it is of use; absent: always
 * @property {Field} field
 */

/** @param {object} c @param {string} key */
const valueAt = (c, key) => key.split('/').reduce((/** @type {any} */ at, name) => at?.[name], c);

/** {a: {b: value}} for "a/b". @param {string} key @param {unknown} value @returns {object} */
const nest = (key, value) => key.split('/').reduceRight((/** @type {any} */ inner, name) => ({[name]: inner}), value);

/**
 * A setting at its own place in the conditions.
 * @param {string} key @param {string} title @param {string} hint @param {Partial<Finer>} [more] @returns {Finer}
 */
function at(key, title, hint, more = {}) {
  const kind = more.kind ?? 'text';
  const read = (/** @type {Conditions} */ c) => {
    const value = valueAt(c, key);
    if (kind === 'check') return value ? 'true' : '';
    if (kind === 'select') return value ?? more.choices?.[0][0] ?? '';
    return value === undefined ? '' : String(value);
  };
  const write = (/** @type {Conditions} */ _c, /** @type {string} */ text) => {
    if (kind === 'check') return nest(key, text ? true : null);
    const value = text.trim();
    if (value === '' || (kind === 'select' && value === more.choices?.[0][0])) return nest(key, null);
    return nest(key, kind === 'count' && /^\d+$/.test(value) ? Number(value) : value);
  };
  const name = key.replace(/[^a-z0-9]+(.)/gi, (_all, letter) => letter.toUpperCase());
  return {name, title, hint, kind, empty: '–', field: {key, label: `${key.split('/')[0]}: ${hint}`, read, write}, ...more};
}

/** @param {string} impairment @param {(c: Conditions) => boolean} [when] @returns {Finer[]} */
const memory = (impairment, when) => [
  at(`${impairment}/correlation`, 'correlation', 'how much each resembles the one before', {empty: '0%', when}),
  ...whose(impairment),
];
/** @param {string} impairment @returns {Finer[]} */
const whose = impairment => [
  at(`${impairment}/per`, 'per', 'whose memory it is: the link\'s, or each connection\'s own',
    {kind: 'select', choices: [['link', 'link'], ['connection', 'connection']]}),
];

export const LOSS_MODELS = ['random', 'burst', 'gilbert_elliott', 'markov', 'every', 'list', 'pattern'];
/** The model that is asked for. @param {Conditions} c */
export const lossModelOf = c => LOSS_MODELS.find(name => c.loss && name in c.loss) ?? 'random';
/** With what each model begins: 2 % of packets, or thereabouts. @type {Record<string, unknown>} */
export const LOSS_BEGINS = {
  burst: {percent: '2%', length: '4packets'}, gilbert_elliott: {p: '0.5%', r: '25%'}, markov: {p13: '0.5%', p31: '25%'},
  every: 50, list: [1], pattern: '.'.repeat(49) + 'x',
};

/** @param {string} model */
const ofModel = model => (/** @type {Conditions} */ c) => lossModelOf(c) === model;
/** @param {string} model @param {string} parameter @param {string} hint @param {string} empty */
const parameter = (model, parameter, hint, empty) =>
  at(`loss/${model}/${parameter}`, parameter, `${model.replace('_', '-')} ${parameter}, ${hint}`, {empty, when: ofModel(model)});

/** @type {Finer} */
const list = {
  ...at('loss/list', 'packets', 'the numbers of the packets that are lost, from 1', {when: ofModel('list')}),
  field: {
    key: 'loss/list', label: 'loss: the numbers of the packets that are lost',
    read: c => (c.loss?.list ?? []).join(' '),
    write: (_c, text) => {
      const words = text.split(/[\s,]+/).filter(Boolean);
      return {loss: {list: words.length ? words.map(word => (/^\d+$/.test(word) ? Number(word) : word)) : null}};
    },
  },
};

/** @param {...string} disciplines */
const ofDiscipline = (...disciplines) => (/** @type {Conditions} */ c) => disciplines.includes(c.queue?.discipline ?? 'droptail');
const MARKING = ['codel', 'pie', 'red', 'fq_codel'];
const DISCIPLINES = ['droptail', 'drophead', ...MARKING];

/** A trace stands in place of a rate. @type {Finer} */
const trace = {
  ...at('trace/file', 'trace', 'a mahimahi trace on the daemon\'s machine, in place of the rate: its path'),
  field: {
    key: 'trace', label: 'rate: a trace in its place',
    read: c => c.trace?.file ?? (c.trace?.ms ? `${c.trace.ms.length} moments` : ''),
    write: (_c, text) => (text.trim() === '' ? {trace: null} : {rate: null, trace: {file: text.trim()}}),
  },
};

/** More than these are too many to read. */
const FEW_VALUES = 16;

/**
 * A table in place of a named distribution: of a file on the daemon's machine, or the values themselves.
 * @param {'delay'|'slot'} impairment @param {(c: Conditions) => boolean} [when] @returns {Finer}
 */
function table(impairment, when) {
  const hint = 'a distribution\'s own table: a .dist file on the daemon\'s machine, or values in 8192ths of the jitter';
  const made = at(`${impairment}/distribution/file`, 'table', hint, {when});
  made.field.read = c => {
    const own = c[impairment]?.distribution;
    const values = typeof own === 'object' ? own.table ?? [] : [];
    if (typeof own === 'object' && own.file) return own.file;
    return values.length > FEW_VALUES ? `${values.length} values` : values.join(' ');
  };
  made.field.write = (_c, text) => {
    const words = text.split(/[\s,]+/).filter(Boolean);
    const isTable = words.every(word => /^[-+]?\d+$/.test(word));
    const own = isTable ? {table: words.map(Number)} : {file: text.trim()};
    return {[impairment]: {distribution: words.length ? own : null}};
  };
  return made;
}

export const DISTRIBUTIONS = ['uniform', 'normal', 'pareto', 'paretonormal', 'table'];
/** The name of a distribution, whichever it is. @param {string|object|undefined} distribution */
export const nameOfDistribution = distribution => (typeof distribution === 'object' ? 'table' : distribution ?? 'uniform');

/** By row of the card. @type {Record<string, Finer[]>} */
export const FINER = {
  jitter: [table('delay'), ...memory('delay')],
  loss: [
    parameter('burst', 'percent', 'how many are lost', '0%'), parameter('burst', 'length', 'how many in a row', '–'),
    parameter('gilbert_elliott', 'p', 'good to bad', '0%'), parameter('gilbert_elliott', 'r', 'bad to good', '0%'),
    parameter('gilbert_elliott', '1-h', 'loss in bad', '100%'), parameter('gilbert_elliott', '1-k', 'loss in good', '0%'),
    parameter('markov', 'p13', 'gap to loss', '0%'), parameter('markov', 'p31', 'loss to gap', '0%'),
    parameter('markov', 'p32', 'loss to burst', '0%'), parameter('markov', 'p23', 'burst to loss', '100%'),
    parameter('markov', 'p14', 'a lone loss', '0%'),
    at('loss/every', 'every', 'each n-th packet is lost', {kind: 'count', when: ofModel('every')}), list,
    at('loss/pattern', 'pattern', 'received . and lost x, repeated', {when: ofModel('pattern')}),
    at('loss/after_rate', 'after rate', 'what is lost has taken its share of the rate', {kind: 'check'}),
    at('loss/ecn', 'ECN', 'what is chosen is marked instead of lost, if it can be', {kind: 'check'}),
    ...memory('loss', ofModel('random')),
  ],
  duplicate: memory('duplicate'),
  corrupt: memory('corrupt'),
  reorder: [at('reorder/gap', 'gap', 'so many less one are never moved', {kind: 'count', empty: '0'}), ...memory('reorder')],
  rate: [
    at('rate/burst', 'burst', 'bytes that an idle link saves up', {empty: '0B'}),
    at('rate/overhead', 'overhead', 'bytes that each packet takes beside itself', {empty: '0B'}),
    at('rate/cell/size', 'cell', 'payload of a cell; ATM\'s is 48B'),
    at('rate/cell/overhead', 'header', 'header of a cell; ATM\'s is 5B', {empty: '0B'}), trace,
  ],
  queue: [
    at('queue/ecn', 'ECN', 'mark packets instead of dropping them', {kind: 'check', when: ofDiscipline(...MARKING)}),
    at('queue/target', 'target', 'time that packets may wait',
      {empty: '5ms', when: ofDiscipline('codel', 'pie', 'fq_codel')}),
    at('queue/interval', 'interval', 'time after which waiting is too long', {empty: '100ms', when: ofDiscipline('codel', 'fq_codel')}),
    at('queue/tupdate', 'tupdate', 'time between two updates', {empty: '15ms', when: ofDiscipline('pie')}),
    at('queue/alpha', 'alpha', 'gain of the delay\'s error', {empty: '0.125Hz', when: ofDiscipline('pie')}),
    at('queue/beta', 'beta', 'gain of the delay\'s change', {empty: '1.25Hz', when: ofDiscipline('pie')}),
    at('queue/max_burst', 'max burst', 'time for which nothing is dropped', {empty: '150ms', when: ofDiscipline('pie')}),
    at('queue/min', 'min', 'bytes from which packets are dropped', {empty: 'max / 3', when: ofDiscipline('red')}),
    at('queue/max', 'max', 'bytes from which every packet is dropped', {empty: 'limit / 4', when: ofDiscipline('red')}),
    at('queue/probability', 'at max', 'share that is dropped at max', {empty: '2%', when: ofDiscipline('red')}),
    at('queue/gentle', 'gentle', 'from max to twice max the chance rises to 1', {kind: 'check', when: ofDiscipline('red')}),
    at('queue/avpkt', 'avpkt', 'an average packet', {empty: '1kB', when: ofDiscipline('red')}),
    at('queue/flows', 'flows', 'queues for flows', {kind: 'count', empty: '1024', when: ofDiscipline('fq_codel')}),
    at('queue/quantum', 'quantum', 'bytes of each turn', {empty: '1514B', when: ofDiscipline('fq_codel')}),
  ],
};

/** Chosen beside the queue's limit. */
export const DISCIPLINE = at('queue/discipline', '', 'discipline: who leaves a queue that is full or too slow',
  {kind: 'select', choices: DISCIPLINES.map(name => [name, name])});

/** The setting without which there is no impairment. @param {string} key @param {string} title @param {string} hint @param {string} [empty] */
const whole = (key, title, hint, empty = '–') => {
  const made = at(key, title, hint, {empty});
  const impairment = key.split('/')[0];
  made.field.write = (_c, text) => ({[impairment]: text.trim() === '' ? null : {[key.split('/')[1]]: text.trim()}});
  return made;
};
const ICMP = at('mtu/icmp', 'tell the sender', 'by ICMP what the largest packet is; else it is a black hole',
  {kind: 'check', when: c => Boolean(c.mtu)});
ICMP.field.read = (/** @type {Conditions} */ c) => (c.mtu?.icmp === false ? '' : 'true');
ICMP.field.write = (/** @type {Conditions} */ _c, /** @type {string} */ text) => ({mtu: {icmp: text ? null : false}});

/** @param {Conditions} c */
const isDrawn = c => Boolean(c.slot?.delay);
const SLOT_DISTRIBUTION = at('slot/distribution', '', 'distribution of the time to the next slot',
  {kind: 'select', choices: DISTRIBUTIONS.map(name => [name, name]), shownOnly: ['table'], when: isDrawn});
SLOT_DISTRIBUTION.field.read = (/** @type {Conditions} */ c) => nameOfDistribution(c.slot?.distribution);

/** Rows without a slider. @type {{name: string, title: string, hint: string, fields: Finer[]}[]} */
export const PLAIN_ROWS = [
  {name: 'slot', title: 'Slots', hint: 'packets wait for a slot on the medium and leave together', fields: [
    whole('slot/min', 'each', 'shortest time to the next slot'),
    at('slot/max', 'to', 'longest time to the next slot', {when: c => Boolean(c.slot) && !isDrawn(c)}),
    whole('slot/delay', 'mean', 'time to the next slot on average, in place of the shortest and longest'),
    at('slot/jitter', '±', 'its deviation; of uniform, the most', {empty: '0ms', when: isDrawn}), SLOT_DISTRIBUTION, table('slot', isDrawn),
    at('slot/packets', 'packets', 'packets that a slot takes', {kind: 'count', empty: 'any', when: c => Boolean(c.slot)}),
    at('slot/bytes', 'bytes', 'bytes that a slot takes', {empty: 'any', when: c => Boolean(c.slot)})]},
  {name: 'mtu', title: 'MTU', hint: 'the largest packet that passes', fields: [
    whole('mtu/bytes', 'at most', 'bytes of an IP packet', 'no limit'), ICMP]},
  {name: 'idle', title: 'Idle', hint: 'a firewall that forgets a silent connection', fields: [
    whole('idle_timeout/time', 'forget after', 'time without a packet', 'never'),
    at('idle_timeout/then', 'then', 'what becomes of its packets', {kind: 'select',
      choices: [['drop', 'drop'], ['reset', 'reset']], when: c => Boolean(c.idle_timeout)})]},
];

/** All of the above by name. @type {Record<string, Field>} */
export const FINER_FIELDS = Object.fromEntries(
  [...Object.values(FINER).flat(), DISCIPLINE, ...PLAIN_ROWS.flatMap(row => row.fields)].map(f => [f.name, f.field]));
