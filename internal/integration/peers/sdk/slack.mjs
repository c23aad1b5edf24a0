// The channels, and one message.
import { WebClient } from '@slack/web-api';
import { BASE_URL, HEADERS, PEER, main } from './env.mjs';

await main(async () => {
  const client = new WebClient(undefined, { slackApiUrl: `${BASE_URL}/api/`, headers: HEADERS, retryConfig: { retries: 0 } });
  const { channels } = await client.conversations.list();
  const { id } = channels.find((channel) => channel.name === 'alerts');
  const message = await client.chat.postMessage({ channel: id, text: `alert of ${PEER}` });
  return { read: channels.map((channel) => channel.name), wrote: message.ts };
});
