// "A person can use the page": the page of a running wobbled with its lab and its demo, in Chromium.
//
//   WOBBLE_URL    where it listens
//   WOBBLE_BIN    the command `wobble`; without it the tests make do with the demo's connections
//   WOBBLE_SHOTS  a directory for screenshots; without it none are made

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {after, afterEach, before, beforeEach, test} from 'node:test';
import {drag, openBrowser, openPage, shoot, strangers, tabThrough, until} from './harness.mjs';

const url = (process.env.WOBBLE_URL ?? '').replace(/\/$/, '');
const command = process.env.WOBBLE_BIN;
const HOSTILE = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>"\'&amp;';

let browser;
const pages = [];

/** As curl would: no Origin, JSON. */
async function call(method, path, body) {
  const response = await fetch(url + '/api/v1' + path, {
    method, body: body && JSON.stringify(body), headers: body ? {'content-type': 'application/json'} : {},
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}
const link = () => call('GET', '/links/lab');

/** A command on the near side of the lab; its output when it has ended. */
function inLab(...words) {
  const child = spawn(command, ['--url', url, 'exec', 'lab', 'near', '--', ...words], {stdio: ['ignore', 'pipe', 'pipe']});
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { said += chunk; });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => (code === 0 ? resolve(said) : reject(new Error(`${words.join(' ')}: ${code}: ${said}`))));
  });
}

before(async () => {
  assert.ok(url, 'WOBBLE_URL says which daemon to test');
  browser = await openBrowser();
});
after(async () => {
  await call('POST', '/links/lab/reset');
  await browser?.close();
});
beforeEach(() => call('POST', '/links/lab/reset'));
afterEach(async () => {
  for (const page of pages.splice(0)) {
    const {errors} = page;
    const left = strangers(page, url);
    await page.context().close();
    assert.deepEqual(errors, [], 'the console is silent');
    assert.deepEqual(left, [], 'no request leaves the host');
  }
});

async function open(hash = '', options = {}) {
  const page = await openPage(browser, url + '/' + hash, options);
  pages.push(page);
  await page.locator('#stream').filter({hasText: 'live'}).waitFor();
  return page;
}
const field = (page, name) => page.locator(`[data-field="${name}"]`);
const slider = (page, name) => page.locator(`[data-slider="${name}"]`);

test('the page shows the link, its figures and its connections', async () => {
  const page = await open();
  const {near, far} = await link();
  const card = await page.locator('#link-card').textContent();
  for (const address of [...near.addresses, ...far.addresses]) assert.ok(card.includes(address), address);
  await until('a chart', async () => (await page.locator('.plot canvas').count()) === 8);
  await until('a connection', async () => (await page.locator('.connections tbody tr').count()) > 0);
  await until('figures', async () => /packets since the change/.test(await page.locator('[data-summary=up]').textContent()));
});

test('slider, PATCH, value in effect', async () => {
  const page = await open();
  const drop = await drag(page, slider(page, 'up/delay/time'), 0.45);
  await drop();
  const shown = await until('a delay in the field', () => field(page, 'up/delay/time').inputValue());
  const effect = await until('the delay in effect', async () => {
    const {up} = await link();
    return up.delay?.time === shown && up;
  });
  assert.deepEqual(Object.keys(effect), ['delay']);
  await until('the curl line', async () => (await page.locator('#curl').textContent()).includes(`"${shown}"`));

  await field(page, 'down/loss/random').fill('1.5%');
  await page.keyboard.press('Enter');
  await until('the loss in effect', async () => (await link()).down.loss?.random === '1.5%');
});

test('every control has an effect that GET shows', async () => {
  const page = await open();
  const texts = {
    'up/delay/time': ['20ms', l => l.up.delay.time], 'up/delay/jitter': ['5ms', l => l.up.delay.jitter],
    'up/loss/random': ['1%', l => l.up.loss.random], 'up/duplicate/percent': ['1%', l => l.up.duplicate.percent],
    'up/corrupt/percent': ['0.5%', l => l.up.corrupt.percent], 'up/corrupt/bits': ['2', l => String(l.up.corrupt.bits)],
    'up/reorder/percent': ['2%', l => l.up.reorder.percent], 'up/reorder/by': ['10ms', l => l.up.reorder.by],
    'up/rate': ['20mbit', l => l.up.rate], 'up/queue/limit': ['200packets', l => l.up.queue.limit],
    'down/outage/up_for': ['1h', l => l.down.outage.up_for], 'down/outage/down_for': ['2s', l => l.down.outage.down_for],
  };
  for (const [name, [text, read]] of Object.entries(texts)) {
    await field(page, name).fill(text);
    await page.keyboard.press('Enter');
    await until(`${name} ${text}`, async () => read(await link()) === text);
    await until(`${name} shown`, async () => (await field(page, name).inputValue()) === text);
  }
  await field(page, 'up/delay/distribution').selectOption('normal');
  await until('normal', async () => (await link()).up.delay.distribution === 'normal');
  for (const [name, read] of Object.entries({
    'up/delay/reorder': l => l.up.delay.reorder, 'up/corrupt/fix_checksum': l => l.up.corrupt.fix_checksum,
    'down/outage/drop_in_flight': l => l.down.outage.drop_in_flight, 'down/outage/on': l => l.down.outage.on,
  })) {
    await field(page, name).check();
    await until(name, async () => read(await link()) === true);
  }
  await field(page, 'up/loss').selectOption('gilbert_elliott');
  await until('bursts', async () => (await link()).up.loss.gilbert_elliott?.p);
  await call('PATCH', '/links/lab', {up: {queue: {discipline: 'codel'}, slot: '5ms', mtu: '1400B', idle_timeout: '5m'}});
  await until('what was set elsewhere', async () => (await field(page, 'up/mtu/bytes').inputValue()) === '1400B');
  await shoot(page, 'everything-set', false);
  await page.locator('#reset').click();
  await until('all gone', async () => {
    const {up, down} = await link();
    return Object.keys({...up, ...down}).length === 0;
  });
  assert.equal(await page.locator('.error:not([hidden])').count(), 0);
});

test('curl, slider moves', async () => {
  const page = await open();
  const before = Number(await slider(page, 'down/delay/time').inputValue());
  await call('PATCH', '/links/lab', {down: {delay: '80ms', loss: '2%'}});
  await until('the field', async () => (await field(page, 'down/delay/time').inputValue()) === '80ms');
  assert.ok(Number(await slider(page, 'down/delay/time').inputValue()) > before);
  await until('the feed', async () => /conditions/.test(await page.locator('#feed li').first().textContent()));
});

test('every finer control has an effect that GET shows, and shows what is in effect', async () => {
  const page = await open();
  const value = (l, key) => key.split('/').reduce((at, name) => at?.[name], l);
  const write = async (key, text, expected = text) => {
    await field(page, key).fill(text);
    await page.keyboard.press('Enter');
    await until(`${key} ${text}`, async () => JSON.stringify(value(await link(), key)) === JSON.stringify(expected));
    await until(`${key} shown`, async () => (await field(page, key).inputValue()) === text);
  };
  const choose = async (key, text) => {
    await field(page, key).selectOption(text);
    await until(`${key} ${text}`, async () => value(await link(), key) === text);
  };
  const tick = async key => {
    await field(page, key).check();
    await until(key, async () => value(await link(), key) === true);
  };
  const writeTable = async what => {
    const folder = mkdtempSync(path.join(tmpdir(), `wobble-${process.pid}-`)), file = path.join(folder, 'own.dist');
    writeFileSync(file, Array.from({length: 100}, (_each, i) => i - 50).join(' '));
    const table = field(page, `up/${what}/distribution/file`);
    for (const [typed, shown, length] of [[file, file, 100], ['-8192, 0 8192', '-8192 0 8192', 3]]) {
      await table.fill(typed);
      await page.keyboard.press('Enter');
      const count = own => own?.values ?? own?.table?.length;
      await until(`${what}: ${shown}`, async () => count((await link()).up[what].distribution) === length);
      await until(`${what}: ${shown} to be seen`, async () => (await table.inputValue()) === shown);
      await until(`${what}: a table to be chosen`, async () => (await field(page, `up/${what}/distribution`).inputValue()) === 'table');
    }
    rmSync(folder, {recursive: true});
  };
  for (const what of ['jitter', 'loss', 'duplicate', 'corrupt', 'reorder', 'rate']) {
    await page.getByRole('button', {name: `more of ${what}, up`}).click();
  }
  await write('up/delay/time', '20ms');
  await write('up/delay/jitter', '5ms');
  await writeTable('delay');
  for (const [what, key] of [['delay', 'delay/jitter'], ['loss', 'loss/random'], ['duplicate', 'duplicate/percent'],
    ['corrupt', 'corrupt/percent'], ['reorder', 'reorder/percent']]) {
    if (what !== 'delay') await write(`up/${key}`, '1%');
    await write(`up/${what}/correlation`, '25%');
    await choose(`up/${what}/per`, 'connection');
  }
  await write('up/reorder/gap', '5', 5);
  await tick('up/loss/after_rate');
  await tick('up/loss/ecn');
  const wide = () => page.locator('.delivered').evaluateAll(cells =>
    cells.filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.textContent));
  await until('what was marked', async () => /marked/.test(await page.locator('[data-delivered="up/loss"]').textContent()));
  assert.deepEqual(await wide(), [], 'wider than their column');
  await field(page, 'up/rate').fill('10mbit');
  await page.keyboard.press('Enter');
  await until('the rate', async () => (await link()).up.rate === '10mbit');
  for (const [name, text] of [['burst', '32kB'], ['overhead', '14B'], ['cell/size', '48B'], ['cell/overhead', '5B']]) {
    await write(`up/rate/${name}`, text);
  }
  await write('up/slot/min', '1ms');
  await write('up/slot/max', '5ms');
  await write('up/slot/packets', '9', 9);
  await write('up/slot/bytes', '30kB');
  await write('up/slot/delay', '4ms');
  await until('the other way gone', async () => !(await link()).up.slot.min && (await field(page, 'up/slot/max').isHidden()));
  await write('up/slot/jitter', '1ms');
  await choose('up/slot/distribution', 'pareto');
  await writeTable('slot');
  await write('up/mtu/bytes', '1400B');
  await field(page, 'up/mtu/icmp').uncheck();
  await until('a black hole', async () => (await link()).up.mtu.icmp === false);
  await write('up/idle_timeout/time', '5m');
  await choose('up/idle_timeout/then', 'reset');
  for (const [discipline, texts] of Object.entries({
    codel: {target: '6ms', interval: '90ms'}, pie: {target: '16ms', tupdate: '20ms', alpha: '0.25Hz', beta: '2Hz', max_burst: '90ms'},
    red: {max: '60kB', min: '9kB', probability: '5%', avpkt: '500B'}, fq_codel: {target: '4ms', interval: '80ms', quantum: '300B'},
  })) {
    await choose('up/queue/discipline', discipline);
    for (const [name, text] of Object.entries(texts)) await write(`up/queue/${name}`, text);
    await tick('up/queue/ecn');
    if (discipline === 'red') await tick('up/queue/gentle');
  }
  await write('up/queue/flows', '32', 32);
  await shoot(page, 'finer-set', false);
  assert.equal(await page.locator('.error:not([hidden])').count(), 0);
});

test('each model of loss has its controls', async () => {
  const page = await open();
  const model = page.locator('.direction.up select[data-field="up/loss"]');
  for (const [name, fields] of Object.entries({
    burst: ['percent', 'length'], gilbert_elliott: ['p', 'r', '1-h', '1-k'], markov: ['p13', 'p31', 'p32', 'p23', 'p14'],
  })) {
    await model.selectOption(name);
    await until(name, async () => Object.keys((await link()).up.loss).join() === name);
    for (const each of fields) await field(page, `up/loss/${name}/${each}`).waitFor({state: 'visible'});
    await field(page, `up/loss/${name}/${fields[1]}`).fill(name === 'burst' ? '6packets' : '30%');
    await page.keyboard.press('Enter');
    await until(`${name}'s ${fields[1]}`, async () => /^(6packets|30%)$/.test((await link()).up.loss[name][fields[1]]));
    await shoot(page, `loss-${name}`, false);
  }
  for (const [name, text, expected] of [['every', '7', 7], ['list', '3 5', [3, 5]], ['pattern', '...x', '...x']]) {
    await model.selectOption(name);
    await until(name, async () => name in (await link()).up.loss);
    await field(page, `up/loss/${name}`).fill(text);
    await page.keyboard.press('Enter');
    await until(`${name} ${text}`, async () => JSON.stringify((await link()).up.loss[name]) === JSON.stringify(expected));
  }
  await call('PATCH', '/links/lab', {up: {loss: {burst: {percent: '20%', length: '3packets'}}}});
  await until('a change from elsewhere', async () => (await field(page, 'up/loss/burst/length').inputValue()) === '3packets');
  if (command) inLab('ping', '-q', '-f', '-c', '2000', '-W', '1', (await link()).far.addresses[0].split('/')[0]).catch(() => {});
  await until('the length of the bursts', async () => / × [2-4]/.test(await page.locator('[data-delivered="up/loss"]').textContent()));
  await model.selectOption('random');
  await until('no loss', async () => Object.keys((await link()).up).length === 0);
});

test('a scenario says which of its steps is in force', async () => {
  const page = await open();
  const step = page.locator('#scenario-step');
  assert.ok(await step.isHidden());
  await page.locator('#preset option[value=starlink]').waitFor({state: 'attached'});
  await page.locator('#preset').selectOption('starlink');
  await until('its first step', async () => (await step.isVisible()) && /^step 1 of 2, 14s/.test(await step.textContent()));
  assert.match(await page.locator('#curl').textContent(), /"scenario":\[/);
  await page.locator('#settings summary').click();
  const text = page.locator('[data-settings=scenario]');
  assert.equal(JSON.parse(await text.inputValue())[1].up.loss.random, '1%');
  await text.fill('[{"for": "400ms"}, {"for": 5}]');
  await text.press('Control+Enter');
  await until('what is wrong', async () => /1\/for: "5" has no unit/.test(await page.locator('#settings-error-scenario').textContent()));
  await text.fill('[{"for": "50ms"}, {"for": "90s", "both": {"loss": "3%"}}]');
  await text.press('Control+Enter');
  await until('its second step', async () => /step 2 of 2, 90s: up loss 3% · down loss 3%/.test(await step.textContent()));
  assert.equal((await link()).scenario[1].down.loss.random, '3%');
  await shoot(page, 'scenario', false);
  await page.locator('#reset').click();
  await until('none', () => step.isHidden());
  assert.equal((await link()).scenario, undefined);
  page.errors = page.errors.filter(line => !/status of 4/.test(line));
});

test('a table that cannot be is refused beside its field', async () => {
  const page = await open();
  await page.getByRole('button', {name: 'more of jitter, up'}).click();
  const table = field(page, 'up/delay/distribution/file');
  for (const [typed, said] of [['/no/such.dist', /No such file/], ['1 99999', /-32768 to 32767/]]) {
    await table.fill(typed);
    await page.keyboard.press('Enter');
    await until(typed, async () => said.test(await page.locator('.direction.up .error:not([hidden])').textContent()));
  }
  await page.keyboard.press('Escape');
  await until('what is in effect', async () => (await table.inputValue()) === '');
  page.errors = page.errors.filter(line => !/status of 4/.test(line));
});

test('a wrong value is refused beside its field', async () => {
  const page = await open();
  await field(page, 'up/delay/time').fill('80');
  await page.keyboard.press('Enter');
  await page.locator('.direction.up .error:not([hidden])').waitFor();
  assert.match(await page.locator('.direction.up .error:not([hidden])').textContent(), /80ms/);
  assert.deepEqual((await link()).up, {});
  page.errors = page.errors.filter(line => !/status of 4/.test(line));  // Chromium tells of the 422 by itself
});

test('the curl line does what it says', async () => {
  const page = await open();
  await call('PATCH', '/links/lab', {up: {delay: '30ms', loss: '1%'}, down: {rate: '10mbit'}});
  await until('the line', async () => /30ms.*10mbit/.test(await page.locator('#curl').textContent()));
  const line = await page.locator('#curl').textContent();
  const asked = await link();
  await call('POST', '/links/lab/reset');
  const child = spawn('sh', ['-c', line], {stdio: 'ignore'});
  await new Promise(resolve => child.on('close', resolve));
  const effect = await link();
  assert.deepEqual([effect.up, effect.down], [asked.up, asked.down]);
});

/** An open connection of our own, if we have the command; else one of the demo. Either was opened after this call. */
async function someConnection() {
  if (!command) {
    const {at} = await call('GET', '/links/lab/stats');
    return until('a whole connection of the demo', async () => {
      const {items} = await call('GET', `/connections?limit=50&protocol=tcp&end=orderly&since=${at}`);
      for (const c of items) if ((await call('GET', `/connections/${c.id}/segments`)).items.length >= 7) return c;
      return null;
    }, 30);
  }
  const {far} = await link();
  const newest = (await call('GET', '/connections?limit=1')).items[0]?.id ?? 0;
  const done = inLab('curl', '-s', '-0', '-o', '/dev/null', `http://${far.addresses.find(a => a.includes('.'))}/slow?ms=1500`);
  done.catch(() => {});
  const connection = await until('our connection', async () => {
    const {items} = await call('GET', '/connections?protocol=tcp&limit=50');
    return items.find(c => c.id > newest && c.end === 'open' && c.client.state === 'ESTABLISHED');
  });
  return {...connection, done};
}

test('the ladder of a real connection', async () => {
  await call('PATCH', '/links/lab', {up: {delay: '40ms'}, down: {delay: '40ms'}});
  const connection = await someConnection();
  const page = await open(`#connection=${connection.id}`);
  await connection.done;
  const ladder = page.locator('#ladder');
  await until('seven segments', async () => (await ladder.locator('.segment').count()) >= 7);
  await until('all steps of both rituals', async () => {
    const steps = await ladder.locator('.segment[data-step]').evaluateAll(all => all.map(e => e.dataset.step).join(' '));
    return ['handshake-1', 'handshake-2', 'handshake-3', 'close-1', 'close-2', 'close-3', 'close-4'].every(s => steps.includes(s));
  });
  assert.deepEqual(await ladder.locator('.segment').first().evaluate(e => [e.dataset.flags.split(',')[0], e.dataset.from]), ['SYN', 'client']);
  for (const [side, states] of Object.entries({client: ['CLOSED', 'SYN_SENT', 'ESTABLISHED'], server: ['LISTEN', 'SYN_RECEIVED', 'ESTABLISHED']})) {
    const shown = await ladder.locator(`.band[data-side=${side}]`).evaluateAll(all => all.map(e => e.dataset.state));
    assert.deepEqual(shown.slice(0, 3), states, side);
    assert.ok(shown.length >= 5, `${side}: ${shown}`);
  }
  await ladder.locator('.segment').first().focus();
  const delay = Number(/our delay([\d.]+) ms/.exec(await ladder.locator('.details').textContent())?.[1]);
  assert.ok(delay >= 40 && delay < 1000, `never early, and not hopelessly late: ${delay} ms`);
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.flags), 'SYN,ACK');
  await shoot(page, 'ladder', false);
});

test('hostile annotations are shown as text', async () => {
  const page = await open();
  await page.locator('#annotation').fill(HOSTILE);
  await page.keyboard.press('Enter');
  await until('the annotation', async () => (await page.locator('.feed .said').first().textContent()) === HOSTILE);
  await page.reload();
  await until('the annotation, from the log', async () => (await page.locator('.feed').textContent()).includes(HOSTILE));
  assert.equal(await page.evaluate(() => window.owned), undefined);
  assert.equal(await page.locator('main img, main script').count(), 0);
});

test('the keyboard reaches every control', async () => {
  const connection = await someConnection();
  const page = await open(`#connection=${connection.id}`);
  await connection.done;
  await page.locator('.segment').first().waitFor();
  const {reached, missed} = await tabThrough(page);
  assert.deepEqual(missed, []);
});

test('light, dark and narrow', async () => {
  await call('PATCH', '/links/lab', {up: {delay: {time: '80ms', jitter: '10ms', distribution: 'normal'}, loss: '2%'}, down: {delay: '40ms', rate: '5mbit'}});
  const connection = await someConnection();
  await connection.done;
  for (const [name, options] of Object.entries({
    'page-light': {}, 'page-dark': {scheme: 'dark'}, 'page-narrow': {width: 390, height: 844},
  })) {
    const page = await open(`#connection=${connection.id}`, options);
    await page.locator('.segment').first().waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0, `${name} scrolls sideways by ${overflow}`);
    await shoot(page, name);
  }
});
