// One browser and the daemon: seven tabs at once, a token, and a daemon that was started anew.

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {openBrowser, openPage, until} from './harness.mjs';

const url = (process.env.WOBBLE_URL ?? '').replace(/\/$/, '');
const command = process.env.WOBBLE_BIN;
const GONE = [/Failed to load resource/, /net::ERR/];

let browser;
before(async () => { browser = await openBrowser(); });
after(() => browser?.close());

const streamOf = page => page.locator('#stream').textContent();

/** A daemon of the test's own with a lab; it ends with the test. */
async function startDaemon(context, port, environment = {}) {
  const daemon = spawn(path.join(path.dirname(command), 'wobbled'),
    ['--lab', '--listen', `127.0.0.1:${port}`, '--db', '', '--socket', 'none'],
    {env: {...process.env, ...environment}, stdio: ['ignore', 'pipe', 'inherit']});
  const ended = new Promise(resolve => daemon.on('close', resolve));
  const stop = () => {
    daemon.kill('SIGTERM');
    return ended;
  };
  context.after(stop);
  let said = '';
  daemon.stdout.on('data', chunk => { said += chunk; });
  const address = await until('the daemon to listen', () => /http:\/\/[^\s]+:(\d+)\//.exec(said));
  return {url: address[0].replace(/\/$/, ''), port: address[1], stop};
}

test('seven tabs of one browser are all live, by one stream', async () => {
  const first = await openPage(browser, url);
  const pages = [first];
  for (let i = 1; i < 7; ++i) {
    const page = await first.context().newPage();
    await page.goto(url);
    pages.push(page);
  }
  for (const page of pages) await until('every tab to be live', async () => (await streamOf(page)) === 'live');
  await until('one stream to be left', async () => /^wobble_live_streams 1$/m.test(await (await fetch(url + '/metrics')).text()));
  const text = `seven tabs ${process.pid}`;
  await fetch(url + '/api/v1/annotations', {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({text})});
  for (const page of pages) {
    await until('every tab to hear of it', async () => (await page.locator('.feed .said').first().textContent()) === text);
  }
  // The others go on when the first one is closed.
  await first.close();
  await fetch(url + '/api/v1/annotations', {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({text: text + ' again'})});
  await until('the last tab to hear of it', async () => (await pages[6].locator('.feed .said').first().textContent()) === text + ' again');
  await pages[1].context().close();
});

test('a daemon with a token is asked once', {skip: !command}, async context => {
  const daemon = await startDaemon(context, 0, {WOBBLE_TOKEN: 's3cret'});
  const page = await openPage(browser, daemon.url, {allow: GONE});
  await page.locator('#token').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('not the daemon').waitFor();
  await page.locator('#token').fill('s3cret');
  await page.keyboard.press('Enter');
  await until('the page to be live', async () => (await streamOf(page)) === 'live');
  assert.equal(await page.locator('#token').count(), 0);
  await page.reload();
  await until('the page to be live without being asked', async () => (await streamOf(page)) === 'live');
  assert.equal(await page.locator('#token').count(), 0);
  assert.equal(await page.evaluate(() => document.cookie), '', 'no script can read it');
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test('a daemon that was started anew is noticed', {skip: !command}, async context => {
  const daemon = await startDaemon(context, 0);
  const page = await openPage(browser, daemon.url, {allow: GONE});
  await until('the page to be live', async () => (await streamOf(page)) === 'live');
  await page.evaluate(() => { window.before = true; });
  await daemon.stop();
  await startDaemon(context, daemon.port);
  await until('the page to load again', async () => !(await page.evaluate(() => window.before)));
  await until('the page to be live', async () => (await streamOf(page)) === 'live');
  await page.context().close();
});
