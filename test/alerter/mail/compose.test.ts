import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { composeMails } from '../../../services/alerter/mail/compose.ts';
import { composeWeekly } from '../../../services/alerter/mail/weekly.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { lockComposing } from '../../../services/store/alerts/outbox.ts';
import { acknowledge, snooze, unsnooze } from '../../../services/store/findings/operator-actions.ts';
import { FINDINGS } from '../events.ts';
import { type Bench, bench, eventually } from '../setup.ts';
import { type Sink, startSink } from '../sink.ts';

let b: Bench;
let sink: Sink;
const ADA = { by: 'Ada', why: 'known' };
const subjects = () =>
  sink.mails.map((mail) => mail.headers.get('subject')!.replace(/\[ruawatch\] ((?:[A-Z][a-z ]+: )?[a-z.]+): .*/, '$1'));
const start = (count = 1) => Array.from({ length: count }, () => b.alerter(`smtp://${sink.at}?tls=none`));
const settled = () =>
  eventually(async () => {
    const { rows } = await b.db.query(
      `select (select count(*) from ruawatch.finding_events where handled_at is null)
              + (select count(*) from ruawatch.outbox where state = 'pending') as n`,
    );
    expect(rows[0]).toEqual({ n: 0 });
  });

beforeEach(async () => {
  sink = await startSink();
  b = await bench();
});
afterEach(async () => {
  await b.close();
  await sink.stop();
});

test('an acknowledged finding is mailed no more, not even what waited when it was acknowledged', async () => {
  const known = await b.event({ domain: 'known.example' });
  await b.event({ domain: 'other.example' });
  await acknowledge(b.db, known, ADA, b.now);
  start();
  await settled();
  await b.event({ finding: known, event: 'changed', revision: 2 });
  await settled();
  expect(subjects()).toEqual(['other.example']);
});

test('a snoozed finding is silent until the time, and told again once, however many alerters there are', async () => {
  const key = await b.event({ domain: 'doze.example' });
  start(3);
  await settled();
  await snooze(b.db, key, new Date(b.now.getTime() + 60 * 60_000), { ...ADA, now: b.now });
  b.later(10);
  await b.event({ finding: key, event: 'changed', revision: 2 });
  await b.db.query('update ruawatch.findings set revision = 2 where finding_key = $1', [key]);
  await settled();
  expect(subjects()).toEqual(['doze.example']);

  b.later(51);
  await eventually(() => expect(sink.mails).toHaveLength(2));
  await settled();
  expect(subjects()).toEqual(['doze.example', 'Still open: doze.example']);
  expect(sink.mails[1]!.headers.get('in-reply-to')).toBe(sink.mails[0]!.headers.get('message-id'));
  const { rows } = await b.db.query('select snoozed_until, snoozed_by, revision from dmarc.findings');
  expect(rows).toEqual([{ snoozed_until: null, snoozed_by: null, revision: 3 }]);
});

test('one that is over when its snooze ends is not told', async () => {
  const key = await b.event({ domain: 'over.example' });
  start();
  await settled();
  await snooze(b.db, key, new Date(b.now.getTime() + 60_000), { ...ADA, now: b.now });
  await b.db.query("update ruawatch.findings set state = 'resolved'");
  b.later(2);
  await eventually(async () =>
    expect((await b.db.query('select snoozed_until from ruawatch.findings')).rows).toEqual([{ snoozed_until: null }]),
  );
  await settled();
  expect(sink.mails).toHaveLength(1);
});

test('a snooze that is taken back is told at once', async () => {
  const key = await b.event({ domain: 'awake.example' });
  await snooze(b.db, key, new Date(b.now.getTime() + 60 * 60_000), { ...ADA, now: b.now });
  start();
  await settled();
  expect(sink.mails).toEqual([]);
  await unsnooze(b.db, key, ADA, b.now);
  await settled();
  expect(sink.mails).toHaveLength(1);
});

test('what comes back is told as "again", in the thread of its first mail', async () => {
  start();
  const key = await b.event({ domain: 'back.example' });
  await settled();
  await b.event({ finding: key, event: 'resolved' });
  await settled();
  await b.event({ finding: key, event: 'reopened', revision: 2 });
  await settled();
  await b.event({ finding: key, event: 'resolved', revision: 2 });
  await settled();
  expect(subjects().map((s) => s.replace(' (high)', ''))).toEqual([
    'back.example',
    'Resolved: back.example',
    'Again: back.example',
    'Resolved: back.example',
  ]);
  expect(sink.mails[2]!.raw).toContain('This was over, as far as reports showed, and has come back.');
  expect(sink.mails[2]!.headers.get('references')).toBe(sink.mails[0]!.headers.get('message-id'));
});

const log = pino({ level: 'silent' });
const settingsOf = (per_hour: number) => {
  const { alerts } = loadConfig({}, '/nowhere');
  return {
    from: 'ruawatch@example.org',
    alertTo: ['admin@example.org'],
    alerts: { ...alerts, per_hour, per_domain_hour: per_hour },
  };
};

test('what an hour has no room for is counted, and then told in one digest that lists fifty', async () => {
  for (let i = 0; i < 53; i++) await b.event({ domain: `d${i}.example` });
  const compose = () => composeMails(b.db, settingsOf(1), b.now, log);
  expect(await compose()).toEqual({ mails: 1, held: 52 });
  expect(await compose()).toEqual({ mails: 0, held: 52 });
  b.later(61);
  expect(await compose()).toEqual({ mails: 1, held: 0 });
  expect(await compose()).toEqual({ mails: 0, held: 0 });
  const { rows } = await b.db.query<{ kind: string; finding_key: number | null; raw: Buffer }>(
    'select kind, finding_key, raw from ruawatch.outbox order by outbox_key',
  );
  expect(rows.map(({ kind, finding_key }) => [kind, finding_key])).toEqual([
    ['finding', 1],
    ['digest', null],
  ]);
  expect(rows[1]!.raw.toString()).toContain('and 2 more findings');
});

test.each([
  ['alerts', () => composeMails(b.db, settingsOf(10), b.now, log)],
  ['weekly digests', () => composeWeekly({ db: b.db, log }, settingsOf(10), b.now, b.now)],
])('only one process composes %s at a time: the others wait', async (_, compose) => {
  const waiting = async () =>
    (
      await b.db.query<{ n: number }>(
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      )
    ).rows[0]!.n;
  let composing: Promise<unknown> = Promise.resolve();
  await transaction(b.db, async (tx) => {
    await lockComposing(tx);
    composing = compose();
    await eventually(async () => expect(await waiting()).toBe(1));
  });
  await composing;
});

test('events that need no mail are noted in the log, and only when there are some', async () => {
  const logged: string[] = [];
  const debug = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
  const compose = () => composeMails(b.db, settingsOf(10), b.now, debug);
  await b.event({ domain: 'mailed.example' });
  expect(await compose()).toEqual({ mails: 1, held: 0 });
  expect(await compose()).toEqual({ mails: 0, held: 0 });
  expect(logged.join('')).not.toContain('marked events');
  await b.event({ domain: 'quiet.example', notify: false });
  expect(await compose()).toEqual({ mails: 0, held: 0 });
  expect(logged.join('')).toMatch(/"events":1,.*marked events that need no mail as handled/);
});

test('the mails of an hour are counted past those that are not urgent', async () => {
  const compose = async (domain: string, severity: string) => {
    await b.event({ domain, severity });
    b.later(1);
    return composeMails(b.db, settingsOf(2), b.now, log);
  };
  expect(await compose('u1.example', 'critical')).toEqual({ mails: 1, held: 0 });
  expect(await compose('n.example', 'low')).toEqual({ mails: 1, held: 0 });
  expect(await compose('u2.example', 'critical')).toEqual({ mails: 1, held: 0 });
  // Two urgent ones were made, one of them before the other.
  expect(await compose('u3.example', 'critical')).toEqual({ mails: 0, held: 1 });
  await b.event({ domain: 'n2.example', severity: 'low' });
  expect(await composeMails(b.db, settingsOf(2), b.now, log)).toEqual({ mails: 0, held: 2 });
});

test.each([
  ['a single finding', 1],
  ['the findings of a digest', 2],
])('%s that another transaction reports at this moment is left to it', async (_, count) => {
  await b.event({ domain: 'first.example' });
  expect(await composeMails(b.db, settingsOf(1), b.now, log)).toEqual({ mails: 1, held: 0 });
  for (let i = 0; i < count; i++) await b.event({ domain: `taken${i}.example` });
  expect(await composeMails(b.db, settingsOf(1), b.now, log)).toEqual({ mails: 0, held: count });
  b.later(61);
  await transaction(b.db, async (tx) => {
    await tx.query('select from ruawatch.finding_events where handled_at is null for update');
    expect(await composeMails(b.db, settingsOf(1), b.now, log)).toEqual({ mails: 0, held: 0 });
  });
  expect(await b.outbox()).toHaveLength(1);
  expect(await composeMails(b.db, settingsOf(1), b.now, log)).toEqual({ mails: 1, held: 0 });
});

test('one campaign against several domains is one mail, and each of its findings is acknowledged by itself', async () => {
  const { stored: evidence } = FINDINGS.unauthorized_source!;
  const [one, two] = [await b.event({ domain: 'a.example', evidence }), await b.event({ domain: 'b.example', evidence })];
  start(2);
  await settled();
  expect(sink.mails.map((mail) => mail.headers.get('subject'))).toEqual([expect.stringContaining('a.example and 1 more')]);
  await acknowledge(b.db, one, ADA, b.now);
  for (const finding of [one, two]) await b.event({ finding, event: 'changed', revision: 2, evidence });
  await settled();
  expect(sink.mails).toHaveLength(2);
  expect(sink.mails[1]!.headers.get('subject')).toMatch(/b\.example(?! and)/);
});
