import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { organizationOf } from '../../../services/report/reporters/reporters.ts';
import { addDays, daysBetween } from '../../../services/shared/days.ts';
import { putOwn } from '../../../services/store/domains/domains.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, row, TODAY } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

const KINDS = "kind = 'reporter_silent'";

describe('reporter_silent', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
    await putOwn(f.t.db, ['fleet.example'], 'listed', { now: new Date(), ignored: true });
  });
  afterEach(() => f.close());

  /** Reports of each reporter on a domain until the day given for it, `daily` messages a day. */
  async function report(domain: string, until: Record<string, string>, daily: (day: string) => number = () => 50): Promise<void> {
    const rows = Object.entries(until).flatMap(([reporter, last]) =>
      daysBetween(ago(40), last).flatMap((day) => (daily(day) === 0 ? [] : [row(day, 'both', daily(day), { reporter })])),
    );
    await f.put(rows, { domain });
    await f.analyze(domain);
  }

  const mailed = async () => {
    const { rows } = await f.t.db.query<{ domain: string; subject: string }>(
      `select f.domain, f.subject from ruawatch.findings f join ruawatch.finding_events e using (finding_key) where e.notify and ${KINDS}
        order by event_key`,
    );
    return rows.map(({ domain, subject }) => `${subject} on ${domain}`);
  };

  test('an outage of one reporter for all domains is one mail, and says so', async () => {
    for (const domain of ['a.fleet.example', 'b.fleet.example', 'c.fleet.example']) {
      await report(domain, { 'google.com': TODAY, yahoo: ago(8), GMX: TODAY });
    }
    expect(await mailed()).toEqual(['yahoo on a.fleet.example']);
    const { rows } = await f.t.db.query(`select domain, state from ruawatch.findings where ${KINDS} order by domain`);
    expect(rows).toHaveLength(3);
    // Looked at again, it stays that one.
    await f.put([row(TODAY, 'both', 1, { source: '192.0.2.0/24' })], { domain: 'b.fleet.example' });
    await f.analyze('b.fleet.example');
    expect(await mailed()).toHaveLength(1);
  });

  test('a reporter that goes on elsewhere is said to', async () => {
    await report('b.fleet.example', { 'google.com': TODAY, yahoo: TODAY });
    await report('a.fleet.example', { 'google.com': TODAY, yahoo: ago(8) });
    const { rows } = await f.t.db.query<{ what: string }>(
      `select evidence ->> 'what' as what from ruawatch.findings where ${KINDS}`,
    );
    expect(rows[0]!.what).toContain('It still reports on 1 other domain of yours.');
  });

  test('several that fall silent together on one domain are one mail', async () => {
    await report('a.fleet.example', { 'google.com': TODAY, yahoo: ago(8), GMX: ago(7), 'mail.ru': ago(9) });
    expect(await mailed()).toHaveLength(1);
  });

  test.each([
    ['google.com', '@google.com'],
    ['yahoo', 'yahooinc.com'],
  ])('%s is the same reporter under the address %s', async (before, after) => {
    expect(organizationOf(before)).toBe(organizationOf(after));
    await report('a.fleet.example', { 'mail.ru': TODAY, [before]: ago(8) });
    expect(await mailed()).toHaveLength(1);
    await f.put(
      daysBetween(ago(7), TODAY).map((day) => row(day, 'both', 50, { reporter: after })),
      { domain: 'a.fleet.example' },
    );
    await f.analyze('a.fleet.example');
    const { rows } = await f.t.db.query<{ state: string }>(`select state from ruawatch.findings where ${KINDS}`);
    expect(rows.map(({ state }) => state)).toEqual(['resolved']);
  });

  test('over days on which all others report a tenth, its silence is no news', async () => {
    const quiet = (day: string) => (day > ago(8) ? 4 : 60);
    await report('a.fleet.example', { 'google.com': TODAY, GMX: TODAY, 'smallisp.example': ago(8) }, (day) =>
      Math.round(quiet(day) / 10),
    );
    expect(await mailed()).toEqual([]);
    expect(addDays(TODAY, 0)).toBe(TODAY);
  });

  /** Lets all reports of a reporter arrive so many days after the morning on which they are due. */
  const arriveLate = (reporter: string, days: number) =>
    f.t.db.query("update ruawatch.reports set received_at = begin_at + ($2 + 1) * interval '1 day' where reporter = $1", [
      reporter,
      days,
    ]);

  test('one that always reports days late is waited for so much longer', async () => {
    const rows = ['google.com', 'GMX', 'yahoo'].flatMap((reporter) =>
      daysBetween(ago(40), reporter === 'yahoo' ? ago(8) : TODAY).map((day) => row(day, 'both', 50, { reporter })),
    );
    await f.put(rows, { domain: 'a.fleet.example' });
    await arriveLate('yahoo', 4);
    await f.analyze('a.fleet.example');
    expect(await mailed()).toEqual([]);
    // Four days later even its late reports should have come.
    await f.put(
      daysBetween(ago(-1), ago(-4)).map((day) => row(day, 'both', 50, { reporter: 'google.com' })),
      { domain: 'a.fleet.example' },
    );
    f.setNow(new Date(`${ago(-5)}T08:00:00Z`));
    await f.analyze('a.fleet.example');
    expect(await mailed()).toEqual(['yahoo on a.fleet.example']);
  });

  test('an import of old mail, all of which came at once, is no lateness', async () => {
    const rows = ['google.com', 'GMX', 'yahoo'].flatMap((reporter) =>
      daysBetween(ago(40), reporter === 'yahoo' ? ago(8) : TODAY).map((day) => row(day, 'both', 50, { reporter })),
    );
    await f.put(rows, { domain: 'a.fleet.example' });
    await f.t.db.query('update ruawatch.reports set received_at = $1', [`${ago(-1)}T08:00:00Z`]);
    await f.analyze('a.fleet.example');
    expect(await mailed()).toEqual(['yahoo on a.fleet.example']);
  });

  test.each([
    [4, 7, 0],
    [4, 9, 1],
    [2, 9, 1],
  ])('one that left out %d days before and is silent for %d: %d mails', async (gap, silent, mails) => {
    const rows = ['google.com', 'GMX', 'yahoo'].flatMap((reporter) =>
      daysBetween(ago(40), TODAY)
        .filter((day) => reporter !== 'yahoo' || (day <= ago(silent) && !(day > ago(20) && day <= ago(20 - gap))))
        .map((day) => row(day, 'both', 50, { reporter })),
    );
    await f.put(rows, { domain: 'a.fleet.example' });
    await f.analyze('a.fleet.example');
    expect(await mailed()).toHaveLength(mails);
  });
});

test('what it says of invented domains is as it was', () => expectLives('reporter_silent'));
