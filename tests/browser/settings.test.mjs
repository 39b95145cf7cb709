// All settings as text, the presets, and the time-sequence plot, against a made-up daemon.

import assert from 'node:assert/strict';
import {after, afterEach, before, beforeEach, test} from 'node:test';
import {FakeServer} from './fake_server.mjs';
import {openBrowser, openPage, until} from './harness.mjs';

/** What Chromium itself writes on the console when an answer is an error. */
const FAILING = [/Failed to load resource/];
let browser, server, url, page;

before(async () => { browser = await openBrowser(); });
after(async () => { await browser?.close(); });
beforeEach(async () => {
  server = new FakeServer();
  url = await server.listen();
});
afterEach(async () => {
  await page?.context().close();
  await server.close();
});

async function open(hash = '', options = {}) {
  page = await openPage(browser, url + '/' + hash, options);
  await page.locator('#stream').filter({hasText: 'live'}).waitFor();
  return page;
}
const text = direction => page.locator(`[data-settings=${direction}]`);

test('a preset is put in effect, and named while it is', async () => {
  await open();
  const preset = page.locator('#preset');
  await preset.locator('option[value="3g"]').waitFor({state: 'attached'});
  await preset.selectOption('3g');
  await until('the preset', () => server.link.down.rate === '780kbit');
  await until('its rate on the slider', async () => (await page.locator('[data-field="down/rate"]').inputValue()) === '780kbit');
  assert.equal(await preset.inputValue(), '3g');
  await fetch(url + '/api/v1/links/lab', {method: 'PATCH', body: '{"up":{"rate":"2mbit"}}'});
  await until('no preset any more', async () => (await preset.inputValue()) === '');
  assert.deepEqual(page.errors, []);
});

test('all settings as text: what has no slider is set here, and nothing is lost by an error', async () => {
  await open('', {allow: FAILING});
  await page.locator('#settings summary').click();
  await until('the present settings', async () => (await text('up').inputValue()) === '{}');
  assert.ok(await page.locator('#send-settings').isDisabled());

  await text('up').fill('{"slot": {"min": "5ms", "max": "10ms"}');
  await page.locator('#send-settings').click();
  await page.locator('#settings-error-up:not([hidden])').waitFor();
  assert.deepEqual(server.link.up, {});

  await text('up').fill('{"delay": {"time": "80"}}');
  await page.locator('#send-settings').click();
  await until('the daemon\'s reason', async () => /write it as "80ms"/.test(await page.locator('#settings-error-up').textContent()));
  assert.equal(await text('up').inputValue(), '{"delay": {"time": "80"}}');

  await text('up').fill('{"slot": {"min": "5ms", "max": "10ms"}}');
  await text('up').press('Control+Enter');
  await until('the slot', () => server.link.up.slot?.max === '10ms');
  await until('the error gone', async () => (await page.locator('#settings-error-up:not([hidden])').count()) === 0);
  assert.match(await page.locator('#curl').textContent(), /slot/);
  assert.deepEqual(page.errors, []);
});

test('a setting that the page has never heard of has its control', async () => {
  await open();
  const field = name => page.locator(`[data-field="up/deja_vu/${name}"]`);
  assert.ok(await field('cats').isHidden());
  await field('percent').fill('3%');
  await page.keyboard.press('Enter');
  await until('the impairment', () => server.link.up.deja_vu?.percent === '3%');
  await field('cats').fill('7');
  await page.keyboard.press('Enter');
  await until('a number', () => server.link.up.deja_vu.cats === 7);
  assert.ok(await field('in_order').isChecked(), 'its default is true');
  await field('in_order').uncheck();
  await until('a flag', () => server.link.up.deja_vu.in_order === false);
  await field('percent').fill('');
  await page.keyboard.press('Enter');
  await until('none of it', () => server.link.up.deja_vu === undefined);
  await until('hidden again', () => field('cats').isHidden());
  assert.deepEqual(page.errors, []);
});

test('the last change is undone', async () => {
  await open();
  const delay = page.locator('[data-field="down/delay/time"]');
  assert.ok(await page.locator('#undo').isDisabled());
  for (const time of ['10ms', '30ms']) {
    await delay.fill(time);
    await page.keyboard.press('Enter');
    await until(time, () => server.link.down.delay?.time === time);
  }
  await page.locator('#undo').click();
  await until('the change undone', async () => (await delay.inputValue()) === '10ms');
  assert.ok(server.requests.includes('POST /api/v1/links/lab/revert'));
  assert.deepEqual(page.errors, []);
});

test('a text in a person\'s hand is not changed from elsewhere; Escape takes it back', async () => {
  await open();
  await page.locator('#settings summary').click();
  await text('up').fill('{"rate": "1mbit"}');
  await fetch(url + '/api/v1/links/lab', {method: 'PATCH', body: '{"both":{"delay":{"time":"7ms"}}}'});
  await until('the other direction', async () => /7ms/.test(await text('down').inputValue()));
  assert.equal(await text('up').inputValue(), '{"rate": "1mbit"}');
  await text('up').press('Escape');
  assert.match(await text('up').inputValue(), /7ms/);
});

test('the sequence numbers of a connection over time', async () => {
  await open('#connection=128');
  await page.locator('.segment').first().waitFor();
  await page.locator('#sequence summary').click();
  await page.locator('.sequence .mark').first().waitFor({state: 'attached'});
  assert.match(await page.locator('.sequence').getAttribute('aria-label'), /segments sent by the/);
  const before = await page.locator('.sequence .mark').count();
  await page.locator('#sequence-side').selectOption('client');
  await until('the other side', async () => /sent by the client/.test(await page.locator('.sequence').getAttribute('aria-label')));
  assert.ok(before > 0);
  assert.deepEqual(page.errors, []);
});
