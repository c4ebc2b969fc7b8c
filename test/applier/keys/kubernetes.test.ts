import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recordOf } from '../../../services/applier/keys/files.ts';
import { keyStoreOf } from '../../../services/applier/keys/index.ts';
import type { KubernetesMeans } from '../../../services/applier/keys/kubernetes.ts';
import { SignerWatch } from '../../../services/cluster/signer-pods.ts';
import { Kubernetes, openApi } from '../../../services/shared/runtime/kubernetes.ts';
import { createLog } from '../../../services/shared/runtime/log.ts';
import { dkimKeys, dkimSchema } from '../../../services/shared/settings/dkim-keys.ts';
import { loadSignerPods } from '../../../services/store/cluster/signer-pods.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { FakeKubeApi } from '../../helpers/fake-kube-api.ts';
import { until } from '../../helpers/services.ts';

const SECRETS = '/api/v1/namespaces/mail/secrets';
const MAPS = '/api/v1/namespaces/mail/configmaps';
const PODS = '/api/v1/namespaces/mail/pods';

let api: FakeKubeApi;
let folder: string;
beforeEach(async () => {
  api = await new FakeKubeApi().start();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-kube-'));
  api.put(SECRETS, { metadata: { name: 'dkim' } });
  api.put(MAPS, { metadata: { name: 'signer' }, data: { 'other.conf': 'x' } });
});
afterEach(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

const keyOf = (part: object = {}) => {
  const kubernetes = { namespace: 'mail', secret: 'dkim', config_map: 'signer', signer: 'rspamd', ...part };
  const given = {
    kubeconfig: api.kubeconfig(folder),
    ...('seen' in kubernetes ? {} : { pods: { app: 'rspamd' } }),
    ...kubernetes,
  };
  const entries = dkimSchema.parse([{ domain: 'example.com', layout: 'kubernetes', kubernetes: given }]);
  return dkimKeys(entries, folder, [])[0]!;
};
const NOW = new Date('2026-11-27T08:00:00Z');
const seenAs =
  (files: string[], part: object = {}): KubernetesMeans['pods'] =>
  async () => ({ pods: 2, files, unknown: null, checked_at: NOW, ...part });
const storeOf = (part: object = {}, pods: KubernetesMeans['pods'] = async () => null) =>
  keyStoreOf(keyOf(part), { pods, now: () => NOW });
const dataOf = (at: string, name: string) => api.object(at, name)!.data as Record<string, string>;
const pemOf = (file: string) => Buffer.from(dataOf(SECRETS, 'dkim')[file]!, 'base64').toString();

test.each([
  [
    'rspamd',
    {},
    'example.com.r1.key',
    'dkim_selectors.map',
    'example.org s1\nexample.com r0\n',
    'example.org s1\nexample.com r1\n',
  ],
  [
    'opendkim',
    { signer: 'opendkim', mount: '/keys' },
    'example.com.r1.private',
    'KeyTable',
    'example.com example.com:r0:/keys/example.com.r0.private\nexample.org example.org:s1:/x\n',
    'example.org example.org:s1:/x\nexample.com example.com:r1:/keys/example.com.r1.private\n',
  ],
] as const)('%s: a key comes beside the one that signs, and then signs', async (_, part, file, table, before, after) => {
  api.put(MAPS, { metadata: { name: 'signer' }, data: { [table]: before, 'other.conf': 'x' } });
  api.put(SECRETS, { metadata: { name: 'dkim' }, data: { 'example.com.r0.key': 'b2xk' } });
  const store = storeOf(part);
  expect(await store.current()).toBe('r0');
  const record = await store.make('r1');
  expect(record).toBe(recordOf(pemOf(file)));
  // A process that goes on has the same key.
  expect(await store.make('r1')).toBe(record);
  expect(dataOf(SECRETS, 'dkim')).toMatchObject({ 'example.com.r0.key': 'b2xk' });
  expect(dataOf(MAPS, 'signer')[table]).toBe(before);
  await store.switchTo('r1');
  await store.switchTo('r1');
  expect(dataOf(MAPS, 'signer')).toEqual({ [table]: after, 'other.conf': 'x' });
  expect(await store.current()).toBe('r1');
  // Nothing but these two objects is touched, and neither by more than get and patch.
  const [map, secret] = [`${MAPS}/signer`, `${SECRETS}/dkim`];
  expect(api.asked).toEqual([
    `GET ${map}`,
    ...[`GET ${secret}`, `PATCH ${secret}`],
    `GET ${secret}`,
    ...[`GET ${secret}`, `GET ${map}`, `PATCH ${map}`],
    ...[`GET ${secret}`, `GET ${map}`],
    `GET ${map}`,
  ]);
});

test('without a table, and in one about others, no key signs', async () => {
  expect(await storeOf().current()).toBeNull();
  api.put(MAPS, { metadata: { name: 'signer' }, data: { 'dkim_selectors.map': '\nexample.org s1\n' } });
  expect(await storeOf().current()).toBeNull();
  // An object may have no data at all.
  api.put(MAPS, { metadata: { name: 'signer' } });
  expect(await storeOf().current()).toBeNull();
  await storeOf().make('r1');
  await storeOf().switchTo('r1');
  expect(dataOf(MAPS, 'signer')).toEqual({ 'dkim_selectors.map': 'example.com r1\n' });
});

test('somebody else who changes the Secret at the same time loses nothing', async () => {
  const [one, other] = await Promise.all([storeOf().make('r1'), storeOf().make('r2')]);
  expect([one, other]).toEqual([recordOf(pemOf('example.com.r1.key')), recordOf(pemOf('example.com.r2.key'))]);
  const twice = await Promise.all([storeOf().make('r3'), storeOf().make('r3')]);
  expect(new Set(twice)).toEqual(new Set([recordOf(pemOf('example.com.r3.key'))]));
});

test.each([
  ['somebody else is quicker three times', 3, null, 4, true],
  ['somebody else is always quicker', 4, null, 4, false],
  ['it is refused for another reason', 0, 403, 1, false],
])('%s: it is written so often, and made or not', async (_, conflicts, broken, times, made) => {
  let left = conflicts;
  const patches: string[] = [];
  api.asked.push = (line) => {
    if (!line.startsWith('PATCH ')) return 0;
    // The object is another one before the patch is looked at.
    if (left-- > 0) api.put(SECRETS, api.object(SECRETS, 'dkim')!);
    api.broken = broken;
    return patches.push(line);
  };
  const making = storeOf().make('r1');
  if (made) expect(await making).toBe(recordOf(pemOf('example.com.r1.key')));
  else
    await expect(making).rejects.toMatchObject({
      name: 'KeyStoreError',
      message: expect.stringMatching(/^The keys in Kubernetes: /),
    });
  expect(patches).toEqual(Array.from({ length: times }, () => `PATCH ${SECRETS}/dkim`));
});

test('what cannot be done is a sentence', async () => {
  const refused = (work: Promise<unknown>, message: RegExp) =>
    expect(work).rejects.toMatchObject({ name: 'KeyStoreError', message: expect.stringMatching(message) });
  await refused(storeOf().switchTo('r9'), /^The Secret mail\/dkim has no example\.com\.r9\.key: nothing is switched to it\.$/);
  await refused(storeOf({ secret: 'gone' }).make('r1'), /secrets\/gone: it is not there/);
  await refused(storeOf({ config_map: 'gone' }).current(), /configmaps\/gone: it is not there/);
  api.put(SECRETS, { metadata: { name: 'dkim' }, data: { 'example.com.r1.key': 'AAAA' } });
  await refused(storeOf().make('r1'), /is no private key/);
  await refused(storeOf().switchTo('r1'), /is no private key/);
  api.broken = 403;
  await refused(storeOf().make('r2'), /the account may not do it/);
  api.broken = 0;
  await refused(storeOf().make('r2'), /cannot be reached/);
  writeFileSync(path.join(folder, 'broken'), 'x: [');
  await refused(storeOf({ kubeconfig: path.join(folder, 'broken') }).make('r2'), /kubeconfig .*broken/);
});

describe('the switch waits', () => {
  const wait = (pods: KubernetesMeans['pods']) => storeOf({}, pods).waitsFor!('r1');
  test('until all pods say that they have the key', async () => {
    const old = (ms: number) => ({ checked_at: new Date(NOW.getTime() - ms) });
    const key = ['example.com.r1.key'];
    const silent = 'nothing looks at the pods of the signer any more: see to it that the service cluster runs';
    expect([
      await wait(async () => null),
      await wait(seenAs(key, { unknown: 'it is away' })),
      await wait(seenAs(key, old(5 * 60_000 + 1))),
      await wait(seenAs(key, old(5 * 60_000))),
      await wait(seenAs(['example.com.r0.key'])),
      await wait(seenAs(key, { pods: 0 })),
    ]).toEqual([
      'nothing looks at the pods of the signer: start the service cluster',
      'it is not known which keys the pods of the signer have: it is away',
      silent,
      null,
      'not all 2 pods of the signer say that they have example.com.r1.key yet',
      'not all 0 pods of the signer say that they have example.com.r1.key yet',
    ]);
    expect(await wait(seenAs(['example.com.r0.key', 'example.com.r1.key']))).toBeNull();
  });

  test('or until a program says so', async () => {
    const seen = path.join(folder, 'seen.sh');
    writeFileSync(
      seen,
      '#!/bin/sh\n[ "$2" = example.com.r1.key ] && [ "$1" = -q ] && exit $(cat "$(dirname "$0")/code")\nexit 9\n',
      { mode: 0o755 },
    );
    writeFileSync(path.join(folder, 'code'), '1');
    const store = storeOf({ seen: [seen, '-q'] });
    expect(await store.waitsFor!('r1')).toBe(`not all pods have example.com.r1.key yet: The command ${seen} ended with code 1.`);
    writeFileSync(path.join(folder, 'code'), '0');
    expect(await store.waitsFor!('r1')).toBeNull();
  });
});

describe('what the pods have', () => {
  let t: TestDatabase;
  let watch: SignerWatch;
  beforeEach(async () => {
    t = await testDatabase();
    api.serve(PODS);
    const client = new Kubernetes(await openApi({ kubeconfig: api.kubeconfig(folder), context: null }));
    watch = new SignerWatch(t.db, [keyOf()], { api: client, log: createLog('silent'), failed: () => undefined, firstWaitMs: 10 });
  });
  afterEach(async () => {
    await watch.stop();
    await t.drop();
  });
  const pod = (name: string, files: string | null, part: object = {}) =>
    api.put(PODS, {
      metadata: { name, namespace: 'mail', ...(files === null ? {} : { annotations: { 'ruawatch/dkim-keys': files } }), ...part },
      status: { phase: 'Running' },
    });
  const sees = async (expected: object) => {
    await until(async () => {
      await watch.keep(NOW);
      const seen = await loadSignerPods(t.db, 'example.com');
      try {
        expect(seen).toMatchObject(expected);
        return true;
      } catch {
        return false;
      }
    });
  };

  test('is what each of them says by its annotation; those that end do not count', async () => {
    await sees({ pods: 0, files: [], unknown: 'no pod has the labels of the signer' });
    pod('a', 'example.com.r0.key, example.com.r1.key');
    pod('b', 'example.com.r0.key');
    await sees({ pods: 2, files: ['example.com.r0.key'], unknown: null });
    pod('c', null);
    await sees({ pods: 3, files: [], unknown: null });
    pod('c', 'example.com.r1.key,example.com.r0.key');
    pod('b', 'example.com.r0.key', { deletionTimestamp: '2026-11-27T08:00:00Z' });
    await sees({ pods: 2, files: ['example.com.r0.key', 'example.com.r1.key'], unknown: null });
    api.broken = 500;
    api.cut();
    await sees({ unknown: expect.stringMatching(/status 500/) });
  });
});
