// An authorization server: oidc-provider with its own login and consent pages. All state is in
// memory, and it exits 0 on SIGTERM. PORT, REDIRECT_URIS (comma-separated) and ACCESS_TTL (seconds)
// come from the environment. Refresh tokens rotate; a reused one ends the whole grant. /me is the API.
//
//   GET  /__ctl/log                      events and requests
//   GET  /__ctl/secrets                  every code, state and token that was handed out
//   POST /__ctl/revoke-account?account=  the user removes the app at the provider
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';
import { Memory } from './memory.mjs';
import { Secrets } from './secrets.mjs';

const PORT = Number(process.env.PORT);
const ISSUER = `http://127.0.0.1:${PORT}`;
const ACCESS_TTL = Number(process.env.ACCESS_TTL ?? 3600);

const web = {
  application_type: 'web',
  redirect_uris: process.env.REDIRECT_URIS.split(','),
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'client_secret_basic',
};

const provider = new Provider(ISSUER, {
  adapter: Memory,
  clients: [
    { client_id: 'proxy-basic', client_secret: 'proxy-basic-secret', client_name: 'Proxy', ...web },
    // Both halves have to be form-encoded before base64 (RFC 6749 section 2.3.1).
    { client_id: 'proxy:odd id', client_secret: 'p%c s+e&c:r=t/~', client_name: 'Odd proxy', ...web },
  ],
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
    AccessToken: () => ACCESS_TTL, RefreshToken: () => 86400, Grant: () => 86400, IdToken: () => 3600,
    Interaction: () => 3600, Session: () => 86400, AuthorizationCode: () => 60,
  },
  features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
});

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
    if (url.pathname === '/token' && chunk) secrets.body(chunk.toString());
    secrets.redirect(res.getHeader('location'));
    return end(chunk, ...rest);
  };
}

const handle = provider.callback();
const server = createServer(async (req, res) => {
  const url = new URL(req.url, ISSUER);
  const json = (value) => { res.writeHead(200, { 'content-type': 'application/json' }); res.end(JSON.stringify(value)); };
  switch (url.pathname) {
    case '/__ctl/log': return json(log);
    case '/__ctl/secrets': return json(secrets.list());
    case '/__ctl/revoke-account': return json(await revokeAccount(url.searchParams.get('account')));
  }
  observe(req, res, url);
  handle(req, res);
});
server.listen(PORT, '127.0.0.1', () => console.log(`ready ${ISSUER}`));
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeAllConnections(); });
