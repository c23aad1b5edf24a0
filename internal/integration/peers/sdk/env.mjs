// What the SDK scripts have in common. BASE_URL is what the SDK is pointed at. ACCOUNT, unless it is
// empty, is sent as the account's tag. PEER goes out as X-Peer, by which the emulator's log tells whose
// request it was meant to be. No script has a credential.
const { BASE_URL, ACCOUNT, PEER } = process.env;

export { BASE_URL, PEER };
export const HEADERS = { 'X-Peer': PEER, ...(ACCOUNT ? { 'Connected-Account': ACCOUNT } : {}) };

// main prints what fn returns as one line of JSON.
export async function main(fn) {
  try {
    console.log(JSON.stringify(await fn()));
  } catch (err) {
    console.error(err.status ?? err.code ?? '', String(err.message ?? err));
    process.exitCode = 1;
  }
}
