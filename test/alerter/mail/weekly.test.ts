import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeWeekly, dueDigest } from '../../../services/alerter/mail/weekly.ts';
import { readEvidence } from '../../../services/findings/evidence.ts';
import { renderWeekly, type Weekly } from '../../../services/mails/weekly.ts';
import type { DomainWeek } from '../../../services/store/alerts/digests.ts';
import { installation } from '../../../services/store/alerts/outbox.ts';
import { savePosture } from '../../../services/store/dns/postures.ts';
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
  test('on each day of the week, for each day, it is the last such day whose hour has come', () => {
    const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
    for (const [d, digest_day] of days.entries())
      for (let hours = 0; hours < 7 * 24; hours += 7) {
        // The 4th is a Sunday.
        const now = new Date(Date.UTC(2026, 9, 4, hours, 30));
        const last = new Date(Date.UTC(2026, 9, 4 + d, 7));
        if (last > now) last.setUTCDate(last.getUTCDate() - 7);
        const old = now.getTime() - last.getTime() > 3 * 86_400_000;
        expect(dueDigest({ ...MONDAY, digest_day }, now, LONG_AGO), `${digest_day} ${now.toISOString()}`).toEqual(
          old ? null : last,
        );
      }
  });
  test('not before the first moment of an installation, and never when off', () => {
    expect(due('2026-10-05T08:00:00Z', new Date('2026-10-05T07:30:00Z'))).toBeNull();
    expect(due('2026-10-05T08:00:00Z', new Date('2026-10-05T07:00:00Z'))).toBeNull();
    expect(due('2026-10-05T08:00:00Z', new Date('2026-10-05T06:59:59.999Z'))).toBe('2026-10-05T07:00:00.000Z');
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

  test('that the server refused are made anew at the moment of the next try, not before it, and once', async () => {
    await mail('one.example', 'a.example', '2026-10-02', 40, 40);
    const alerts = { ...MONDAY, domains: {}, per_hour: 10, per_domain_hour: 5, first_start_mails: 10 };
    const settings = { from: 'ruawatch@example.org', alertTo: ['admin@example.org', 'second@example.org'], alerts };
    const moment = new Date('2026-10-05T07:00:00Z');
    const made = (now: string) => composeWeekly({ db: b.db, log: pino({ level: 'silent' }) }, settings, moment, new Date(now));
    expect(await made('2026-10-05T07:00:00Z')).toBe(1);
    await b.db.query(
      `update ruawatch.digests set mailed_to = '{second@example.org}', refused_for = '{admin@example.org}', refusals = 1,
              retry_at = '2026-10-05T09:00:00Z'`,
    );
    const tries = ['2026-10-05T08:59:59.999Z', '2026-10-05T09:00:00Z', '2026-10-05T09:00:00Z'];
    expect([await made(tries[0]!), await made(tries[1]!), await made(tries[2]!)]).toEqual([0, 1, 0]);
    const { rows } = await b.db.query('select recipients from ruawatch.outbox order by outbox_key');
    expect(rows.map(({ recipients }) => recipients)).toEqual([
      ['admin@example.org', 'second@example.org'],
      ['admin@example.org'],
    ]);
    expect((await b.db.query('select mailed_to, refused_for, retry_at from ruawatch.digests')).rows).toEqual([
      { mailed_to: ['admin@example.org', 'second@example.org'], refused_for: [], retry_at: null },
    ]);
  });

  const ALERTS = { ...MONDAY, domains: {}, per_hour: 10, per_domain_hour: 5, first_start_mails: 10 };
  const MOMENT = new Date('2026-10-05T07:00:00Z');
  const [ADMIN, SECOND] = ['admin@example.org', 'second@example.org'];
  const NOW = new Date('2026-10-05T07:30:00Z');
  /** Composes the digest of the moment. @returns for whom mails were made, and what they say */
  const composed = async (alertTo: string[], domains: Record<string, string[]> = {}) => {
    const settings = { from: 'ruawatch@example.org', alertTo, alerts: { ...ALERTS, domains } };
    const made = await composeWeekly({ db: b.db, log: pino({ level: 'silent' }) }, settings, MOMENT, NOW);
    const { rows } = await b.db.query<{ recipients: string[]; raw: Buffer }>(
      'select recipients, raw from ruawatch.outbox order by outbox_key',
    );
    expect(made).toBe(rows.length);
    return rows.map(({ recipients, raw }) => ({ recipients, told: text(raw.toString('utf8')) }));
  };

  test.each([
    ['of a version that did not note its domains', {}, []],
    ['about other domains', { domains: ['gone.example'] }, []],
    ['to others about the same', { recipients: [ADMIN], domains: ['x.example', 'one.example'], mailed_to: [ADMIN] }, [SECOND]],
    ['to others about others', { recipients: [ADMIN], domains: ['x.example'], mailed_to: [ADMIN] }, [ADMIN, SECOND]],
    ['to others when nothing was reported', { recipients: [ADMIN], domains: [], mailed_to: [ADMIN] }, [ADMIN, SECOND]],
    ['and refused until later', { mailed_to: [ADMIN], refused_for: [SECOND], retry_at: new Date(NOW.getTime() + 1) }, []],
    ['and refused until now', { mailed_to: [ADMIN], refused_for: [SECOND], retry_at: NOW }, [SECOND]],
  ])('count a digest that was made %s', async (_, over, to) => {
    await mail('one.example', 'a.example', '2026-10-02', 40, 40);
    await noted(over);
    expect((await composed([ADMIN, SECOND])).flatMap(({ recipients }) => recipients)).toEqual(to);
  });
  test.each([
    ['when nothing was reported', [], [SECOND]],
    ['about a domain', ['x.example'], [ADMIN, SECOND]],
  ])('count a digest that was made %s when nothing is reported', async (_, domains, to) => {
    await noted({ recipients: [ADMIN], domains, mailed_to: [ADMIN] });
    expect((await composed([ADMIN, SECOND])).flatMap(({ recipients }) => recipients)).toEqual(to);
  });
  const noted = (over: object) => {
    const row = { recipients: [ADMIN, SECOND], domains: null, mailed_to: null, refused_for: [], retry_at: null, ...over };
    return b.db.query(
      `insert into ruawatch.digests (due_at, made_at, recipients, domains, mailed_to, refused_for, retry_at)
       values ($1, $1, $2, $3, $4, $5, $6)`,
      [MOMENT, row.recipients, row.domains, row.mailed_to, row.refused_for, row.retry_at],
    );
  };

  test('end the tries of digests that were mailed otherwise, are about an earlier time, or are for nobody in the settings', async () => {
    await mail('one.example', 'a.example', '2026-10-02', 40, 40);
    const refused = { domains: ['one.example'], mailed_to: [ADMIN], refused_for: [SECOND] };
    const later = new Date(NOW.getTime() + 1);
    await noted({ ...refused, retry_at: NOW });
    await noted({ ...refused, recipients: [SECOND], mailed_to: [SECOND], refused_for: [], retry_at: later });
    await noted({
      ...refused,
      recipients: ['gone@example.org'],
      mailed_to: [],
      refused_for: ['gone@example.org'],
      retry_at: later,
    });
    await b.db.query(
      "insert into ruawatch.digests (due_at, made_at, recipients, retry_at) values ('2026-09-28T07:00Z', $1, '{x}', $2), ('2026-10-12T07:00Z', $1, '{y}', $2)",
      [MOMENT, later],
    );
    expect(await composed([ADMIN, SECOND], { 'two.example': [SECOND] })).toEqual([]);
    const { rows } = await b.db.query('select recipients, retry_at from ruawatch.digests order by digest_key');
    expect(rows.map(({ recipients, retry_at }) => [recipients.join(), retry_at])).toEqual([
      [`${ADMIN},${SECOND}`, null],
      [SECOND, later],
      ['gone@example.org', null],
      ['x', null],
      ['y', later],
    ]);
  });

  test('go to all who are named for a domain, reported on or not, and to the others where one of theirs is', async () => {
    const to = async (alertTo: string[], domains: Record<string, string[]>) => {
      await b.db.query('delete from ruawatch.outbox');
      await b.db.query('delete from ruawatch.digests');
      return (await composed(alertTo, domains)).flatMap(({ recipients }) => recipients);
    };
    expect(await to([ADMIN], { 'two.example': [SECOND] })).toEqual([SECOND, ADMIN]);
    await mail('one.example', 'a.example', '2026-10-02', 40, 40);
    expect(await to([ADMIN], { 'two.example': [SECOND] })).toEqual([ADMIN, SECOND]);
    expect(await to([ADMIN], { 'one.example': [SECOND] })).toEqual([SECOND]);
    expect(await to([ADMIN], { 'one.example': [] })).toEqual([]);
  });

  test('stand in the outbox under a name of their moment, their recipients, and the refusals before', async () => {
    await mail('one.example', 'a.example', '2026-10-02', 40, 40);
    const to = [ADMIN, 'jörg@example.org'];
    const names = async () => {
      const own = await installation(b.db);
      const { rows } = await b.db.query(
        "select message_id, kind, finding_key, urgent, recipients, created_at, convert_from(raw, 'utf8') as raw, digest_key from ruawatch.outbox order by outbox_key",
      );
      return rows.map(({ message_id, raw, ...row }) => ({
        ...row,
        name: message_id.replace(`.${own}@example.org>`, ''),
        high: raw.includes('Importance'),
        next: /The next digest comes on (.*)\./.exec(raw)![1],
      }));
    };
    await composed(to);
    const hash = createHash('sha256').update(to.join('\n')).digest('hex').slice(0, 8);
    const both = {
      ...{ kind: 'weekly', finding_key: null, urgent: false, high: false, created_at: NOW, digest_key: 1 },
      next: '2026-10-12',
    };
    const first = [
      { ...both, name: `<weekly-2026100507-${hash}`, recipients: [ADMIN] },
      { ...both, name: `<weekly-2026100507-${hash}-apart-1`, recipients: ['jörg@example.org'] },
    ];
    expect(await names()).toEqual(first);
    await b.db.query("update ruawatch.digests set refusals = 1, mailed_to = '{}', refused_for = recipients, retry_at = $1", [
      NOW,
    ]);
    const alerts = { ...ALERTS, domains: {} };
    const settings = { from: 'ruawatch@example.org', alertTo: to, alerts };
    expect(await composeWeekly({ db: b.db, log: pino({ level: 'silent' }) }, settings, MOMENT, NOW)).toBe(2);
    expect(await names()).toEqual([
      ...first,
      { ...both, name: `<weekly-2026100507-${hash}-again-1`, recipients: [ADMIN] },
      { ...both, name: `<weekly-2026100507-${hash}-again-1-apart-1`, recipients: ['jörg@example.org'] },
    ]);
  });

  test.each([
    ['those of all domains', [ADMIN], { [ADMIN]: true, 'two@example.org': false }],
    ['also of single ones, when they are the same', ['two@example.org'], { 'two@example.org': true }],
    ['those of single domains, when there are no others', [], { 'two@example.org': true }],
  ])('tell of the installation to whom it is of: %s', async (_, alertTo, told) => {
    await mail('one.example', 'a.example', '2026-10-02', 40, 40);
    await mail('two.example', 'a.example', '2026-10-02', 40, 40);
    await b.event({ domain: '*', kind: 'mail_not_judged', summary: 'the installation itself' });
    const mails = await composed(alertTo, { 'two.example': ['two@example.org'] });
    expect(Object.fromEntries(mails.map((one) => [one.recipients.join(), one.told.includes('the installation itself')]))).toEqual(
      told,
    );
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
      digests().filter((one) => one.headers.get('subject')!.includes('1 to act on') && one.to[0] === 'admin@example.org'),
    ).toHaveLength(1);
  });

  test('tell what is new, over and still open, and what was said about it', async () => {
    const log = pino({ level: 'silent' });
    const alerts = { ...MONDAY, domains: {}, per_hour: 10, per_domain_hour: 5, first_start_mails: 10 };
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
    expect(rows[0]!.subject).toBe('[ruawatch] Week to 2026-10-03: 1 to act on');
    const told = text(rows[0]!.raw.toString('utf8'));
    expect(told).toMatch(/New \(1\)\n {2}Critical: one\.example: a fresh story\n {6}finding \d+; found 2026-10-05/);
    expect(told).toMatch(/Resolved \(1\)\n {2}High: one\.example: a short story\n/);
    expect(told).toMatch(/Still open \(1\)\n {2}Low: one\.example: an old story\n {6}finding \d+; acknowledged by Ada; /);
    expect(told).not.toContain('elsewhere');
  });

  test('say where a domain stands, what changed in its DNS, and how many look-alikes there are', async () => {
    await mail('one.example', 'a.example', '2026-10-03', 2000, 1900);
    const [domain, at] = ['one.example', b.now];
    await savePosture(b.db as never, domain, at, {
      ...{ spf: 'valid', dkim: 'valid', dmarc: 'none', bimi: 'missing', mta_sts: 'missing', tls_rpt: 'missing' },
      ...{ stage: 'none', next_step: 'enforce_quarantine', advice: 'Publish p=quarantine.', blocked_by: [] },
      ...{ publish_name: null, publish_value: null, checked_at: at },
    });
    const hoursAgo = (n: number) => new Date(at.getTime() - n * 3_600_000);
    const question = (name: string) =>
      b.db.query(
        `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answers)
         values ($1, $2, 'TXT', 'spf', 'records', $3, $4, '[]')`,
        [domain, name, at, hoursAgo(100)],
      );
    const value = (name: string, purpose: string, [first, gone]: [number, number | null]) =>
      b.db.query(
        `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen, gone_at)
         values ($1, $2, 'TXT', $3, 'x', '{}', $4, $5, $6)`,
        [domain, name, purpose, hoursAgo(first), at, gone === null ? null : hoursAgo(gone)],
      );
    for (const name of [domain, `_dmarc.${domain}`, `s1._domainkey.${domain}`, 'spf.vendor.example']) await question(name);
    await value(domain, 'spf', [100, 30]);
    await value(domain, 'spf', [30, null]);
    // Seen by the first answer; gone before the week; of somebody else.
    await value(`_dmarc.${domain}`, 'dmarc', [100, null]);
    await value(`s1._domainkey.${domain}`, 'dkim', [100, 24 * 8]);
    await value('spf.vendor.example', 'spf_include', [30, null]);
    await b.db.query(
      `insert into ruawatch.lookalikes (domain, name, shown, kind, rank, due_at, registered, baseline, mail_hosts, yours)
       select $1, 'n' || n, '', 'tld', 1, now(), true, n < 4, '{mx.example}', n = 1 from generate_series(1, 5) n`,
      [domain],
    );
    const alerts = { ...MONDAY, domains: {}, per_hour: 10, per_domain_hour: 5, first_start_mails: 10 };
    const settings = { from: 'ruawatch@example.org', alertTo: ['admin@example.org'], alerts };
    await composeWeekly({ db: b.db, log: pino({ level: 'silent' }) }, settings, new Date('2026-10-05T07:00:00Z'), b.now);
    const { rows } = await b.db.query<{ raw: Buffer }>('select raw from ruawatch.outbox');
    const told = text(rows[0]!.raw.toString('utf8')).replaceAll('=3D', '=').replace(/\s+/g, ' ');
    expect(told).toContain('Stage: DMARC at p=none. Next step: Publish p=quarantine.');
    expect(told).toMatch(/Changed in DNS: SPF \(2026-10-0\d\)\. /);
    expect(told).toContain('Look-alikes that accept mail: 2 from before the watch, 2 since');
  });

  test('order domains by need, count what is for information apart, and count one cause once', async () => {
    const log = pino({ level: 'silent' });
    const alerts = { ...MONDAY, domains: {}, per_hour: 10, per_domain_hour: 5, first_start_mails: 10 };
    await mail('calm.example', 'a.example', '2026-10-03', 9000, 9000);
    for (const name of ['needy.example', 'silent1.example', 'silent2.example'])
      await mail(name, 'a.example', '2026-09-27', 10, 10);
    // Too small to say what it is.
    await mail('calm.example', '192.0.2.0/24', '2026-10-02', 3, 0);
    await b.db.query("update ruawatch.sources set class = 'unknown' where source = '192.0.2.0/24'");
    for (const [i, domain] of ['silent1.example', 'silent2.example'].entries()) {
      await b.event({ domain, kind: 'reports_stopped', severity: 'medium', notify: i === 0 });
      await b.db.query(
        `insert into ruawatch.silences (domain, since, last_day, usual, expected, chance, reporters, told_by)
         values ($1, '2026-09-28', '2026-10-03', 10, 60, 0, '{}', 'silent1.example')`,
        [domain],
      );
    }
    await b.event({ domain: 'needy.example', severity: 'critical', summary: 'a fresh story' });
    await b.event({ domain: 'calm.example', kind: 'policy_ready', severity: 'info', summary: 'it is ready', notify: false });
    const settings = { from: 'ruawatch@example.org', alertTo: ['admin@example.org'], alerts };
    b.later(60);
    await composeWeekly({ db: b.db, log }, settings, new Date('2026-10-05T07:00:00Z'), b.now);
    const { rows } = await b.db.query<{ raw: Buffer; subject: string }>('select raw, subject from ruawatch.outbox');
    expect(rows[0]!.subject).toBe('[ruawatch] Week to 2026-10-03: 2 to act on, no reports on 2 domains');
    const told = text(rows[0]!.raw.toString('utf8'));
    expect(told).toContain('New (3)');
    // For one cause on two domains the subject says 1.
    expect(told.replaceAll('\n', ' ')).toContain(
      'The domains below have 3 findings, of which 2 are to be acted on: one cause on',
    );
    expect(told).toContain('1 finding for information is open, 1 of them new.');
    expect(told).toMatch(/New, for information \(1\)\n {2}Info: calm\.example: it is ready\n/);
    expect(told.replaceAll('\n', ' ')).toContain(
      'Findings are those from 2026-09-28 07:00 to 2026-10-05 07:00 UTC; mail after 2026-10-03',
    );
    expect(told).toContain('1 new source too small to classify, 3 messages in all.');
    const order = [...told.matchAll(/^ {2}([a-z0-9]+\.example): [\d,]+ messages?$/gm)].map(([, name]) => name);
    expect(order).toEqual(['silent1.example', 'silent2.example', 'needy.example', 'calm.example']);
  });

  test('count one silent reporter once, however many domains miss it, and another by itself', async () => {
    const alerts = { ...MONDAY, domains: {}, per_hour: 10, per_domain_hour: 5, first_start_mails: 10 };
    for (const [domain, reporter] of [
      ['one.example', 'google.com'],
      ['two.example', 'google.com'],
      ['three.example', 'gmx.net'],
    ] as const) {
      await mail(domain, 'a.example', '2026-10-02', 10, 10);
      const key = await b.event({ domain, kind: 'reporter_silent', severity: 'medium' });
      await b.db.query('update ruawatch.findings set subject = $2 where finding_key = $1', [key, reporter]);
    }
    const settings = { from: 'ruawatch@example.org', alertTo: ['admin@example.org'], alerts };
    b.later(60);
    await composeWeekly({ db: b.db, log: pino({ level: 'silent' }) }, settings, new Date('2026-10-05T07:00:00Z'), b.now);
    const { rows } = await b.db.query<{ subject: string }>('select subject from ruawatch.outbox');
    expect(rows).toEqual([{ subject: '[ruawatch] Week to 2026-10-03: 2 to act on' }]);
  });

  test('say that nothing came when nothing came, and are off when they are off', async () => {
    b.later(61);
    const [alerter] = start();
    await eventually(() => expect(digests()).toHaveLength(1));
    await settled();
    expect(digests()[0]!.headers.get('subject')).toBe('[ruawatch] Week to 2026-10-03: no report');
    expect(text(digests()[0]!.raw)).toContain('still receives reports ("ruawatch doctor").');
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
    stray: { sources: 0, messages: 0 },
    silent_since: null,
    to_do: 0,
    gravest: null,
    unheard: { reporters: 0, messages: 0 },
    policy: 'p=none; sp=none',
    ready: null,
    ...over,
  });
  const ready = (summary: string) => ({ domain: 'example.com', subject: 'example.com', summary, evidence: readEvidence({}) });
  const none = { findings: [], count: 0, to_do: 0 };
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

  test('counts in the subject what a person must do: neither the next policy nor what is acknowledged', () => {
    const open = { findings: found.slice(0, 1).map((one) => ({ ...one, acknowledged_by: 'Ada' })), count: 1, to_do: 0 };
    const { subject, text } = renderWeekly(week({ open, domains: [domain({ ready: ready('it is ready') })] }));
    expect(subject).toBe('[ruawatch] Week to 2026-10-03: nothing to act on');
    expect(text).toContain('Nothing to act on: 1 open finding is acknowledged, snoozed or part of another.');
  });

  test('sources too small to classify are one line of a week that is quiet otherwise', () => {
    const domains = [1, 2, 3].map((n) => domain({ domain: `d${n}.example`, stray: { sources: n, messages: 2 * n } }));
    const { subject, text } = renderWeekly(week({ domains }));
    expect(subject).toBe('[ruawatch] Week to 2026-10-03: nothing to act on');
    expect(text).toContain('6 new sources too small to classify, 12 messages in all.');
    expect(text).not.toContain('Domains, by day');
  });

  test('an agency reads first which domains are silent, and how many need attention beyond those shown', () => {
    const quiet = Array.from({ length: 12 }, (_, i) => domain({ domain: `q${i}.example`, days: [], silent_since: '2026-09-29' }));
    const needy = Array.from({ length: 8 }, (_, i) => domain({ domain: `n${i}.example`, to_do: 2, gravest: 'high' }));
    const rest = Array.from({ length: 130 }, (_, i) => domain({ domain: `r${i}.example` }));
    const opened = { findings: found, count: 17, to_do: 17 };
    const { subject, text } = renderWeekly(week({ domains: [...quiet, ...needy, ...rest], opened }));
    expect(subject).toBe('[ruawatch] Week to 2026-10-03: 17 to act on, no reports on 12 domains');
    expect(text.replaceAll('\n', ' ')).toContain('No reports any more on 12 domains: q0.example, q1.example,');
    expect(text.replaceAll('\n', ' ')).toContain('and 3 more.');
    expect(text).toContain('  No reports since 2026-09-29.');
    expect(text).toContain('  To act on: 2 findings, the most severe high.');
    expect(text).toContain('and 135 more domains, 5 of which need attention:');
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
      week({
        domains: many,
        opened: { findings: found, count: 30, to_do: 30 },
        open: { findings: found.slice(0, 2), count: 12, to_do: 11 },
      }),
    );
    expect(text).toContain(
      '  d0.example: 110 messages\n  ██████████████████░░  90% pass DMARC (100% the week before)\n  09-20 | ▅     | █    ▁| 10-03, highest: 100\n  Most on 09-28: 100 messages. Failed: 10 of 10 on 10-03 and 1 of 100 on\n  09-28.\n',
    );
    expect(text).toContain('New: new.example (misaligned, 7 messages) and 2 more.');
    expect(text).toContain('New and unauthorized: 8 sources, 3,344 messages.');
    expect(text).toContain('Next step: p=quarantine would have cost nothing in 30 days');
    expect(text).toContain('and 10 more domains, none of which needs anything:');
    expect(text).toMatch(
      /New \(30\)[\s\S]*\n {2}and 26 more: "ruawatch findings"\n\nStill open \(12\)[\s\S]*\n {2}and 10 more: "ruawatch findings"/,
    );
    expect(subject).toBe('[ruawatch] Week to 2026-10-03: 41 to act on (30 new)');
    expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(78);
    expect(html).not.toMatch(/<(?:img|svg|script|link)|url\(|\ssrc=|href=/i);
    // Gmail cuts a mail off behind 102 kB.
    expect(Buffer.byteLength(html)).toBeLessThan(100_000);
  });

  test('ends with the commands, and links each finding to the console where there is one', () => {
    const opened = { findings: found, count: 4, to_do: 4 };
    const console = 'https://ruawatch.example.org';
    const linked = renderWeekly(week({ opened, console }));
    expect(linked.html.match(/href="[^"]*"/g)).toEqual([17, 18, 19, 20].map((key) => `href="${console}/findings/${key}"`));
    for (const key of [17, 18, 19, 20]) expect(linked.text).toContain(`      ${console}/findings/${key}\n`);
    expect(linked.text).toMatch(
      /In ruawatch, such as about finding 17:\n {2}ruawatch findings ack 17 .*\n.*\n {2}ruawatch findings show 17\n/,
    );
    expect(renderWeekly(week({ opened })).html).not.toContain('href');
  });

  test('what is for information is one line of a week that is quiet otherwise', () => {
    const { text } = renderWeekly(week({ info: { ...none, open: 3 } }));
    expect(text).toContain('3 findings for information are open, none of them new: "ruawatch findings".');
    expect(renderWeekly(week({ info: { ...none, open: 0 } })).text).not.toContain('information');
  });

  test('writes no tag and no link that a report may have put into a name', () => {
    const evil = '"><img src=https://evil.example/x onerror=alert(1)>';
    const { text, html } = renderWeekly(
      week({
        opened: {
          findings: [{ ...found[0]!, ...evidenceOf(unversioned(found[0]!)), domain: evil, summary: evil, acknowledged_by: evil }],
          count: 1,
          to_do: 1,
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
