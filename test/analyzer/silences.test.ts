import { afterEach, beforeEach, expect, test } from 'vitest';
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
