import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { analyzeDomain } from '../../services/analyzer/analyze.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import { tryLockDomain } from '../../services/store/locks.ts';
import { putSender } from '../../services/store/sources/sender-list.ts';
import { type Fixture, fixture } from './fixture.ts';
import { ago, DOMAIN, REPORTERS, row, span } from './rows.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const OWN = { source: '192.0.2.0/24' };
const ordinary = (from: number, to: number) => span(from, to, 'both', 100, REPORTERS, OWN);
const work = async () => (await f.t.db.query<{ n: number }>('select count(*) as n from ruawatch.analysis_work')).rows[0]!.n;

type Query = (text: string, values?: unknown[]) => Promise<{ rows: Record<string, unknown>[] }>;

/** The pool, with what stands around each statement of each client. */
function around(db: Db, statement: (query: Query, text: string, values?: unknown[]) => ReturnType<Query>): Db {
  return new Proxy(db, {
    get(target, name) {
      if (name !== 'connect') {
        const value = Reflect.get(target, name);
        // The pool's own query takes a client by a callback.
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async () => {
        const client = await target.connect();
        return new Proxy(client, {
          get(inner, key) {
            const value = Reflect.get(inner, key);
            if (key !== 'query') return typeof value === 'function' ? value.bind(inner) : value;
            return (text: string, values?: unknown[]) => statement((some, of) => inner.query(some, of), text, values);
          },
        });
      };
    },
  });
}

/**
 * The pool, noting what each statement of each client reads: its text, its values, and how many rows came.
 */
function noting(db: Db, seen: { text: string; values: unknown[]; rows: Record<string, unknown>[] }[]): Db {
  return around(db, async (query, text, values = []) => {
    const result = await query(text, values);
    seen.push({ text, values, rows: result.rows });
    return result;
  });
}

test('only what changed is read: the named sources, and nothing older than the window', async () => {
  const many = Array.from({ length: 50 }, (_, n) =>
    span(60, 0, 'both', 10, ['google.com'], { source: `sender${n}.example` }),
  ).flat();
  await f.put(many);
  await f.analyze();
  const { rows: before } = await f.t.db.query('select source, classified_at from ruawatch.sources order by source');

  await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, 'sender7.example')", [DOMAIN]);
  const seen: { text: string; values: unknown[]; rows: Record<string, unknown>[] }[] = [];
  f.setNow(new Date(f.context.clock.now().getTime() + 60_000));
  await analyzeDomain({ ...f.context, db: noting(f.t.db, seen) }, DOMAIN);
  expect(seen.some((s) => s.text.includes('ruawatch.records'))).toBe(false);
  const details = seen.find((s) => s.text.includes('signing_domain'))!;
  expect(new Set(details.rows.map((r) => r.source))).toEqual(new Set(['sender7.example']));
  expect(details.rows).toHaveLength(42);
  expect(details.rows[0]!.day).toBe(ago(41));
  // Nothing that was read is larger than the domain has sources or the window days: the other sources came as
  // sums.
  expect(Math.max(...seen.map((s) => s.rows.length))).toBe(50);
  const { rows: after } = await f.t.db.query('select source, classified_at from ruawatch.sources order by source');
  expect(after.filter((r, i) => r.classified_at.getTime() !== before[i].classified_at.getTime()).map((r) => r.source)).toEqual([
    'sender7.example',
  ]);
});

test('a domain finding does not shrink or resolve because other sources were not named', async () => {
  const nets = Array.from({ length: 20 }, (_, n) =>
    span(3, 0, 'unauthenticated', 10, REPORTERS, { source: `198.18.${n}.0/24` }),
  ).flat();
  await f.put([...ordinary(20, 0), ...nets]);
  await f.analyze();
  const [then] = await f.findings();
  await f.put([row(ago(0), 'both', 5, { source: 'new.example' })]);
  await f.analyze();
  const [now] = await f.findings();
  expect(now).toMatchObject({ state: 'open', evidence: { messages: 2400, senders: 20 } });
  expect(now!.revision).toBe(then!.revision);
});

test('a botnet of thousands of networks is judged in parts and is one finding with the right sum', async () => {
  const nets = Array.from({ length: 1500 }, (_, n) =>
    row(ago(1), 'unauthenticated', 2, { source: `198.${n >> 8}.${n & 255}.0/24` }),
  );
  await f.put([...ordinary(20, 0), ...nets]);
  const { outcome, sources } = await f.analyze();
  expect({ outcome, sources }).toEqual({ outcome: 'done', sources: 1501 });
  expect(await f.findings()).toMatchObject([{ kind: 'unauthorized_source', evidence: { messages: 3000, senders: 1500 } }]);
  expect((await f.findings())[0]!.evidence.who).toHaveLength(10);
});

test('a finding whose source waits for a later part of the work is not taken for silent in an earlier one', async () => {
  const last = { source: 'zzz.example' };
  await f.put([...ordinary(41, 20), ...span(25, 20, 'foreign', 100, REPORTERS, last)]);
  f.setNow(new Date(`${ago(19)}T08:00:00Z`));
  await f.analyze();
  const others = Array.from({ length: 600 }, (_, n) => row(ago(1), 'both', 1, { source: `a${n}.example` }));
  f.setNow(new Date(`${ago(0)}T08:00:00Z`));
  await f.put([...others, ...ordinary(19, 0), ...span(19, 0, 'foreign', 100, REPORTERS, last)]);
  expect((await f.analyze()).events).toEqual([]);
  expect(await f.findings()).toMatchObject([{ state: 'open', first_day: ago(25), last_day: ago(0) }]);
});

test('work that comes while a domain is judged stays, and a failure puts back what was taken', async () => {
  await f.put(ordinary(5, 0));
  const broken: typeof f.context = {
    ...f.context,
    clock: {
      now() {
        throw Object.assign(new Error('the server is shutting down'), { code: '57P01' });
      },
    },
  };
  const waiting = await work();
  await expect(analyzeDomain(broken, DOMAIN)).rejects.toThrow('shutting down');
  expect(await work()).toBe(waiting);

  let added = false;
  const slow: typeof f.context = {
    ...f.context,
    db: around(f.t.db, async (query, text, values) => {
      if (text.includes('signing_domain') && !added) {
        added = true;
        await f.put([row(ago(0), 'both', 1, { source: 'late.example' })]);
      }
      return query(text, values);
    }),
  };
  await analyzeDomain(slow, DOMAIN);
  expect(added).toBe(true);
  const { rows } = await f.t.db.query('select source from ruawatch.analysis_work');
  expect(rows).toEqual([{ source: 'late.example' }]);
});

test('a report that claims a day of the future does not push the true ones out of the window', async () => {
  await f.put([...ordinary(20, 0), ...span(9, 0, 'foreign', 100)]);
  await f.put([row('2038-01-19', 'both', 1, OWN)]);
  await f.analyze();
  expect(await f.findings()).toMatchObject([{ kind: 'alignment_failure', last_day: ago(0) }]);
});

test('a domain that another process analyzes is left to it, with its work', async () => {
  await f.put(ordinary(3, 0));
  const before = await work();
  const other = await f.t.db.connect();
  try {
    await other.query('begin');
    expect(await tryLockDomain(other, DOMAIN)).toBe(true);
    expect(await f.analyze()).toMatchObject({ outcome: 'busy', sources: 0, events: [] });
  } finally {
    await other.query('rollback');
    other.release();
  }
  expect(await work()).toBe(before);
});

/** A line for each statement: its tables, its values, and how many rows came; long values in part. */
function linesOf(seen: readonly { text: string; values: unknown[]; rows: unknown[] }[]): string[] {
  const shown = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.length > 12 ? [`${value.length} of`, ...value.slice(0, 2)] : value.map(shown);
    return typeof value === 'string' && value.length > 200 ? `${value.slice(0, 200)}…` : value;
  };
  return seen.flatMap(({ text, values, rows }) => {
    const tables = [...new Set(text.match(/\b(?:ruawatch|dmarc)\.\w+/g) ?? [])];
    const [verb] = /^\s*(?:select|insert|update|delete|with)\b/i.exec(text) ?? [];
    return verb === undefined || tables.length === 0
      ? []
      : [
          `${verb.trim().toLowerCase()} ${tables.join(' ').replaceAll('ruawatch.', '')}: ${JSON.stringify(values.map(shown))} ${rows.length}`,
        ];
  });
}

/** Compares the statements of an analysis with the golden file of that name, which a person has read. */
async function expectStatements(name: string): Promise<void> {
  const seen: { text: string; values: unknown[]; rows: Record<string, unknown>[] }[] = [];
  await analyzeDomain({ ...f.context, db: noting(f.t.db, seen) }, DOMAIN);
  await expect(`${linesOf(seen).join('\n')}\n`).toMatchFileSnapshot(
    path.join(import.meta.dirname, 'golden', `statements-${name}.txt`),
  );
}

const named = (address: string, name: string, organization: string) =>
  f.t.db.query(
    `insert into ruawatch.addresses (address, first_seen, last_seen, name, confirmed, organization, looked_up_at)
     values ($1, '2026-01-01', '2026-05-29', $2, true, $3, '2026-05-01')`,
    [address, name, organization],
  );

test('what an analysis of a domain with mail of every sort reads and writes is as it was', async () => {
  await named('40.107.1.7', 'a.outbound.protection.outlook.com', 'outlook.com');
  await named('40.107.2.7', 'b.outbound.protection.outlook.com', 'outlook.com');
  await named('198.51.100.7', 'app.example.com', 'example.com');
  // Hosts of others, of whose mail enough fails to be looked at, and less.
  await named('198.51.201.7', 'mx.five.example', 'five.example');
  await named('198.51.202.7', 'mx.four.example', 'four.example');
  await f.put([
    ...ordinary(60, 0),
    ...span(60, 10, 'both', 20, ['gmx.net'], OWN),
    ...span(20, 0, 'foreign', 30, REPORTERS, { source: 'crm.example', signing_domain: 'crm.example' }),
    ...span(20, 0, 'foreignDkim', 3, REPORTERS, { source: 'list.example', failed_signed: 3 }),
    ...span(30, 0, 'forwardedPass', 10, REPORTERS, { source: '203.0.113.0/24' }),
    ...span(3, 0, 'dkim', 40, REPORTERS, { source: 'new.example' }),
    ...span(41, 0, 'spf', 50, REPORTERS, { source: '40.107.1.0/24' }),
    ...span(4, 0, 'unauthenticated', 20, REPORTERS, { source: '40.107.2.0/24' }),
    ...span(4, 0, 'unauthenticated', 5, REPORTERS, { source: '198.51.100.0/24' }),
    ...span(6, 0, 'below', 7, REPORTERS, { source: '198.18.1.0/24' }),
    row(ago(1), 'unauthenticated', 5, { source: '198.51.201.0/24' }),
    row(ago(1), 'unauthenticated', 4, { source: '198.51.202.0/24' }),
    ...span(9, 0, 'spf', 5, REPORTERS, { source: 'denied.example' }),
    ...span(60, 50, 'dkim', 5, REPORTERS, { source: 'gone.example' }),
    // As much as makes a stranger, and less.
    ...span(9, 0, 'foreign', 2, REPORTERS.slice(0, 1), { source: 'twenty.example' }),
    ...span(9, 0, 'foreign', 2, REPORTERS.slice(0, 1), { source: 'fewer.example' }).slice(1),
  ]);
  await f.putPolicies(REPORTERS.flatMap((reporter) => [{ day: ago(0), reporter, policy: 'p=none', reports: 1 }]));
  const word = { by: 'Ada', why: 'not ours' };
  const denied = { domain: DOMAIN, source: 'denied.example', service: null };
  await putSender(f.t.db, denied, { verdict: 'denied', word, until: null }, f.context.clock.now());
  await f.t.db.query('insert into ruawatch.dns_watch (domain, due_at, asked_at) values ($1, $2, $2)', [DOMAIN, '2026-05-29']);
  await f.t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen)
     values ($1, $1, 'TXT', 'spf', 'v=spf1 ip4:192.0.2.0/24 -all', '{}', '2026-01-01', '2026-05-29')`,
    [DOMAIN],
  );
  await expectStatements('first');
  // The next look at it, by the clock.
  await f.t.db.query("insert into ruawatch.analysis_work (domain, source) values ($1, '')", [DOMAIN]);
  await expectStatements('again');
});

test.each<[string, string[], number]>([
  ['others', REPORTERS, 27],
  ['nobody-known', [], 27],
  ['quorum', [], 28],
])('what an analysis reads and writes where strangers report is as it was (%s)', async (name, known, age) => {
  const strangers = ['a.example', 'b.example', 'c.example'];
  const reporters = [...known, ...strangers];
  // Nobody looks names up, so none is waited for.
  f.context.config.enrich.dns = 'off';
  f.context.config.analyzer.wait_for_names_hours = 6;
  await named('40.107.2.7', 'b.outbound.protection.outlook.com', 'outlook.com');
  for (const reporter of strangers) {
    await f.t.db.query('insert into ruawatch.reporters (reporter, proven) values ($1, true)', [reporter]);
    await f.t.db.query(
      'insert into ruawatch.reporter_arrivals (reporter, day) select $1, $2::date - n from generate_series($3::int - 9, $3::int) n',
      [reporter, ago(-1), age],
    );
  }
  await f.put([
    ...span(60, 0, 'both', 100, reporters, OWN),
    ...span(30, 0, 'forwardedPass', 10, reporters, { source: '203.0.113.0/24' }),
    ...span(3, 0, 'dkim', 40, reporters, { source: 'new.example' }),
    ...span(6, 0, 'below', 7, reporters, { source: '198.18.1.0/24' }),
    ...span(9, 0, 'spf', 5, reporters, { source: 'denied.example' }),
    // What strangers alone saw pass did not.
    ...span(30, 7, 'spf', 50, ['a.example'], { source: '40.107.2.0/24' }),
    ...span(6, 0, 'unauthenticated', 7, reporters, { source: '40.107.2.0/24' }),
  ]);
  const word = { by: 'Ada', why: 'not ours' };
  const denied = { domain: DOMAIN, source: 'denied.example', service: null };
  await putSender(f.t.db, denied, { verdict: 'denied', word, until: null }, f.context.clock.now());
  await expectStatements(name);
});

test('what an analysis reads where records changed and reporters fell silent is as it was', async () => {
  f.context.config.analyzer.wait_for_names_hours = 6;
  // One has been silent for as long as is told of, one for less.
  await f.put([...ordinary(41, 0), ...span(41, 8, 'both', 20, ['gmx.net'], OWN), ...span(41, 7, 'both', 20, ['web.de'], OWN)]);
  await f.put(span(3, 0, 'unauthenticated', 9, REPORTERS, { source: '198.18.1.0/24' }));
  await f.t.db.query('insert into ruawatch.dns_watch (domain, due_at, asked_at) values ($1, $2, $2)', [DOMAIN, '2026-05-29']);
  await f.t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen, gone_at)
     values ($1, $1, 'TXT', 'spf', 'v=spf1 ip4:192.0.2.0/24 include:_spf.craft.example -all', '{}', '2026-01-01', '2026-05-28', '2026-05-28'),
            ($1, $1, 'TXT', 'spf', 'v=spf1 ip4:192.0.2.0/24 -all', '{}', '2026-05-28', '2026-05-29', null),
            ($1, 's1._domainkey.' || $1, 'TXT', 'dkim', 'v=DKIM1; p=MIIB', '{}', '2026-01-01', '2026-05-28', '2026-05-28'),
            ($1, 's5._domainkey.' || $1, 'TXT', 'dkim', 'v=DKIM1; p=MIIB', '{}', '2026-01-01', '2026-05-29', null)`,
    [DOMAIN],
  );
  await f.t.db.query(
    `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, answers)
     values ($1, 's2._domainkey.' || $1, 'TXT', 'dkim', 'absent', '2026-05-29', '[]'),
            ($1, 's3._domainkey.' || $1, 'TXT', 'dkim', 'records', '2026-05-29', '[]'),
            ($1, 's4._domainkey.' || $1, 'CNAME', 'dkim', 'absent', '2026-05-29', '[]'),
            ($1, '_dmarc.' || $1, 'TXT', 'dmarc', 'absent', '2026-05-29', '[]')`,
    [DOMAIN],
  );
  await expectStatements('changed');
});

test('what the parts of the work on more sources than are looked at together read and write is as it was', async () => {
  const many = Array.from({ length: 600 }, (_, n) => row(ago(1), 'both', 1, { source: `a${n}.example` }));
  await f.put([...many, ...ordinary(20, 0)]);
  await expectStatements('parts');
});
