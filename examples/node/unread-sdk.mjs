// Lists the last five unread e-mails of a Gmail account with Google's own library, which holds no token:
// each call says whose account it means, and Claviger does the rest.
import { gmail } from '@googleapis/gmail';

const { CLAVIGER_URL = 'http://127.0.0.1:8090', ACCOUNT = 'gmail/user_123' } = process.env;

const { messages } = gmail({ version: 'v1', headers: { 'Connected-Account': ACCOUNT } }).users;
const options = { rootUrl: `${CLAVIGER_URL}/` };

const list = await messages.list({ userId: 'me', q: 'is:unread', maxResults: 5 }, options);
for (const { id } of list.data.messages ?? []) {
  const mail = await messages.get({ userId: 'me', id, format: 'metadata', metadataHeaders: ['Subject'] }, options);
  for (const { value } of mail.data.payload.headers) console.log(value);
}
