import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { settleOpen } from '../../services/gateway/recover.ts';
import { txtOf } from '../../services/requests/plans/members.ts';
import type { DnsTarget } from '../../services/shared/settings/dns-servers.ts';
import { intendUpdate, receiveUpdate } from '../../services/store/grants/lent-updates.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type FakeServer, startFake, txt } from '../helpers/dns.ts';
import { putGrant } from './setup.ts';

const NAME = 'a.example.com';
let t: TestDatabase;
let primary: FakeServer;
let grant_key: number;
/** What the name server has: "x" at the name and nothing beside it; null where it says nothing. */
let has: string[] | null;
beforeAll(async () => {
  primary = await startFake(({ name, sent }) => {
    if (has === null) return { rcode: 5 };
    return { flags: 0x0400, answers: name === NAME ? has.map((one) => txt(sent, [one])) : [] };
  });
});
afterAll(() => primary.stop());
beforeEach(async () => {
  t = await testDatabase();
  grant_key = await putGrant(t.db, { name: 'one', credential: null });
});
afterEach(() => t.drop());

const targets = (): DnsTarget[] => [
  { kind: 'command', name: 'by hand', zones: ['example.net'], command: ['true'] },
  {
    kind: 'rfc2136',
    name: 'primary',
    zones: ['example.com'],
    server: { address: '127.0.0.1', port: primary.port },
    key: { name: 'up', algorithm: 'hmac-sha256' },
    secret: () => randomBytes(32),
  },
];
let serial = 0;
/** An update that came a while ago; with a server, it was to go there. */
async function left(target: string | null, age = '61 seconds'): Promise<number> {
  const received = await receiveUpdate(t.db, { grant_key, mac: Buffer.from([serial++]), client: 'x' });
  if (received.state !== 'new') throw new Error(received.state);
  const step = { name: NAME, type: 'TXT', before: [txtOf('old')], after: [txtOf('new')] };
  if (target !== null) await intendUpdate(t.db, { grant_key, update_key: received.update_key, target }, [step]);
  await t.db.query('update ruawatch.lent_updates set received_at = now() - $2::interval where update_key = $1', [
    received.update_key,
    age,
  ]);
  return received.update_key;
}
const ends = async () => (await t.db.query('select state, rcode, answer from ruawatch.lent_updates order by update_key')).rows;
const settle = () => settleOpen(t.db, targets(), new AbortController().signal);

test.each<[string, string | null, string[] | null, { state: string; rcode: number; answer: string }]>([
  ['was not sent', null, [], { state: 'failed', rcode: 2, answer: 'The gateway ended before anything was sent.' }],
  [
    'went to a server that the settings have no more',
    'gone',
    ['new'],
    { state: 'unknown', rcode: 2, answer: 'The settings have no name server gone any more: look at it by hand.' },
  ],
  [
    'went to one that the settings have as a command now',
    'by hand',
    ['new'],
    { state: 'unknown', rcode: 2, answer: 'The settings have no name server by hand any more: look at it by hand.' },
  ],
  [
    'was carried out',
    'primary',
    ['new'],
    { state: 'applied', rcode: 0, answer: 'The gateway ended while it was carried out; the records are there.' },
  ],
  [
    'was not carried out',
    'primary',
    ['old'],
    { state: 'failed', rcode: 2, answer: 'The gateway ended while it was carried out; the records are as before.' },
  ],
  [
    'came to something else',
    'primary',
    ['old', 'new'],
    { state: 'unknown', rcode: 2, answer: 'The gateway ended while it was carried out; the records do not show how it went.' },
  ],
  [
    'went to a server that does not say',
    'primary',
    null,
    { state: 'unknown', rcode: 2, answer: 'The gateway ended while it was carried out; the records do not show how it went.' },
  ],
])('an update whose process ended: it %s', async (_, target, records, end) => {
  has = records;
  await left(target);
  await settle();
  expect(await ends()).toEqual([end]);
});

test('each of them is settled, and none that came within the last minute', async () => {
  has = ['new'];
  await left('primary');
  await left('primary', '30 seconds');
  await left(null);
  await settle();
  expect((await ends()).map(({ state }) => state)).toEqual(['applied', 'intended', 'failed']);
});
