import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fixture, fixture } from '../fixture.ts';
import { expectLives } from '../invented-changes.ts';
import { ago, DOMAIN, REPORTERS, span, TODAY } from '../rows.ts';

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
/** Puts the domain on the analyzer's list, as the watcher does when a record changed. */
async function look(): Promise<void> {
  await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, '')", [DOMAIN]);
  await f.analyze();
}

const KEY = `s1._domainkey.${DOMAIN}`;
/**
 * Days on which mail is signed with the key: the oldest and the newest, days ago; and of 500 messages, those
 * that pass.
 */
const signed = async (first: number, last: number, passed = 500, source = OWN) => {
  for (let day = first; day >= last; day--)
    await f.t.db.query(
      `insert into ruawatch.selector_days (domain, source, signing_domain, selector, day, reporter, trust, messages, passed)
       values ($1, $2, $1, 's1', $3, 'google.com', 'ok', 500, $4)`,
      [DOMAIN, source, ago(day), passed],
    );
};
const publishKey = (until: Date | null = null, value = 'v=DKIM1; p=MIIBIjAN') =>
  publish({ name: KEY, purpose: 'dkim', value, until });
/** DNS answers that there is no key. */
const absent = (first = LOST) =>
  f.t.db.query(
    `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answers)
     values ($1, $2, 'TXT', 'dkim', 'absent', now(), $3, '[]')
     on conflict (domain, name, type) do update set state = excluded.state`,
    [DOMAIN, KEY, first],
  );
const found = async () =>
  (await f.findings())
    .filter(({ kind }) => kind === 'dkim_key_missing' || kind === 'dns_broken')
    .map(({ kind, subject, severity, state: is }) => `${kind} ${subject} ${severity} ${is}`);
const told = async () => JSON.stringify((await f.findings()).find(({ kind }) => kind === 'dkim_key_missing')?.evidence ?? null);
const own = () => f.put(span(41, 0, 'dkim', 500, REPORTERS, { source: OWN }));

describe('a DKIM key that is gone', () => {
  test('is found while mail passes with it, once and by this kind alone', async () => {
    await own();
    await signed(41, 0);
    await publishKey(LOST);
    await absent();
    await look();
    expect(await found()).toEqual([`dkim_key_missing ${KEY} high open`]);
    expect(await told()).toContain('all of which pass by DKIM alone');
    expect(await told()).toContain(`The key at ${KEY} was taken away at ${TODAY} 14:02 UTC.`);
  });

  test('is not, when its mail ended a week before', async () => {
    await f.put(span(41, 0, 'both', 500, REPORTERS, { source: OWN }));
    await signed(41, 8);
    await publishKey(LOST);
    await absent();
    await look();
    expect(await found()).toEqual([]);
  });

  test('is found when it was revoked', async () => {
    await own();
    await signed(41, 0);
    await publishKey(LOST);
    await publish({ name: KEY, purpose: 'dkim', value: 'v=DKIM1; p=', from: LOST.toISOString() });
    await look();
    expect(await found()).toEqual([`dkim_key_missing ${KEY} high open`]);
    expect(await told()).toContain('replaced by an empty one (p=)');
  });

  test('is over when it is back', async () => {
    await own();
    await signed(41, 0);
    await publishKey(LOST);
    await absent();
    await look();
    await publish({ name: KEY, purpose: 'dkim', value: 'v=DKIM1; p=MIIBIjAN', from: `${TODAY}T18:00:00Z` });
    await look();
    expect(await found()).toEqual([`dkim_key_missing ${KEY} high resolved`]);
  });

  test('explains the mail that fails since: one mail, not two', async () => {
    await f.put([
      ...span(41, 3, 'dkim', 500, REPORTERS, { source: OWN }),
      ...span(41, 0, 'both', 4_000, REPORTERS, { source: '203.0.113.0/24' }),
    ]);
    await signed(41, 3);
    const at = new Date(`${ago(3)}T14:02:00Z`);
    await publishKey(at);
    await absent(at);
    f.setNow(new Date(`${ago(2)}T08:00:00Z`));
    await f.analyze();
    f.setNow(new Date(`${TODAY}T20:00:00Z`));
    await f.put(span(2, 0, 'unauthenticated', 500, REPORTERS, { source: OWN }));
    await f.analyze();
    const mailed = (await f.events()).filter(({ notify }) => notify).map(({ kind, event }) => `${kind} ${event}`);
    expect(mailed.filter((one) => !one.startsWith('dkim_key_missing'))).toEqual([]);
    expect(mailed[0]).toBe('dkim_key_missing opened');
    expect((await f.findings()).map(({ kind }) => kind)).toContain('authentication_regression');
    expect(await told()).toContain('messages that failed since');
  });
});

describe('a DKIM key that was never seen', () => {
  test('is found when mail passed with it of late', async () => {
    await own();
    await signed(41, 3);
    await absent();
    await look();
    expect(await found()).toEqual([`dkim_key_missing ${KEY} high open`]);
    expect(await told()).toContain(
      `Mail has passed with the key at ${KEY}, and since ${TODAY} 14:02 UTC at the latest there is none.`,
    );
  });

  test('is not, when no mail has for long, nobody answers, or DNS has it', async () => {
    await own();
    await signed(41, 20);
    await absent();
    await look();
    expect(await found()).toEqual([]);
    await signed(19, 0);
    await f.t.db.query("update ruawatch.dns_questions set state = 'unknown'");
    await look();
    expect(await found()).toEqual([]);
  });

  test('is found when a sender of our own signs with it and none of its mail passes', async () => {
    await f.put(span(41, 0, 'spf', 500, REPORTERS, { source: OWN }));
    await f.analyze();
    await signed(5, 0, 0);
    await absent();
    await look();
    expect((await found()).map((one) => one.replace(/ (low|medium|high) /, ' '))).toEqual([`dkim_key_missing ${KEY} open`]);
    expect(await told()).toContain('none of these signatures passes');
  });

  test('is not, when a stranger invents the selector', async () => {
    await own();
    await f.put(span(5, 0, 'unauthenticated', 500, REPORTERS, { source: '198.51.100.0/24' }));
    await f.analyze();
    await signed(5, 0, 0, '198.51.100.0/24');
    await absent();
    await look();
    expect(await found()).toEqual([]);
  });
});

test('what it says of invented records is as it was', () => expectLives('missing'));
