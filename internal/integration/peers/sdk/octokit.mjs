// All repositories, one on each page, and a new issue. paginate follows the absolute URLs of the Link
// header, so each page but the first shows that they lead back through the proxy.
import { Octokit } from '@octokit/rest';
import { BASE_URL, HEADERS, PEER, main } from './env.mjs';

await main(async () => {
  const client = new Octokit({ baseUrl: BASE_URL });
  let pages = 0;
  client.hook.before('request', (options) => {
    Object.assign(options.headers, HEADERS);
    if (!options.url.startsWith(BASE_URL) && !options.url.startsWith('/')) throw new Error('a link leads past the proxy');
  });
  const me = await client.users.getAuthenticated();
  const repos = await client.paginate(client.repos.listForAuthenticatedUser, { per_page: 1 }, (page) => { pages++; return page.data; });
  const issue = await client.issues.create({ owner: me.data.login, repo: repos[0].name, title: `from ${PEER}` });
  return { read: repos.map((repo) => repo.full_name), wrote: issue.data.number, me: me.data.login, pages };
});
