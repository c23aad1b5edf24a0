// One new event, and the events from now on. rootUrl is given with each call, as in gmail.mjs.
import { calendar } from '@googleapis/calendar';
import { BASE_URL, HEADERS, PEER, main } from './env.mjs';

await main(async () => {
  const { events } = calendar({ version: 'v3', headers: HEADERS });
  const at = { rootUrl: `${BASE_URL}/` };
  const start = new Date(Date.now() + 86400e3);
  const end = new Date(start.getTime() + 1800e3);
  const made = await events.insert({
    calendarId: 'primary',
    requestBody: { summary: `day of ${PEER}`, start: { dateTime: start.toISOString() }, end: { dateTime: end.toISOString() } },
  }, at);
  const list = await events.list({ calendarId: 'primary', timeMin: new Date().toISOString(), singleEvents: true, orderBy: 'startTime' }, at);
  return { read: list.data.items.map((event) => event.summary), wrote: made.data.id };
});
