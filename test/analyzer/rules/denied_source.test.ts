import { afterEach, beforeEach, expect, test } from 'vitest';
import { deniedSource } from '../../../services/analyzer/rules/denied_source.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { endSender, putSender } from '../../../services/store/sources/sender-list.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, REPORTERS, sourceWindow, span, TODAY } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const OWN = '192.0.2.0/24';
const NET = '198.18.4.0/24';
const open = async () => (await f.findings()).filter((x) => x.state === 'open').map((x) => [x.kind, x.subject]);

test('a denied source whose mail passes is told at once, with what lets it pass, until none does', async () => {
  await f.put([
    ...span(20, 0, 'both', 500, REPORTERS, { source: OWN }),
    ...span(8, 0, 'unauthenticated', 40, REPORTERS, { source: NET }),
  ]);
  await f.analyze();
  const subject = { domain: DOMAIN, source: OWN, service: null };
  const word = { by: 'Ada', why: 'left in May' };
  // No mail has come since the denial: that which came in the week before it passed all the same.
  await putSender(f.t.db, subject, { verdict: 'denied', word, until: null }, f.context.clock.now());
  await f.analyze();
  const finding = (await f.findings()).find((x) => x.subject === OWN)!;
  expect(finding).toMatchObject({
    kind: 'unauthorized_source',
    severity: 'high',
    state: 'open',
    first_day: ago(6),
    last_day: TODAY,
    evidence: { messages: 7 * 3 * 500, delivered: 7 * 3 * 500, reporters: REPORTERS, missing: [] },
  });
  expect(finding.evidence.what).toBe(
    `10,500 messages from ${OWN} in the name of ${DOMAIN} passed DMARC by SPF and DKIM. Ada denied it on ${ago(-1)} (left in May).`,
  );
  expect(finding.evidence.advice).toMatchObject([/^Withdraw what lets it sign/, /SPF record/, /senders approve/]);
  expect(await f.events()).toContainEqual(
    expect.objectContaining({ kind: 'unauthorized_source', event: 'opened', notify: true }),
  );

  // It is not the finding of the domain, and neither ends with the other.
  expect(await open()).toContainEqual(['unauthorized_source', DOMAIN]);
  await endSender(f.t.db, subject, word, f.context.clock.now());
  await f.analyze();
  expect(await open()).not.toContainEqual(['unauthorized_source', OWN]);
  expect((await f.findings()).find((x) => x.subject === OWN)!.evidence.resolved_why).toMatch(/no longer denies it/);
  expect(await open()).toContainEqual(['unauthorized_source', DOMAIN]);

  // What a decision ended is settled by nothing but that decision.
  await putSender(f.t.db, subject, { verdict: 'denied', word, until: null }, f.context.clock.now());
  await f.analyze();
  expect(await open()).toContainEqual(['unauthorized_source', OWN]);
});

test('the keys and the terms of SPF that let it pass are named, with who else rests on a key', async () => {
  await f.put([
    ...span(20, 0, 'both', 500, REPORTERS, { source: NET }),
    ...span(20, 0, 'dkim', 50, REPORTERS, { source: OWN }),
    ...span(20, 0, 'dkim', 500, REPORTERS, { source: 'service.example' }),
  ]);
  const signed = (source: string, selector: string, messages: number) =>
    f.t.db.query(
      `insert into ruawatch.selector_days (domain, selector, signing_domain, source, day, reporter, trust, messages, passed)
       select $1, $2, $1, $3, $4::date - n, 'google.com', 'ok', $5, $5 from generate_series(0, 20) n`,
      [DOMAIN, selector, source, TODAY, messages],
    );
  await signed(NET, 'k1', 500);
  await signed(OWN, 'k2', 50);
  await signed('service.example', 'k2', 500);
  await f.t.db.query(`insert into ruawatch.dns_watch (domain, due_at, asked_at) values ($1, now(), now())`, [DOMAIN]);
  await f.t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen) values
       ($1, $1, 'TXT', 'spf', 'v=spf1 ip4:203.0.113.0/24 include:spf.service.example -all', '{}', now(), now()),
       ($1, 'spf.service.example', 'TXT', 'spf_include', 'v=spf1 ip4:198.18.4.0/23 -all', '{}', now(), now())`,
    [DOMAIN],
  );
  const word = { by: 'Ada', why: 'not ours' };
  for (const source of [NET, OWN])
    await putSender(
      f.t.db,
      { domain: DOMAIN, source, service: null },
      { verdict: 'denied', word, until: null },
      f.context.clock.now(),
    );
  await f.analyze();
  const of = async (source: string) => (await f.findings()).find((x) => x.subject === source)!.evidence;
  expect(await of(NET)).toMatchObject({
    facts: { by: 'both', keys: [{ name: `k1._domainkey.${DOMAIN}`, others: [] }], terms: ['include:spf.service.example'] },
    advice: [/^Remove the key k1\._domainkey\.example\.com/, /^Take include:spf\.service\.example out of the SPF record/, /.*/],
  });
  expect(await of(OWN)).toMatchObject({
    facts: { by: 'dkim', keys: [{ name: `k2._domainkey.${DOMAIN}`, others: ['service.example'] }] },
    advice: [/^Do not remove the key k2\._domainkey\.example\.com yet: service\.example signs with it as well/, /.*/],
  });
});

test('denied mail that fails is told while the policy lets it through, and is over when one stops it', async () => {
  const SERVICE = 'service.example';
  await f.put([...span(20, 0, 'both', 500, REPORTERS, { source: OWN }), ...span(8, 0, 'foreign', 40, REPORTERS)]);
  const policies = (policy: string, from: number, to: number) =>
    f.putPolicies(
      REPORTERS.flatMap((reporter) =>
        Array.from({ length: from - to + 1 }, (_, n) => ({ day: ago(from - n), reporter, policy, reports: 1 })),
      ),
    );
  await policies('p=none', 20, 0);
  await f.analyze();
  expect(await open()).toContainEqual(['alignment_failure', SERVICE]);
  const word = { by: 'Ada', why: 'not ours' };
  await putSender(
    f.t.db,
    { domain: DOMAIN, source: SERVICE, service: null },
    { verdict: 'denied', word, until: null },
    f.context.clock.now(),
  );
  await f.analyze();
  expect(await open()).toEqual([['unauthorized_source', SERVICE]]);
  expect((await f.findings()).find((x) => x.kind === 'unauthorized_source')).toMatchObject({
    severity: 'high',
    evidence: { messages: 7 * 3 * 40, delivered: 7 * 3 * 40, facts: { by: 'none', policy: 'none' } },
  });
  await policies('p=quarantine', -1, -1);
  f.setNow(new Date(`${ago(-2)}T08:00:00Z`));
  await f.put(span(-1, -1, 'both', 500, REPORTERS, { source: OWN }));
  await f.put(span(-1, -1, 'foreign', 40, REPORTERS));
  await f.analyze();
  expect(await open()).toEqual([]);
  expect((await f.findings()).find((x) => x.kind === 'unauthorized_source')!.evidence.resolved_why).toBe(
    'The published policy (p=quarantine) asks receivers to stop its mail.',
  );
});

test('a few stray messages of a denied source, and what receivers say it only passed on, are nothing', () => {
  const listed = {
    entry_key: 1,
    domain: DOMAIN,
    source: OWN,
    is_service: false,
    verdict: 'denied' as const,
    by_name: 'Ada',
    why: 'left',
    since: new Date(`${ago(9)}T09:00:00Z`),
    until: null,
  };
  const found = (rows: SourceDay[]) => deniedSource.find(sourceWindow(rows, { listed }));
  const told = (rows: SourceDay[]) => found(rows).length;
  expect(found(span(5, 1, 'both', 7, REPORTERS, { source: OWN }))).toMatchObject([
    {
      kind: 'unauthorized_source',
      subject: OWN,
      severity: 'high',
      first_day: ago(5),
      last_day: ago(1),
      evidence: { since: ago(5), last_day: ago(1), messages: 105, per_day: 21, of: 6105, delivered: 105 },
    },
  ]);
  expect(told(span(2, 0, 'both', 1, REPORTERS.slice(0, 1), { source: OWN }))).toBe(0);
  expect(told(span(2, 0, 'both', 1, REPORTERS, { source: OWN }))).toBe(1);
  expect(told(span(8, 0, 'forwardedPass', 50, REPORTERS, { source: OWN }))).toBe(0);
  expect(told(span(8, 0, 'unauthenticated', 50, REPORTERS, { source: OWN }))).toBe(0);
  expect(told(span(20, 9, 'both', 50, REPORTERS, { source: OWN }))).toBe(0);
});

test('a decision that is taken back leaves the finding that it resolved as it was', async () => {
  const SERVICE = 'service.example';
  const NEW = '198.18.9.0/24';
  await f.put([
    ...span(30, 0, 'both', 500, REPORTERS, { source: OWN }),
    ...span(8, 0, 'foreign', 40, REPORTERS),
    ...span(4, 0, 'spf', 60, REPORTERS, { source: NEW }),
  ]);
  await f.analyze();
  const before = await open();
  expect(before).toEqual(
    expect.arrayContaining([
      ['alignment_failure', SERVICE],
      ['new_source', NEW],
    ]),
  );
  const word = { by: 'Ada', why: 'a mistake' };
  const now = f.context.clock.now();
  for (const [source, verdict] of [
    [SERVICE, 'denied'],
    [NEW, 'approved'],
  ] as const)
    await putSender(f.t.db, { domain: DOMAIN, source, service: null }, { verdict, word, until: null }, now);
  await f.analyze();
  expect(await open()).not.toEqual(expect.arrayContaining([before[0]]));
  for (const source of [SERVICE, NEW]) await endSender(f.t.db, { domain: DOMAIN, source, service: null }, word, now);
  await f.analyze();
  expect((await open()).sort()).toEqual(before.sort());
  const events = (await f.events()).filter(({ kind }) => kind === 'alignment_failure').map(({ event }) => event);
  expect(events).toEqual(['opened', 'resolved', 'reopened']);
});

test('a network that carries nothing but mail of a denied source is classed by the denial, and no other', async () => {
  const SERVICE = 'service.example';
  const STRAY = '198.18.9.0/24';
  await f.put([
    ...span(20, 0, 'both', 500, REPORTERS, { source: OWN }),
    ...span(9, 0, 'dkim', 100, REPORTERS, { source: SERVICE }),
    ...span(6, 0, 'dkim', 4, REPORTERS, { source: STRAY }),
    ...span(6, 0, 'dkim', 4, REPORTERS, { source: NET }),
  ]);
  const signed = (source: string, selector: string, messages: number, days: number) =>
    f.t.db.query(
      `insert into ruawatch.selector_days (domain, selector, signing_domain, source, day, reporter, trust, messages, passed)
       select $1, $2, $1, $3, $4::date - n, 'google.com', 'ok', $5, $5 from generate_series(0, $6::int) n`,
      [DOMAIN, selector, source, TODAY, messages, days],
    );
  await signed(OWN, 'mta', 500, 20);
  await signed(SERVICE, 'k1', 100, 9);
  await signed(STRAY, 'k1', 4, 6);
  // Of this one, some is signed with a key of ours.
  await signed(NET, 'k1', 2, 6);
  await signed(NET, 'mta', 2, 6);
  await f.analyze();
  const classOf = async (source: string) =>
    (await f.t.db.query<{ class: string; why: string }>('select class, why from dmarc.sources where source = $1', [source]))
      .rows[0]!;
  const before = await classOf(NET);
  expect((await classOf(STRAY)).class).toBe('authorized');
  const word = { by: 'Ada', why: 'not ours' };
  const subject = { domain: DOMAIN, source: SERVICE, service: null };
  await putSender(f.t.db, subject, { verdict: 'denied', word, until: null }, f.context.clock.now());
  await f.analyze();
  expect(await classOf(STRAY)).toMatchObject({
    class: 'unauthorized',
    why: expect.stringMatching(/^All its signed mail bears keys of service\.example, which is denied\./),
  });
  expect(await classOf(NET)).toEqual(before);
  expect((await classOf(OWN)).class).toBe('authorized');
  await endSender(f.t.db, subject, word, f.context.clock.now());
  await f.analyze();
  expect((await classOf(STRAY)).class).toBe('authorized');
});

test('what it says of invented senders is as it was', () => expectLives('denied_source'));
