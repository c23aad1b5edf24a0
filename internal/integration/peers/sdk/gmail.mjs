// The five latest unread messages, and one sent. rootUrl is given with each call: as an option of the
// client it would lose the path of the base URL.
import { gmail } from '@googleapis/gmail';
import { BASE_URL, HEADERS, PEER, main } from './env.mjs';

await main(async () => {
  const { messages } = gmail({ version: 'v1', headers: HEADERS }).users;
  const at = { rootUrl: `${BASE_URL}/` };
  const list = await messages.list({ userId: 'me', q: 'is:unread', maxResults: 5 }, at);
  const read = [];
  for (const { id } of list.data.messages ?? []) {
    const message = await messages.get({ userId: 'me', id, format: 'metadata', metadataHeaders: ['Subject'] }, at);
    read.push(message.data.payload.headers.find((h) => h.name === 'Subject')?.value);
  }
  const raw = Buffer.from(`To: someone@example.test\r\nSubject: from ${PEER}\r\n\r\nhello`).toString('base64url');
  const sent = await messages.send({ userId: 'me', requestBody: { raw } }, at);
  return { read, wrote: sent.data.id };
});
