import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runDnsHistory } from '../../services/cli/commands/dns-history.ts';
import { createDnsClient } from '../../services/dns/client/client.ts';
import { parseServer } from '../../services/dns/client/servers.ts';
import type { Dns } from '../../services/dns/client/types.ts';
import { openDns } from '../../services/shared/runtime/resolver.ts';
import type { Context, Service } from '../../services/shared/runtime/service.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { startWatcher } from '../../services/watcher/index.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { knotPresent, type NameServer, startKnot, startSilent } from '../helpers/knot.ts';
import { until } from '../helpers/services.ts';

const DOMAIN = 'example.com';
const ZONE = [
  '@ NS ns2.example.com.',
  'ns A 192.0.2.1',
  'ns2 A 192.0.2.2',
  '@ A 192.0.2.80',
  '@ MX 10 mx.example.com.',
  'mx A 192.0.2.25',
  '@ TXT "v=spf1 mx a include:inc.example " "-all"',
  '@ TXT "site-verification=1"',
  '_dmarc TXT "v=DMARC1; p=none; rua=mailto:dmarc@vendor.example"',
  's1._domainkey TXT "v=DKIM1; p="',
  's2._domainkey CNAME s2.vendor.example.',
];
const OTHERS = {
  'inc.example': ['@ TXT "v=spf1 ip4:198.51.100.0/24 -all"'],
  'vendor.example': ['example.com._report._dmarc TXT "v=DMARC1"', 's2 TXT "v=DKIM1; p="'],
};

interface Row {
  name: string;
  type: string;
  value: string;
  servers: string[];
  published: boolean;
  first_seen: Date;
  last_seen: Date;
  gone_at: Date | null;
}

describe.runIf(knotPresent)(`the watcher${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  let t: TestDatabase;
  let context: Context;
  let service: Service | null = null;
  let servers: NameServer[] = [];
  let now = new Date('2026-11-20T12:00:00Z');
  let lines: { msg: string; level: number }[] = [];

  beforeEach(async () => {
    t = await testDatabase({ own: false });
    now = new Date('2026-11-20T12:00:00Z');
    context = testContext(t, { clock: { now: () => now } });
    context.config.watcher.queries_per_second = 5_000;
    context.config.watcher.selectors = { [DOMAIN]: ['s1', 's2', 's9'] };
    lines = [];
    context.log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    await putOwn(t.db, [DOMAIN], 'added', { now, ignored: false });
  });
  afterEach(async () => {
    await service?.stop();
    service = null;
    for (const server of servers) await server.stop();
    servers = [];
    await context.queues.close();
    await t.drop();
  });

  async function knot(zones: Record<string, readonly string[] | null>): Promise<NameServer> {
    const server = await startKnot(zones);
    servers.push(server);
    return server;
  }
  const clientOf = (server: string): Dns =>
    createDnsClient({ servers: [parseServer(server)!], recursive: false, cacheEntries: 0, timeoutMs: 300, tries: 1 });
  /** The watcher with a resolver, and the servers behind the addresses that the zone names. */
  function start(resolver: string, behind: Record<string, string>): void {
    const dns = openDns([resolver], { cacheEntries: 0, timeoutMs: 300, tries: 1 });
    const connect = (address: string) => clientOf(behind[address] ?? '127.0.0.1:9');
    service = startWatcher(context, { dns, connect, random: () => 0.5 });
  }
  const asked = async (): Promise<Date | null> =>
    (await t.db.query('select asked_at from ruawatch.dns_watch where domain = $1', [DOMAIN])).rows[0]?.asked_at ?? null;
  /** Sets the clock, and waits until the domain was asked about at that time. */
  async function round(at: string): Promise<void> {
    now = new Date(at);
    await until(async () => (await asked())?.getTime() === now.getTime());
  }
  const records = async (): Promise<Row[]> =>
    (
      await t.db.query<Row>(
        'select name, type, value, servers, published, first_seen, last_seen, gone_at from dmarc.dns_records order by name, type, first_seen, value',
      )
    ).rows;
  const shown = (rows: Row[]) => rows.map(({ name, type, value, servers: by }) => `${name} ${type} ${value} [${by.join(' ')}]`);

  test('stores every record with the servers that gave it', async () => {
    const one = await knot({ [DOMAIN]: ZONE, ...OTHERS });
    const two = await knot({ [DOMAIN]: ZONE });
    start(one.server, { '192.0.2.1': one.server, '192.0.2.2': two.server });
    await round('2026-11-20T12:00:00Z');
    expect(shown(await records())).toEqual([
      '_dmarc.example.com TXT v=DMARC1; p=none; rua=mailto:dmarc@vendor.example [resolver ns.example.com ns2.example.com]',
      'example.com A 192.0.2.80 [resolver]',
      'example.com MX 10 mx.example.com [resolver ns.example.com ns2.example.com]',
      'example.com TXT v=spf1 mx a include:inc.example -all [resolver ns.example.com ns2.example.com]',
      'example.com._report._dmarc.vendor.example TXT v=DMARC1 [resolver]',
      'inc.example TXT v=spf1 ip4:198.51.100.0/24 -all [resolver]',
      'mx.example.com A 192.0.2.25 [resolver]',
      's1._domainkey.example.com TXT v=DKIM1; p= [resolver ns.example.com ns2.example.com]',
      's2._domainkey.example.com CNAME s2.vendor.example [ns.example.com ns2.example.com]',
      's2._domainkey.example.com TXT v=DKIM1; p= [resolver]',
    ]);
    const { rows } = await t.db.query("select state from ruawatch.dns_questions where name = 's9._domainkey.example.com'");
    expect(rows).toEqual([{ state: 'absent' }]);
  });

  test('keeps the time of each change, and takes two answers for an end', async () => {
    const one = await knot({ [DOMAIN]: ZONE, ...OTHERS });
    start(one.server, { '192.0.2.1': one.server, '192.0.2.2': one.server });
    await round('2026-11-20T12:00:00Z');
    const changed = ZONE.map((line) => line.replace(' include:inc.example', '')).filter((line) => !line.startsWith('s1.'));
    await one.setZone(DOMAIN, changed);
    await round('2026-11-20T13:02:00Z');
    const spf = (await records()).filter(({ name, type }) => name === DOMAIN && type === 'TXT');
    expect(spf).toMatchObject([
      {
        value: 'v=spf1 mx a include:inc.example -all',
        published: false,
        first_seen: new Date('2026-11-20T12:00:00Z'),
        gone_at: now,
      },
      { value: 'v=spf1 mx a -all', published: true, first_seen: now },
    ]);
    const key = async () => (await records()).filter(({ name }) => name.startsWith('s1.'));
    expect(await key()).toMatchObject([{ published: true, last_seen: new Date('2026-11-20T12:00:00Z') }]);
    // It is soon asked about again.
    await round('2026-11-20T13:08:00Z');
    expect(await key()).toMatchObject([{ published: false, gone_at: new Date('2026-11-20T13:02:00Z') }]);
    await one.setZone(DOMAIN, ZONE);
    await round('2026-11-20T15:00:00Z');
    expect(await key()).toMatchObject([{ published: false }, { published: true, first_seen: new Date('2026-11-20T15:00:00Z') }]);
  });

  test('takes SERVFAIL and silence for no answer, never for an end', async () => {
    const one = await knot({ [DOMAIN]: ZONE, ...OTHERS });
    start(one.server, { '192.0.2.1': one.server, '192.0.2.2': one.server });
    await round('2026-11-20T12:00:00Z');
    const before = await records();
    await one.setZone(DOMAIN, null);
    for (const at of ['13:10', '14:20', '15:30', '16:40']) await round(`2026-11-20T${at}:00Z`);
    const after = (await records()).filter(({ name }) => name.endsWith('example.com'));
    expect(after.every(({ published }) => published)).toBe(true);
    expect(after.map(({ last_seen }) => last_seen)).toEqual(after.map(() => new Date('2026-11-20T12:00:00Z')));
    expect(shown(after)).toEqual(shown(before.filter(({ name }) => name.endsWith('example.com'))));
    const { rows } = await t.db.query("select unanswered_since, unanswered_why from dmarc.dns_records where purpose = 'spf'");
    expect(rows).toMatchObject([
      { unanswered_since: new Date('2026-11-20T13:10:00Z'), unanswered_why: expect.stringContaining('SERVFAIL') },
    ]);
    const said: string[] = [];
    await runDnsHistory(context.config, DOMAIN, {}, (line) => said.push(line));
    expect(said.join('\n')).toContain('example.com (TXT) is not answered since 2026-11-20 13:10: ');
  });

  test('sees a server that is behind, one that is lame and one that is silent', async () => {
    const one = await knot({
      [DOMAIN]: [...ZONE, '@ NS ns3.example.com.', 'ns3 A 192.0.2.3', '@ NS ns4.example.com.'],
      ...OTHERS,
    });
    const old = await knot({ [DOMAIN]: ZONE.map((line) => line.replace('p=none', 'p=reject')) });
    const lame = await knot({ 'other.example': [] });
    const silent = await startSilent();
    servers.push(silent);
    start(one.server, { '192.0.2.1': one.server, '192.0.2.2': old.server, '192.0.2.3': lame.server });
    await round('2026-11-20T12:00:00Z');
    const { rows } = await t.db.query('select server, failure, failing_since from ruawatch.dns_servers order by server');
    expect(rows).toEqual([
      { server: 'ns.example.com', failure: null, failing_since: null },
      { server: 'ns2.example.com', failure: null, failing_since: null },
      { server: 'ns3.example.com', failure: 'lame', failing_since: now },
      { server: 'ns4.example.com', failure: 'no address', failing_since: now },
    ]);
    const differ = await t.db.query('select name, differ_since from ruawatch.dns_questions where differ_since is not null');
    expect(differ.rows).toEqual([{ name: '_dmarc.example.com', differ_since: now }]);
    const dmarc = (await records()).filter(({ name }) => name === '_dmarc.example.com');
    expect(shown(dmarc).map((line) => line.replace(/.* \[/, '['))).toEqual(['[resolver ns.example.com]', '[ns2.example.com]']);
  });

  test('without DNS says so once, tries again soon, and says when it works again', async () => {
    const silent = await startSilent();
    servers.push(silent);
    const one = await knot({ [DOMAIN]: ZONE, ...OTHERS });
    let works = false;
    const dead = openDns([silent.server], { cacheEntries: 0, timeoutMs: 50, tries: 1 });
    const alive = openDns([one.server], { cacheEntries: 0 });
    const dns: Dns = { ask: (name, type, options) => (works ? alive : dead).ask(name, type, options) };
    service = startWatcher(context, { dns, connect: () => clientOf(one.server), random: () => 0.5 });
    await round('2026-11-20T12:00:00Z');
    await round('2026-11-20T12:05:00Z');
    await round('2026-11-20T12:15:00Z');
    expect(service.waitingFor()).toBeNull();
    expect(await records()).toEqual([]);
    const warned = () => lines.filter(({ msg }) => msg.includes('no name server answers')).length;
    expect(warned()).toBe(1);
    works = true;
    await round('2026-11-20T12:36:00Z');
    expect((await records()).length).toBeGreaterThan(5);
    expect(lines.filter(({ msg }) => msg.includes('name servers answer again'))).toHaveLength(1);
    expect(warned()).toBe(1);
  });

  test('asks about own domains alone, and forgets one that is not own any more', async () => {
    const one = await knot({ [DOMAIN]: ZONE, ...OTHERS });
    await t.db.query(
      "insert into ruawatch.domains (domain, state, how, since) values ('seen.example', 'observed', 'reported', now())",
    );
    start(one.server, { '192.0.2.1': one.server, '192.0.2.2': one.server });
    await round('2026-11-20T12:00:00Z');
    const watched = async () => (await t.db.query('select domain from ruawatch.dns_watch')).rows;
    expect(await watched()).toEqual([{ domain: DOMAIN }]);
    await t.db.query("update ruawatch.domains set state = 'ignored' where domain = $1", [DOMAIN]);
    now = new Date('2026-11-20T13:10:00Z');
    await until(async () => (await watched()).length === 0);
    expect(await records()).toEqual([]);
  });

  test('checks the records, and puts the domain on the list of the analyzer when they change', async () => {
    const includes = Array.from({ length: 12 }, (_, i) => `i${i}.example`);
    const spf = `@ TXT "v=spf1 ${includes.map((name) => `include:${name}`).join(' ')} -all"`;
    const zones = Object.fromEntries(includes.map((name) => [name, ['@ TXT "v=spf1 ip4:192.0.2.1 -all"']]));
    const one = await knot({ [DOMAIN]: ZONE, ...OTHERS, ...zones });
    start(one.server, { '192.0.2.1': one.server, '192.0.2.2': one.server });
    const work = async () => (await t.db.query('delete from ruawatch.analysis_work where domain = $1', [DOMAIN])).rowCount;
    await round('2026-11-20T12:00:00Z');
    expect(await work()).toBe(1);
    await round('2026-11-20T13:10:00Z');
    await work();
    await round('2026-11-20T14:20:00Z');
    expect(await work()).toBe(0);
    await one.setZone(
      DOMAIN,
      ZONE.map((line) => (line.includes('v=spf1') ? spf : line)),
    );
    await round('2026-11-20T15:30:00Z');
    expect(await work()).toBe(1);
    const { rows } = await t.db.query('select spf_lookups, spf_over from ruawatch.dns_checks');
    expect(rows).toEqual([{ spf_lookups: 12, spf_over: 'include:i10.example' }]);
  });

  test('compares what mail-guard.yaml declares, and lets the analyzer look when it differs', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-watcher-'));
    const file = path.join(folder, 'mail-guard.yaml');
    const declare = (policy: string) =>
      writeFileSync(
        file,
        `{version: 1, environments: {production: {domains: {${DOMAIN}: {dmarc: {policy: ${policy}}}}}, staging: {domains: {staging.${DOMAIN}: {may_differ: [spf, dkim, mta_sts]}}}}}`,
      );
    declare('none');
    context.config.guardFile = file;
    const staging = (policy: string) => [
      'staging TXT "v=spf1 mx -all"',
      `_dmarc.staging TXT "v=DMARC1; p=${policy}; rua=mailto:dmarc@vendor.example"`,
    ];
    const one = await knot({ [DOMAIN]: [...ZONE, ...staging('none')], ...OTHERS });
    start(one.server, { '192.0.2.1': one.server, '192.0.2.2': one.server });
    const drifts = async () =>
      (
        await t.db.query<{ drifts: { code: string; name: string; since: string }[] }>('select drifts from ruawatch.dns_drifts')
      ).rows.map((row) => row.drifts.map(({ code, name, since }) => `${code} ${name} ${since.slice(11, 16)}`))[0];
    await round('2026-11-20T12:00:00Z');
    expect(await drifts()).toEqual([]);
    await t.db.query('delete from ruawatch.analysis_work');
    // A changed file is compared at once.
    declare('reject');
    await round('2026-11-20T12:10:00Z');
    expect(await drifts()).toEqual([`guard_dmarc_policy _dmarc.${DOMAIN} 12:10`]);
    const work = await t.db.query('select from ruawatch.analysis_work where domain = $1', [DOMAIN]);
    expect(work.rowCount).toBe(1);
    await one.setZone(DOMAIN, [...ZONE.map((line) => line.replace('p=none', 'p=reject')), ...staging('none')]);
    await round('2026-11-20T13:20:00Z');
    expect((await drifts())?.map((line) => line.slice(0, -6))).toContain(`guard_differs _dmarc.staging.${DOMAIN}`);
    expect((await drifts())?.join()).not.toContain('guard_dmarc_policy');
    rmSync(folder, { recursive: true });
  });

  test('prints the history for people and as JSON, with nothing that a terminal obeys', async () => {
    const one = await knot({ [DOMAIN]: [...ZONE, '_smtp._tls TXT "v=TLSRPTv1; \\027[2J rua=mailto:a@b.example"'], ...OTHERS });
    start(one.server, { '192.0.2.1': one.server, '192.0.2.2': one.server });
    await round('2026-11-20T12:00:00Z');
    await one.setZone(
      DOMAIN,
      ZONE.map((line) => line.replace('p=none', 'p=reject')),
    );
    await round('2026-11-20T13:10:00Z');
    const said: string[] = [];
    await runDnsHistory(context.config, DOMAIN, {}, (line) => said.push(line));
    expect(said.join('')).not.toContain('\u001b');
    expect(said.filter((line) => line.includes(' _dmarc.example.com'))).toEqual([
      expect.stringMatching(/^2026-11-20 13:10 {20}_dmarc\.example\.com +TXT +v=DMARC1; p=reject; /),
      expect.stringMatching(/^2026-11-20 12:00 {2}2026-11-20 13:10 {2}_dmarc\.example\.com +TXT +v=DMARC1; p=none; /),
    ]);
    const json: string[] = [];
    await runDnsHistory(context.config, DOMAIN, { json: true }, (line) => json.push(line));
    expect(JSON.parse(json.join('')).records).toContainEqual(
      expect.objectContaining({ name: '_dmarc.example.com', published: false, gone_at: '2026-11-20T13:10:00.000Z' }),
    );
    const none: string[] = [];
    await runDnsHistory(context.config, 'other.example', {}, (line) => none.push(line));
    expect(none.join()).toContain('No record of other.example was seen yet');
    await expect(runDnsHistory(context.config, 'no domain', {}, () => undefined)).rejects.toMatchObject({ code: 'usage' });
  });

  test('is off when watcher.dns is off', async () => {
    context.config.watcher.dns = 'off';
    service = startWatcher(context);
    expect([service.waitingFor(), service.stuck?.()]).toEqual([null, null]);
    expect(lines.some(({ msg }) => msg.includes('watcher.dns is off'))).toBe(true);
  });
});
