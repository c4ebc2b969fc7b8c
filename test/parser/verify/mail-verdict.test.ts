import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Readers, Stopped } from '../../../services/parser/reading/pool.ts';
import {
  type CheckedMail,
  inspectionOf,
  type VerifyContext,
  verdictOf,
  waitSeconds,
} from '../../../services/parser/verify/mail-verdict.ts';
import type { Inspected } from '../../../services/parser/verify/origin.ts';
import type { Config } from '../../../services/shared/settings/config.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receivePolled } from '../signed.ts';

let t: TestDatabase;
let stored: CheckedMail;
const RAW = Buffer.from('From: a@reporter.example\r\n\r\n');
beforeAll(async () => {
  t = await testDatabase();
  const [key] = await receivePolled(t, [RAW]);
  const { rows } = await t.db.query<CheckedMail>(
    'select message_key, mailbox, 0 as attempts, received_at, stored_at, size from ruawatch.messages where message_key = $1',
    [key],
  );
  stored = rows[0]!;
});
afterAll(() => t.drop());

const claim = { org_name: 'Reporter', org_email: 'dmarc@reporter.example' };
const OPEN: Inspected = {
  state: 'open',
  from: 'reporter.example',
  address: 'a@reporter.example',
  signatures: [],
  why: 'no signature',
};
const contextOf = (check: Config['trust']['check'], db: unknown = t.db) =>
  ({ db, config: { trust: { check, authserv_ids: ['mx.example.org'] } } }) as unknown as VerifyContext;

/** Readers that answer `said`, and note what they were asked. */
function readersOf(said: Inspected | Stopped) {
  const asked: unknown[][] = [];
  const inspect: Readers['inspect'] = async (...given) => {
    asked.push(given);
    return said;
  };
  return { readers: { inspect } as unknown as Readers, asked };
}

test('a stored mail is inspected as of when it arrived, with the settings of trust', async () => {
  const { readers, asked } = readersOf(OPEN);
  const context = contextOf('verify');
  expect(await inspectionOf(context, readers, stored)).toEqual(OPEN);
  expect(asked).toEqual([[RAW, stored.received_at, context.config.trust]]);
});

test('a mail whose inspection was stopped is unproven, with the reason', async () => {
  const { readers } = readersOf({
    problem: { code: 'message_time', message: 'It took longer than 30 s.' },
  } as unknown as Stopped);
  expect(await inspectionOf(contextOf('verify'), readers, stored)).toEqual({
    state: 'unproven',
    from: null,
    why: 'verifying it was stopped: It took longer than 30 s.',
  });
});

test.each([
  ['import', 'verify', 'Not verified: imported by hand.'],
  ['rua', 'off', 'Not verified: trust.check is off.'],
] as const)('a mail of "%s" with check %s is not read', async (mailbox, check, reason) => {
  const { readers, asked } = readersOf(OPEN);
  const found = await inspectionOf(contextOf(check, null), readers, { ...stored, mailbox });
  expect(typeof found === 'function' && found(claim)).toMatchObject({ reporter_trust: null, trust: 'ok', reason });
  expect(asked).toEqual([]);
});

test('a mail whose bytes are gone or damaged is unproven; a failure of the database is not taken for one', async () => {
  const { readers, asked } = readersOf(OPEN);
  const context = contextOf('verify');
  expect(await inspectionOf(context, readers, { ...stored, message_key: -1 })).toEqual({
    state: 'unproven',
    from: null,
    why: 'the raw mail is no longer in the archive',
  });
  await t.db.query("update ruawatch.raw set bytes = 'x', plain_size = 5");
  expect(await inspectionOf(context, readers, stored)).toEqual({
    state: 'unproven',
    from: null,
    why: expect.stringMatching(/^The raw bytes of mail \d+ are damaged/),
  });
  const broken = { query: () => Promise.reject(new Error('the connection was closed')) };
  await expect(inspectionOf(contextOf('verify', broken), readers, stored)).rejects.toThrow('the connection was closed');
  expect(asked).toEqual([]);
});

test('name servers that do not answer are waited for a minute at first, then twice as long each time, six hours at most', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  expect([0, 1, 2, 8, 9, 23].map(waitSeconds)).toEqual([60, 120, 240, 15_360, 21_600, 21_600]);
  vi.restoreAllMocks();
});

test('a verdict waits for name servers in 24 tries, and says after the last of them that nothing proves the mail', async () => {
  const signature = { domain: 'reporter.example', keyName: 's1._domainkey.reporter.example' } as never;
  const silent = { txt: () => Promise.reject(new Error('No answer from 192.0.2.53.')) };
  const of = (attempts: number) => verdictOf({ ...OPEN, signatures: [signature] } as Inspected, { ...stored, attempts }, silent);
  for (const attempts of [0, 1, 22]) expect(await of(attempts)).toBe('No answer from 192.0.2.53.');
  const last = await of(23);
  expect(typeof last === 'function' && last(claim)).toMatchObject({
    reporter_trust: 'unauthenticated',
    trust: 'bad',
    domain: 'reporter.example',
    reason: 'Not proven: DNS did not answer in 24 tries: No answer from 192.0.2.53.',
  });
});

test('a verdict that is known is passed on, and one of a mail without signatures needs no name server', async () => {
  const none = { txt: () => Promise.reject(new Error('nothing is to be looked up')) };
  const given = () => ({ reason: 'given' }) as never;
  expect(await verdictOf(given, stored, none)).toBe(given);
  const verdict = await verdictOf(OPEN, stored, none);
  expect(typeof verdict === 'function' && verdict(claim)).toMatchObject({ trust: 'bad', reason: 'Not proven: no signature.' });
});
