import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findSilences } from '../../services/analyzer/silences.ts';
import { readEvidence } from '../../services/findings/evidence.ts';
import { wordsOf } from '../../services/findings/sentences/finding.ts';
import { addDays, daysBetween } from '../../services/shared/days.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { type Fixture, fixture } from './fixture.ts';
import { ago, REPORTERS, row, TODAY } from './rows.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
  await putOwn(f.t.db, ['fleet.example'], 'listed', { now: new Date(), ignored: true });
});
afterEach(() => f.close());

/** Reports on a domain from 50 days before until a day, so many messages of each reporter a day. */
async function report(domain: string, until: string, { n = 30, reporters = REPORTERS, from = ago(50) } = {}): Promise<void> {
  const rows = daysBetween(from, until).flatMap((day) => reporters.map((reporter) => row(day, 'both', n, { reporter })));
  await f.put(rows, { domain });
  await f.analyze(domain);
}

/** The clock `n` days after TODAY: the silences are looked for, and the domains noted are analysed. */
async function at(n: number): Promise<string[]> {
  f.setNow(new Date(`${addDays(TODAY, n)}T12:00:00Z`));
  const noted = await findSilences(f.context);
  for (const domain of noted) await f.analyze(domain);
  return noted;
}

const mailed = async (domain: string) =>
  (await f.events(domain)).filter(({ notify }) => notify).map(({ kind, event }) => `${kind} ${event}`);

test('reports that stop are found by the clock, although nothing arrives, and are over when they come again', async () => {
  await report('shop.fleet.example', TODAY);
  await report('other.fleet.example', addDays(TODAY, 20));
  expect(await at(3)).toEqual([]);
  expect(await at(4)).toEqual(['shop.fleet.example']);
  expect(await mailed('shop.fleet.example')).toEqual(['reports_stopped opened']);
  const [finding] = (await f.findings('shop.fleet.example')).filter(({ kind }) => kind === 'reports_stopped');
  const evidence = readEvidence(finding!.evidence);
  const words = wordsOf({ domain: 'shop.fleet.example', subject: 'shop.fleet.example', summary: '', evidence });
  expect(words.title).toBe(`No reports on shop.fleet.example since ${addDays(TODAY, 1)}`);
  expect(words.what).toContain('90 messages a day are usual');
  expect(words.what).toContain('1 other domain is still reported on.');
  // Nothing more is said of it on later days.
  for (const n of [5, 6, 9]) await at(n);
  expect(await mailed('shop.fleet.example')).toEqual(['reports_stopped opened']);
  await report('shop.fleet.example', addDays(TODAY, 10), { from: addDays(TODAY, 10) });
  expect(await at(11)).toEqual(['shop.fleet.example']);
  expect(await mailed('shop.fleet.example')).toEqual(['reports_stopped opened', 'reports_stopped resolved']);
});

test('what a person closed is not told again while it goes on', async () => {
  await report('shop.fleet.example', TODAY);
  await at(4);
  await f.t.db.query(
    `update ruawatch.findings set state = 'resolved', resolved_at = now(), evidence = evidence || '{"resolved_day": "${addDays(TODAY, 2)}"}'`,
  );
  await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ('shop.fleet.example', '')");
  await f.analyze('shop.fleet.example');
  expect(await mailed('shop.fleet.example')).toEqual(['reports_stopped opened']);
});

test('many domains that fall silent at once are one mail, which names them', async () => {
  const names = Array.from({ length: 12 }, (_, i) => `d${String(i).padStart(2, '0')}.fleet.example`);
  // Some are so small that their own habit would say nothing for weeks.
  for (const [i, name] of names.entries()) await report(name, TODAY, { n: 40 - 3 * i });
  await at(4);
  const told = (await Promise.all(names.map(mailed))).flat();
  expect(told).toEqual(['reports_stopped opened']);
  const [lead] = await f.findings(names[0]!);
  expect(lead).toMatchObject({ kind: 'reports_stopped', severity: 'high' });
  const evidence = readEvidence(lead!.evidence);
  const words = wordsOf({ domain: names[0]!, subject: names[0]!, summary: '', evidence });
  expect(words.title).toBe('No reports on d00.fleet.example and 11 more domains');
  expect(words.what).toContain('d01.fleet.example');
  expect(words.what).toContain('4 more.');
  for (const name of names.slice(1))
    expect((await f.findings(name)).map(({ kind, state }) => [kind, state])).toEqual([['reports_stopped', 'open']]);
});

test('an outage of the one reporter of some domains is not said to be theirs', async () => {
  await report('small.fleet.example', TODAY, { reporters: ['GMX'] });
  await report('large.fleet.example', addDays(TODAY, 20));
  for (const n of [3, 4, 5, 6]) expect(await at(n)).toEqual([]);
});

test('a name below a reported domain is no domain of its own', async () => {
  await report('fleet.example', addDays(TODAY, 20));
  await report('old.fleet.example', TODAY);
  expect(await at(10)).toEqual([]);
});

test('history that ended long ago is not told', async () => {
  await report('past.fleet.example', ago(40), { from: ago(90) });
  expect(await at(0)).toEqual([]);
});

describe('which silences are found', () => {
  /** Reports on domains without analyses: `n` messages of each reporter a day, until a day. */
  async function reported(domains: Readonly<Record<string, readonly [until: number, n: number]>>, from = -50): Promise<void> {
    for (const [name, [until, n]] of Object.entries(domains)) {
      const domain = `${name}.fleet.example`;
      const rows = daysBetween(addDays(TODAY, from), addDays(TODAY, until)).flatMap((day) =>
        REPORTERS.map((reporter) => row(day, 'both', n, { reporter })),
      );
      await f.put(rows, { domain, work: false });
      await f.t.db.query(
        `insert into ruawatch.domain_reporters (domain, reporter, standing, decides) select $1, unnest($2::text[]), 'known', true on conflict do nothing`,
        [domain, REPORTERS],
      );
    }
  }
  const lookAt = (n: number) => {
    f.setNow(new Date(`${addDays(TODAY, n)}T12:00:00Z`));
    return findSilences(f.context);
  };
  const short = (domain: string) => domain.replace('.fleet.example', '');
  const found = async () => {
    const { rows } = await f.t.db.query<Record<string, string> & { others: string[] }>(
      'select domain, since, last_day, told_by, others, others_in_all, reported from ruawatch.silences order by domain',
    );
    return rows.map(({ domain, since, last_day, told_by, others, others_in_all, reported: still }) =>
      [short(domain!), since, last_day, short(told_by!), others.map(short).join(' '), others_in_all, still].join(' | '),
    );
  };
  const noted = async () => {
    const { rows } = await f.t.db.query<{ domain: string }>('select distinct domain from ruawatch.analysis_work order by domain');
    return rows.map(({ domain }) => short(domain));
  };

  test('what began within two days is one group, told of by its largest, which it stays', async () => {
    await reported({ a: [0, 30], b: [0, 30], c: [2, 90], d: [3, 30], x: [20, 30], y: [20, 30] });
    const lines: object[] = [];
    f.context.log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    expect((await lookAt(8)).map(short)).toEqual(['a', 'b', 'c', 'd']);
    expect(await found()).toEqual([
      'a | 2026-05-30 | 2026-06-04 | c | c b | 2 | 2',
      'b | 2026-05-30 | 2026-06-04 | c | c a | 2 | 2',
      'c | 2026-06-01 | 2026-06-04 | c | a b | 2 | 2',
      'd | 2026-06-02 | 2026-06-04 | d |  | 0 | 2',
    ]);
    expect(await noted()).toEqual(['a', 'b', 'c', 'd']);
    expect(lines).toMatchObject([
      {
        domains: ['a', 'b', 'c', 'd'].map((name) => `${name}.fleet.example`),
        count: 4,
        msg: 'domains fell silent or are reported on again',
      },
    ]);
    // A larger one joins them; it was not mailed about.
    await reported({ e: [1, 900] });
    expect((await lookAt(9)).map(short)).toEqual(['a', 'b', 'c', 'e']);
    expect(await found()).toEqual([
      'a | 2026-05-30 | 2026-06-05 | c | e c b | 3 | 2',
      'b | 2026-05-30 | 2026-06-05 | c | e c a | 3 | 2',
      'c | 2026-06-01 | 2026-06-05 | c | e a b | 3 | 2',
      'd | 2026-06-02 | 2026-06-05 | d |  | 0 | 2',
      'e | 2026-05-31 | 2026-06-05 | c | c a b | 3 | 2',
    ]);
    expect((await lookAt(10)).map(short)).toEqual([]);
    expect(lines).toHaveLength(2);
    // What is reported on again is noted too, and the largest of the others is told of.
    await reported({ c: [9, 90] }, 9);
    expect((await lookAt(11)).map(short)).toEqual(['a', 'b', 'c', 'e']);
    expect((await found()).map((line) => line.split(' | ').filter((_, i) => i === 0 || i > 2))).toEqual([
      ['a', 'e', 'e b', '2', '3'],
      ['b', 'e', 'e a', '2', '3'],
      ['d', 'd', '', '0', '3'],
      ['e', 'e', 'a b', '2', '3'],
    ]);
  });

  test.each<[string, Record<string, [number, number]>, string[]]>([
    ['three of six', { a: [0, 30], s: [0, 1], t: [0, 1], x: [20, 30], y: [20, 30], z: [20, 30] }, ['a', 's', 't']],
    ['three of seven', { a: [0, 30], s: [0, 1], t: [0, 1], w: [20, 30], x: [20, 30], y: [20, 30], z: [20, 30] }, ['a']],
    ['two of two', { a: [0, 30], s: [0, 1] }, ['a']],
    ['three of which none is sure', { r: [0, 1], s: [0, 1], t: [0, 1] }, []],
  ])('less evidence is enough where many fall silent at once: %s', async (_, domains, silent) => {
    await reported(domains);
    expect((await lookAt(4)).map(short)).toEqual(silent);
  });

  test('as news for thirty days, and for ever once it was told', async () => {
    await reported({ a: [0, 30], b: [1, 30] });
    expect((await lookAt(31)).map(short)).toEqual(['b']);
    expect((await found()).map((line) => line.split(' | ')[0])).toEqual(['b']);
    expect(await lookAt(40)).toEqual([]);
    expect((await found()).map((line) => line.split(' | ')[0])).toEqual(['b']);
    // A hundred days after its last report nothing is known of it any more.
    expect((await lookAt(102)).map(short)).toEqual(['b']);
    expect(await found()).toEqual([]);
  });

  test('twenty others are named, and all are counted', async () => {
    await reported(Object.fromEntries(Array.from({ length: 22 }, (_, i) => [`d${10 + i}`, [0, 30]])));
    const lines: { domains?: string[]; count?: number }[] = [];
    f.context.log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    expect(await lookAt(5)).toHaveLength(22);
    const [first, second] = await found();
    expect(first!.split(' | ')).toEqual([
      'd10',
      '2026-05-30',
      '2026-06-01',
      'd10',
      Array.from({ length: 20 }, (_, i) => `d${11 + i}`).join(' '),
      '21',
      '0',
    ]);
    expect(second!.split(' | ')[4]!.split(' ')[0]).toBe('d10');
    expect(lines.map(({ domains, count }) => [domains!.length, count])).toEqual([[20, 22]]);
  });
});
