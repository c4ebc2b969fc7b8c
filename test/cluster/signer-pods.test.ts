import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SignerWatch } from '../../services/cluster/signer-pods.ts';
import { Kubernetes, openApi } from '../../services/shared/runtime/kubernetes.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { dkimKeys, dkimSchema } from '../../services/shared/settings/dkim-keys.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { FakeKubeApi } from '../helpers/fake-kube-api.ts';
import { until } from '../helpers/services.ts';

const MAIL = '/api/v1/namespaces/mail/pods';
const OTHER = '/api/v1/namespaces/other/pods';
const NOW = new Date('2026-11-27T08:00:00Z');
const kubernetes = { namespace: 'mail', secret: 'dkim', config_map: 'signer', signer: 'rspamd', kubeconfig: 'kubeconfig' };
/** Two domains of which pods tell, and two of which none do. */
const KEYS = dkimKeys(
  dkimSchema.parse([
    { domain: 'file.example', layout: 'rspamd', folder: 'keys' },
    { domain: 'seen.example', layout: 'kubernetes', kubernetes: { ...kubernetes, seen: ['./seen'] } },
    { domain: 'a.example', layout: 'kubernetes', kubernetes: { ...kubernetes, pods: { app: 'rspamd', tier: 'out' } } },
    { domain: 'b.example', layout: 'kubernetes', kubernetes: { ...kubernetes, namespace: 'other', pods: { app: 'rspamd' } } },
  ]),
  '/keys',
  [],
);

let api: FakeKubeApi;
let folder: string;
let t: TestDatabase;
let watch: SignerWatch;
let failures: string[];
beforeEach(async () => {
  api = await new FakeKubeApi().start();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-kube-'));
  t = await testDatabase();
  api.serve(MAIL);
  failures = [];
  const client = new Kubernetes(await openApi({ kubeconfig: api.kubeconfig(folder), context: null }));
  const failed = (resource: string) => void failures.push(resource);
  watch = new SignerWatch(t.db, KEYS, { api: client, log: createLog('silent'), failed, firstWaitMs: 10 });
});
afterEach(async () => {
  await watch.stop();
  await api.stop();
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});

const rows = async () => {
  await watch.keep(NOW);
  return (await t.db.query('select * from ruawatch.signer_pods order by domain')).rows;
};
const row = (domain: string, pods: number, files: string[], unknown: string | null = null) => ({
  ...{ domain, pods, files, unknown, checked_at: NOW },
});
const pod = (name: string, files: string | null, phase: string | null = 'Running') =>
  api.put(MAIL, {
    metadata: { name, ...(files !== null && { annotations: { 'ruawatch/dkim-keys': files, other: 'x' } }) },
    ...(phase !== null && { status: { phase } }),
  });

test('what all pods of each domain have is kept, and why it is not known', async () => {
  const selected = '?labelSelector=app%3Drspamd%2Ctier%3Dout';
  expect(watch.failure()).toBe(`${MAIL}${selected} is not listed yet.`);
  pod('a', ' r1.key,, r0.key, r2.key,');
  pod('b', 'r2.key,r0.key', null);
  pod('c', 'r9.key', 'Succeeded');
  pod('d', 'r9.key', 'Failed');
  const missing = `${OTHER}: it is not there (${OTHER} not found).`;
  await until(async () => watch.failure() === missing);
  await until(async () => (await rows())[0]!.pods === 2);
  expect(await rows()).toEqual([row('a.example', 2, ['r0.key', 'r2.key']), row('b.example', 0, [], missing)]);
  expect(new Set(failures)).toEqual(new Set(['pods']));
  api.serve(OTHER);
  await until(async () => watch.failure() === null);
  pod('e', null);
  await until(async () => (await rows())[0]!.pods === 3);
  expect(await rows()).toEqual([row('a.example', 3, []), row('b.example', 0, [], 'no pod has the labels of the signer')]);
  await watch.stop();
  await until(async () => api.watchers === 0);
});
