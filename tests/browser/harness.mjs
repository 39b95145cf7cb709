// A Chromium of our own for the tests of the page: headless, a new profile each time, and every word it says on its
// console and every request it makes remembered.

import {createRequire} from 'node:module';
import {mkdirSync} from 'node:fs';
import path from 'node:path';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const {chromium} = require('playwright-core');

const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

export async function openBrowser() {
  const executablePath = process.env.WOBBLE_CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({executablePath, args: ARGUMENTS});
}

/**
 * A page at `url`, with what it did wrong in `page.errors` and where it went in `page.requested`.
 * `allow`: console errors that the test itself brings about.
 */
export async function openPage(browser, url, {width = 1280, height = 900, scheme = 'light', allow = []} = {}) {
  const context = await browser.newContext({viewport: {width, height}, colorScheme: scheme});
  const page = await context.newPage();
  page.errors = [];
  page.requested = [];
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type()) && !allow.some(pattern => pattern.test(message.text()))) {
      page.errors.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  page.on('pageerror', error => page.errors.push(error.stack ?? String(error)));
  page.on('request', request => page.requested.push(request.url()));
  await page.goto(url);
  return page;
}

/** Requests that left the origin of `url`. */
export const strangers = (page, url) =>
  page.requested.filter(address => !address.startsWith('data:') && new URL(address).origin !== new URL(url).origin);

/** A screenshot into the directory WOBBLE_SHOTS, if it is set. */
export async function shoot(page, name, fullPage = true) {
  const directory = process.env.WOBBLE_SHOTS;
  if (!directory) return;
  mkdirSync(directory, {recursive: true});
  if (fullPage) await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({path: path.join(directory, name + '.png'), fullPage});
}

/** Calls `probe` until it gives something, for at most `seconds`; then says what was waited for. */
export async function until(what, probe, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}${last ? ` (${last.message})` : ''}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

/** A slider, with the pointer, to `fraction` of its way. */
export async function drag(page, slider, fraction) {
  const box = await slider.boundingBox();
  const y = box.y + box.height / 2;
  const at = share => box.x + 7 + (box.width - 14) * share;
  const from = (await slider.inputValue()) / (await slider.getAttribute('max'));
  await page.mouse.move(at(from), y);
  await page.mouse.down();
  for (let i = 1; i <= 5; ++i) await page.mouse.move(at(from + ((fraction - from) * i) / 5), y);
  return () => page.mouse.up();
}

/** What Tab reaches, from the start of the page until it leaves or comes back, as a set of marks; and what it missed. */
export async function tabThrough(page, most = 600) {
  await page.evaluate(() => {
    document.activeElement?.blur();
    window.getSelection()?.removeAllRanges();
    let n = 0;
    for (const e of document.querySelectorAll('a, button, input, select, textarea, [tabindex]')) e.dataset.mark = String(n++);
  });
  const before = new Set((await interactive(page)).map(e => e.mark));
  const reached = new Set();
  let outside = 0;
  for (let i = 0; i < most && outside < 2; ++i) {
    await page.keyboard.press('Tab');
    const mark = await page.evaluate(() => {
      const e = document.activeElement;
      return !e || e === document.body ? null : (e.dataset.mark ?? 'new');
    });
    if (mark === null) ++outside;
    else if (mark !== 'new' && reached.has(mark)) break;
    else reached.add(mark);
  }
  // What came up, or went, while we were on our way is no control that was missed.
  const missed = (await interactive(page)).filter(e => e.mark && before.has(e.mark) && !reached.has(e.mark));
  return {reached, missed};
}

/** Everything one can act on that is to be seen and in the order of Tab: mark and description. */
export const interactive = page => page.evaluate(() =>
  [...document.querySelectorAll('a[href], button, input, select, textarea, [tabindex="0"]')]
    .filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true}))
    .filter(e => !e.classList.contains('skip'))
    .map(e => ({mark: e.dataset.mark, what: `${e.tagName} ${e.id} ${e.getAttribute('aria-label') ?? e.textContent.slice(0, 40)}`})));
