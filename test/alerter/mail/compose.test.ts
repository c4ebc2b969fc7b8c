import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeMails } from '../../../services/alerter/mail/compose.ts';
import { composeWeekly } from '../../../services/alerter/mail/weekly.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { type Config, loadConfig } from '../../../services/shared/settings/config.ts';
import { installation, lockComposing } from '../../../services/store/alerts/outbox.ts';
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
  const { rows } = await b.db.query<{ kind: string; finding_key: number | null; subject: string; raw: Buffer }>(
    'select kind, finding_key, subject, raw from ruawatch.outbox order by outbox_key',
  );
  expect(rows.map(({ kind, finding_key }) => [kind, finding_key])).toEqual([
    ['finding', 1],
    ['digest', null],
  ]);
  expect(rows[1]!.subject).toBe('[ruawatch] 52 findings in 52 domains, combined (high)');
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

describe('what stands in the outbox', () => {
  const [A, B, ODD] = ['admin@example.org', 'b@example.org', 'jörg@example.org'];
  const composed = (alertTo = [A], alerts: Partial<Config['alerts']> = {}, to = log) => {
    const settings = settingsOf(10);
    return composeMails(b.db, { ...settings, alertTo, alerts: { ...settings.alerts, ...alerts } }, b.now, to);
  };
  const sha = (text: string) => createHash('sha256').update(text).digest('hex');
  const { stored: evidence } = FINDINGS.unauthorized_source!;
  /** The mails that were made, the oldest first. */
  const rows = async () => {
    const own = await installation(b.db);
    const { rows: all } = await b.db.query(
      `select message_id, kind, finding_key, recipients, urgent, events, convert_from(raw, 'utf8') as raw, created_at
         from ruawatch.outbox order by outbox_key`,
    );
    return all.map(({ message_id, events, raw, ...row }) => ({
      ...row,
      name: message_id.replace(`.${own}@example.org>`, '').slice(1),
      events: events.map(Number),
      high: raw.includes('Importance: high'),
    }));
  };
  const mailed = (name: string, over: object = {}) => {
    const row = { kind: 'finding', finding_key: 1, recipients: [A], urgent: false, events: [1], created_at: b.now, high: true };
    return { ...row, name, ...over };
  };
  const again = (refused_for: string[] | null = null) =>
    b.db.query(
      `update ruawatch.finding_events set handled_at = null, refusals = 1, retry_at = $1, refused_for = coalesce($2, mailed_to),
              mailed_to = array(select r from unnest(mailed_to) r where r <> all(coalesce($2, mailed_to)))`,
      [b.now, refused_for],
    );

  test.each([
    ['critical', 'opened', { urgent: true }],
    ['high', 'opened', {}],
    ['medium', 'opened', { high: false }],
    ['critical', 'resolved', { high: false }],
  ] as const)('of one finding that is %s and %s', async (severity, event, over) => {
    await b.event({ severity, notify: event === 'opened' });
    if (event === 'resolved') {
      await b.db.query("update ruawatch.finding_events set handled_at = at, mailed_to = '{admin@example.org}', notify = true");
      await b.event({ finding: 1, severity, event });
    }
    expect(await composed()).toEqual({ mails: 1, held: 0 });
    const events = event === 'resolved' ? [2] : [1];
    expect(await rows()).toEqual([mailed(`finding-1-1-${event}`, { events, ...over })]);
    expect(await composed()).toEqual({ mails: 0, held: 0 });
  });

  test('of one that was refused for all, and for some: each try has a name of its own', async () => {
    await b.event({});
    await composed([A, B]);
    await again();
    expect(await composed([A, B])).toEqual({ mails: 1, held: 0 });
    await again([B]);
    expect(await composed([A, B])).toEqual({ mails: 1, held: 0 });
    expect(await rows()).toEqual([
      mailed('finding-1-1-opened', { recipients: [A, B] }),
      mailed('finding-1-1-opened-again-1', { recipients: [A, B] }),
      mailed(`finding-1-1-opened-again-1-to-${sha(B).slice(0, 8)}`, { recipients: [B] }),
    ]);
  });

  test('of one whose recipients no mail takes together, and once only', async () => {
    await b.event({});
    expect(await composed([A, B, ODD])).toEqual({ mails: 2, held: 0 });
    const all = [
      mailed('finding-1-1-opened', { recipients: [A, B] }),
      mailed('finding-1-1-opened-apart-1', { recipients: [ODD] }),
    ];
    expect(await rows()).toEqual(all);
    // As after a restore: the mail is there, the mark is not.
    await b.db.query('update ruawatch.finding_events set handled_at = null, mailed_to = null');
    expect(await composed([A, B, ODD])).toEqual({ mails: 0, held: 0 });
    expect(await rows()).toEqual(all);
  });

  test('of a campaign: named by its events, its recipients, and the refusals before', async () => {
    const name = (...what: unknown[]) => `digest-${sha(JSON.stringify([[1, 2], [A], ...what])).slice(0, 16)}`;
    await b.event({ domain: 'a.example', severity: 'low', evidence });
    await b.event({ domain: 'b.example', severity: 'medium', evidence });
    expect(await composed()).toEqual({ mails: 1, held: 0 });
    await again();
    await b.db.query("update ruawatch.finding_events set severity = 'high' where event_key = 2");
    expect(await composed()).toEqual({ mails: 1, held: 0 });
    const both = { kind: 'digest', finding_key: null, events: [2, 1] };
    expect(await rows()).toEqual([mailed(name(), { ...both, high: false }), mailed(name('-again-1', '-again-1'), both)]);
  });

  test('of a campaign, one finding of which another transaction reports: the other by itself', async () => {
    await b.event({ domain: 'a.example', evidence });
    await b.event({ domain: 'b.example', evidence });
    await transaction(b.db, async (tx) => {
      await tx.query('select from ruawatch.finding_events where event_key = 1 for update');
      expect(await composed()).toEqual({ mails: 1, held: 0 });
    });
    expect(await rows()).toEqual([mailed('finding-2-1-opened', { finding_key: 2, events: [2] })]);
  });

  test('of what stood at a first start: one mail, with fifty findings in the log', async () => {
    const logged: string[] = [];
    for (let i = 0; i < 51; i++)
      await b.event({ domain: `d${i}.example`, severity: i === 50 ? 'medium' : 'low', standing: true });
    const to = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });
    expect(await composed([A], {}, to)).toEqual({ mails: 1, held: 0 });
    const [only] = await rows();
    const keys = Array.from({ length: 50 }, (_, i) => i + 1);
    expect(only).toEqual(
      mailed(`digest-${sha(JSON.stringify([[...keys, 51], [A]])).slice(0, 16)}`, {
        ...{ kind: 'digest', finding_key: null, events: [51, ...keys], high: false },
      }),
    );
    expect(logged.map((line) => JSON.parse(line))).toMatchObject([
      { msg: 'queued an alert in the outbox', outbox: 1, kind: 'digest', findings: [51, ...keys.slice(0, 49)] },
    ]);
    const { rows: mails } = await b.db.query<{ subject: string }>('select subject from ruawatch.outbox');
    expect(mails).toEqual([{ subject: '[ruawatch] 51 findings in 51 domains, at the first analysis (medium)' }]);
  });

  test('of what was refused while it was planned: nothing, as it is planned anew', async () => {
    await b.event({});
    const waiting = () =>
      b.db.query("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");
    let composing: Promise<unknown> = Promise.resolve();
    await transaction(b.db, async (tx) => {
      // The plan reads the outbox after the events.
      await tx.query('lock table ruawatch.outbox in access exclusive mode');
      composing = composed();
      await eventually(async () => expect((await waiting()).rows).toHaveLength(1));
      await b.db.query('update ruawatch.finding_events set refusals = 1');
    });
    expect(await composing).toEqual({ mails: 0, held: 0 });
    expect(await composed()).toEqual({ mails: 1, held: 0 });
    expect(await rows()).toEqual([mailed('finding-1-1-opened-again-1')]);
  });

  test.each([
    ['weekly', 0],
    ['off', 1],
  ] as const)('of the end of what was never more than low, with the digest %s: %i', async (digest, mails) => {
    await b.event({ severity: 'low' });
    expect(await composed([A], { digest })).toEqual({ mails: 1, held: 0 });
    await b.event({ finding: 1, severity: 'low', event: 'resolved' });
    expect(await composed([A], { digest })).toEqual({ mails, held: 0 });
  });
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
  expect(await compose()).toEqual({ mails: 0, held: 0 });
  const marked = logged.map((line) => JSON.parse(line)).filter(({ msg }) => msg.startsWith('marked events'));
  expect(marked).toMatchObject([{ events: 1, msg: 'marked events that need no mail as handled' }]);
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
