// Keeps what a server hands out that nobody but Claviger, the browser and the server may see, so that
// the tests can search for it wherever it does not belong.
export class Secrets {
  #all = new Set();
  add(value) { if (typeof value === 'string' && value.length >= 8) this.#all.add(value); }

  // body takes the tokens and device codes out of an answer.
  body(text) {
    let answer;
    try { answer = JSON.parse(text); } catch { return; }
    for (const name of ['access_token', 'refresh_token', 'id_token', 'token', 'device_code', 'user_code', 'client_secret', 'registration_access_token']) this.add(answer?.[name]);
    this.add(answer?.authed_user?.access_token);
  }

  // redirect takes code and state out of a Location header.
  redirect(location) {
    if (!location || !URL.canParse(location)) return;
    const { searchParams } = new URL(location);
    for (const name of ['code', 'state']) this.add(searchParams.get(name));
  }

  list() { return [...this.#all]; }
}
