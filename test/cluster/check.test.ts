import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkCluster } from '../../services/cluster/check.ts';
import { type Config, loadConfig } from '../../services/shared/settings/config.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { FakeKubeApi } from '../helpers/fake-kube-api.ts';
import { until } from '../helpers/services.ts';

const NODES = '/api/v1/nodes';
const NOW = new Date('2026-11-27T12:00:00Z');
let t: TestDatabase;
let folder: string;
beforeAll(async () => {
  t = await testDatabase();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-cluster-'));
});
afterAll(async () => {
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});

const write = (name: string, text: string) => {
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
};
const GUARD = (egress: string) =>
  `{version: 1, environments: {production: {domains: {example.com: {workloads: [{name: shop, egress: ${egress}}]}}}}}`;
const configWith = (cluster: string, guard = GUARD('nodes')): Config => {
  write('guard.yaml', guard);
  const file = write('ruawatch.yaml', `guard: { file: guard.yaml }\ncluster: ${cluster}\n`);
  return loadConfig({ DATABASE_URL: t.url, RUAWATCH_CONFIG: file }, folder);
};
const check = (config: Config, now = NOW) => checkCluster(t.db, config, now, 500);

test('what a file of addresses lists, and that nobody observes it', async () => {
  const config = configWith('{ addresses_file: addresses.yaml }');
  write('addresses.yaml', '{version: 1, environments: {production: {nodes: [192.0.2.1]}}}');
  expect(await check(config)).toEqual({
    text: '1 of 1 egress is known; nobody observes it: start the service cluster',
    warn: true,
  });
  await t.db.query("insert into ruawatch.egress_ways (environment, egress, observed_at) values ('production', 'nodes', $1)", [
    NOW,
  ]);
  expect(await check(config)).toEqual({ text: '1 of 1 egress is known', warn: false });
  write('addresses.yaml', '{version: 1, environments: {}}');
  expect((await check(config)).text).toMatch(
    /^0 of 1 egress is known; production\/nodes: .* does not list environments\.production\.nodes$/,
  );
});

test('ways of two records once each, how long nobody observed them, and which records do not follow', async () => {
  const shop = (ways: string, more = '') => `{ name: shop, egress: ${ways}${more} }`;
  const guard = `{version: 1, environments: {
    production: {egress: {out: {from: nodes}, in: {from: nodes}}, domains: {
      example.com: {workloads: [${shop('[out, in]')}]}, example.org: {workloads: [${shop('[out, in]')}]}}},
    east: {clusters: [east], domains: {example.net: {workloads: [${shop('[nodes]')}]}}}}}`;
  const config = configWith('{ addresses_file: addresses.yaml, name: west }', guard);
  write('addresses.yaml', '{version: 1, environments: {production: {out: [192.0.2.1], in: [192.0.2.2]}}}');
  const at = (ms: number) => new Date(NOW.getTime() + ms);
  const all = '2 of 2 egresses are known';
  expect(await checkCluster(null, config, NOW, 500)).toEqual({ text: all, warn: false });
  await t.db.query("update ruawatch.egress_ways set environment = 'elsewhere'");
  const nobody = 'nobody observes it: start the service cluster';
  expect(await check(config)).toEqual({ text: `${all}; ${nobody}`, warn: true });
  await t.db.query(
    "insert into ruawatch.egress_ways (environment, egress, observed_at) values ('production', 'out', $1), ('production', 'in', null)",
    [NOW],
  );
  expect(await check(config, at(600_000))).toEqual({ text: all, warn: false });
  expect(await check(config, at(600_001))).toEqual({ text: `${all}; ${nobody}`, warn: true });
  await t.db.query(
    `insert into ruawatch.egress_records (name, domain, problems, checked_at)
     select name, name, problems::jsonb, now() from (values ('a.example', '[{"code": "loss"}]'), ('b.example', '[]'),
       ('c.example', '[{"code": "long"}]')) as r(name, problems)`,
  );
  write('addresses.yaml', '{version: 1, environments: {production: {out: [192.0.2.1], in: []}}}');
  expect(await check(config)).toEqual({
    text:
      '1 of 2 egresses are known; production/in: There is no address, and mail leaves by one; ' +
      'SPF of a.example, c.example does not follow: "ruawatch cluster status" says why',
    warn: true,
  });
  await t.db.query('delete from ruawatch.egress_records');
});

test('what the API of a cluster says to the account that doctor has', async () => {
  const api = await new FakeKubeApi().start();
  try {
    api.serve(NODES);
    api.put(NODES, { metadata: { name: 'n1' }, status: { addresses: [{ type: 'ExternalIP', address: '192.0.2.1' }] } });
    const config = configWith(`{ kubeconfig: ${api.kubeconfig(folder)} }`);
    expect((await check(config)).text).toBe('1 of 1 egress is known');
    await until(async () => api.watchers === 0);
    const other = configWith(`{ kubeconfig: ${api.kubeconfig(folder)} }`, GUARD('{ cilium: out }'));
    expect(await check(other)).toMatchObject({
      text: expect.stringMatching(/^0 of 1 egress is known; production\/cilium:out: /),
      warn: true,
    });
  } finally {
    await api.stop();
  }
});

test('a file that declares nothing of the cluster, and one that cannot be read', async () => {
  expect(await check(configWith('{ addresses_file: addresses.yaml }', GUARD('192.0.2.1')))).toEqual({
    text: 'mail-guard.yaml declares no egress of a workload in it: nothing follows',
    warn: true,
  });
  await expect(check(configWith('{ addresses_file: addresses.yaml }', 'version: 9'))).rejects.toThrow(
    '"ruawatch guard check" says why',
  );
});
