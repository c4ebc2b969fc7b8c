import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Applying, applyRequest } from '../../services/applier/apply.ts';
import { closePublished, isBroken, watchChanges } from '../../services/applier/watch.ts';
import type { Plan } from '../../services/requests/plan.ts';
import { aliasOf, txtOf } from '../../services/requests/plans/members.ts';
import type { DnsTarget } from '../../services/shared/settings/dns-servers.ts';
import type { Broken } from '../../services/store/requests/broken.ts';
import { adoptOnboarding, insertOnboarding } from '../../services/store/requests/onboardings.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { type Fixture, fixture } from '../analyzer/fixture.ts';
import { ago, DOMAIN, REPORTERS, span } from '../analyzer/rows.ts';
import { planOf, rulesOf } from '../requests/sample.ts';

/** What passes falls to nothing, but where a test says otherwise. */
const of = (messages: number, lost: number, reporters = 2, [messages_before, lost_before] = [0, 0], more: Partial<Broken> = {}) =>
  isBroken({ messages, lost, reporters, messages_before, lost_before, failed_before: 0, passed: 0, passed_usual: 1000, ...more });

test.each([
  ['20 lost by the word of two reporters', of(20, 20), true],
  ['19 lost', of(19, 19), false],
  ['one reporter', of(20, 20, 1), false],
  ['three reporters', of(20, 20, 3), true],
  ['two in a hundred', of(1000, 20), true],
  ['less than two in a hundred', of(1001, 20), false],
  ['four times what was usual', of(1000, 40, 2, [1000, 10]), true],
  ['less than four times what was usual', of(1000, 39, 2, [1000, 10]), false],
  ['four times what was usual, of less mail', of(1000, 40, 2, [100, 1]), true],
  ['nothing was lost before', of(1000, 20, 2, [1000, 0]), true],
  ['all was lost before', of(1000, 1000, 2, [1000, 1000]), false],
  ['no mail before', of(1000, 20, 2, [0, 0]), true],
  ['no mail before, so that none is missing', of(1000, 20, 2, [0, 0], { passed_usual: 0 }), true],
  ['no mail before, and less than two in a hundred', of(1001, 20, 2, [0, 0]), false],
  ['one mail before', of(1000, 20, 2, [1, 0], { passed_usual: 0 }), false],
  // Somebody else sends as the domain through a service of ours: what passed before passes still.
  ['mail that is new and fails', of(1500, 500, 3, [2000, 0], { passed: 1000 }), false],
  ['a fifth of what passed fails now', of(1000, 200, 3, [2000, 0], { passed: 800 }), false],
  ['more than a fifth of what passed fails now', of(1000, 201, 3, [2000, 0], { passed: 799 }), true],
  // Mail has bad days, and whoever sends beside it has many addresses.
  ['what passes dips, and far more is lost', of(5900, 5000, 3, [2000, 0], { passed: 700 }), false],
  ['all that passed fails now, and more than that', of(5000, 5000, 3, [2000, 0], { passed: 100 }), true],
  ['a small sender has a day without mail', of(500, 500, 3, [2000, 0], { passed: 0, passed_usual: 9 }), false],
  ['what failed before is not delivered now', of(1000, 50, 3, [2000, 0], { passed: 1000, failed_before: 50 }), true],
  ['less than half of it failed before', of(1000, 50, 3, [2000, 0], { passed: 1000, failed_before: 49 }), false],
])('%s: broken is %s', (_, broken, expected) => {
  expect(broken).toBe(expected);
});

const HOUR_MS = 3_600_000;
const RULES = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1000 } });
let f: Fixture;
let lines: object[];
const withFixture = () => {
  beforeEach(async () => {
    f = await fixture();
    lines = [];
  });
  afterEach(() => f.close());
};
/** A server that answers with the code. */
const program = (code: number): DnsTarget => ({
  kind: 'command',
  name: 'git',
  zones: [DOMAIN],
  command: ['sh', '-c', `cat > /dev/null; echo said; exit ${code}`],
});
const means = (code = 0, signal = new AbortController().signal): Applying => ({
  db: f.t.db,
  log: pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  targets: [program(code)],
  at: () => f.context.clock.now(),
  now: () => f.context.clock.now(),
  signal,
});
type Change = Plan['changes'][number];
const record = (name: string, given: object = {}): Change =>
  ({
    target: 'dns',
    name: `${name}.${DOMAIN}`,
    type: 'TXT',
    ttl: { before: 60, after: 60 },
    before: [],
    after: [txtOf('new')],
    ...given,
  }) as Change;
const sender = (source: string): Change => ({
  target: 'senders',
  domain: DOMAIN,
  source,
  is_service: false,
  before: null,
  after: 'approved',
  until: null,
});
const ask = async (changes: Change[], part: Partial<Plan> = {}) => {
  const plan = planOf({
    kind: 'dns.change',
    domain: DOMAIN,
    changes,
    back: { watch_hours: 72, text: 'It is put back.' },
    ...part,
  });
  const given = { plan, requester: 'zoe@example.com', requester_kind: 'person' as const, why: 'x' };
  return (await openRequest(f.t.db, RULES, given, f.context.clock.now()))!;
};
const applied = async (changes: Change[], part: Partial<Plan> = {}) => {
  const key = await ask(changes, part);
  await applyRequest(await loadRequest(f.t.db, key), means());
  expect((await loadRequest(f.t.db, key)).state).toBe('active');
  return key;
};
const endOf = async (key: number) => {
  const { state, outcome } = await loadRequest(f.t.db, key);
  return [state, outcome];
};
const later = (ms: number) => f.setNow(new Date(f.context.clock.now().getTime() + ms));

describe('the end of a watch', () => {
  withFixture();
  const WATCH_MS = 96 * HOUR_MS;

  test('comes a day after its time, when the reports about it have come', async () => {
    const key = await applied([record('a')]);
    later(WATCH_MS - 1);
    await watchChanges(means());
    expect((await endOf(key))[0]).toBe('active');
    later(1);
    await watchChanges(means(0, AbortSignal.abort()));
    expect((await endOf(key))[0]).toBe('active');
    await watchChanges(means());
    expect(await endOf(key)).toEqual(['done', 'The watch is over: no mail of your own senders broke.']);
    expect(lines).toEqual([]);
  });

  test('waits for what is handed over', async () => {
    const key = await applied([record('a')]);
    await f.t.db.query("update ruawatch.requests set state = 'handed_over' where request_key = $1", [key]);
    later(WATCH_MS);
    await watchChanges(means());
    expect((await endOf(key))[0]).toBe('handed_over');
  });

  describe('over a third party', () => {
    const party = async () => {
      const key = await applied([record('a')], { kind: 'sender.onboard' });
      const given = { domain: DOMAIN, source: 'postbird.example', is_service: false, owner: 'ada', expected_daily: null };
      await insertOnboarding(f.t.db as never, key, { ...given, contract_ends: '2027-01-01' });
      return key;
    };
    test('of which nothing is noted is as any other', async () => {
      const key = await applied([record('a')], { kind: 'sender.onboard' });
      later(WATCH_MS);
      await watchChanges(means());
      expect(await endOf(key)).toEqual(['done', 'The watch is over: no mail of your own senders broke.']);
    });

    test('whose mail passes leaves it adopted', async () => {
      const key = await party();
      await adoptOnboarding(f.t.db, key, f.context.clock.now());
      later(WATCH_MS);
      await watchChanges(means());
      expect(await endOf(key)).toEqual(['done', 'Its mail arrives and passes DMARC: it is adopted.']);
    });

    test.each([
      [0, 'returned', 'Reports show no mail of postbird.example. It is rolled back.'],
      [75, 'active', 'It is applied, and watched for 72 hours.'],
      [3, 'done', 'Reports show no mail of postbird.example. It could not be rolled back: said'],
    ])('whose mail does not come, and a server that ends with %s', async (code, state, says) => {
      const key = await party();
      later(WATCH_MS);
      await watchChanges(means(code));
      expect(await endOf(key)).toEqual([state, says]);
    });

    test('whose mail fails takes it back', async () => {
      await f.put(span(30, 8, 'both', 1000, REPORTERS, { source: '192.0.2.0/24' }));
      await f.analyze();
      f.setNow(new Date(`${ago(7)}T12:00:00Z`));
      const key = await party();
      await f.put(span(6, 5, 'unauthenticated', 10, REPORTERS, { source: 'postbird.example' }));
      later(WATCH_MS);
      await watchChanges(means());
      expect(await endOf(key)).toEqual(['returned', 'None of 60 messages of postbird.example passed DMARC. It is rolled back.']);
    });
  });
});

describe('a change after which own mail fails', () => {
  withFixture();
  const OWN = { source: '192.0.2.0/24' };
  const broken = async (changes: Change[]) => {
    await f.put(span(30, 8, 'both', 1000, REPORTERS, OWN));
    await f.analyze();
    f.setNow(new Date(`${ago(7)}T12:00:00Z`));
    const key = await applied(changes);
    await f.put(span(6, 5, 'both', 1000, REPORTERS, OWN));
    await f.t.db.query(
      'update ruawatch.source_days set passed = messages / 4, rejected = messages / 2 where day >= $1 and domain = $2',
      [ago(6), DOMAIN],
    );
    return key;
  };
  const WHY = '3,000 messages of your own senders (of 6,000 messages) failed and were not delivered since, by 3 reporters.';

  test.each([
    [0, 'returned', `${WHY} The previous state was restored.`, true],
    [3, 'done', `${WHY} It could not be restored: said`, false],
  ])('is returned, if its server lets it: %s', async (code, state, says, returned) => {
    const key = await broken([record('_dmarc')]);
    await watchChanges(means(code));
    expect(await endOf(key)).toEqual([state, says]);
    expect(lines).toEqual([{ level: 40, request: key, returned, msg: 'a change broke mail' }]);
  });

  test('is not done while its server is away, whatever the time', async () => {
    const key = await broken([record('_dmarc')]);
    await f.t.db.query("update ruawatch.requests set ends_at = applied_at - interval '9 days'");
    await watchChanges(means(75));
    expect((await endOf(key))[0]).toBe('active');
    expect(lines).toEqual([]);
    await watchChanges(means());
    expect((await endOf(key))[0]).toBe('returned');
  });

  test('and that changed no record is left', async () => {
    const key = await broken([sender('mailer.example')]);
    await watchChanges(means());
    expect((await endOf(key))[0]).toBe('active');
  });
});

describe('what is published by others', () => {
  withFixture();
  /** What the watcher sees at a name: its texts, and the names that it is an alias of. */
  const sees = async (name: string, texts: string[], aliases: string[] = []) => {
    const at = f.context.clock.now();
    await f.t.db.query(
      `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answered_at, aliases, answers)
       values ($1, $2, 'TXT', 'dkim', 'records', $3, $3, $3, $4, '[]')`,
      [DOMAIN, `${name}.${DOMAIN}`, at, aliases],
    );
    for (const text of texts)
      await f.t.db.query(
        `insert into ruawatch.dns_records (domain, name, type, purpose, value, first_seen, last_seen, servers)
         values ($1, $2, 'TXT', 'dkim', $3, $4, $4, '{}')`,
        [DOMAIN, `${name}.${DOMAIN}`, text, at],
      );
  };
  const handOver = async (changes: Change[], part: Partial<Plan> = {}) => {
    const key = await ask(changes, part);
    await f.t.db.query("update ruawatch.requests set state = 'handed_over' where request_key = $1", [key]);
    return key;
  };
  const texts = (before: string[], after: string[]) => ({ before: before.map(txtOf), after: after.map(txtOf) });
  const alias = (before: string[], after: string[]) => ({
    type: 'CNAME',
    before: before.map(aliasOf),
    after: after.map(aliasOf),
  });

  const CASES: [string, object, [string[], string[]?] | null, boolean][] = [
    ['a text that is there', texts([], ['new']), [['new']], true],
    ['a text beside another', texts([], ['new']), [['other', 'new']], true],
    ['a text that is not there', texts([], ['new']), [['other']], false],
    ['a name that has no answer', texts([], ['new']), null, false],
    ['a text instead of another', texts(['old'], ['new']), [['new']], true],
    ['a text beside the one before', texts(['old'], ['new']), [['old', 'new']], false],
    ['one of two texts', texts(['old', 'stays'], ['stays', 'new']), [['new']], true],
    ['two texts, of which one is there', texts([], ['new', 'two']), [['new']], false],
    ['a text that is gone', texts(['old'], []), [[]], true],
    ['a text that is not gone', texts(['old'], []), [['old']], false],
    ['a text behind an alias', texts([], ['new']), [['new'], ['x.example']], false],
    ['a text that gave way to an alias', texts(['old'], []), [['old'], ['x.example']], true],
    ['an alias', alias([], ['Target.example']), [[], ['target.example']], true],
    ['an alias of an alias', alias([], ['target.example']), [[], ['x.example', 'target.example']], false],
    ['no alias', alias([], ['target.example']), [['target.example']], false],
    ['an alias that is gone', alias(['target.example'], []), [[]], true],
    ['an alias that is not gone', alias(['Target.example'], []), [[], ['target.example']], false],
    ['another alias', alias(['old.example'], ['new.example']), [[], ['new.example']], true],
    ['the alias before', alias(['old.example'], ['new.example']), [[], ['old.example']], false],
    ['what is no text', { type: 'MX', before: [], after: [] }, [[]], false],
  ];
  test('is done when all of it is there, and nothing that was to go', async () => {
    const keys: number[] = [];
    for (const [i, [, change, seen]] of CASES.entries()) {
      keys.push(await handOver([record(`a${i}`, change)]));
      if (seen !== null) await sees(`a${i}`, ...seen);
    }
    await closePublished(means());
    const ends = await Promise.all(keys.map(endOf));
    const says = ['done', 'The records are published as it asks: the watcher has seen them.'];
    expect(ends.map((end, i) => [CASES[i]![0], end])).toEqual(
      CASES.map(([name, , , done]) => [name, done ? says : ['handed_over', null]]),
    );
  });

  test('counts when all records of a plan are there, also before anybody decides', async () => {
    const keys = [
      await handOver([record('a'), record('b')]),
      await handOver([record('a'), record('c')]),
      await ask([record('a', { ttl: { before: 60, after: 61 } })]),
    ];
    for (const name of ['a', 'b']) await sees(name, ['new']);
    await closePublished(means());
    expect((await Promise.all(keys.map(endOf))).map(([state]) => state)).toEqual(['done', 'handed_over', 'done']);
  });

  test('waits for what is to be made beside it, and is watched then where a part was made by us', async () => {
    const made = async (key: number, state: string, forward = true) => {
      await f.t.db.query(
        `insert into ruawatch.changes (request_key, position, forward, target, name, before, after, state, intended_at)
         values ($1, 1, $2, 'senders', 's', 'null', 'null', $3, now())`,
        [key, forward, state],
      );
      return key;
    };
    await sees('a', ['new']);
    const both = (n: number) => [record('a', { ttl: { before: 60, after: 60 + n } }), sender(`s${n}.example`)];
    const keys = [
      await handOver(both(1)),
      await made(await handOver(both(2)), 'intended'),
      await made(await handOver(both(3)), 'applied', false),
      await made(await handOver(both(4)), 'applied'),
      await made(await handOver(both(5)), 'applied'),
      await made(await ask(both(6)), 'applied'),
    ];
    await f.t.db.query('update ruawatch.requests set applied_at = $2 where request_key = $1', [keys[4], f.context.clock.now()]);
    await closePublished(means());
    const states = ['handed_over', 'handed_over', 'handed_over', 'done', 'active', 'approved'];
    expect((await Promise.all(keys.map(endOf))).map(([state]) => state)).toEqual(states);
  });
});
