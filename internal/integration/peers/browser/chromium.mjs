// Goes through consent in a real browser: CHROMIUM, headless, by playwright-core.
//
//   node chromium.mjs START HOME LOGIN [deny]
//
// START is Claviger's link, HOME the origin of its pages. It clicks what a person would click, until a
// page of HOME has no button, and prints one line of JSON: where it ended, the page's title and text.
// SHOTS is a folder for pictures of each page.
import { chromium } from 'playwright-core';

const [, , start, home, login, deny] = process.argv;
const { CHROMIUM, SHOTS } = process.env;
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });

// step does what the page asks for: cancels, picks the user, logs in, or presses the button.
async function step(page) {
  const cancel = page.getByText(/^\s*\[?\s*cancel\s*\]?\s*$/i).first();
  const picker = page.locator('form button').filter({ hasText: login }).first();
  const password = page.locator('input[type=password]').first();
  const name = page.locator('input:not([type=hidden]):not([type=password]):not([type=submit])').first();
  if (deny && await cancel.count()) return cancel.click();
  if (await picker.count()) return picker.click();
  if (await password.count()) {
    await name.fill(login);
    await password.fill('pw');
    return password.press('Enter');
  }
  return page.locator('form button, form input[type=submit]').first().click();
}

try {
  const context = await browser.newContext();
  // Pages of others ask for web fonts; nothing here needs them.
  await context.route((url) => url.hostname !== '127.0.0.1', (route) => route.abort());
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const refused = [];
  page.on('console', (message) => { if (/content security policy/i.test(message.text()) && page.url().startsWith(home)) refused.push(message.text()); });
  await page.goto(start);
  let pages = 1;
  const shoot = async () => { if (SHOTS) await page.screenshot({ path: `${SHOTS}/${String(pages).padStart(2, '0')}.png` }); };
  while (!(page.url().startsWith(home) && !(await page.locator('form').count()))) {
    if (pages > 12) throw new Error(`no end in sight at ${new URL(page.url()).pathname}`);
    await shoot();
    const arrived = page.waitForEvent('load');
    await step(page);
    await arrived;
    pages++;
  }
  await shoot();
  console.log(JSON.stringify({ url: page.url(), title: await page.title(), text: await page.innerText('body'), pages, refused }));
} finally {
  await browser.close();
}
