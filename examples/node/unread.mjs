// Lists the last five unread e-mails of a Gmail account. It holds no token: it says whose account it
// means, and Claviger does the rest.
const { CLAVIGER_URL = 'http://127.0.0.1:8090', ACCOUNT = 'gmail/user_123' } = process.env;

async function get(path) {
  const res = await fetch(CLAVIGER_URL + path, { headers: { 'Connected-Account': ACCOUNT } });
  // The text says what to do, when it comes from Claviger.
  if (!res.ok) throw new Error(`${res.status}: ${await res.text()}`);
  return res.json();
}

const list = await get('/gmail/v1/users/me/messages?q=is:unread&maxResults=5');
for (const { id } of list.messages ?? []) {
  const mail = await get(`/gmail/v1/users/me/messages/${id}?format=metadata&metadataHeaders=Subject`);
  for (const { value } of mail.payload.headers) console.log(value);
}
