import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { composeMails } from '../../../services/alerter/mail/compose.ts';
import { deliverNext } from '../../../services/alerter/mail/deliver.ts';
import type { Sent } from '../../../services/alerter/mail/smtp.ts';
import { composeWeekly } from '../../../services/alerter/mail/weekly.ts';
import { PermanentError, TransientError } from '../../../services/shared/errors.ts';
import { createMetrics } from '../../../services/shared/runtime/metrics.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { refusedAlerts, retryRefused } from '../../../services/store/alerts/refusals.ts';
import { type Bench, bench } from '../setup.ts';

// What becomes of a mail by what the mail server says, without a server: the others go through a real one.
let b: Bench;
let logged: { level: number; msg: string; err?: string; again?: number; over?: number; seconds?: number }[];
let metrics: ReturnType<typeof createMetrics>;
const log = pino(
  { level: 'debug' },
  new Writable({ write: (line, _, done) => done(void logged.push(JSON.parse(String(line)))) }),
);
const DAY = 24 * 60;
const [A, B] = ['a@example.org', 'b@example.org'] as const;

beforeEach(async () => {
  b = await bench();
  logged = [];
  metrics = createMetrics();
});
afterEach(() => b.close());

const compose = async (alertTo: string[] = [A, B]) => {
  const { alerts } = loadConfig({}, '/nowhere');
  return composeMails(b.db, { from: 'ruawatch@example.org', alertTo, alerts }, b.now, pino({ level: 'silent' }));
};
/** Lets the mail server answer like this to the next mail that is due. */
const deliver = (answer: Partial<Sent> | Error) => {
  const mailer = {
    send: async () => {
      if (answer instanceof Error) throw answer;
      return { accepted: [], deferred: [], refused: [], ...answer };
    },
    reach: async () => undefined,
    close: () => undefined,
  };
  return deliverNext({ db: b.db, mailer, from: 'ruawatch@example.org', metrics, log }, b.now);
};
const row = async () =>
  (
    await b.db.query(
      'select state, attempts, last_error, delivered_to, refused_for, next_at, sent_at from ruawatch.outbox order by outbox_key desc limit 1',
    )
  ).rows[0];
const outcomes = async () =>
  Object.fromEntries((await metrics.alerts.get()).values.map(({ labels, value }) => [labels.outcome, value]));
const no = new PermanentError('smtp_refused', 'The mail server refuses it: 550 no.');

test('a mail that everybody got is sent, once, and nothing is left to do', async () => {
  await b.event({});
  await compose();
  expect(await deliver({ accepted: [A, B] })).toEqual({ kind: 'sent' });
  expect(await row()).toMatchObject({ state: 'sent', last_error: null, delivered_to: [A, B], refused_for: [], sent_at: b.now });
  expect(await deliver({ accepted: [A, B] })).toEqual({ kind: 'idle' });
  expect(await outcomes()).toEqual({ sent: 1 });
  expect(logged.map(({ msg }) => msg)).toEqual(['sent an alert']);
});

test('who was refused is named in what stands in the outbox, in an error of the log, and is mailed again later', async () => {
  await b.event({});
  await compose();
  expect(await deliver({ accepted: [A], refused: [{ recipient: B, reply: '550 no such user' }] })).toEqual({ kind: 'sent' });
  const note = `refused for ${B}: 550 no such user`;
  expect(await row()).toMatchObject({ state: 'sent', last_error: note, delivered_to: [A], refused_for: [B] });
  expect(logged[0]).toMatchObject({
    level: 50,
    msg: 'the mail server refused recipients of an alert; it is tried again as a new mail',
    err: `${B}: 550 no such user`,
    again: 1,
    over: 0,
  });
  expect(await refusedAlerts(b.db)).toMatchObject({ findings: 1, recipients: [B] });
  expect(await compose()).toMatchObject({ mails: 0 });
  b.later(DAY);
  expect(await compose()).toEqual({ mails: 1, held: 0 });
  expect((await b.db.query('select recipients from ruawatch.outbox order by outbox_key desc limit 1')).rows).toEqual([
    { recipients: [B] },
  ]);
});

test('a mail that all are refused has failed; after three weeks nothing more is made of it', async () => {
  await b.event({});
  await compose();
  expect(await deliver(no)).toEqual({ kind: 'refused' });
  expect(await row()).toMatchObject({ state: 'failed', last_error: no.message, delivered_to: [], refused_for: [A, B] });
  b.later(21 * DAY);
  await compose();
  expect(await deliver(no)).toEqual({ kind: 'refused' });
  b.later(DAY);
  await compose();
  expect(await deliver(no)).toEqual({ kind: 'failed' });
  expect(logged.at(-1)).toMatchObject({
    level: 50,
    msg: 'could not deliver an alert; see ruawatch.outbox.last_error',
    again: 0,
    over: 1,
  });
  b.later(DAY);
  expect(await compose()).toEqual({ mails: 0, held: 0 });
  expect(await outcomes()).toEqual({ failed: 3 });
});

test('who is refused at last, after others got it, is named before the reason', async () => {
  await b.event({});
  await compose();
  expect(await deliver({ accepted: [A], deferred: [B] })).toEqual({ kind: 'deferred' });
  expect(await row()).toMatchObject({ state: 'pending', attempts: 1, last_error: 'the mail server postponed some recipients' });
  expect(logged[0]).toMatchObject({ level: 40, msg: 'postponed an alert', err: 'the mail server postponed some recipients' });
  b.later(DAY);
  expect(await deliver(no)).toEqual({ kind: 'refused' });
  expect((await row()).last_error).toBe(`refused for ${B}: ${no.message}`);
  expect(await outcomes()).toEqual({ delayed: 1, failed: 1 });
});

test('what is put off waits from half a minute up to half an hour, and is given up after five days', async () => {
  const later = new TransientError('smtp_deferred', 'The mail server postpones the mail: 451 later.');
  await b.event({});
  await compose();
  for (let i = 0; i < 12; i++) {
    const before = b.now.getTime();
    expect(await deliver(later)).toEqual({ kind: 'deferred' });
    const wait = (await row()).next_at.getTime() - before;
    expect(wait).toBeGreaterThanOrEqual(15_000);
    expect(wait).toBeLessThanOrEqual(30 * 60_000);
    expect(logged.at(-1)!.seconds).toBe(Math.round(wait / 1000));
    expect(await deliver(later)).toEqual({ kind: 'idle' });
    b.later(31);
  }
  b.later(5 * DAY - 12 * 31);
  expect(await deliver(later)).toEqual({ kind: 'deferred' });
  b.later(31);
  expect(await deliver(later)).toEqual({ kind: 'refused' });
  expect((await row()).last_error).toBe(`given up after five days: ${later.message}`);
});

test('a server that is not there delays the mail, for a minute at most, however long it takes', async () => {
  const down = new TransientError('smtp_down', 'The mail server cannot be reached.');
  await b.event({});
  await compose();
  for (let i = 0; i < 10; i++) {
    expect(await deliver(down)).toEqual({ kind: 'down', error: down });
    const wait = (await row()).next_at.getTime() - b.now.getTime();
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60_000);
    b.later(DAY);
  }
  expect(await row()).toMatchObject({ state: 'pending', attempts: 10, last_error: down.message, refused_for: [] });
  expect(await outcomes()).toEqual({ delayed: 10 });
});

test('an error that nobody foresaw changes nothing, and is thrown', async () => {
  await b.event({});
  await compose();
  await expect(deliver(new TypeError('x is not a function'))).rejects.toThrow('x is not a function');
  expect(await row()).toMatchObject({ state: 'pending', attempts: 0, last_error: null });
  expect(await outcomes()).toEqual({});
});

test('what was refused is due at once when it is asked for, and that is counted', async () => {
  await b.event({});
  await b.event({ domain: 'other.example' });
  await compose();
  for (let i = 0; i < 2; i++) await deliver(no);
  expect(await compose()).toMatchObject({ mails: 0 });
  expect(await retryRefused(b.db, b.now)).toBe(2);
  expect(await retryRefused(b.db, b.now)).toBe(0);
  expect(await compose()).toEqual({ mails: 2, held: 0 });
});

test('a weekly digest that is refused is made again, once for each refusal, as another mail', async () => {
  const { alerts } = loadConfig({}, '/nowhere');
  const settings = { from: 'ruawatch@example.org', alertTo: [A], alerts };
  const moment = new Date('2026-10-05T07:00:00Z');
  const names: string[] = [];
  for (let i = 0; i < 3; i++) {
    expect(await composeWeekly({ db: b.db, log }, settings, moment, b.now)).toBe(1);
    expect(await composeWeekly({ db: b.db, log }, settings, moment, b.now)).toBe(0);
    names.push(
      (await b.db.query<{ message_id: string }>('select message_id from ruawatch.outbox order by outbox_key desc limit 1'))
        .rows[0]!.message_id,
    );
    expect(await deliver(no)).toEqual({ kind: 'refused' });
    b.later(DAY);
  }
  expect(names.map((name) => name.replace(/^<weekly-2026100507-[0-9a-f]{8}|\..*$/g, ''))).toEqual(['', '-again-1', '-again-2']);
});
