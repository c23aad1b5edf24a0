// An authorization server that checks nothing and redirects at once: oauth2-mock-server, for token
// answers that are out of the ordinary. PORT comes from the environment; it exits 0 on SIGTERM.
//
//   POST /__ctl/answers [{"status":400,"body":{"error":"invalid_grant"}}]  the next answers at /token
//   GET  /__ctl/log      the requests at /token
//   GET  /__ctl/secrets  every code, state and token that was handed out
import { createServer } from 'node:http';
import { Events, OAuth2Server } from 'oauth2-mock-server';
import { Secrets } from './secrets.mjs';

const PORT = Number(process.env.PORT);
const mock = new OAuth2Server();
await mock.issuer.keys.generate('RS256');
mock.issuer.url = `http://127.0.0.1:${PORT}`;

let answers = [];
const log = [];
const secrets = new Secrets();
mock.service.on(Events.BeforeResponse, (response, request) => {
  const scripted = answers.shift();
  if (scripted) {
    response.statusCode = scripted.status ?? 200;
    // body replaces the ordinary answer, merge changes members of it.
    if ('body' in scripted) response.body = scripted.body;
    else Object.assign(response.body, scripted.merge);
  }
  secrets.body(JSON.stringify(response.body));
  const { grant_type, username, password } = request.body ?? {};
  secrets.add(password);
  log.push({ t: Date.now(), type: 'token', grant_type, user: username, status: response.statusCode });
});
mock.service.on(Events.BeforeAuthorizeRedirect, ({ url }) => secrets.redirect(url.href));

const read = async (request) => { let text = ''; for await (const chunk of request) text += chunk; return text; };
const server = createServer(async (request, response) => {
  const json = (value) => { response.writeHead(200, { 'content-type': 'application/json' }); response.end(JSON.stringify(value)); };
  switch (request.url) {
    case '/__ctl/answers': answers = JSON.parse(await read(request)); return json(answers);
    case '/__ctl/log': return json(log);
    case '/__ctl/secrets': return json(secrets.list());
  }
  mock.service.requestHandler(request, response);
});
server.listen(PORT, '127.0.0.1', () => console.log(`ready ${mock.issuer.url}`));
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeAllConnections(); });
