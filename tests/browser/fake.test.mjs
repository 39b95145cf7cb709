// The page against a made-up daemon: what goes wrong, what is hostile, what a real lab seldom brings about.

import assert from 'node:assert/strict';
import {after, before, beforeEach, afterEach, test} from 'node:test';
import {FakeServer} from './fake_server.mjs';
import {drag, openBrowser, openPage, shoot, strangers, tabThrough, until} from './harness.mjs';

const HOSTILE = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>"\'&amp;';
let browser, server, url;
const pages = [];

/** Errors of the network that Chromium itself writes on the console when a test makes the daemon fail. */
const FAILING = [/Failed to load resource/];

before(async () => { browser = await openBrowser(); });
after(async () => { await browser?.close(); });
beforeEach(async () => {
  server = new FakeServer();
  url = await server.listen();
});
afterEach(async () => {
  for (const page of pages.splice(0)) await page.context().close();
  await server.close();
});

async function open(hash = '', options = {}) {
  const page = await openPage(browser, url + '/' + hash, options);
  pages.push(page);
  await page.locator('#stream').filter({hasText: /live|polling/}).waitFor();
  return page;
}

const field = (page, name) => page.locator(`[data-field="${name}"]`);
const slider = (page, name) => page.locator(`[data-slider="${name}"]`);
const noErrors = page => assert.deepEqual(page.errors, []);

test('opens without an error and without leaving its host', async () => {
  const page = await open('#connection=128');
  await page.locator('.segment').first().waitFor();
  await page.locator('.connections tbody tr').first().waitFor();
  await until('a second sample', () => server.requests.filter(r => r.endsWith('/stats')).length >= 2);
  noErrors(page);
  assert.deepEqual(strangers(page, url), []);
  assert.match(await page.locator('#version').textContent(), /0\.1\.0/);
});

test('dragging a slider patches while it is dragged, and shows what is in effect', async () => {
  const page = await open();
  const drop = await drag(page, slider(page, 'up/delay/time'), 0.5);
  await until('a PATCH before the slider is let go', () => server.link.up.delay);
  await drop();
  const text = await field(page, 'up/delay/time').inputValue();
  await until('the value shown to be in effect', () => server.link.up.delay.time === text);
  assert.deepEqual(server.link.down, {});
  noErrors(page);
});

test('a slider moves with the keyboard', async () => {
  const page = await open();
  await slider(page, 'down/loss/random').focus();
  await page.keyboard.press('ArrowRight');
  await until('one step of loss', () => server.link.down.loss?.random === '0.01%');
  noErrors(page);
});

test('a change from elsewhere moves the slider', async () => {
  const page = await open();
  await fetch(url + '/api/v1/links/lab', {method: 'PATCH', body: '{"down":{"delay":{"time":"120ms"}}}'});
  await until('the text', async () => (await field(page, 'down/delay/time').inputValue()) === '120ms');
  assert.notEqual(await slider(page, 'down/delay/time').inputValue(), '0');
  assert.match(await page.locator('#curl').textContent(), /120ms/);
  noErrors(page);
});

test('a control in a person\'s hand is not moved from outside', async () => {
  const page = await open();
  await field(page, 'up/delay/time').fill('33');
  await fetch(url + '/api/v1/links/lab', {method: 'PATCH', body: '{"up":{"delay":{"time":"120ms"}},"down":{"rate":"1mbit"}}'});
  await until('the neighbour to change', async () => (await field(page, 'down/rate').inputValue()) === '1mbit');
  assert.equal(await field(page, 'up/delay/time').inputValue(), '33');
  await page.keyboard.press('Escape');
  assert.equal(await field(page, 'up/delay/time').inputValue(), '120ms');
});

test('a refused value says why beside its field, and nothing changes', async () => {
  const page = await open('', {allow: FAILING});
  await field(page, 'up/delay/time').fill('80');
  await page.keyboard.press('Enter');
  const error = page.locator('.direction.up .error:not([hidden])');
  await error.waitFor();
  assert.match(await error.textContent(), /write it as "80ms"/);
  assert.equal(await field(page, 'up/delay/time').getAttribute('aria-invalid'), 'true');
  assert.equal(await field(page, 'up/delay/time').getAttribute('aria-describedby'), await error.getAttribute('id'));
  assert.deepEqual(server.link.up, {});
  await field(page, 'up/delay/time').fill('80ms');
  await page.keyboard.press('Enter');
  await until('the right spelling to be in effect', () => server.link.up.delay?.time === '80ms');
  await until('the error to go', async () => (await error.count()) === 0);
  noErrors(page);
});

test('a link that does not carry says so, and why, for as long as that is so', async () => {
  const page = await open();
  const badge = page.locator('#way-in');
  assert.equal(await badge.isHidden(), true, 'a lab says nothing of its way in');
  const set = (state, detail) => {
    server.link.way_in = {kind: 'attach', state, detail};
    server.tell('way_in', {text: `lab: ${detail}`});
  };
  set('up', 'at eth0, by tcx');
  set('down', `the interface 'eth0' is gone, or down: ${HOSTILE}`);
  await badge.waitFor();
  assert.equal(await badge.textContent(), `does not carry: the interface 'eth0' is gone, or down: ${HOSTILE}`);
  assert.equal(await badge.getAttribute('role'), 'status', 'it is read out');
  await page.setViewportSize({width: 390, height: 844});
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, `the reason makes the page scroll sideways by ${overflow}`);
  await shoot(page, 'does-not-carry');
  set('waiting', 'process 17 has ended');
  await until('what it waits for', async () => (await badge.textContent()) === 'waiting: process 17 has ended');
  set('up', 'at eth0, by tcx');
  await badge.waitFor({state: 'hidden'});
  assert.equal(await page.evaluate(() => window.owned), undefined);
  noErrors(page);
});

test('both directions alike changes both', async () => {
  const page = await open();
  await page.locator('#both').check();
  await field(page, 'down/loss/random').fill('3%');
  await page.keyboard.press('Enter');
  await until('loss both ways', () => server.link.up.loss?.random === '3%' && server.link.down.loss?.random === '3%');
  await until('its twin to show it', async () => (await field(page, 'up/loss/random').inputValue()) === '3%');
});

test('bursts, and back to random loss', async () => {
  const page = await open();
  await field(page, 'up/loss').selectOption('gilbert_elliott');
  await until('the model', () => server.link.up.loss?.gilbert_elliott?.p === '0.5%');
  await field(page, 'up/loss/gilbert_elliott/1-h').fill('80%');
  await page.keyboard.press('Enter');
  await until('its parameter', () => server.link.up.loss?.gilbert_elliott?.['1-h'] === '80%');
  await field(page, 'up/loss').selectOption('random');
  await until('no loss', () => !server.link.up.loss);
});

test('reset', async () => {
  server.link.up = {delay: {time: '80ms'}};
  const page = await open();
  assert.equal(await field(page, 'up/delay/time').inputValue(), '80ms');
  await page.locator('#reset').click();
  await until('no delay', async () => !server.link.up.delay && (await field(page, 'up/delay/time').inputValue()) === '');
  assert.match(await page.locator('#curl').textContent(), /POST .*\/reset$/);
  assert.match(await page.locator('#capture').getAttribute('href'), /^\/api\/v1\/links\/[^/]+\/capture\?for=10s$/);
});

test('hostile text is text', async () => {
  server.link.near.addresses = [HOSTILE];
  server.connections.at(-1).client.address = HOSTILE;
  const page = await open();
  await page.locator('#annotation').fill(HOSTILE);
  await page.keyboard.press('Enter');
  const said = page.locator('.feed .said').first();
  await until('the annotation', async () => (await said.textContent()) === HOSTILE);
  await until('the address in the list', async () => (await page.locator('.connections tbody').textContent()).includes(HOSTILE));
  await page.evaluate(() => { location.hash = 'connection=' + encodeURIComponent('<b>17</b>'); });
  assert.equal(await page.evaluate(() => window.owned), undefined);
  assert.equal(await page.locator('main img, main script').count(), 0);
  noErrors(page);
});

test('a refused stream: the page says so, and asks instead', async () => {
  server.refuseStreams = true;
  const page = await open('', {allow: FAILING});
  await until('the page to say so', async () => /polling/.test(await page.locator('#stream').textContent()));
  await fetch(url + '/api/v1/links/lab', {method: 'PATCH', body: '{"down":{"delay":{"time":"120ms"}}}'});
  await until('the change, by asking', async () => (await field(page, 'down/delay/time').inputValue()) === '120ms');
  server.refuseStreams = false;
  await until('the stream, once there is room', async () => (await page.locator('#stream').textContent()) === 'live');
  noErrors(page);
});

test('figures that fail are said to fail, and come back', async () => {
  const page = await open('', {allow: FAILING});
  server.failStats = true;
  await until('the badge', async () => /no figures/.test(await page.locator('#health').textContent()));
  server.failStats = false;
  await until('health again', async () => (await page.locator('#health').textContent()) === 'healthy');
  noErrors(page);
});

test('a connection that is not in the log', async () => {
  const page = await open('#connection=999999', {allow: FAILING});
  await page.getByText('There is no connection 999999 in the log.').waitFor();
  noErrors(page);
});

test('older connections, and filters', async () => {
  const page = await open();
  const rows = page.locator('.connections tbody tr');
  await until('a full page', async () => (await rows.count()) === 100);
  await page.getByRole('button', {name: 'Older connections'}).click();
  await until('the older ones', async () => (await rows.count()) >= 130);
  await page.getByLabel('open only').check();
  await until('only open ones', async () => (await rows.count()) > 0 && (await page.locator('.connections tbody tr.ended').count()) === 0);
  await page.getByLabel('Only connections with port').fill('40003');
  await page.keyboard.press('Enter');
  await until('that one', async () => (await rows.count()) === 1);
  noErrors(page);
});

test('the list and the ladder by keyboard', async () => {
  const page = await open();
  const first = page.locator('.connections tbody a').first();
  await first.waitFor();
  await first.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('.segment').first().waitFor();
  await page.locator('.segment').first().focus();
  assert.match(await page.locator('.details').textContent(), /SYN/);
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.from), 'server');
  await page.keyboard.press('End');
  assert.equal(await page.evaluate(() => document.activeElement === [...document.querySelectorAll('.segment')].at(-1)), true);
  assert.ok(server.requests.some(r => /^POST .*\/follow$/.test(r)));
  noErrors(page);
});

test('Tab reaches every control', async () => {
  const page = await open('#connection=128');
  await page.locator('.segment').first().waitFor();
  const {reached, missed} = await tabThrough(page);
  assert.deepEqual(missed, []);
  assert.ok(reached.size > 60, `only ${reached.size}`);
});

test('every control has a name', async () => {
  const page = await open('#connection=128');
  await page.locator('.segment').first().waitFor();
  const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, select, a[href], [tabindex="0"]')]
    .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.[0]?.textContent.trim()))
    .map(e => e.outerHTML.slice(0, 120)));
  assert.deepEqual(nameless, []);
});

test('light, dark and narrow', async () => {
  server.link.up = {delay: {time: '80ms', jitter: '10ms', distribution: 'normal'}, loss: {random: '2%'}};
  server.link.down = {delay: {time: '40ms'}, rate: '5mbit', loss: {gilbert_elliott: {p: '1%', r: '10%'}}};
  for (const [name, options] of Object.entries({
    'fake-light': {}, 'fake-dark': {scheme: 'dark'}, 'fake-narrow': {width: 390, height: 844},
  })) {
    const page = await open('#connection=128', options);
    await page.locator('.segment').first().waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0, `${name} scrolls sideways by ${overflow}`);
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(dark === 'rgb(16, 19, 23)', options.scheme === 'dark', dark);
    await shoot(page, name);
    noErrors(page);
  }
});

test('a link that comes can be chosen at once', async () => {
  const page = await open();
  assert.ok(await page.locator('#link-choice').isHidden());
  server.others.push({...server.resource(), name: 'second'});
  server.tell('link_added', {link: 'second', text: 'second: a link, by attach'});
  await until('the choice', () => page.locator('#link-choice').isVisible());
  assert.deepEqual(await page.locator('#link-choice option').allTextContents(), ['lab', 'second']);
  noErrors(page);
});

test('the theme can be chosen, and stays', async () => {
  const page = await open();
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.locator('#theme').click();
  await page.locator('#theme').click();
  assert.notEqual(await background(), light);
  await page.reload();
  assert.notEqual(await background(), light);
});
