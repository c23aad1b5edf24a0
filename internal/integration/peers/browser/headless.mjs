// Goes through consent without a browser: keeps cookies, follows redirects, and fills in and sends the
// forms that it meets, until a page of HOME has none.
//
//   node headless.mjs START HOME LOGIN [deny]
//
// START is Claviger's link, HOME the origin of its pages; or both are the provider's, and USER_CODE from the
// environment is typed in there. One line of JSON is printed: where it ended, the status, the page, and the
// cookies that HOME has set.
class Jar {
  #cookies = new Map();

  take(response, url) {
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(/;\s*/);
      const [name, ...value] = pair.split('=');
      const path = attributes.find((a) => /^path=/i.test(a))?.slice(5) || '/';
      const dead = attributes.some((a) => /^max-age=(0|-\d+)$/i.test(a)
        || (/^expires=/i.test(a) && Date.parse(a.slice(8)) < Date.now()));
      const key = `${url.host}|${path}|${name}`;
      if (dead) this.#cookies.delete(key); else this.#cookies.set(key, value.join('='));
    }
  }

  header(url) {
    return [...this.#cookies]
      .filter(([key]) => { const [host, path] = key.split('|'); return host === url.host && url.pathname.startsWith(path); })
      .map(([key, value]) => `${key.split('|')[2]}=${value}`).join('; ');
  }
}

const entities = { '&amp;': '&', '&quot;': '"', '&#34;': '"', '&#39;': "'", '&lt;': '<', '&gt;': '>', '&#43;': '+' };
const plain = (text = '') => text.replace(/&[a-z0-9#]+;/g, (e) => entities[e] ?? e);

function attribute(tag, name) {
  const found = tag.match(new RegExp(`\\b${name}\\s*=\\s*("([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i'));
  return found ? plain(found[2] ?? found[3] ?? found[4]) : undefined;
}

// forms reads the forms of a page. The first button of a form is the one that is pressed.
function forms(html) {
  return [...html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/gi)].map(([text]) => {
    const head = text.match(/<form\b[^>]*>/i)[0];
    const form = {
      text, fields: {}, asks: [],
      action: attribute(head, 'action') ?? '', method: (attribute(head, 'method') ?? 'get').toLowerCase(),
    };
    for (const [tag] of text.matchAll(/<input\b[^>]*>/gi)) {
      const name = attribute(tag, 'name');
      const type = (attribute(tag, 'type') ?? 'text').toLowerCase();
      if (!name || (/^(checkbox|radio)$/.test(type) && !/\bchecked\b/i.test(tag))) continue;
      form.fields[name] = attribute(tag, 'value') ?? '';
      if (!/^(hidden|submit|checkbox|radio)$/.test(type)) form.asks.push({ name, type });
    }
    const button = text.match(/<button\b[^>]*>/i)?.[0];
    if (button && attribute(button, 'name')) form.fields[attribute(button, 'name')] = attribute(button, 'value') ?? '';
    return form;
  });
}

// fill writes the login into a form and returns the request that sends it.
function fill(form, url, login) {
  for (const ask of form.asks) {
    if (ask.name === 'user_code') form.fields.user_code = process.env.USER_CODE;
    else form.fields[ask.name] = /pass/i.test(ask.name + ask.type) ? 'pw' : login;
  }
  const target = new URL(form.action || url.href, url);
  if (form.method === 'post') return { url: target, method: 'POST', body: new URLSearchParams(form.fields).toString() };
  for (const [name, value] of Object.entries(form.fields)) target.searchParams.set(name, value);
  return { url: target, method: 'GET' };
}

async function consent(start, home, login, deny) {
  const jar = new Jar();
  const cookies = new Set();
  let next = { url: new URL(start), method: 'GET' };
  let declined = false;
  for (let hop = 0; hop < 30; hop++) {
    const { url, method, body } = next;
    const headers = { cookie: jar.header(url), accept: 'text/html' };
    if (method === 'POST') headers['content-type'] = 'application/x-www-form-urlencoded';
    const response = await fetch(url, { method, headers, body, redirect: 'manual' });
    jar.take(response, url);
    if (url.origin === home) for (const line of response.headers.getSetCookie()) cookies.add(line.split(/[=;]/)[1]);
    if (response.status >= 300 && response.status < 400) {
      next = { url: new URL(response.headers.get('location'), url), method: 'GET' };
      continue;
    }
    const html = await response.text();
    const all = forms(html);
    if (url.origin === home && (!all.length || declined)) return { url: url.href, status: response.status, html, cookies: [...cookies] };
    if (!response.ok) throw new Error(`${response.status} at ${url.origin}${url.pathname}: ${html.slice(0, 500)}`);
    const abort = deny && html.match(/href="([^"]*\/abort[^"]*)"/)?.[1];
    if (abort) { declined = true; next = { url: new URL(plain(abort), url), method: 'GET' }; continue; }
    // A page with one form for each user is a picker; every other form is the first one.
    const form = all.find((f) => Object.values(f.fields).includes(login) || f.text.includes(`>${login}<`)) ?? all[0];
    if (!form) throw new Error(`no form at ${url.origin}${url.pathname}: ${html.slice(0, 500)}`);
    next = fill(form, url, login);
  }
  throw new Error('more than 30 pages');
}

const [, , start, home, login, deny] = process.argv;
console.log(JSON.stringify(await consent(start, home, login, deny === 'deny')));
