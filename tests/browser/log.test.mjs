// The list of every protocol, what was in force while a connection lived, and a scenario's step on a narrow page: against a
// running wobbled with its lab. WOBBLE_URL, WOBBLE_BIN: as in page.test.mjs.

import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {after, afterEach, before, test} from 'node:test';
import {promisify} from 'node:util';
import {openBrowser, openPage, until} from './harness.mjs';

const url = (process.env.WOBBLE_URL ?? '').replace(/\/$/, '');
const command = process.env.WOBBLE_BIN;
const inLab = (...words) => promisify(execFile)(command, ['--url', url, 'exec', 'lab', 'near', '--', ...words]);
let browser, page;

async function call(method, path, body) {
  const headers = body ? {'content-type': 'application/json'} : {};
  const response = await fetch(url + '/api/v1' + path, {method, body: body && JSON.stringify(body), headers});
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

before(async () => { browser = await openBrowser(); });
after(async () => { await browser?.close(); });
afterEach(async () => {
  await call('POST', '/links/lab/reset');
  const errors = page?.errors ?? [];
  await page?.context().close();
  assert.deepEqual(errors, [], 'the console is silent');
});

test('what was in force while a connection lived', {skip: !command && 'needs WOBBLE_BIN'}, async () => {
  await call('PATCH', '/links/lab', {up: {delay: '40ms'}});
  await inLab('curl', '-s', '-o', '/dev/null', 'http://10.77.1.1/');
  const connection = await until('a connection', async () => (await call('GET', '/connections?limit=1&condition=delay')).items[0]);
  page = await openPage(browser, `${url}/#connection=${connection.id}`);
  await until('the conditions', async () => /asked: up delay 40ms · down clean/.test(await page.locator('#ladder .in-force').textContent()));
});

test('the list has every protocol', {skip: !command && 'needs WOBBLE_BIN'}, async () => {
  await inLab('curl', '-s', '-o', '/dev/null', 'http://10.77.1.1/');
  await inLab('python3', '-c', 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("10.77.1.1", 6001))');
  page = await openPage(browser, url);
  const states = () => page.locator('#connections tbody .state').allTextContents();
  await page.getByLabel('Protocol').selectOption('udp');
  await until('nothing but UDP', async () => (await states()).every(state => state === 'udp') && (await states()).length > 0);
  await page.getByLabel('Protocol').selectOption('all');
  await until('both', async () => (await states()).includes('udp') && (await states()).some(state => /^[A-Z]/.test(state)));
});

test('the step of a scenario fits a narrow page', async () => {
  await call('PATCH', '/links/lab', {scenario: [{for: '168h', both: {delay: '80ms', loss: '2%', mtu: '1400B', slot: '10ms', rate: '5mbit'}}]});
  page = await openPage(browser, url, {width: 390, height: 844});
  await until('the step', async () => /mtu/.test(await page.locator('#scenario-step').textContent()));
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
});
