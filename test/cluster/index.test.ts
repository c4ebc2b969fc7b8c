import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DemoNameServer, startNameServer } from '../../demo/dns/server.ts';
import { startCluster } from '../../services/cluster/index.ts';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { readPlan } from '../../services/requests/plan.ts';
import { changeLines } from '../../services/requests/plans/text.ts';
import { dkimKeys, dkimSchema } from '../../services/shared/settings/dkim-keys.ts';
import { confirmGone } from '../../services/store/cluster/ways.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { FakeKubeApi } from '../helpers/fake-kube-api.ts';
import { receive, reportMail, reportXml, type TestRow, trusting } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';
import { GROUPS, rulesOf } from '../requests/sample.ts';
import { type ClusterFixture, clusterFixture, DAY, DOMAIN, guardOf, KEY, MINUTE } from './setup.ts';

let names: DemoNameServer;
let f: ClusterFixture;
const SPF = 'v=spf1 ip4:192.0.2.1 include:_spf.mailer.example -all';
const OTHERS = [
  'shut TXT "v=spf1 -ip4:192.0.2.0/29 ip4:198.51.100.9 -all"',
  'two TXT "v=spf1 -all"',
  'two TXT "v=spf1 ~all"',
  'wrong TXT "v=spf1 ipv4:192.0.2.1 -all"',
];
beforeEach(async () => {
  names = await startNameServer({
    zones: {
      '.': [],
      [DOMAIN]: [`@ TXT "${SPF}"`, '_dmarc TXT "v=DMARC1; p=reject"', 'none TXT "x"', 'alias CNAME example.com.', ...OTHERS],
      'mailer.example': ['_spf TXT "v=spf1 ip4:203.0.113.0/28 -all"'],
    },
    keys: [KEY],
  });
  f = await clusterFixture(names.server);
  f.guard(guardOf('{ from: nodes }'));
});
afterEach(async () => {
  await f.close();
  await names.stop();
});

/** The file says so, and the service has looked for as long as addresses have to rest. */
const seen = async (...addresses: string[]) => {
  f.addresses({ out: addresses });
  await f.later(MINUTE);
  await f.later(3 * MINUTE);
};

describe('what comes', () => {
  test('is asked for once, by whatever process, and admitted when the request is applied', async () => {
    await seen('192.0.2.1');
    expect(await f.requests()).toEqual([]);
    f.addresses({ out: ['192.0.2.1', '192.0.2.2', '203.0.113.3'] });
    await f.later(MINUTE);
    expect([(await f.requests()).length, (await f.record()).waits]).toEqual([
      0,
      'Addresses came a short time ago: it waits until no more come.',
    ]);
    await f.later(3 * MINUTE);
    const [request, ...others] = await f.requests();
    expect(others).toEqual([]);
    expect(request).toMatchObject({
      kind: 'dns.change',
      domain: DOMAIN,
      requester: 'cluster',
      requester_kind: 'service',
      state: 'approved',
      summary: 'Let SPF of example.com admit 192.0.2.2.',
      why: 'Mail of production/shop leaves by 192.0.2.2.',
      created_at: f.context.clock.now(),
    });
    expect(changeLines(readPlan({ text: request!.plan, digest: request!.digest }))).toEqual([
      `- example.com. 60 TXT "${SPF}"`,
      '+ example.com. 3600 TXT "v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 include:_spf.mailer.example -all"',
    ]);
    // Another process takes over when this one has ended, and asks for nothing twice.
    const other = f.second();
    await f.later(MINUTE, other);
    await f.watch.stop();
    await f.later(MINUTE, other);
    expect((await f.record()).waits).toBe(`Request ${request!.request_key} is approved.`);
    await f.apply();
    expect(await f.spf()).toBe('v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 include:_spf.mailer.example -all');
    for (const ms of [MINUTE, 40 * MINUTE, DAY]) await f.later(ms, other);
    expect((await f.requests()).length).toBe(1);
    expect(await f.record()).toMatchObject({ waits: null, problems: [], problems_since: null });
  });

  test('of two processes that decide at once, one asks', async () => {
    f.addresses({ out: ['192.0.2.1', '192.0.2.2'] });
    await f.later(MINUTE);
    const other = f.second();
    // The lease is over, as when a process hangs and then goes on.
    await f.later(3 * MINUTE - 1);
    await f.t.db.query("update ruawatch.egress_leases set until = now() - interval '1 minute'");
    await Promise.all([f.later(MINUTE), f.later(0, other)]);
    expect((await f.requests()).length).toBe(1);
  });

  test('is not asked for again when somebody says no', async () => {
    await syncGroups(f.t.db, { groups: GROUPS, deputies: [] } as never);
    f.context.config.approvals.rules = rulesOf({ name: 'all', stages: [{ group: 'mail' }] });
    await seen('192.0.2.1', '192.0.2.2');
    const [request] = await f.requests();
    expect(request!.state).toBe('pending');
    await f.t.db.query("update ruawatch.requests set state = 'denied'");
    await f.later(9 * DAY);
    expect((await f.requests()).length).toBe(1);
    expect((await f.record()).problems).toMatchObject([{ code: 'refused', addresses: ['192.0.2.2'] }]);
    // Something else is another question.
    await seen('192.0.2.1', '192.0.2.2', '192.0.2.3');
    expect((await f.requests()).map(({ state }) => state)).toEqual(['pending', 'denied']);
  });

  test.each([
    ['no rule', guardOf('{ from: nodes }'), [], 'no_rule'],
    ['terms that the file declares', guardOf('{ from: nodes }', 'spf: { sources: ["ip4:192.0.2.1"] }'), null, 'pinned'],
    [
      'no record',
      guardOf('{ from: nodes }').replace('name: shop,', 'name: shop, envelope_from: none.example.com,'),
      null,
      'no_record',
    ],
    [
      'an alias',
      guardOf('{ from: nodes }').replace('name: shop,', 'name: shop, envelope_from: alias.example.com,'),
      null,
      'alias',
    ],
    [
      'two records',
      guardOf('{ from: nodes }').replace('name: shop,', 'name: shop, envelope_from: two.example.com,'),
      null,
      'several',
    ],
    [
      'a record with an error',
      guardOf('{ from: nodes }').replace('name: shop,', 'name: shop, envelope_from: wrong.example.com,'),
      null,
      'syntax',
    ],
    [
      'a term that denies it first',
      guardOf('{ from: nodes }').replace('name: shop,', 'name: shop, envelope_from: shut.example.com,'),
      null,
      'shadowed',
    ],
    [
      'a foreign domain',
      guardOf('{ from: nodes }').replace('name: shop,', 'name: shop, envelope_from: mailer.example,'),
      null,
      'not_own',
    ],
  ] as const)('%s: nothing is asked for, and it is said since when', async (_, guard, rules, code) => {
    f.guard(guard);
    if (rules !== null) f.context.config.approvals.rules = [...rules];
    await seen('192.0.2.1', '192.0.2.2');
    expect(await f.requests()).toEqual([]);
    const { rows } = await f.t.db.query('select name, problems, problems_since from dmarc.egress_records');
    expect(rows).toMatchObject([
      { problems: [{ code, message: expect.stringMatching(/^[^\n]+\.$/) }], problems_since: expect.any(Date) },
    ]);
  });

  test('declared networks that contain it are published in its place', async () => {
    f.guard(guardOf('{ from: nodes, addresses: [198.51.100.0/28] }', 'spf: { require: ["ip4:192.0.2.8/29"] }'));
    await seen('192.0.2.1', '192.0.2.9', '198.51.100.7');
    expect((await f.requests()).map(({ summary }) => summary)).toEqual([
      'Let SPF of example.com admit 192.0.2.8/29, 198.51.100.0/28.',
    ]);
  });
});

describe('what reports show of addresses that no egress has', () => {
  /** A report of three days ago, of a source that is ours. */
  const reported = async (rows: TestRow[]) => {
    const begin = Date.UTC(2026, 10, 24) / 1000;
    const keys = await receive(f.t, [reportMail(reportXml({ begin, rows }))], new Date(Date.UTC(2026, 10, 25)));
    await parseMessages(f.t.db, keys, { trust: trusting('off') });
    await f.t.db.query("update ruawatch.sources set class = 'authorized'");
  };
  const strangers = async () => {
    const [request] = await f.requests();
    return readPlan({ text: request!.plan, digest: request!.digest }).why.filter((one) => one.startsWith('Reports'));
  };
  const none = 'which no egress has; SPF does not admit it.';

  test('is said with the request: the five of the most mail, without those of the cluster and of includes', async () => {
    await reported([
      ...Array.from({ length: 6 }, (_, i) => ({ ip: `198.51.100.${i + 1}`, count: 10 - i })),
      { ip: '192.0.2.2', count: 50 },
      { ip: '203.0.113.3', count: 40 },
    ]);
    await seen('192.0.2.1', '192.0.2.2');
    expect(await strangers()).toEqual(
      [10, 9, 8, 7, 6].map((n, i) => `Reports of the last week show ${n} messages from 198.51.100.${i + 1}, ${none}`),
    );
  });

  test('and by which term of the record they pass', async () => {
    f.guard(guardOf('{ from: nodes }').replace('name: shop,', 'name: shop, envelope_from: shut.example.com,'));
    await reported([{ ip: '198.51.100.9' }, { ip: '198.51.100.8' }]);
    await seen('203.0.113.77');
    expect((await strangers()).sort()).toEqual([
      `Reports of the last week show 1 message from 198.51.100.8, ${none}`,
      'Reports of the last week show 1 message from 198.51.100.9, which no egress has; ip4:198.51.100.9 admits it.',
    ]);
  });
});

describe('what goes', () => {
  const goes = async () => {
    await seen('192.0.2.1', '192.0.2.2');
    await f.apply();
    await f.later(40 * MINUTE);
    await seen('192.0.2.2');
  };
  test('stays for the life of a queue, and then is asked to go', async () => {
    await goes();
    await f.later(5 * DAY - 10 * MINUTE);
    expect((await f.requests()).length).toBe(1);
    await f.later(10 * MINUTE);
    const [request] = await f.requests();
    expect(request).toMatchObject({ state: 'approved', summary: 'Let SPF of example.com admit 192.0.2.1 no longer.' });
    expect(readPlan({ text: request!.plan, digest: request!.digest }).why).toEqual([
      '192.0.2.1 left the cluster at least 5 days ago, and no report shows mail from there since.',
    ]);
    await f.apply();
    expect(await f.spf()).toBe('v=spf1 ip4:192.0.2.2 include:_spf.mailer.example -all');
  });

  test('and what comes at the same time, is one request', async () => {
    await goes();
    await f.later(5 * DAY - 10 * MINUTE);
    f.addresses({ out: ['192.0.2.2', '198.51.100.5'] });
    await f.later(6 * MINUTE);
    expect((await f.requests()).length).toBe(1);
    await f.later(3 * MINUTE);
    const summaries = (await f.requests()).map(({ summary }) => summary);
    expect(summaries[0]).toBe('Let SPF of example.com admit 198.51.100.5, and admit 192.0.2.1 no longer.');
  });

  test('and comes back opens nothing', async () => {
    await goes();
    await f.later(4 * DAY);
    await seen('192.0.2.1', '192.0.2.2');
    await f.later(9 * DAY);
    await seen('192.0.2.2');
    await f.later(4 * DAY);
    expect((await f.requests()).length).toBe(1);
  });

  test.each([
    ['an empty list', () => f.addresses({ out: [] }), 'There is no address, and mail leaves by one.'],
    ['a way that is not listed', () => f.addresses({ other: ['192.0.2.2'] }), /does not list environments\.production\.out\.$/],
    ['a private address', () => f.addresses({ out: ['10.0.0.7'] }), /^10\.0\.0\.7 is a private address/],
  ] as const)('%s is not known, and removes nothing', async (_, set, why) => {
    await goes();
    set();
    await f.later(9 * DAY);
    expect((await f.requests()).length).toBe(1);
    const { rows } = await f.t.db.query<{ unknown: string }>('select distinct unknown from dmarc.egress_addresses');
    expect(rows[0]!.unknown).toMatch(why);
    expect((await f.record()).problems).toMatchObject([{ code: 'unknown' }]);
  });

  test('more than half at once waits for a person', async () => {
    await seen('192.0.2.1', '192.0.2.2', '192.0.2.3');
    await f.apply();
    await f.later(40 * MINUTE);
    await seen('192.0.2.3');
    await f.later(6 * DAY);
    expect((await f.requests()).length).toBe(1);
    expect((await f.record()).problems).toMatchObject([{ code: 'loss', addresses: ['192.0.2.1', '192.0.2.2'] }]);
    const now = f.context.clock.now();
    expect(await confirmGone(f.t.db as never, { environment: 'production', egress: 'out' }, 'ada', now)).toBe(true);
    await f.later(MINUTE);
    expect((await f.requests())[0]).toMatchObject({ summary: 'Let SPF of example.com admit 192.0.2.1, 192.0.2.2 no longer.' });
  });

  test('a file that cannot be read changes nothing, and is what the service waits for', async () => {
    await goes();
    f.context.config.sweep.every_seconds = 0.05;
    const service = startCluster(f.context, { dns: f.dns });
    try {
      await until(async () => service.waitingFor() === null);
      f.addresses({ out: 'x' as never });
      await until(async () => /cannot be used: environments\.production\.out/.test(service.waitingFor() ?? ''));
      f.addresses({ out: ['192.0.2.2'] });
      await until(async () => service.waitingFor() === null);
    } finally {
      await service.stop();
    }
    expect((await f.requests()).length).toBe(1);
  });
});

describe('what a turn does', () => {
  const rows = async (sql: string) => (await f.t.db.query(sql)).rows;
  const ways = () =>
    rows('select environment, egress, observed_at, unknown from dmarc.egress_addresses group by 1, 2, 3, 4 order by 1, 2');
  const checked = async () => (await f.record()).checked_at;

  test('nothing while nothing is declared, and no more when the service stops', async () => {
    f.addresses({ out: ['192.0.2.1'] });
    f.context.config.guardFile = null;
    await f.later(0, f.second());
    expect([await ways(), await f.record()]).toEqual([[], undefined]);
    await f.watch.run(AbortSignal.abort(), () => undefined);
    expect([(await ways()).length, await f.record()]).toEqual([1, undefined]);
    const metric = async () =>
      (await f.context.metrics.egressWays.get()).values.map(({ labels, value }) => [labels.state, value]);
    expect(await metric()).toEqual([
      ['known', 1],
      ['unknown', 0],
    ]);
    f.addresses({ out: [] });
    await f.later(0);
    expect(await metric()).toEqual([
      ['known', 0],
      ['unknown', 1],
    ]);
  });

  test('one process observes an environment, and decides about its records; others of other clusters do not', async () => {
    f.guard(`${guardOf('{ from: nodes }')}
  east:
    clusters: [east]
    domains: { example.com: { workloads: [{ name: shop, egress: [nodes] }] } }
`);
    f.context.config.cluster.name = 'west';
    f.addresses({ out: ['192.0.2.1'] });
    await f.later(0);
    const first = f.context.clock.now();
    const other = f.second();
    await f.later(MINUTE, other);
    expect(await rows('select environment from ruawatch.egress_leases')).toEqual([{ environment: 'production' }]);
    expect([await ways(), await checked()]).toEqual([
      [{ environment: 'production', egress: 'out', observed_at: first, unknown: null }],
      first,
    ]);
    await f.watch.stop();
    expect(await rows('select environment from ruawatch.egress_leases')).toEqual([]);
    await f.later(MINUTE, other);
    expect([(await ways())[0]!.observed_at, await checked()]).toEqual([f.context.clock.now(), f.context.clock.now()]);
  });

  test('once a day, it forgets addresses that are gone for 90 days, and records that no workload has', async () => {
    f.addresses({ out: ['192.0.2.1'] });
    await f.later(0);
    const forget = async () => {
      const before = new Date(f.context.clock.now().getTime() - 90 * DAY);
      await f.t.db.query("delete from ruawatch.egress_addresses where address <> '192.0.2.1'");
      await f.t.db.query(
        `insert into ruawatch.egress_addresses (environment, egress, address, since, gone_at)
         values ('production', 'out', 'long', $1, $1), ('production', 'out', 'short', $1, $2)`,
        [new Date(before.getTime() + DAY - 1), new Date(before.getTime() + DAY)],
      );
      await f.t.db.query(
        `insert into ruawatch.egress_records (name, domain, checked_at) values ('old.example.com', 'example.com', now())
         on conflict do nothing`,
      );
    };
    const left = async () => [
      (await rows('select address from ruawatch.egress_addresses order by 1')).map(({ address }) => address),
      (await rows('select name from ruawatch.egress_records order by 1')).map(({ name }) => name),
    ];
    await forget();
    await f.later(DAY - 1);
    expect(await left()).toEqual([
      ['192.0.2.1', 'long', 'short'],
      ['example.com', 'old.example.com'],
    ]);
    await f.later(1);
    expect(await left()).toEqual([['192.0.2.1', 'short'], ['example.com']]);
    await forget();
    await f.later(DAY - 1);
    expect((await left())[1]).toEqual(['example.com', 'old.example.com']);
  });
});

describe('a cluster that is followed by its API', () => {
  const NODES = '/api/v1/nodes';
  const PODS = '/api/v1/namespaces/mail/pods';
  let api: FakeKubeApi;
  let folder: string;
  beforeEach(async () => {
    api = await new FakeKubeApi().start();
    folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-kube-'));
    const kubeconfig = path.join(folder, 'kubeconfig');
    f.context.config.cluster.source = { kind: 'api', kubeconfig, context: null };
    const kubernetes = { namespace: 'mail', secret: 'dkim', config_map: 'signer', signer: 'rspamd', pods: { app: 'x' } };
    const entry = { domain: DOMAIN, layout: 'kubernetes', kubernetes: { ...kubernetes, kubeconfig } };
    f.context.config.dkimKeys = dkimKeys(dkimSchema.parse([entry]), folder, []);
  });
  afterEach(async () => {
    await api.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a kubeconfig, nodes and pods that are not there yet are what it waits for', async () => {
    f.context.config.sweep.every_seconds = 0.02;
    const cancelled: string[] = [];
    const dns = { ask: f.dns.ask.bind(f.dns), cancel: () => void cancelled.push('cancelled') };
    const service = startCluster(f.context, { dns, firstWaitMs: 10 });
    const waits = (why: RegExp) => until(async () => why.test(service.waitingFor() ?? ''));
    await waits(/^The addresses of the cluster are not followed: The kubeconfig .*\/kubeconfig cannot be read: .*ENOENT/);
    api.kubeconfig(folder);
    await waits(/^\/api\/v1\/nodes: it is not there/);
    api.put(NODES, { metadata: { name: 'n1' }, status: { addresses: [{ type: 'ExternalIP', address: '192.0.2.1' }] } });
    await waits(/^\/api\/v1\/namespaces\/mail\/pods: it is not there/);
    api.put(PODS, { metadata: { name: 'p1', annotations: { 'ruawatch/dkim-keys': 'r1.key' } } });
    await until(async () => service.waitingFor() === null);
    await until(async () => {
      const { rows } = await f.t.db.query(
        `select a.address, s.pods, s.files, s.unknown, s.checked_at from dmarc.egress_addresses a, ruawatch.signer_pods s`,
      );
      const seen = { address: '192.0.2.1', pods: 1, files: ['r1.key'], unknown: null, checked_at: f.context.clock.now() };
      return JSON.stringify(rows) === JSON.stringify([seen]);
    });
    const counted = (await f.context.metrics.clusterErrors.get()).values;
    expect(counted.map(({ labels }) => labels.resource).sort()).toEqual(['nodes', 'pods']);
    expect(service.stuck!()).toBeNull();
    await service.stop();
    await until(async () => api.watchers === 0);
    expect(cancelled).toEqual(['cancelled']);
    expect((await f.t.db.query('select from ruawatch.egress_leases')).rowCount).toBe(0);
  });

  test('it stops when the turn that runs is over', async () => {
    f.context.config.cluster.source = { kind: 'file', file: path.join(folder, 'addresses.yaml') };
    f.guard(guardOf('{ from: nodes }'));
    let over = false;
    const turn = new AbortController();
    const released = new Promise((resolve) => turn.signal.addEventListener('abort', resolve));
    let asked = false;
    const dns = {
      ask: (async (name, type, options) => {
        asked = true;
        await released;
        over = true;
        return f.dns.ask(name, type, options);
      }) as typeof f.dns.ask,
      async cancel() {
        for (let n = 0; n < 10; n++) await f.t.db.query('select');
        turn.abort();
      },
    };
    const service = startCluster(f.context, { dns });
    await until(async () => asked);
    await service.stop();
    expect(over).toBe(true);
  });
});
