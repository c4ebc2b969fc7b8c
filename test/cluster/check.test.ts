import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkCluster } from '../../services/cluster/check.ts';
import { type Config, loadConfig } from '../../services/shared/settings/config.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { FakeKubeApi } from '../helpers/fake-kube-api.ts';

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

test('what the API of a cluster says to the account that doctor has', async () => {
  const api = await new FakeKubeApi().start();
  try {
    api.serve(NODES);
    api.put(NODES, { metadata: { name: 'n1' }, status: { addresses: [{ type: 'ExternalIP', address: '192.0.2.1' }] } });
    const config = configWith(`{ kubeconfig: ${api.kubeconfig(folder)} }`);
    expect((await check(config)).text).toBe('1 of 1 egress is known');
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
  expect(await check(configWith('{ addresses_file: addresses.yaml }', GUARD('192.0.2.1')))).toMatchObject({ warn: true });
  await expect(check(configWith('{ addresses_file: addresses.yaml }', 'version: 9'))).rejects.toThrow(
    '"ruawatch guard check" says why',
  );
});
