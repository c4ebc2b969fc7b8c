import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fixture, fixture } from '../fixture.ts';
import { expectLives } from '../invented-changes.ts';
import { ago, DOMAIN, policyDays, REPORTERS, span, TODAY } from '../rows.ts';

const CRAFT = 'lettercraft.example';
const NET = '198.51.100.0/24';
const OWN = '192.0.2.0/24';
const LOST = new Date(`${TODAY}T14:02:00Z`);

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
  f.setNow(new Date(`${TODAY}T20:00:00Z`));
  await f.t.db.query('insert into ruawatch.dns_watch (domain, due_at, asked_at) values ($1, now(), now())', [DOMAIN]);
});
afterEach(() => f.close());

interface Given {
  name?: string;
  type?: string;
  purpose?: string;
  value: string;
  from?: string;
  until?: Date | null;
}
async function publish({
  name = DOMAIN,
  type = 'TXT',
  purpose = 'spf',
  value,
  from = ago(60),
  until = null,
}: Given): Promise<void> {
  await f.t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen, gone_at)
     values ($1, $2, $3, $4, $5, '{resolver}', $6, $7, $8)`,
    [DOMAIN, name, type, purpose, value, from, until ?? new Date(), until],
  );
}
async function state(name: string, is: 'absent' | 'records'): Promise<void> {
  await f.t.db.query(
    `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, answers) values ($1, $2, 'TXT', 'spf', $3, now(), '[]')
     on conflict (domain, name, type) do update set state = excluded.state`,
    [DOMAIN, name, is],
  );
}
/**
 * The domain's own mail, and that of a service that SPF admits by an include; most of it is signed as well.
 */
async function mail(): Promise<void> {
  await f.put([
    ...span(41, 0, 'both', 4_000, REPORTERS, { source: OWN }),
    ...span(41, 0, 'both', 276, REPORTERS, { source: NET }),
    ...span(41, 0, 'spf', 124, REPORTERS, { source: NET }),
  ]);
  await publish({ name: `_spf.${CRAFT}`, purpose: 'spf_include', value: `v=spf1 ip4:${NET} -all` });
}
const loseInclude = async () => {
  await publish({ value: `v=spf1 ip4:${OWN} include:_spf.${CRAFT} -all`, until: LOST });
  await publish({ value: `v=spf1 ip4:${OWN} -all`, from: LOST.toISOString() });
};
const found = async () =>
  (await f.findings())
    .filter(({ kind }) => kind === 'dns_broken')
    .map(({ subject, severity, state: is }) => `${subject} ${severity} ${is}`);
const whatOf = async () => JSON.stringify((await f.findings()).find(({ kind }) => kind === 'dns_broken')?.evidence ?? null);
/** Puts the domain on the analyzer's list, as the watcher does when a record changed. */
async function look(): Promise<void> {
  await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, '')", [DOMAIN]);
  await f.analyze();
}

describe('an SPF record that lost a term', () => {
  test('is found with the figures of the mail that rests on it', async () => {
    await mail();
    await loseInclude();
    await look();
    expect(await found()).toEqual([`${DOMAIN} high open`]);
    const what = await whatOf();
    expect(what).toContain(`The SPF record of ${DOMAIN} lost include:_spf.${CRAFT} at ${TODAY} 14:02 UTC.`);
    expect(what).toMatch(/sends 1,200 messages a day, 31% of which pass by SPF alone/);
  });

  test('is no finding when no mail rests on it, or another term still admits it', async () => {
    await mail();
    await publish({ value: `v=spf1 ip4:${OWN} ip4:${NET} ip4:203.0.113.7 include:_spf.${CRAFT} -all`, until: LOST });
    await publish({ value: `v=spf1 ip4:${OWN} ip4:${NET} -all`, from: LOST.toISOString() });
    await look();
    expect(await found()).toEqual([]);
  });

  test('is over when the term is back, and said again when it is lost again', async () => {
    await mail();
    await loseInclude();
    await look();
    const back = new Date(`${TODAY}T18:00:00Z`);
    await f.t.db.query('update ruawatch.dns_records set gone_at = $1 where gone_at is null and purpose = $2', [back, 'spf']);
    await publish({ value: `v=spf1 ip4:${OWN} include:_spf.${CRAFT} -all`, from: back.toISOString() });
    await look();
    expect(await found()).toEqual([`${DOMAIN} high resolved`]);
    expect(await whatOf()).toContain('The record has been right again since');
  });

  test('stays found while the record lacks it, however little of the mail passes by then, and alone', async () => {
    const days = 16;
    await f.put([
      ...span(41, 0, 'both', 4_000, REPORTERS, { source: OWN }),
      ...span(41, days + 1, 'spf', 1_200, REPORTERS, { source: NET }),
    ]);
    await publish({ name: `_spf.${CRAFT}`, purpose: 'spf_include', value: `v=spf1 ip4:${NET} -all` });
    const at = new Date(`${ago(days)}T14:02:00Z`);
    await publish({ value: `v=spf1 ip4:${OWN} include:_spf.${CRAFT} -all`, until: at });
    await publish({ value: `v=spf1 ip4:${OWN} -all`, from: at.toISOString() });
    for (let day = days - 1; day >= 0; day--) {
      f.setNow(new Date(`${ago(day)}T08:00:00Z`));
      await f.put(span(day + 1, day + 1, 'unauthenticated', 1_200, REPORTERS, { source: NET }));
      await look();
    }
    expect(await found()).toEqual([expect.stringMatching(/ (?:high|critical) open$/)]);
    expect(await whatOf()).toMatch(/sends [\d,]+ messages a day/);
    const mailed = (await f.events()).filter(({ notify }) => notify).map(({ kind, event }) => `${kind} ${event}`);
    expect(mailed.filter((one) => !one.startsWith('dns_broken'))).toEqual([]);
    expect(mailed).not.toContain('dns_broken resolved');
  });

  test('and the failing mail of the days after are one incident', async () => {
    await f.put([
      ...span(41, 3, 'both', 4_000, REPORTERS, { source: OWN }),
      ...span(2, 0, 'both', 4_000, REPORTERS, { source: OWN }),
      ...span(41, 3, 'spf', 1_200, REPORTERS, { source: NET }),
    ]);
    await publish({ name: `_spf.${CRAFT}`, purpose: 'spf_include', value: `v=spf1 ip4:${NET} -all` });
    const at = new Date(`${ago(3)}T14:02:00Z`);
    await publish({ value: `v=spf1 ip4:${OWN} include:_spf.${CRAFT} -all`, until: at });
    await publish({ value: `v=spf1 ip4:${OWN} -all`, from: at.toISOString() });
    f.setNow(new Date(`${ago(2)}T08:00:00Z`));
    await f.analyze();
    expect(await found()).toEqual([`${DOMAIN} high open`]);
    f.setNow(new Date(`${TODAY}T20:00:00Z`));
    await f.put(span(2, 0, 'unauthenticated', 1_200, REPORTERS, { source: NET }));
    await f.analyze();
    const events = (await f.events()).filter(({ notify }) => notify).map(({ kind, event }) => `${kind} ${event}`);
    expect(events.filter((one) => !one.startsWith('dns_broken'))).toEqual([]);
    expect(events[0]).toBe('dns_broken opened');
    expect((await f.findings()).map(({ kind }) => kind).sort()).toEqual(['authentication_regression', 'dns_broken']);
    expect(await whatOf()).toContain('messages that failed since');
  });
});

test('an SPF record that is gone is graver, and is no finding while nobody answers', async () => {
  await mail();
  await publish({ value: `v=spf1 ip4:${OWN} include:_spf.${CRAFT} -all`, until: LOST });
  await look();
  expect(await found()).toEqual([]);
  await state(DOMAIN, 'absent');
  await look();
  expect(await found()).toEqual([`${DOMAIN} high open`]);
});

test('a weaker DMARC record is said once, by DNS and not again by the reports', async () => {
  const name = `_dmarc.${DOMAIN}`;
  await f.put(span(41, 0, 'both', 500, REPORTERS, { source: OWN }));
  await publish({ name, purpose: 'dmarc', value: 'v=DMARC1; p=reject', until: LOST });
  await publish({ name, purpose: 'dmarc', value: 'v=DMARC1; p=none', from: LOST.toISOString() });
  await look();
  expect(await found()).toEqual([`${name} high open`]);
  for (const reporter of ['google.com', 'yahoo.com'])
    await f.putPolicies(policyDays(reporter, [...Array(10).fill('p=reject'), 'p=none', 'p=none'], 0));
  f.setNow(new Date(`${TODAY}T23:00:00Z`));
  await look();
  const mailed = (await f.events()).filter(({ notify }) => notify).map(({ kind, event }) => `${kind} ${event}`);
  expect(mailed).toEqual(['dns_broken opened']);
});

test('a domain that nobody watches has no such finding', async () => {
  await f.t.db.query('delete from ruawatch.dns_watch');
  await mail();
  await loseInclude();
  await look();
  expect(await found()).toEqual([]);
});

test('what it says of invented records is as it was', () => expectLives('broken'));
