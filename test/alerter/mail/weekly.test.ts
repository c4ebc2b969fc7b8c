import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeWeekly, dueDigest } from '../../../services/alerter/mail/weekly.ts';
import { renderWeekly, type Weekly } from '../../../services/alerter/templates/weekly.ts';
import { readEvidence } from '../../../services/findings/evidence.ts';
import type { DomainWeek } from '../../../services/store/alerts/digests.ts';
import { acknowledge } from '../../../services/store/findings/operator-actions.ts';
import { evidenceOf, FINDINGS, unversioned } from '../events.ts';
import { type Bench, bench, eventually } from '../setup.ts';
import { type Sink, startSink } from '../sink.ts';

const MONDAY = { digest: 'weekly', digest_day: 'monday', digest_hour: 7 } as const;
const LONG_AGO = new Date('2026-01-01T00:00:00Z');

describe('when it is due', () => {
  const due = (now: string, born = LONG_AGO, schedule: Parameters<typeof dueDigest>[0] = MONDAY) =>
    dueDigest(schedule, new Date(now), born)?.toISOString() ?? null;
  test.each([
    ['2026-10-05T06:59:59Z', null],
    ['2026-10-05T07:00:00Z', '2026-10-05T07:00:00.000Z'],
    ['2026-10-08T07:00:00Z', '2026-10-05T07:00:00.000Z'],
    // Stopped for longer: the next one tells of it.
    ['2026-10-08T07:00:01Z', null],
    ['2026-10-12T09:00:00Z', '2026-10-12T07:00:00.000Z'],
  ])('at %s: %s', (now, moment) => {
    expect(due(now)).toBe(moment);
  });
  test('not before the first moment of an installation, and never when off', () => {
    expect(due('2026-10-05T08:00:00Z', new Date('2026-10-05T07:30:00Z'))).toBeNull();
    expect(due('2026-10-05T08:00:00Z', LONG_AGO, { ...MONDAY, digest: 'off' })).toBeNull();
    expect(due('2026-10-04T23:30:00Z', LONG_AGO, { digest: 'weekly', digest_day: 'sunday', digest_hour: 23 })).toBe(
      '2026-10-04T23:00:00.000Z',
    );
  });
});

describe('the mails', () => {
  let b: Bench;
  let sink: Sink;
  beforeEach(async () => {
    sink = await startSink();
    b = await bench();
    // A Monday; its week is Sunday, the 27th of September, to Saturday, the 3rd.
    b.now = new Date('2026-10-05T06:00:00Z');
    await b.db.query('update ruawatch.migrations set applied_at = $1', [LONG_AGO]);
  });
  afterEach(async () => {
    await b.close();
    await sink.stop();
  });

  const mail = async (domain: string, source: string, day: string, messages: number, passed: number, trust = 'ok') => {
    await b.db.query(
      `insert into ruawatch.source_days (domain, source, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
              failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined, rejected,
              failed_delivered, trust)
       values ($1, $2, $3, 'google.com', $4, $5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, $6)`,
      [domain, source, day, messages, passed, trust],
    );
    await b.db.query(
      `insert into ruawatch.sources as s (domain, source, class, first_seen, last_seen, messages, passed)
       values ($1, $2, 'authorized', $3, $3, $4, $5)
       on conflict (domain, source) do update set first_seen = least(s.first_seen, excluded.first_seen)`,
      [domain, source, day, messages, passed],
    );
  };
  const digests = () => sink.mails.filter((one) => one.headers.get('message-id')!.startsWith('<weekly-'));
  const start = (count = 1, domains = {}) =>
    Array.from({ length: count }, () => b.alerter(`smtp://${sink.at}?tls=none`, { domains, per_hour: 100 }));
  const text = (raw: string) =>
    raw
      .slice(raw.indexOf('\r\n\r\n', raw.indexOf('text/plain')) + 4)
      .replace(/=\r\n/g, '')
      .replaceAll('\r\n', '\n');
  const settled = () =>
    eventually(async () => {
      const { rows } = await b.db.query(
        "select (select count(*) from ruawatch.finding_events where handled_at is null) + (select count(*) from ruawatch.outbox where state = 'pending') as n",
      );
      expect(rows[0]).toEqual({ n: 0 });
    });

  test('come once a week to each set of recipients, however many alerters there are, with what is theirs', async () => {
    await mail('one.example', 'a.example', '2026-09-21', 100, 100);
    await mail('one.example', 'a.example', '2026-10-03', 200, 100);
    await mail('one.example', 'forger.example', '2026-10-03', 5000, 0, 'bad');
    await mail('two.example', 'b.example', '2026-10-02', 40, 40);
    start(3, { 'two.example': ['two@example.org'] });
    await settled();
    expect(digests()).toEqual([]);
    b.later(61);
    await eventually(() => expect(digests()).toHaveLength(2));
    await settled();
    expect(digests().map((one) => one.to)).toEqual(expect.arrayContaining([['admin@example.org'], ['two@example.org']]));
    const admin = digests().find((one) => one.to[0] === 'admin@example.org')!;
    expect(admin.raw).not.toContain('two.example');
    expect(admin.headers.get('subject')).toBe('[ruawatch] Week to 2026-10-03: nothing to act on');
    // A source that only reports tell of which do not count is no new source.
    expect(admin.raw).not.toContain('forger.example');
    expect(text(admin.raw)).toContain(
      '1 domain, 200 messages from 2026-09-27 to 2026-10-03: 50% pass DMARC (100% the\nweek before).',
    );
    b.later(60 * 24 * 2);
    start(1, { 'two.example': ['two@example.org'] });
    await settled();
    expect(digests()).toHaveLength(2);

    // Three weeks down: one digest, of all that happened since the last.
    await b.event({ domain: 'one.example', kind: 'policy_change' });
    b.later(60 * 24 * 7 * 3);
    await eventually(() => expect(digests()).toHaveLength(4));
    await settled();
    expect(
      digests().filter((one) => one.headers.get('subject')!.includes('1 new') && one.to[0] === 'admin@example.org'),
    ).toHaveLength(1);
  });

  test('tell what is new, over and still open, and what was said about it', async () => {
    const log = pino({ level: 'silent' });
    const alerts = { ...MONDAY, domains: {}, per_hour: 10, per_domain_hour: 5 };
    await mail('one.example', 'a.example', '2026-10-03', 2000, 1900);
    const old = await b.event({ domain: 'one.example', severity: 'low', summary: 'an old story' });
    await acknowledge(b.db, old, { by: 'Ada', why: 'known' }, b.now);
    const over = await b.event({ domain: 'one.example', summary: 'a short story' });
    await b.event({ domain: 'elsewhere.example', summary: 'not ours' });
    await b.db.query("update ruawatch.findings set opened_at = '2026-08-01'");
    await b.db.query("update ruawatch.findings set state = 'resolved', resolved_at = $2 where finding_key = $1", [over, b.now]);
    await b.event({ domain: 'one.example', severity: 'critical', summary: 'a fresh story' });
    const settings = { from: 'ruawatch@example.org', alertTo: ['admin@example.org'], alerts };
    b.later(60);
    const moment = new Date('2026-10-05T07:00:00Z');
    expect(await Promise.all([1, 2, 3].map(() => composeWeekly({ db: b.db, log }, settings, moment, b.now)))).toEqual(
      expect.arrayContaining([1, 0, 0]),
    );
    const { rows } = await b.db.query<{ raw: Buffer; subject: string }>('select raw, subject from ruawatch.outbox');
    expect(rows).toHaveLength(1);
    expect(rows[0]!.subject).toBe('[ruawatch] Week to 2026-10-03: 1 new, 1 over, 1 still open');
    const told = text(rows[0]!.raw.toString('utf8'));
    expect(told).toMatch(/New \(1\)\n {2}Critical: one\.example: a fresh story\n {6}finding \d+; found 2026-10-05/);
    expect(told).toMatch(/Resolved \(1\)\n {2}High: one\.example: a short story\n/);
    expect(told).toMatch(/Still open \(1\)\n {2}Low: one\.example: an old story\n {6}finding \d+; acknowledged by Ada; /);
    expect(told).not.toContain('elsewhere');
  });

  test('say that nothing came when nothing came, and are off when they are off', async () => {
    b.later(61);
    const [alerter] = start();
    await eventually(() => expect(digests()).toHaveLength(1));
    await settled();
    expect(digests()[0]!.headers.get('subject')).toBe('[ruawatch] Week to 2026-10-03: no report');
    expect(text(digests()[0]!.raw)).toContain('still receives reports (ruawatch doctor).');
    await alerter!.stop();
    b.later(60 * 24 * 7);
    b.alerter(`smtp://${sink.at}?tls=none`, { digest: 'off' });
    await b.event({});
    await eventually(() => expect(sink.mails).toHaveLength(2));
    expect(digests()).toHaveLength(1);
  });
});

describe('what it looks like', () => {
  const domain = (over: Partial<DomainWeek>): DomainWeek => ({
    domain: 'example.com',
    days: [
      { day: '2026-09-21', messages: 50, passed: 50 },
      { day: '2026-09-28', messages: 100, passed: 99 },
      { day: '2026-10-03', messages: 10, passed: 0 },
    ],
    fresh: [],
    fresh_count: 0,
    strangers: { sources: 0, messages: 0 },
    unheard: { reporters: 0, messages: 0 },
    policy: 'p=none; sp=none',
    ready: null,
    ...over,
  });
  const ready = (summary: string) => ({ domain: 'example.com', subject: 'example.com', summary, evidence: readEvidence({}) });
  const none = { findings: [], count: 0 };
  const week = (over: Partial<Weekly>): Weekly => ({
    days: { before: '2026-09-20', from: '2026-09-27', to: '2026-10-03' },
    since: new Date('2026-09-28T07:00:00Z'),
    next: new Date('2026-10-12T07:00:00Z'),
    domains: [domain({})],
    opened: none,
    resolved: none,
    open: none,
    ...over,
  });
  const found = Object.values(FINDINGS).map((f) => ({ ...f, acknowledged_by: null, snoozed_until: null }));

  test('with nothing to say it says so in three lines', () => {
    const { subject, text, html } = renderWeekly(week({}));
    expect(subject).toBe('[ruawatch] Week to 2026-10-03: nothing to act on');
    expect(text.split('\n')).toEqual([
      'Nothing to act on: nothing new, nothing open.',
      '1 domain, 110 messages from 2026-09-27 to 2026-10-03: 90% pass DMARC (100% the',
      'week before).',
      'The next digest comes on 2026-10-12.',
      '',
    ]);
    expect(html.match(/<p /g)).toHaveLength(3);
  });

  test('draws each domain with cells and blocks alone, and counts what it does not list', () => {
    const many = Array.from({ length: 25 }, (_, i) =>
      domain({
        domain: `d${i}.example`,
        fresh: [{ source: 'new.example', class: 'misaligned', messages: 7 }],
        fresh_count: 3,
        strangers: { sources: 8, messages: 3344 },
        ready: ready('p=quarantine would have cost nothing in 30 days'),
      }),
    );
    const { subject, text, html } = renderWeekly(
      week({ domains: many, opened: { findings: found, count: 30 }, open: { findings: found.slice(0, 2), count: 12 } }),
    );
    expect(text).toContain(
      '  d0.example: 110 messages\n  ██████████████████░░  90% pass DMARC (100% the week before)\n   ▅     | █    ▁\n',
    );
    expect(text).toContain('New: new.example (misaligned, 7 messages) and 2 more.');
    expect(text).toContain('New and unauthorized: 8 sources, 3,344 messages.');
    expect(text).toContain('Next step: p=quarantine would have cost nothing in 30 days');
    expect(text).toContain('and 10 more domains');
    expect(text).toMatch(
      /New \(30\)[\s\S]*\n {2}and 26 more: ruawatch findings\n\nStill open \(12\)[\s\S]*\n {2}and 10 more: ruawatch findings/,
    );
    expect(subject).toBe('[ruawatch] Week to 2026-10-03: 30 new, 12 still open');
    expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(78);
    expect(html).not.toMatch(/<(?:img|svg|script|link)|url\(|\ssrc=|href=/i);
    // Gmail cuts a mail off behind 102 kB.
    expect(Buffer.byteLength(html)).toBeLessThan(100_000);
  });

  test('writes no tag and no link that a report may have put into a name', () => {
    const evil = '"><img src=https://evil.example/x onerror=alert(1)>';
    const { text, html } = renderWeekly(
      week({
        opened: {
          findings: [{ ...found[0]!, ...evidenceOf(unversioned(found[0]!)), domain: evil, summary: evil, acknowledged_by: evil }],
          count: 1,
        },
        domains: [
          domain({
            domain: evil,
            policy: evil,
            ready: ready(evil),
            fresh: [{ source: evil, class: evil, messages: 1 }],
            fresh_count: 1,
          }),
        ],
      }),
    );
    expect(html).not.toMatch(/<img|<[^>]*\s(?:src|href|on\w+)=/i);
    expect(text).not.toContain('://');
  });
});
