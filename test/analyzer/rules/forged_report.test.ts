import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { forgedReport } from '../../../services/analyzer/rules/forged_report.ts';
import type { ArrivalWindow } from '../../../services/analyzer/rules/window.ts';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { verifyMessages } from '../../../services/parser/verify/index.ts';
import type { ForgedDay, GenuineReports } from '../../../services/store/analysis/forged-reports.ts';
import { type TestRow, trusting } from '../../helpers/report.ts';
import { mailFrom, receivePolled, resolverOf, signed } from '../../parser/signed.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { expectLives } from '../invented-changes.ts';
import { onFile } from '../rows.ts';

const REPORTER = 'google.com';
/** A known reporter writes from an address that the catalogue has. */
const ADDRESS = 'noreply-dmarc-support@google.com';
const mailOf = (report: Parameters<typeof mailFrom>[1]) =>
  Buffer.from(
    mailFrom(REPORTER, { org: REPORTER, email: ADDRESS, ...report })
      .toString('latin1')
      .replace(`dmarc@${REPORTER}>`, `${ADDRESS}>`),
    'latin1',
  );
const DAY = 86_400;

describe('the rule', () => {
  const NOW = '2026-05-30';
  const day = (n: number, extra: Partial<ForgedDay> = {}): ForgedDay => ({
    reporter: REPORTER,
    sender: REPORTER,
    day: `2026-05-${String(30 - n).padStart(2, '0')}`,
    reports: 1,
    messages: 100,
    mismatched: 0,
    contradicting: 0,
    ...extra,
  });
  const GENUINE: GenuineReports = { reporter: REPORTER, reports: 30, messages: 3000, last_day: '2026-05-30' };
  const window = (forged: ForgedDay[], extra: Partial<ArrivalWindow> = {}): ArrivalWindow => ({
    domain: 'example.com',
    now: NOW,
    deciders: new Set([REPORTER]),
    others: new Map(),
    forged,
    genuine: [GENUINE],
    known: [],
    ...extra,
  });
  const strange = { sender: 'evil.example', mismatched: 1 };

  test.each<[string, ForgedDay[], string | null]>([
    ['one report that contradicts a proven one', [day(0, { contradicting: 1 })], 'high'],
    ['two that are authentic for somebody else', [day(1, strange), day(0, strange)], 'medium'],
    ['one of them: a mishap', [day(0, strange)], null],
    ['three without proof on two days', [day(2), day(2, { sender: 'x.example' }), day(1)], 'low'],
    ['two of them', [day(2), day(1)], null],
    ['two of them that claim a flood', [day(2, { messages: 500 }), day(1, { messages: 700 })], 'low'],
    ['two that claim less than one', [day(2, { messages: 300 }), day(1, { messages: 690 })], null],
    ['one that claims a flood', [day(1, { messages: 50_000 })], null],
    ['any number on one day', [day(1, { reports: 50 })], null],
  ])('%s', (_, forged, severity) => {
    expect(forgedReport.find(window(forged)).map((c) => [c.subject, c.severity])).toEqual(
      severity === null ? [] : [[REPORTER, severity]],
    );
  });

  test('of a reporter that is hardly known nobody can say what a flood is', () => {
    const forged = [day(2, { messages: 500 }), day(1, { messages: 700 })];
    expect(forgedReport.find(window(forged, { genuine: [{ ...GENUINE, reports: 13, messages: 1300 }] }))).toEqual([]);
  });

  test('a reporter without proven reports is no forger, nor one whose proofs end where the others begin', () => {
    const many = [day(5, { reports: 9, mismatched: 9 }), day(4, { reports: 9 })];
    expect(forgedReport.find(window(many, { genuine: [] }))).toEqual([]);
    const broke = [day(5, { reports: 9 }), day(4, { reports: 9 })];
    expect(forgedReport.find(window(broke, { genuine: [{ ...GENUINE, last_day: '2026-05-24' }] }))).toEqual([]);
    expect(forgedReport.find(window(broke))).toHaveLength(1);
  });

  test('one finding a reporter, with who wrote them', () => {
    const unproven = { ...strange, sender: 'innocent.example', mismatched: 0 };
    const [found, ...others] = forgedReport.find(
      window([day(3, strange), day(2, strange), day(2, { ...strange, sender: null }), day(2, unproven)]),
    );
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      kind: 'forged_report',
      first_day: '2026-05-27',
      last_day: '2026-05-28',
      evidence: {
        who: [
          { source: 'evil.example', messages: 0, reports: 2 },
          { source: '(no From field)', messages: 0, reports: 1 },
          { source: 'innocent.example', messages: 0, reports: 1, unproven: true },
        ],
        senders: 3,
        reports: 4,
        messages: 0,
        of: 0,
        share: 0,
        claimed: 400,
      },
    });
  });

  test('it ends when none came for fourteen days, and begins anew with new ones only', () => {
    const [found] = forgedReport.find(window([day(1, strange), day(0, strange)]));
    const open = onFile(found!);
    expect(forgedReport.over(open, window([], { now: '2026-06-12' }))).toBeNull();
    expect(forgedReport.over(open, window([], { now: '2026-06-13' }))).toEqual({ reason: 'no_such_report', days: 14 });
    expect(forgedReport.find(window([day(1, strange), day(0, strange)], { now: '2026-06-13', known: [open] }))).toEqual([]);
    const resolved = onFile(found!, { state: 'resolved', evidence: { ...found!.evidence, resolved_day: '2026-05-30' } });
    expect(forgedReport.find(window([day(1, strange), day(0, strange)], { known: [resolved] }))).toEqual([]);
  });
});

describe('on a database', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(() => f.close());

  const resolver = resolverOf(REPORTER, 'evil.example');
  const first = Date.UTC(2026, 8, 1) / 1000;
  const dayOf = (i: number) => ({ begin: first + i * DAY, end: first + (i + 1) * DAY - 1, id: `day-${i}` });
  /** Puts in a day's mails, read and verified, and judges. */
  const deliver = async (i: number, mails: Buffer[]) => {
    const at = new Date((first + (i + 1) * DAY + 3600) * 1000);
    const keys = await receivePolled(f.t, mails, at);
    await parseMessages(f.t.db, keys, { trust: trusting('verify') });
    await verifyMessages(f.context, resolver, keys);
    f.setNow(new Date(at.getTime() + 3_600_000));
    await f.analyze();
  };
  const OWN: TestRow[] = [{ ip: '192.0.2.1', count: 500 }];
  const ATTACK: TestRow[] = [{ ip: '203.0.113.9', count: 90_000, dkim: 'fail', spf: 'fail', auth_dkim: null, auth_spf: null }];
  const genuine = (i: number, rows = OWN) => signed(mailOf({ ...dayOf(i), rows }), REPORTER);
  const kinds = async () => (await f.findings()).map((x) => [x.kind, x.subject, x.state, x.severity]);

  test('reports that are not proven open nothing, however many tell the same', async () => {
    for (let i = 0; i < 6; i++) {
      const others = ['a.example', 'b.example', 'c.example'].map((org) =>
        mailFrom(org, { ...dayOf(i), org, email: `dmarc@${org}`, rows: ATTACK, p: 'none' }),
      );
      await deliver(i, [await genuine(i), ...others]);
    }
    expect(await kinds()).toEqual([]);
    const { rows } = await f.t.db.query<{ source: string; class: string }>('select source, class from dmarc.sources order by 1');
    // What nobody proves to have sent is no source of the domain.
    expect(rows).toEqual([{ source: '192.0.2.0/24', class: 'authorized' }]);
  });

  test('a finding that stands on proven reports is not ended by forged ones that are silent of it', async () => {
    for (let i = 0; i < 3; i++) await deliver(i, [await genuine(i, [...OWN, ...ATTACK])]);
    expect(await kinds()).toMatchObject([['unauthorized_source', 'example.com', 'open', expect.anything()]]);
    for (let i = 3; i < 20; i++) await deliver(i, [mailOf({ ...dayOf(i), rows: OWN })]);
    expect((await f.findings()).find((x) => x.kind === 'unauthorized_source')!.state).toBe('open');
  });

  test('reports in the name of another open forged_report, with a query that shows them; silence ends it', async () => {
    for (let i = 0; i < 3; i++) await deliver(i, [await genuine(i)]);
    expect(await kinds()).toEqual([]);
    const evil = (i: number) =>
      signed(
        mailFrom('evil.example', { ...dayOf(i), org: REPORTER, email: ADDRESS, id: `evil-${i}`, rows: ATTACK }),
        'evil.example',
      );
    await deliver(3, [await genuine(3), await evil(3)]);
    expect(await kinds()).toEqual([]);
    await deliver(4, [await genuine(4), await evil(4)]);
    expect(await kinds()).toEqual([['forged_report', REPORTER, 'open', 'medium']]);
    const [finding] = await f.findings();
    expect(finding!.evidence).toMatchObject({
      reports: 2,
      // In the JSON of webhooks as in the mail.
      messages: 0,
      of: 0,
      share: 0,
      claimed: 180_000,
      who: [{ source: 'evil.example', messages: 0, reports: 2 }],
    });
    const { rows } = await f.t.db.query(finding!.evidence.query);
    expect(rows.map((row) => row.reporter_trust)).toEqual(['mismatched', 'mismatched']);

    // The same id as a proven report, other numbers.
    await deliver(5, [await genuine(5), mailOf({ ...dayOf(5), rows: ATTACK })]);
    expect(await kinds()).toEqual([['forged_report', REPORTER, 'open', 'high']]);
    expect((await f.events()).map((e) => e.event)).toEqual(['opened', 'changed']);

    for (const i of [10, 21]) await deliver(i, [await genuine(i)]);
    expect(await kinds()).toEqual([['forged_report', REPORTER, 'resolved', 'high']]);
  });

  test('a domain that only forged reports tell of is judged, and nothing is found', async () => {
    for (let i = 0; i < 3; i++) await deliver(i, [mailOf({ ...dayOf(i), rows: ATTACK })]);
    expect(await kinds()).toEqual([]);
    expect((await f.t.db.query('select source from dmarc.sources')).rows).toEqual([]);
    expect((await f.t.db.query('select sum(untrusted) as n from dmarc.source_days')).rows[0].n).toBeGreaterThan(0);
  });
});

test('what it says of invented reports is as it was', () => expectLives('forged'));
