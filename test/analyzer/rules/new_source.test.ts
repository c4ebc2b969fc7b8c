import { afterEach, describe, expect, test } from 'vitest';
import { alignmentFailure } from '../../../services/analyzer/rules/alignment_failure.ts';
import { newSource } from '../../../services/analyzer/rules/new_source.ts';
import type { SenderWindow } from '../../../services/analyzer/rules/window.ts';
import type { SenderData } from '../../../services/analyzer/senders/units.ts';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadBorrowed } from '../../../services/store/analysis/signatures.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { DAY, receive, reportMail, reportXml, type TestRow } from '../../helpers/report.ts';
import { heard, LARGE, MIDDLE, type Report, SMALL } from '../late-reports.ts';
import { ago, REPORTERS, reporterDays, senderData, senderWindow, sourceWindow, span } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

const NEW = { source: '198.18.7.0/24' };
const [FIRST] = REPORTERS as [string];
/** So many messages a day for a week as each reporter sees them, on a domain with `others` messages a day. */
const told = (rows: ReturnType<typeof span>, extra: Partial<SenderWindow> = {}, others = 3000) =>
  newSource.find(senderWindow(rows, { firstSeen: rows[0]!.day, reporterDays: reporterDays(rows, others), ...extra }));

describe('new_source', () => {
  const even = span(6, 0, 'dkim', 10, REPORTERS, NEW);
  const atOne = span(6, 0, 'dkim', 30, [FIRST], NEW);

  test('mail that ends where all mail of the domain ends is sent; what ends at one receiver is passed on', () => {
    expect(told(even)[0]).toMatchObject({ subject: NEW.source, severity: 'low', first_day: ago(6), evidence: { messages: 210 } });
    expect(told(atOne)).toEqual([]);
  });

  test('the more new sources a month has, or the smaller the budget, the more it takes', () => {
    const some = span(2, 0, 'dkim', 3, REPORTERS, NEW);
    expect(told(some, { onceLevel: 0.5 })).toHaveLength(1);
    expect(told(some, { onceLevel: 0.001 })).toEqual([]);
  });

  test('a forwarder of a small domain is no sender because its share strays above what forwarders have', () => {
    const few = span(6, 0, 'dkim', 2, REPORTERS, NEW);
    // 42 of 1,092 messages are 3.8 %, and may be 3 % of all.
    expect(told(few, { borrowed: 1 }, 150)).toEqual([]);
    expect(told(span(6, 0, 'dkim', 4, REPORTERS, NEW), { borrowed: 1 }, 150)).toHaveLength(1);
    expect(told(few, { borrowed: 0 }, 150)).toHaveLength(1);
  });

  test('who breaks some of the signatures that it brings passes them on', () => {
    const brings = (broken: number, n = 4, borrowed = 1) => {
      const [first, ...rest] = span(6, 0, 'dkim', n, REPORTERS, NEW);
      return told([{ ...first!, failed_signed: broken }, ...rest], { borrowed }, 150).length;
    };
    expect([brings(1), brings(2), brings(9)]).toEqual([1, 0, 0]);
    // Half as much as all others together, whatever breaks.
    expect(brings(40, 60)).toBe(1);
    expect(brings(9, 4, 0)).toBe(1);
  });

  test('whose key it signs with says more than where its mail ends', () => {
    expect(told(atOne, { borrowed: 0 })).toHaveLength(1);
    expect(told(even, { borrowed: 1 })).toEqual([]);
    // As large a part of the domain's mail is no forwarder's: somebody may have stolen the key.
    expect(told(span(6, 0, 'dkim', 300, REPORTERS, NEW), { borrowed: 1 })).toHaveLength(1);
    expect(told(span(6, 0, 'both', 10, REPORTERS, NEW), { borrowed: 1 })).toHaveLength(1);
  });

  test('a key has an owner, however young it is: who brings little of its mail passes it on', () => {
    // Key, owner and forwarder are all seen for the first time on one day: no older source has the selector.
    const brings = (n: number, times: number, by: 'both' | 'dkim' = 'both', extra: Partial<SenderData> = {}) => {
      const rows = span(6, 0, 'dkim', n, REPORTERS, NEW);
      const owner = senderData('em1.example.com', span(6, 0, by, n * times, REPORTERS), extra);
      const uses = [NEW.source, owner.key].map((source, i) => {
        const passed = 7 * REPORTERS.length * n * (i === 0 ? 1 : times);
        const key = 's1._domainkey.example.com';
        return { source, key, first_day: ago(6), last_day: ago(0), passed, recent: passed };
      });
      const { of } = senderWindow(rows);
      return told(rows, { borrowed: 0, keyUses: uses, of, senders: [of, owner] }).length;
    };
    expect([brings(10, 4), brings(10, 5)]).toEqual([1, 0]);
    // An owner by the key alone may be a thief too, unless the catalogue knows the service.
    expect(brings(10, 5, 'dkim')).toBe(1);
    const service = { id: 'crm', name: 'CRM', kind: 'marketing' } as unknown as SenderData['service'];
    expect(brings(10, 5, 'dkim', { service })).toBe(0);
    // A tenth of the domain's mail is more than a forwarder's part: somebody may have stolen the key.
    expect(brings(300, 9)).toBe(1);
  });
});

test('alignment_failure: a source of which a little more than half fails may be one of which half does', () => {
  const failing = (foreign: number, passing: number) =>
    alignmentFailure.find(
      sourceWindow([...span(3, 0, 'foreign', foreign, [FIRST]), ...span(3, 0, 'dkim', passing, [FIRST])], {
        level: 0.001,
      }),
    );
  expect(failing(10, 8)).toEqual([]);
  expect(failing(10, 0)[0]!.evidence.chance).toBeLessThan(0.001);
});

describe('whose key a source signs with', () => {
  let t: TestDatabase;
  afterEach(() => t.drop());

  test('is read from the newest reports: a selector that an older source signs with too is borrowed', async () => {
    t = await testDatabase();
    const begin = (n: number) => Date.parse(`${ago(n)}T00:00:00Z`) / 1000;
    const own: TestRow = { ip: '192.0.2.1', count: 50, auth_spf: ['example.com', 'pass'] };
    const signed = (ip: string, count: number): TestRow => ({ ip, count, spf: 'fail', auth_spf: ['example.com', 'fail'] });
    const days: [number, TestRow[]][] = [
      [20, [own]],
      [3, [own, signed('198.18.7.9', 30)]],
      [
        2,
        [
          own,
          signed('198.18.7.9', 10),
          signed('198.18.8.9', 40),
          { ...signed('198.18.9.9', 40), auth_dkim: ['em.example.com', 'pass'] },
        ],
      ],
    ];
    const xml = (n: number, rows: TestRow[]) => reportXml({ id: `r${n}`, begin: begin(n), end: begin(n) + DAY - 1, rows });
    const mails = days.map(([n, rows]) =>
      // The third network signs with a selector of its own, the fourth with one of the same name below the
      // domain: that is another key.
      reportMail(ownSelector(xml(n, rows), '198.18.8.9'), { unique: `m${n}` }),
    );
    await parseMessages(t.db, await receive(t, mails), { trust: { check: 'verify', authserv_ids: [] } });
    await t.db.query("update ruawatch.reports set trust = 'ok'");
    const asked = ['198.18.7.0/24', '198.18.8.0/24', '198.18.9.0/24', '203.0.113.0/24'];
    const borrowed = await transaction(t.db, (tx) =>
      loadBorrowed(tx, 'example.com', asked, { from: ago(13), reporters: ['reporter.example'] }),
    );
    expect(Object.fromEntries(borrowed)).toEqual({ '198.18.7.0/24': 1, '198.18.8.0/24': 0, '198.18.9.0/24': 0 });
  });
});

/** The record of one address under another selector. */
function ownSelector(xml: string, ip: string): string {
  return xml
    .split('<record>')
    .map((record) => (record.includes(ip) ? record.replace('<selector>s1<', '<selector>k9<') : record))
    .join('<record>');
}

test('a source of which half is untold is not called new', () => {
  const rows = span(2, 0, 'dkim', 14, [LARGE, MIDDLE, SMALL]);
  const found = (late: readonly Report[]) => {
    const { there, given } = heard(rows, late);
    return newSource.find(senderWindow(there, { ...given, firstSeen: ago(2), borrowed: 0 })).length;
  };
  expect(found([2, 1, 0].map((n) => ({ day: ago(n), reporter: LARGE })))).toBe(0);
  expect(found([])).toBe(1);
});

describe('one more network of an owner whose networks pass by SPF', () => {
  const of = (source: string, asn = 786) => ({ identified_by: 'asn' as const, grouped_as: `AS${asn}`, asn, source });
  /** A sender that is one network of the owner, with `n` messages a day and reporter since so many days. */
  const network = (source: string, since: number, n: number, { kind = 'spf' as 'spf' | 'both', asn = 786 } = {}) => {
    const rows = span(since, 0, kind, n, REPORTERS, { source });
    const one = senderData(source, rows);
    return { ...one, sources: one.sources.map((seen) => ({ ...seen, ...of(source, asn) })) };
  };
  const campus = (n: number, since = 41, how: Parameters<typeof network>[3] = {}) =>
    Array.from({ length: n }, (_, i) => network(`192.0.${i}.0/24`, since, 100, how));
  /** What is said of a network that began a week ago and of which each reporter sees `n` messages a day. */
  const says = (others: readonly SenderData[], n = 4, beside: readonly SenderData[] = []) => {
    const newcomer = network('198.18.7.0/24', 6, n);
    const window = senderWindow(newcomer.rows, { firstSeen: ago(6), reporterDays: reporterDays(newcomer.rows, 3000) });
    return newSource.find({ ...window, of: newcomer, senders: [...others, ...beside, newcomer] }).length;
  };

  test('is no news beside five of three weeks and more, and is beside four, or younger ones', () => {
    expect([says(campus(4)), says(campus(5)), says(campus(200))]).toEqual([1, 0, 0]);
    expect([says(campus(5, 26)), says(campus(5, 27))]).toEqual([1, 0]);
  });

  test('is news where the others are of somebody else, sign their mail, or pass on that of others', () => {
    expect(says(campus(5, 41, { asn: 787 }))).toBe(1);
    expect(says(campus(5, 41, { kind: 'both' }))).toBe(1);
    const passing = campus(5).map((one) => ({
      ...one,
      sources: one.sources.map((seen) => ({ ...seen, class: 'forwarded' as const })),
    }));
    expect(says(passing)).toBe(1);
  });

  test('is news when it brings more than a tenth of what they bring, or all new ones more than half', () => {
    // Five networks of 100 messages: the day is the same for all.
    expect([says(campus(5), 50), says(campus(5), 51)]).toEqual([0, 1]);
    const many = (n: number) => Array.from({ length: n }, (_, i) => network(`198.19.${i}.0/24`, 6, 50));
    expect([says(campus(5), 50, many(4)), says(campus(5), 50, many(5))]).toEqual([0, 1]);
  });
});

test('what it says of invented senders is as it was', () => expectLives('new_source'));
