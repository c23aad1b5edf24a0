// One provider emulator of the npm package "emulate": SERVICE=google|slack|github on PORT, exits 0 on
// SIGTERM. Routes and data are the package's own, but unknown tokens are refused instead of being taken
// for the first user's.
//
//   TOKEN_TTL=5       access tokens stop working after 5 seconds (0: never)
//   EXPIRES_IN=truth  token answers say TOKEN_TTL | lie: they say what the emulator says | omit: nothing
//   APP_KEY             the private key of a GitHub App that alice has installed
//   GET /__ctl/log      what reached the service: path, names of headers, fingerprint and user of the token
//   GET /__ctl/secrets  every code, state and token that was handed out
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parse, stringify } from 'yaml';
import { Secrets } from './secrets.mjs';

const { SERVICE, REDIRECT_URI, EXPIRES_IN = 'truth' } = process.env;
const PORT = Number(process.env.PORT);
const TTL = Number(process.env.TOKEN_TTL ?? 0);
const here = dirname(fileURLToPath(import.meta.url));
const seed = parse(readFileSync(join(here, 'seed.yaml'), 'utf8').replaceAll('${REDIRECT_URI}', REDIRECT_URI));
if (process.env.APP_KEY) {
  seed.github.apps = [{
    app_id: 4711, slug: 'proxy', name: 'Connector Proxy', private_key: process.env.APP_KEY,
    permissions: { contents: 'read', issues: 'write', metadata: 'read' },
    installations: [{ installation_id: 815, account: 'alice' }],
  }];
}

// The runner and the table of services are not among the package's exports: find the file that has them.
const dist = dirname(fileURLToPath(import.meta.resolve('emulate')));
const runner = readdirSync(dist).find((name) => /^chunk-.*\.js$/.test(name)
  && /export \{[^}]*SERVICE_REGISTRY/.test(readFileSync(join(dist, name), 'utf8')));
const { SERVICE_REGISTRY, prepareProject } = await import(pathToFileURL(join(dist, runner)));

const log = [];
const secrets = new Secrets();
const fingerprint = (token) => createHash('sha256').update(token).digest('hex').slice(0, 12);

// limit makes issued tokens die.
function limit(tokens) {
  const set = tokens.set.bind(tokens);
  tokens.set = (token, user) => { setTimeout(() => tokens.delete(token), TTL * 1000).unref(); return set(token, user); };
}

function note(request, url, tokens) {
  const authorization = request.headers.get('authorization');
  const token = authorization?.replace(/^(Bearer|token)\s+/i, '').trim();
  const entry = {
    t: Date.now(), method: request.method, path: url.pathname, token: token && fingerprint(token),
    user: token && tokens.get(token)?.login, peer: request.headers.get('x-peer') ?? '',
    headers: [...request.headers.keys()].sort(),
  };
  log.push(entry);
  return entry;
}

// answer looks for tokens in an answer, and changes what it says about their life.
async function answer(response, entry) {
  secrets.redirect(response.headers.get('location'));
  if (entry.method !== 'POST' || !response.headers.get('content-type')?.includes('json')) return response;
  const text = await response.clone().text();
  const body = JSON.parse(text);
  const token = body?.access_token ?? (entry.path.endsWith('/access_tokens') ? body?.token : undefined);
  if (!token) return response;
  secrets.body(text);
  entry.issued = fingerprint(token);
  if (!TTL || EXPIRES_IN === 'lie' || !('expires_in' in body)) return response;
  if (EXPIRES_IN === 'omit') delete body.expires_in; else body.expires_in = TTL;
  const headers = new Headers(response.headers);
  headers.delete('content-length');
  return new Response(JSON.stringify(body), { status: response.status, headers });
}

function observe(app, tokens) {
  const fetch = app.fetch.bind(app);
  if (TTL) limit(tokens);
  app.fetch = async (request) => {
    const url = new URL(request.url);
    if (url.pathname === '/__ctl/log') return Response.json(log);
    if (url.pathname === '/__ctl/secrets') return Response.json(secrets.list());
    const entry = note(request, url, tokens);
    const response = await fetch(request);
    entry.status = response.status;
    return answer(response, entry);
  };
}

const service = SERVICE_REGISTRY[SERVICE];
service.defaultFallback = () => undefined;
const load = service.load;
service.load = async () => {
  const loaded = await load();
  const register = (app, store, hooks, base, tokens) => {
    loaded.plugin.register(app, store, hooks, base, tokens);
    observe(app, tokens);
  };
  return { ...loaded, plugin: { ...loaded.plugin, register } };
};

const folder = mkdtempSync(join(tmpdir(), 'emulate-'));
const file = join(folder, 'seed.yaml');
writeFileSync(file, stringify({ [SERVICE]: { ...seed[SERVICE], port: PORT, baseUrl: `http://127.0.0.1:${PORT}` } }));
const run = await prepareProject({ port: PORT, host: '127.0.0.1', service: SERVICE, seed: file });
rmSync(folder, { recursive: true });
await run.start();
console.log(`ready http://127.0.0.1:${PORT}`);
process.once('SIGTERM', () => run.close().finally(() => process.exit(0)));
