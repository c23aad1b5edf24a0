// A browser that does what it is told: a line of JSON in is one thing to do, a line out what came of it.
//
//   {"do": "open", "script": true}                    a new visitor with cookies of its own; false: no JavaScript
//   {"do": "go", "tab": 1, "url": "…"}                types in an address
//   {"do": "press", "tab": 1, "name": "Continue"}     clicks a button or a link, and waits for the page that follows
//   {"do": "popup", "tab": 1, "name": "Open"}         the same where the page opens in another tab, which is answered
//   {"do": "fill", "tab": 1, "name": "user", "value": "…"}    types into the field of that name
//   {"do": "check", "tab": 1, "name": "North"}        chooses what has that label
//   {"do": "key", "tab": 1, "name": "Enter", "leaves": true}  a key; where the focus is then, or the next page
//   {"do": "look", "tab": 1, "shots": "path", "axe": true}    what the page looks like, and what is wrong with it
//   {"do": "close", "tab": 1}
//
// CHROMIUM names the program.
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
const widths = [1280, 320];
const schemes = ['light', 'dark'];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
const tabs = new Map();

function keep(page) {
  const tab = { page, requests: [], errors: [], answers: [] };
  page.setDefaultTimeout(10_000);
  page.on('request', (request) => tab.requests.push(request.url()));
  page.on('pageerror', (error) => tab.errors.push(error.message));
  page.on('console', (message) => {
    // A status of 400 and more of the page itself is noted as an error by the browser.
    const status = /^Failed to load resource: the server responded with a status of /.test(message.text());
    if (message.type() === 'error' && !(status && tab.answers.some((a) => a.page && a.url === message.location().url))) {
      tab.errors.push(message.text());
    }
  });
  page.on('response', (response) => {
    const request = response.request();
    const answer = { url: response.url(), status: response.status(), headers: response.headers(), page: request.isNavigationRequest() };
    tab.answers.push(answer);
  });
  tabs.set(tabs.size + 1, tab);
  return tabs.size;
}

const named = (page, name) => page.getByRole('button', { name }).or(page.getByRole('link', { name })).first();

async function leaves(page, act) {
  const arrived = page.waitForEvent('load');
  await act();
  await arrived;
}

// focus tells where the focus is, and whether that can be seen.
const focus = (page) => page.evaluate(() => {
  const at = document.activeElement;
  const seen = (e) => e && getComputedStyle(e).outlineStyle !== 'none' && parseFloat(getComputedStyle(e).outlineWidth) > 0;
  return { focus: (at.labels?.[0]?.innerText ?? at.innerText ?? '').trim(), tag: at.tagName, seen: Boolean(seen(at) || seen(at.closest('label'))) };
});

// checked is what axe, which the page has already, finds wrong.
async function checked(page) {
  const found = await page.evaluate((values) => globalThis.axe.run({ runOnly: { type: 'tag', values }, resultTypes: ['violations'] }), rules);
  if (found.passes.length === 0) return ['axe has checked nothing'];
  return found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' ')}`);
}

const doing = {
  async open({ script }) {
    const context = await browser.newContext({ javaScriptEnabled: script });
    return { tab: keep(await context.newPage()) };
  },
  async go({ page }, { url }) {
    await page.goto(url, { waitUntil: 'load' });
  },
  async press({ page }, { name }) {
    await leaves(page, () => named(page, name).click());
  },
  async popup({ page }, { name }) {
    const [other] = await Promise.all([page.context().waitForEvent('page'), named(page, name).click()]);
    const tab = keep(other);
    await other.waitForLoadState('load');
    return { tab };
  },
  async fill({ page }, { name, value }) {
    await page.locator(`[name="${name}"]`).fill(value);
  },
  async check({ page }, { name }) {
    await page.getByLabel(name).check();
  },
  async key({ page }, { name, leaves: away }) {
    if (away) return leaves(page, () => page.keyboard.press(name));
    await page.keyboard.press(name);
    return focus(page);
  },
  async look(tab, { shots, axe: check }) {
    const { page } = tab;
    const wrong = [];
    if (check) await page.evaluate(axe);
    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) wrong.push(`${width}px: it scrolls sideways, ${wide}px wide`);
      for (const colorScheme of check || shots ? schemes : []) {
        await page.emulateMedia({ colorScheme });
        if (check) wrong.push(...(await checked(page)).map((what) => `${colorScheme} ${width}px: ${what}`));
        const taken = shots && (width === widths[0]) === (colorScheme === schemes[0]); // one of each is enough
        if (taken) await page.screenshot({ path: `${shots}-${colorScheme}-${width}.png`, fullPage: true, animations: 'disabled' });
      }
    }
    const text = async (selector) => (await page.locator(selector).count()) ? (await page.locator(selector).first().innerText()).trim() : '';
    return {
      url: page.url(), title: await page.title(), heading: await text('h1'), headings: await page.locator('h1').count(), text: await text('body'),
      requests: tab.requests, errors: tab.errors, answers: tab.answers, wrong,
    };
  },
  async close({ page }) {
    await page.context().close();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  let answer;
  try {
    const tab = tabs.get(order.tab);
    answer = { ok: true, ...await (tab ? doing[order.do](tab, order) : doing[order.do](order)) };
  } catch (error) {
    answer = { ok: false, error: `${order.do} ${order.name ?? ''}: ${error.message}` };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
