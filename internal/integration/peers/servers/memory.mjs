// Keeps what oidc-provider stores, all of it and until it expires. The adapter that comes with it
// forgets at random from a thousand entries on, and with them refresh tokens that are good.
const entries = new Map(); // key to { value, until }
const members = new Map(); // grant to the keys of its tokens

function get(key) {
  const found = entries.get(key);
  if (found && found.until <= Date.now()) {
    entries.delete(key);
    return undefined;
  }
  return found?.value;
}

export class Memory {
  constructor(model) { this.model = model; }

  key(id) { return `${this.model}:${id}`; }

  async upsert(id, value, seconds) {
    const until = seconds === undefined ? Infinity : Date.now() + seconds * 1000;
    entries.set(this.key(id), { value, until });
    for (const index of [value.uid, value.userCode]) if (index) entries.set(`${this.model}/${index}`, { value: id, until });
    if (value.grantId) {
      if (!members.has(value.grantId)) members.set(value.grantId, new Set());
      members.get(value.grantId).add(this.key(id));
    }
  }

  async find(id) { return get(this.key(id)); }

  async findByUid(uid) { return this.find(get(`${this.model}/${uid}`)); }

  async findByUserCode(code) { return this.find(get(`${this.model}/${code}`)); }

  async consume(id) { get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { entries.delete(this.key(id)); }

  async revokeByGrantId(grant) {
    for (const key of members.get(grant) ?? []) entries.delete(key);
    members.delete(grant);
  }
}
