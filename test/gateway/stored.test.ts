import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LentKey } from '../../services/gateway/ledger.ts';
import { storedLedger } from '../../services/gateway/stored.ts';
import { newTsigCredential } from '../../services/requests/grants/tsig-credential.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { putGrant } from './setup.ts';

const KEY_FILE = randomBytes(32);
const SCOPE = { zone: 'example.com', names: ['a.example.com'], types: ['TXT'], operations: ['add'], task: null };

let t: TestDatabase;
let lines: object[] = [];
const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
beforeEach(async () => {
  t = await testDatabase();
  lines = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  await t.drop();
});

/** The database, and how often it was asked. */
function counted(): { db: Db; asked: () => number } {
  let asked = 0;
  const db = new Proxy(t.db, {
    get(target, name, receiver) {
      if (name === 'query') asked++;
      return Reflect.get(target, name, receiver);
    },
  });
  return { db, asked: () => asked };
}
const lend = async (name: string, given: Partial<Parameters<typeof putGrant>[1]> = {}) => {
  const { secret, credential } = newTsigCredential(KEY_FILE);
  const grant_key = await putGrant(t.db, { name, credential, ...given });
  return { grant_key, name, algorithm: 'hmac-sha256', secret: Buffer.from(secret, 'base64'), scope: SCOPE, over: false };
};

describe('the keys that are lent', () => {
  test('are none, and the file that opens them is not asked for', async () => {
    const noFile = () => {
      throw new Error('there is no key file');
    };
    expect(await storedLedger(t.db, noFile, log).keys('x')).toEqual([]);
    await lend('one');
    await expect(storedLedger(t.db, noFile, log).keys('x')).rejects.toThrow('there is no key file');
  });

  test('have their secrets and scopes; one that cannot be read is refused, and the log says why', async () => {
    const one = await lend('one');
    const foreign = await lend('foreign', { credential: newTsigCredential(randomBytes(32)).credential });
    const bare = await lend('bare', { credential: null });
    const odd = await lend('odd', { scope: { names: [] } });
    const two = await lend('two');
    const keys = await storedLedger(t.db, () => KEY_FILE, log).keys('one');
    expect([...keys].sort((a, b) => a.grant_key - b.grant_key)).toEqual([one, two]);
    const msg = 'a lent key cannot be read, and is refused';
    const none = 'The credential of the grant is none of a TSIG key.';
    const other = /^The credential of the grant was made with another gateway\.key_file, or was changed\./;
    expect([...lines].sort((a, b) => (a as { grant: number }).grant - (b as { grant: number }).grant)).toEqual([
      { level: 50, grant: foreign.grant_key, err: expect.stringMatching(other), msg },
      { level: 50, grant: bare.grant_key, err: none, msg },
      { level: 50, grant: odd.grant_key, err: expect.stringContaining('names'), msg },
    ]);
  });

  test('are read once in a second for those that are among them, by their name in any letters', async () => {
    const one = await lend('one');
    const { db, asked } = counted();
    const ledger = storedLedger(db, () => KEY_FILE, log);
    // Whole, as the sum of fractions is not exact.
    let now = Math.ceil(performance.now());
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    for (const name of ['one', 'ONE', 'one']) expect(await ledger.keys(name)).toEqual([one]);
    now += 999;
    await ledger.keys('one');
    expect(asked()).toBe(1);
    now += 1;
    await ledger.keys('one');
    expect(asked()).toBe(2);
  });

  test('are read again for one that is not among them, once for all that wait', async () => {
    const { db, asked } = counted();
    const ledger = storedLedger(db, () => KEY_FILE, log);
    expect(await ledger.keys('one')).toEqual([]);
    const one = await lend('one');
    const answers = await Promise.all(['one', 'strange', 'one', 'stranger'].map((name) => ledger.keys(name)));
    expect(answers).toEqual([[one], [one], [one], [one]]);
    expect(asked()).toBe(2);
    const two = await lend('two');
    const keys = await ledger.keys('two');
    expect([...keys].sort((a, b) => a.grant_key - b.grant_key)).toEqual([one, two]);
    expect(asked()).toBe(3);
  });

  test('of a database that did not answer are read anew', async () => {
    const one = await lend('one');
    const ledger = storedLedger(t.db, () => KEY_FILE, log);
    await t.db.query('alter table ruawatch.grants rename to grants_away');
    await expect(ledger.keys('one')).rejects.toThrow('relation "ruawatch.grants" does not exist');
    await t.db.query('alter table ruawatch.grants_away rename to grants');
    expect(await ledger.keys('one')).toEqual([one]);
  });
});

describe('what is written of an update', () => {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const set = (members: Buffer[]) => ({ name: 'a.example.com', type: 'TXT' as const, ttl: 60, members });
  const steps = [{ before: set([]), after: set([text('x')]) }];
  const rows = async (table: string, columns: string) =>
    (await t.db.query(`select ${columns} from ruawatch.${table} order by 1`)).rows;

  test('is that it came, what is intended, and how it ended; a use is taken', async () => {
    const { over: _, ...key } = await lend('one', { uses: 1 });
    const ledger = storedLedger(t.db, () => KEY_FILE, log);
    const given = { mac: Buffer.from('mac'), client: '192.0.2.1:4000' };
    const received = await ledger.receive(key as LentKey, given);
    if (received.state !== 'new') throw new Error(received.state);
    expect(await ledger.receive(key as LentKey, given)).toEqual({ state: 'again', rcode: null });
    const { update_key } = received;
    expect(await ledger.intend(key as LentKey, update_key, 'primary', steps)).toBe(true);
    expect(await ledger.intend(key as LentKey, update_key, 'primary', steps)).toBe(false);
    const end = { state: 'applied' as const, rcode: 0, answer: 'It is there.' };
    await ledger.settle(key as LentKey, update_key, end);
    expect(await rows('changes', 'name, target, before, after, state, answer')).toEqual([
      {
        name: 'a.example.com TXT',
        target: 'primary',
        before: [],
        after: [{ text: 'x', wire: text('x').toString('hex') }],
        state: 'applied',
        answer: 'It is there.',
      },
    ]);
    expect(await rows('lent_updates', 'grant_key, mac, client, state, rcode, answer')).toEqual([
      { grant_key: key.grant_key, ...given, ...end },
    ]);
  });

  test('of a key that is over is only what it was before', async () => {
    const key = (await lend('one')) as LentKey;
    const ledger = storedLedger(t.db, () => KEY_FILE, log);
    const given = { mac: Buffer.from('mac'), client: 'x' };
    expect(await ledger.receive({ ...key, over: true }, given)).toEqual({ state: 'ended' });
    expect(await ledger.receive(key, given)).toMatchObject({ state: 'new' });
    expect(await ledger.receive({ ...key, over: true }, given)).toEqual({ state: 'again', rcode: null });
  });
});
