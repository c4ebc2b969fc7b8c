import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AddressLookups } from '../../services/enricher/addresses.ts';
import { startEnricher } from '../../services/enricher/index.ts';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { TransientError } from '../../services/shared/errors.ts';
import { Pace } from '../../services/shared/pace.ts';
import type { ReverseResolver } from '../../services/shared/runtime/resolver.ts';
import type { Context, Service } from '../../services/shared/runtime/service.ts';
import { findAddresses } from '../../services/store/sources/addresses.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { startFake } from '../helpers/dns.ts';
import { knotPresent, startKnot, startSilent } from '../helpers/knot.ts';
import { mmdb } from '../helpers/mmdb.ts';
import { BEGIN, DAY, receive, reportMail, reportXml, type TestRow, trusting } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';

const DAY_MS = DAY * 1000;
let t: TestDatabase;
let context: Context;
let now: Date;
let service: Service | null;
let folder: string;

beforeEach(async () => {
  t = await testDatabase();
  now = new Date(BEGIN * 1000 + 2 * DAY_MS);
  context = testContext(t, { clock: { now: () => now } });
  context.config.sweep.every_seconds = 0.05;
  service = null;
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-asn-'));
});
afterEach(async () => {
  await service?.stop();
  await context.queues.close();
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});

let serial = 0;
/** Mails a report with these rows and has it parsed; none of them passes unless it says so. */
async function report(rows: TestRow[], options: { begin?: number; domain?: string } = {}) {
  const id = `e${serial++}`;
  const begin = options.begin ?? BEGIN;
  const xml = reportXml({
    id,
    begin,
    domain: options.domain ?? 'example.com',
    rows: rows.map((row) => ({ auth_dkim: null, auth_spf: null, dkim: 'fail', spf: 'fail', ...row })),
  });
  const keys = await receive(t, [reportMail(xml, { unique: id })], new Date((begin + DAY) * 1000));
  await parseMessages(t.db, keys, { trust: trusting('off') });
}

/** Answers from a table and counts the questions; an error is thrown. */
function table(answers: Record<string, string[] | Error>): ReverseResolver & { asked: string[] } {
  const asked: string[] = [];
  const answer = async (name: string) => {
    asked.push(name);
    const found = answers[name] ?? [];
    if (found instanceof Error) throw found;
    return found;
  };
  return { asked, pointers: answer, addresses: answer, cancel: () => undefined };
}

const silent = () => new TransientError('dns_failed', 'The name service could not say.');
const all = async () =>
  (
    await t.db.query(
      'select host(address) as address, name, confirmed, organization, asn, owner, country, attempts, last_error, looked_up_at from dmarc.addresses order by address',
    )
  ).rows;
/** Every report was looked through, and no address is due, or taken and not answered yet. */
const settled = () =>
  until(async () => {
    const { rows } = await t.db.query(
      `select count(*) filter (where looked_up_at is null and attempts = 0) as open, count(*) as n,
              (select upto_key is null and scanned_key = (select max(report_key) from ruawatch.reports) from ruawatch.enrichment) as scanned,
              count(*) filter (where next_at <= $1 or next_at = $1::timestamptz + interval '20 minutes') as due
         from ruawatch.addresses`,
      [now],
    );
    return rows[0].n > 0 && rows[0].open === 0 && rows[0].due === 0 && rows[0].scanned;
  });

test('an address is asked about once, whatever the number of reports and domains, and again when its time is over', async () => {
  const resolver = table({
    '7.113.0.203.in-addr.arpa': ['mail.service.example'],
    'mail.service.example': ['203.0.113.7'],
  });
  await report([{ ip: '203.0.113.7' }, { ip: '198.51.100.9' }]);
  await report([{ ip: '203.0.113.7' }], { domain: 'example.org' });
  service = startEnricher(context, { resolver });
  await settled();
  expect(await all()).toMatchObject([
    { address: '198.51.100.9', name: null, confirmed: false, organization: null, looked_up_at: now },
    { address: '203.0.113.7', name: 'mail.service.example', confirmed: true, organization: 'service.example', looked_up_at: now },
  ]);
  const once = ['7.113.0.203.in-addr.arpa', '9.100.51.198.in-addr.arpa', 'mail.service.example'];
  expect([...resolver.asked].sort()).toEqual(once);

  await report([{ ip: '203.0.113.7' }, { ip: '192.0.2.44' }]);
  await settled();
  expect([...resolver.asked].sort()).toEqual(['44.2.0.192.in-addr.arpa', ...once].sort());
  // What has no name may get one soon; a name is kept longer.
  now = new Date(now.getTime() + 4 * DAY_MS);
  await settled();
  expect(resolver.asked.length).toBe(6);
  now = new Date(now.getTime() + 27 * DAY_MS);
  await settled();
  expect(resolver.asked.filter((name) => name === 'mail.service.example').length).toBe(2);
  // Nobody asks about what has not been seen for long, until it is seen again.
  now = new Date(now.getTime() + 200 * DAY_MS);
  const before = resolver.asked.length;
  await until(async () => (await t.db.query('select from ruawatch.addresses where next_at is not null')).rowCount === 0);
  expect(resolver.asked.length).toBe(before);
  await report([{ ip: '203.0.113.7' }], { begin: Math.floor(now.getTime() / 1000) - DAY });
  await until(() => resolver.asked.length === before + 2);
});

test('a timeout is not "no name": it is asked again later, and what was known stays', async () => {
  const answers: Record<string, string[] | Error> = {
    '7.113.0.203.in-addr.arpa': ['mail.service.example'],
    'mail.service.example': silent(),
    '8.113.0.203.in-addr.arpa': silent(),
  };
  const resolver = table(answers);
  await report([{ ip: '203.0.113.7' }, { ip: '203.0.113.8' }]);
  service = startEnricher(context, { resolver });
  await settled();
  expect(await all()).toMatchObject([
    {
      address: '203.0.113.7',
      name: null,
      confirmed: null,
      attempts: 1,
      last_error: 'The name service could not say.',
      looked_up_at: null,
    },
    { address: '203.0.113.8', name: null, confirmed: null, attempts: 1 },
  ]);
  answers['mail.service.example'] = ['203.0.113.7'];
  now = new Date(now.getTime() + 5 * 60_000);
  await settled();
  expect(await all()).toMatchObject([
    { address: '203.0.113.7', name: 'mail.service.example', confirmed: true, attempts: 0, last_error: null, looked_up_at: now },
    { address: '203.0.113.8', confirmed: null, attempts: 2 },
  ]);
  // The second wait is longer.
  const asked = resolver.asked.length;
  now = new Date(now.getTime() + 5 * 60_000);
  await settled();
  expect(resolver.asked.length).toBe(asked);
  answers['7.113.0.203.in-addr.arpa'] = silent();
  now = new Date(now.getTime() + 30 * DAY_MS);
  await settled();
  expect((await all())[0]).toMatchObject({
    name: 'mail.service.example',
    confirmed: true,
    organization: 'service.example',
    attempts: 1,
  });
});

test('an address is due again after a time that follows from what was found', async () => {
  context.config.enrich.keep_days = 30;
  context.config.enrich.keep_nothing_days = 3;
  const answers: Record<string, string[] | Error> = {
    '1.113.0.203.in-addr.arpa': ['mail.service.example'],
    'mail.service.example': ['203.0.113.1'],
    '2.113.0.203.in-addr.arpa': ['mail.service.example'],
    '3.113.0.203.in-addr.arpa': [],
    '4.113.0.203.in-addr.arpa': silent(),
  };
  await report(['1', '2', '3', '4'].map((last) => ({ ip: `203.0.113.${last}` })));
  service = startEnricher(context, { resolver: table(answers) });
  await settled();
  const minutes = async () =>
    (await t.db.query<{ next_at: Date }>('select next_at from ruawatch.addresses order by address')).rows.map(
      ({ next_at }) => (next_at.getTime() - now.getTime()) / 60_000,
    );
  const day = 24 * 60;
  expect(await minutes()).toEqual([30 * day, 3 * day, 3 * day, 5]);
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    const [, , , wait] = await minutes();
    now = new Date(now.getTime() + wait! * 60_000);
    await settled();
    waits.push((await minutes())[3]!);
  }
  expect(waits).toEqual([15, 45, 135, 405, 1215, day]);
  const { values } = await context.metrics.addresses.get();
  const of = (outcome: string) => values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
  expect(['confirmed', 'unconfirmed', 'none', 'failed'].map(of)).toEqual([1, 1, 1, 7]);
});

test('without DNS an address is looked at again when names are', async () => {
  context.config.enrich.dns = 'off';
  context.config.enrich.keep_days = 30;
  context.config.asnFile = path.join(folder, 'asn.mmdb');
  writeFileSync(context.config.asnFile, mmdb({}));
  await report([{ ip: '203.0.113.7' }]);
  service = startEnricher(context);
  const rows = async () => (await t.db.query<{ next_at: Date }>('select next_at from ruawatch.addresses')).rows;
  await until(async () => (await rows())[0]?.next_at.getTime() === now.getTime() + 30 * DAY_MS);
});

test('the sources that are its network are put on the list of the analyzer, of every domain; others are not', async () => {
  const rows = [
    { ip: '203.0.113.7' },
    { ip: '198.51.100.9' },
    { ip: '192.0.2.1', auth_spf: ['service.example', 'pass'] as [string, string] },
  ];
  await report(rows);
  await report([{ ip: '203.0.113.8' }], { domain: 'example.org' });
  await t.db.query('delete from ruawatch.analysis_work');
  const resolver = table({
    '7.113.0.203.in-addr.arpa': ['mail.crm.example'],
    '1.2.0.192.in-addr.arpa': ['mail.crm.example'],
    'mail.crm.example': ['203.0.113.7', '192.0.2.1'],
  });
  service = startEnricher(context, { resolver });
  await settled();
  const { rows: work } = await t.db.query('select distinct domain, source from ruawatch.analysis_work order by 1, 2');
  expect(work).toEqual([
    { domain: 'example.com', source: '203.0.113.0/24' },
    { domain: 'example.org', source: '203.0.113.0/24' },
  ]);
});

test('a report of very many addresses has the largest of them asked about, two hundred at once, and keeps no other waiting', async () => {
  const ip = (i: number) => `10.${i >> 8}.${i & 255}.1`;
  await report(Array.from({ length: 2_100 }, (_, i) => ({ ip: ip(i), count: 3_000 - i })));
  await report([{ ip: '203.0.113.1' }, { ip: ip(1_999) }]);
  while ((await all()).length === 0) await findAddresses(t.db, '2026-01-01', now);
  for (let turns = 0; turns < 5; turns++) await findAddresses(t.db, '2026-01-01', now);
  const { rows } = await t.db.query(
    `select count(*) as all, count(*) filter (where next_at <= $1) as due,
            bool_or(address = $2 and next_at <= $1) as other, bool_or(address = $3 and next_at <= $1) as shared from ruawatch.addresses`,
    [now, '203.0.113.1', ip(1_999)],
  );
  expect(rows).toEqual([{ all: 2_001, due: 202, other: true, shared: true }]);
});

test('a report that commits late with a lower key is not passed over', async () => {
  await report([{ ip: '203.0.113.1' }]);
  const late = await t.db.connect();
  await late.query('begin');
  // As the parser does: a row of the mail is locked before keys are drawn.
  await late.query('select from ruawatch.messages for update');
  const { rows } = await late.query<{ key: number }>(
    "select nextval(pg_get_serial_sequence('ruawatch.reports', 'report_key')) as key",
  );
  await report([{ ip: '203.0.113.2' }]);
  const scan = async () => {
    for (let turns = 0; turns < 5; turns++) await findAddresses(t.db, '2026-01-01', now);
  };
  await scan();
  const early = (await all()).map((row) => row.address);
  await late.query(
    `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors,
       records, messages, salvaged, problems, received_at)
     select $1, message_key, 9, '\\x01', '\\x01', reporter, 'late', domain, begin_at, end_at, errors, 1, 1, false, problems, received_at
       from ruawatch.reports limit 1`,
    [rows[0]!.key],
  );
  await late.query(
    `insert into ruawatch.records (report_key, n, begin_at, source_ip, count, auth, dkim_aligned, spf_aligned, forwarded, source)
     select $1, 1, begin_at, '203.0.113.3', 1, auth, false, false, false, source from ruawatch.records limit 1`,
    [rows[0]!.key],
  );
  await late.query('commit');
  late.release();
  // Transactions of other databases of the server hold it up as well.
  await until(async () => {
    await scan();
    return (await all()).length === 3;
  });
  expect((await all()).map((row) => row.address)).toEqual(['203.0.113.1', '203.0.113.2', '203.0.113.3']);
  expect(early).not.toContain('203.0.113.3');
});

test('reports that are forged, and mail of long ago, ask nothing', async () => {
  await report([{ ip: '203.0.113.1' }]);
  await report([{ ip: '203.0.113.2' }]);
  await report([{ ip: '203.0.113.3' }], { begin: BEGIN - 300 * DAY });
  await t.db.query(
    "update ruawatch.reports set trust = 'bad' where report_key = (select report_key from ruawatch.records where source_ip = '203.0.113.2')",
  );
  const resolver = table({});
  service = startEnricher(context, { resolver });
  await settled();
  expect((await all()).map((row) => row.address)).toEqual(['203.0.113.1']);
});

test('a report that is to be verified is waited for, once', async () => {
  await report([{ ip: '203.0.113.1' }]);
  await report([{ ip: '203.0.113.2' }]);
  await report([{ ip: '203.0.113.3' }]);
  await t.db.query(
    `insert into ruawatch.trust_checks (message_key, report_key)
     select p.message_key, p.report_key from ruawatch.reports p join ruawatch.records r using (report_key) where r.source_ip <> '203.0.113.1'`,
  );
  const scanned = () =>
    until(async () => {
      while (await findAddresses(t.db, '2026-01-01', now));
      const { rows } = await t.db.query(
        `select scanned_key from ruawatch.enrichment where scanned_key = (select max(report_key) from ruawatch.reports p
          where not exists (select from ruawatch.trust_checks c where c.attempts = 0 and c.report_key <= p.report_key))`,
      );
      return rows.length === 1;
    });
  await scanned();
  expect((await all()).map((row) => row.address)).toEqual(['203.0.113.1']);
  // One turns out to be forged; over the other the name service is silent, which may last.
  await t.db.query(
    "update ruawatch.reports set trust = 'bad' where report_key = (select report_key from ruawatch.records where source_ip = '203.0.113.2')",
  );
  await t.db.query(
    'delete from ruawatch.trust_checks where report_key in (select report_key from ruawatch.reports where trust = $1)',
    ['bad'],
  );
  await t.db.query('update ruawatch.trust_checks set attempts = 1');
  await scanned();
  expect((await all()).map((row) => row.address)).toEqual(['203.0.113.1', '203.0.113.3']);
});

test('owners come from the ASN file, without DNS too, and change with the file', async () => {
  const file = path.join(folder, 'asn.mmdb');
  const write = (owner: string, country = 'DE') =>
    writeFileSync(
      file,
      mmdb({ '203.0.113.0/24': { autonomous_system_number: 64_500, autonomous_system_organization: owner, country } }),
    );
  write('Example Net');
  context.config.asnFile = file;
  context.config.enrich.dns = 'off';
  await report([{ ip: '203.0.113.7', auth_dkim: ['example.com', 'pass'] }, { ip: '198.51.100.9' }]);
  service = startEnricher(context);
  await until(async () => (await all()).some((row) => row.asn !== null));
  await until(async () => (await t.db.query('select from ruawatch.enrichment where asn_file is not null')).rowCount === 1);
  expect(await all()).toMatchObject([
    { address: '198.51.100.9', asn: null, owner: null, country: null, looked_up_at: null },
    { address: '203.0.113.7', asn: 64_500, owner: 'Example Net', country: 'DE', looked_up_at: null, confirmed: null },
  ]);
  await t.db.query('delete from ruawatch.analysis_work');
  write('Another Owner');
  await until(async () => (await all()).some((row) => row.owner === 'Another Owner'));
  expect((await t.db.query('select source from ruawatch.analysis_work')).rows).toEqual([{ source: '203.0.113.0/24' }]);
  await t.db.query('delete from ruawatch.analysis_work');
  write('Another Owner', 'NL');
  await until(async () => (await all()).some((row) => row.country === 'NL'));
  expect((await t.db.query('select source from ruawatch.analysis_work')).rows).toEqual([{ source: '203.0.113.0/24' }]);
  // A file that is damaged in mid-air changes nothing.
  writeFileSync(file, 'not an MMDB file');
  await report([{ ip: '203.0.113.8' }]);
  await until(async () => (await all()).length === 3);
  expect(service.waitingFor()).toBe(null);
  expect((await all())[1]).toMatchObject({ owner: 'Another Owner' });
  await service.stop();
  // DNS is switched on later: what was found before is asked now.
  const resolver = table({});
  writeFileSync(file, mmdb({}));
  context.config.enrich.dns = 'on';
  service = startEnricher(context, { resolver });
  await until(async () => (await all()).every((row) => row.looked_up_at !== null && row.asn === null));
  expect(resolver.asked.length).toBe(3);
});

describe('a turn of look-ups', () => {
  const MINUTE_MS = 60_000;
  const known = (address: string, next_at: Date, given: { last_seen?: Date; attempts?: number } = {}) =>
    t.db.query(
      'insert into ruawatch.addresses (address, first_seen, last_seen, next_at, attempts) values ($1, $2::timestamptz, $2::timestamptz, $3, $4)',
      [address, given.last_seen ?? now, next_at, given.attempts ?? 0],
    );
  const later = (ms: number) => new Date(now.getTime() + ms);
  const lookups = (resolver: ReverseResolver | null, owners: { asked: string[] } | null = null) =>
    new AddressLookups({
      context,
      log: context.log,
      resolver,
      pace: new Pace(1_000_000),
      owners: owners && {
        ownerOf: (address) => {
          owners.asked.push(address);
          return null;
        },
        refresh: async () => undefined,
      },
    });
  const going = new AbortController().signal;

  test('makes due, once, what was found while DNS was off, and leaves what another enricher has taken', async () => {
    await known('203.0.113.1', later(30 * DAY_MS));
    await known('203.0.113.2', later(20 * MINUTE_MS));
    await known('203.0.113.3', later(30 * DAY_MS), { attempts: 1 });
    const resolver = table({});
    const enricher = lookups(resolver);
    await enricher.run(going);
    expect(resolver.asked).toEqual(['1.113.0.203.in-addr.arpa']);
    await known('203.0.113.4', later(30 * DAY_MS));
    await enricher.run(going);
    expect(resolver.asked).toHaveLength(1);
  });

  test('without DNS looks at an address once in its time', async () => {
    await known('203.0.113.1', now);
    const owners = { asked: [] as string[] };
    const enricher = lookups(null, owners);
    for (let turns = 0; turns < 3; turns++) await enricher.run(going);
    await lookups(null, owners).run(going);
    expect(owners.asked).toEqual(['203.0.113.1']);
  });

  test('asks about what was seen in the last ninety days', async () => {
    await known('203.0.113.1', now, { last_seen: later(-90 * DAY_MS) });
    await known('203.0.113.2', now, { last_seen: later(-91 * DAY_MS) });
    const resolver = table({});
    await lookups(resolver).run(going);
    expect(resolver.asked).toEqual(['1.113.0.203.in-addr.arpa']);
  });

  test('forgets what was not seen for four hundred days, not again within hours', async () => {
    await known('203.0.113.1', later(DAY_MS), { last_seen: later(-400 * DAY_MS) });
    await known('203.0.113.2', later(DAY_MS), { last_seen: later(-401 * DAY_MS) });
    const enricher = lookups(table({}));
    await enricher.run(going);
    expect((await all()).map(({ address }) => address)).toEqual(['203.0.113.1']);
    await known('203.0.113.2', later(DAY_MS), { last_seen: later(-401 * DAY_MS) });
    await enricher.run(going);
    expect(await all()).toHaveLength(2);
  });

  test('begins nothing when it is to stop, and says that it moves', async () => {
    await known('203.0.113.1', now);
    const resolver = table({});
    let turns = 0;
    const turned = () => void turns++;
    await lookups(resolver).run(AbortSignal.abort(), turned);
    expect([resolver.asked, turns]).toEqual([[], 0]);
    await lookups(resolver).run(going, turned);
    expect(resolver.asked).toHaveLength(1);
    expect(turns).toBeGreaterThan(1);
  });

  test('looks up a hundred at once and writes them, until none is due; the log counts each batch', async () => {
    const lines: object[] = [];
    const write = (line: string) => void lines.push(JSON.parse(line));
    context.log = pino({ base: null, timestamp: false, level: 'debug' }, { write });
    const ip = (i: number) => `203.0.113.${i}`;
    // The last of them have waited for the shortest time.
    for (let i = 0; i < 101; i++) await known(ip(i), later(i - 1_000));
    await report([{ ip: ip(0) }, { ip: '198.51.100.1' }]);
    const answers: Record<string, string[] | Error> = {
      '0.113.0.203.in-addr.arpa': ['mail.crm.example'],
      'mail.crm.example': [ip(0)],
      '3.113.0.203.in-addr.arpa': silent(),
    };
    await lookups(table(answers)).run(going);
    const msg = 'addresses were looked up';
    expect(lines).toEqual([
      { level: 20, addresses: 100, failed: 1, sources: 1, err: 'The name service could not say.', msg },
      { level: 20, addresses: 2, failed: 0, sources: 0, msg },
    ]);
  });

  test('that ends in between puts back what has no answer, without a failed try', async () => {
    context.config.enrich.concurrency = 1;
    for (let i = 1; i < 5; i++) await known(`203.0.113.${i}`, later(i - 10));
    const stopping = new AbortController();
    const asked: string[] = [];
    const resolver: ReverseResolver = {
      async pointers(arpa) {
        asked.push(arpa);
        if (asked.length < 3) return [];
        stopping.abort();
        throw silent();
      },
      addresses: async () => [],
      cancel: () => undefined,
    };
    await lookups(resolver).run(stopping.signal);
    expect(asked).toHaveLength(3);
    const { rows } = await t.db.query(
      'select host(address) as address, next_at, attempts from ruawatch.addresses order by address',
    );
    expect(rows).toEqual([
      { address: '203.0.113.1', next_at: later(3 * DAY_MS), attempts: 0 },
      { address: '203.0.113.2', next_at: later(3 * DAY_MS), attempts: 0 },
      { address: '203.0.113.3', next_at: now, attempts: 0 },
      { address: '203.0.113.4', next_at: now, attempts: 0 },
    ]);
  });

  test('an error that is none of DNS ends it, and the address stays taken', async () => {
    await known('203.0.113.1', now);
    await expect(lookups(table({ '1.113.0.203.in-addr.arpa': new Error('a mistake of ours') })).run(going)).rejects.toThrow(
      'a mistake of ours',
    );
    const { rows } = await t.db.query('select next_at, attempts from ruawatch.addresses');
    expect(rows).toEqual([{ next_at: later(20 * MINUTE_MS), attempts: 0 }]);
  });
});

describe('the service', () => {
  const domains = async () => (await t.db.query("select domain from ruawatch.domains where how = 'reported' order by 1")).rows;

  test('without DNS and without an ASN file notes domains, and no address', async () => {
    context.config.enrich.dns = 'off';
    service = startEnricher(context);
    for (const domain of ['one.invalid', 'two.invalid']) {
      await report([{ ip: '203.0.113.7' }], { domain });
      await until(async () => (await domains()).some((row) => row.domain === domain));
    }
    expect(await all()).toEqual([]);
  });

  test('asks the name servers of the settings about domains, each time anew', async () => {
    const server = await startFake(({ sent }) => ({ answers: [{ name: sent, type: 'TXT', ttl: 3600, data: ['x'] }] }));
    context.config.dnsServers = [server.server];
    context.config.mailboxes = [{ addresses: ['dmarc@other.example'] }] as unknown as Context['config']['mailboxes'];
    await t.db.query(
      "insert into ruawatch.domains (domain, state, how, since, due_at) values ('invalid', 'own', 'added', $1, $1)",
      [now],
    );
    service = startEnricher(context);
    const asked = () => server.asked.map(({ name, type }) => `${type} ${name}`);
    await until(() => asked().length === 1);
    for (let times = 2; times < 4; times++) {
      await until(
        async () =>
          (await t.db.query("select from ruawatch.domains where domain = 'invalid' and due_at = $1", [now])).rowCount === 0,
      );
      now = new Date(now.getTime() + 30 * DAY_MS);
      await until(() => asked().length === times);
    }
    expect(asked()).toEqual(Array(3).fill('TXT _dmarc.invalid'));
    await service.stop();
    await server.stop();
  });

  test('that stops ends what is asked, and waits until it is put back', async () => {
    await report([{ ip: '203.0.113.7' }]);
    let cancel: () => void = () => undefined;
    const cancelled = new Promise<void>((resolve) => {
      cancel = resolve;
    });
    let asked = false;
    const resolver: ReverseResolver = {
      async pointers() {
        asked = true;
        await cancelled;
        await t.db.query('select pg_sleep(0.05)');
        throw silent();
      },
      addresses: async () => [],
      cancel: () => cancel(),
    };
    service = startEnricher(context, { resolver });
    await until(() => asked);
    await service.stop();
    const { rows } = await t.db.query('select next_at, attempts from ruawatch.addresses');
    expect(rows).toEqual([{ next_at: now, attempts: 0 }]);
    expect([service.name, service.waitingFor(), service.stuck!()]).toEqual(['enricher', null, null]);
  });
});

test('a file that is none is told at the start, in a sentence', () => {
  const file = path.join(folder, 'asn.mmdb');
  context.config.asnFile = file;
  expect(() => startEnricher(context)).toThrow(/^asn_file asn\.mmdb cannot be read .*: name an MMDB file/);
  writeFileSync(file, 'not an MMDB file');
  expect(() => startEnricher(context)).toThrow(/^asn_file asn\.mmdb is not an MMDB file/);
});

describe.skipIf(!knotPresent)(`a name server${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  test('of a zone out of order, that is mended: the name comes with the next try', async () => {
    const zone = ['7 PTR mail.service.example.'];
    const knot = await startKnot({ '113.0.203.in-addr.arpa': null, 'service.example': ['mail A 203.0.113.7'] });
    try {
      context.config.dnsServers = [knot.server];
      await report([{ ip: '203.0.113.7' }]);
      service = startEnricher(context);
      await settled();
      expect(await all()).toMatchObject([
        { name: null, confirmed: null, attempts: 1, last_error: expect.stringMatching(/SERVFAIL/) },
      ]);
      await knot.setZone('113.0.203.in-addr.arpa', zone);
      now = new Date(now.getTime() + DAY_MS);
      await until(async () => (await all())[0].confirmed);
      expect(await all()).toMatchObject([
        { name: 'mail.service.example', organization: 'service.example', attempts: 0, last_error: null },
      ]);
    } finally {
      await knot.stop();
    }
  });

  test('that is silent does not hold up a stop, and the address is due for the next', async () => {
    const nobody = await startSilent();
    try {
      context.config.dnsServers = [nobody.server];
      await report([{ ip: '203.0.113.7' }]);
      service = startEnricher(context);
      await until(async () => (await t.db.query('select from ruawatch.addresses where next_at > $1', [now])).rowCount === 1);
      await service.stop();
      const { rows } = await t.db.query('select next_at, attempts, confirmed from ruawatch.addresses');
      expect(rows).toEqual([{ next_at: now, attempts: 0, confirmed: null }]);
    } finally {
      await nobody.stop();
    }
  });
});
