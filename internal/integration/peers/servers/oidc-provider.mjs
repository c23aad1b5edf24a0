// An authorization server: oidc-provider with its own login and consent pages. All state is in
// memory, and it exits 0 on SIGTERM. PORT, REDIRECT_URIS (comma-separated), ACCESS_TTL (seconds) and
// CLIENT_KEY (the public JWK of the client proxy-key) come from the environment; with TLS_PORT, TLS_CERT and
// TLS_KEY it is at that port, too, where the client proxy-cert shows the certificate of the JWK in CLIENT_CERT.
// With INITIAL_TOKEN clients are registered (RFC 7591, RFC 7592). Refresh tokens rotate; a reused one ends the whole grant. /me is an API, /api another one, for tokens with that resource only.
//
//   GET  /__ctl/log                      events and requests; "client" tells how a client has authenticated
//   GET  /__ctl/secrets                  every code, state and token that was handed out
//   POST /__ctl/revoke-account?account=  the user removes the app at the provider
import { createServer } from 'node:http';
import { createServer as createTLSServer } from 'node:https';
import { createHash, randomBytes } from 'node:crypto';
import { Provider, errors } from 'oidc-provider';
import { Memory } from './memory.mjs';
import { Secrets } from './secrets.mjs';

const PORT = Number(process.env.PORT);
const ISSUER = `http://127.0.0.1:${PORT}`;
const ACCESS_TTL = Number(process.env.ACCESS_TTL ?? 3600);
const RESOURCE = `${ISSUER}/api`;

const web = {
  application_type: 'web',
  redirect_uris: process.env.REDIRECT_URIS.split(','),
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  token_endpoint_auth_method: 'client_secret_basic',
};
const post = { ...web, token_endpoint_auth_method: 'client_secret_post' };
const without = { redirect_uris: [], response_types: [] };

const clients = [
  { client_id: 'proxy-basic', client_secret: 'proxy-basic-secret', ...web },
  // Both halves have to be form-encoded before base64 (RFC 6749 section 2.3.1).
  { client_id: 'proxy:odd id', client_secret: 'p%c s+e&c:r=t/~', ...web },
  { client_id: 'proxy-post', client_secret: 'proxy-post-secret', ...post },
  { client_id: 'proxy/"odd"+id %3A', client_secret: `p"o's+t %2B=&/:\\?~`, ...post },
  { client_id: 'proxy-public', ...web, token_endpoint_auth_method: 'none' },
  { client_id: 'proxy-hmac', client_secret: 'proxy-hmac-secret-of-more-than-32-bytes', ...web, token_endpoint_auth_method: 'client_secret_jwt' },
  { client_id: 'proxy-silent', client_secret: 'proxy-silent-secret', ...web }, // is not told how long tokens live
  { client_id: 'machine', client_secret: 'machine-secret', ...without, grant_types: ['client_credentials'] },
  { client_id: 'proxy-device', ...without, application_type: 'native', token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] },
  { client_id: 'watcher', client_secret: 'watcher-secret', ...without, grant_types: [] },
];
if (process.env.CLIENT_KEY) {
  clients.push({ client_id: 'proxy-key', jwks: { keys: [JSON.parse(process.env.CLIENT_KEY)] }, ...web, token_endpoint_auth_method: 'private_key_jwt' });
}
if (process.env.CLIENT_CERT) {
  clients.push({
    client_id: 'proxy-cert', jwks: { keys: [JSON.parse(process.env.CLIENT_CERT)] }, ...web,
    token_endpoint_auth_method: 'self_signed_tls_client_auth',
  });
}

const provider = new Provider(ISSUER, {
  adapter: Memory,
  clients,
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none', 'self_signed_tls_client_auth'],
  cookies: { keys: [randomBytes(16).toString('hex')] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  scopes: ['openid', 'offline_access', 'email', 'profile'],
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: () => false,
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id, email: `${id}@example.test`, email_verified: true }),
  }),
  ttl: {
    AccessToken: () => ACCESS_TTL, ClientCredentials: () => ACCESS_TTL, DeviceCode: () => 600, RefreshToken: () => 86400, Grant: () => 86400, IdToken: () => 3600,
    Interaction: () => 3600, Session: () => 86400, AuthorizationCode: () => 60,
  },
  features: {
    devInteractions: { enabled: true }, revocation: { enabled: true }, introspection: { enabled: true },
    clientCredentials: { enabled: true }, deviceFlow: { enabled: true },
    // Who has INITIAL_TOKEN may register clients; each change of one gives it another token.
    registration: { enabled: Boolean(process.env.INITIAL_TOKEN), initialAccessToken: process.env.INITIAL_TOKEN },
    registrationManagement: { enabled: Boolean(process.env.INITIAL_TOKEN), rotateRegistrationAccessToken: true },
    mTLS: {
      enabled: true, selfSignedTlsClientAuth: true,
      getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
    },
    // A refresh that names no resource gets a token without one.
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => {
        if (resource !== RESOURCE) throw new errors.InvalidTarget();
        return { scope: 'api:read', audience: resource, accessTokenFormat: 'opaque', accessTokenTTL: ACCESS_TTL };
      },
    },
  },
});

// proof tells how a client has authenticated.
function proof(ctx) {
  const { client_assertion: assertion, client_secret: secret } = ctx.oidc.params;
  if (assertion) return JSON.parse(Buffer.from(assertion.split('.')[0], 'base64url')).alg;
  if (secret !== undefined) return 'post';
  return ctx.headers.authorization?.split(' ')[0] ?? 'none';
}

// What a client has sent is known once the provider has read it.
provider.use(async (ctx, next) => {
  await next();
  if (ctx.method !== 'POST' || !ctx.path.startsWith('/token') || !ctx.oidc?.params) return;
  log.push({
    t: Date.now(), type: 'client', path: ctx.path, grant_type: ctx.oidc.params.grant_type, status: ctx.status,
    client: ctx.oidc.client?.clientId, proof: proof(ctx),
  });
  if (ctx.oidc.client?.clientId === 'proxy-silent') delete ctx.body.expires_in;
});

// resource is the API at RESOURCE. It tells whose the token is.
async function resource(req, res) {
  const value = req.headers.authorization?.replace(/^Bearer /, '') ?? '';
  const token = await provider.AccessToken.find(value) ?? await provider.ClientCredentials.find(value);
  const good = token?.isValid && token.aud === RESOURCE;
  res.writeHead(good ? 200 : 401, { 'content-type': 'application/json', ...(good ? {} : { 'www-authenticate': 'Bearer error="invalid_token"' }) });
  res.end(JSON.stringify(good ? {
    client: token.clientId, account: token.accountId, scope: token.scope, token: createHash('sha256').update(value).digest('hex').slice(0, 12),
  } : { error: 'invalid_token' }));
}

const log = [];
const secrets = new Secrets();
const grants = new Map();
for (const type of ['grant.success', 'grant.error', 'grant.revoked', 'server_error']) {
  provider.on(type, (ctx, err) => log.push({
    t: Date.now(), type, grant_type: ctx?.oidc?.params?.grant_type, account: ctx?.oidc?.account?.accountId,
    error: err?.error ?? err?.message,
  }));
}
provider.on('grant.saved', (grant) => grants.set(grant.jti, grant.accountId));

async function revokeAccount(account) {
  let revoked = 0;
  for (const [id, owner] of grants) {
    if (owner !== account) continue;
    await provider.Grant.adapter.destroy(id);
    for (const model of ['AccessToken', 'RefreshToken']) await provider[model].revokeByGrantId(id);
    grants.delete(id);
    revoked++;
  }
  return { revoked };
}

// observe notes a request, and the secrets in its answer.
function observe(req, res, url) {
  const entry = { t: Date.now(), type: 'request', method: req.method, path: url.pathname };
  log.push(entry);
  const end = res.end.bind(res);
  res.end = (chunk, ...rest) => {
    entry.status = res.statusCode;
    if (/^\/(token|device\/auth|reg|reg\/.+)$/.test(url.pathname) && chunk) secrets.body(chunk.toString());
    secrets.redirect(res.getHeader('location'));
    return end(chunk, ...rest);
  };
}

const handle = provider.callback();
async function answer(req, res) {
  const url = new URL(req.url, ISSUER);
  const json = (value) => { res.writeHead(200, { 'content-type': 'application/json' }); res.end(JSON.stringify(value)); };
  switch (url.pathname) {
    case '/__ctl/log': return json(log);
    case '/__ctl/secrets': return json(secrets.list());
    case '/__ctl/revoke-account': return json(await revokeAccount(url.searchParams.get('account')));
  }
  observe(req, res, url);
  if (url.pathname === '/api') return resource(req, res);
  handle(req, res);
}

const servers = [[createServer(answer), PORT]];
if (process.env.TLS_PORT) {
  const { TLS_CERT: cert, TLS_KEY: key } = process.env;
  servers.push([createTLSServer({ cert, key, requestCert: true, rejectUnauthorized: false }, answer), Number(process.env.TLS_PORT)]);
}
for (const [server, port] of servers) await new Promise((done) => { server.listen(port, '127.0.0.1', done); });
console.log(`ready ${ISSUER}`);
process.on('SIGTERM', async () => {
  await Promise.all(servers.map(([server]) => new Promise((done) => { server.close(done); server.closeAllConnections(); })));
  process.exit(0);
});
