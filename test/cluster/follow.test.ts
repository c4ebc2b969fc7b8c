import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Follower } from '../../services/cluster/follow.ts';
import { Kubernetes, type KubernetesObject, openApi } from '../../services/shared/runtime/kubernetes.ts';
import { FakeKubeApi } from '../helpers/fake-kube-api.ts';
import { until } from '../helpers/services.ts';

const NODES = '/api/v1/nodes';
let api: FakeKubeApi;
let folder: string;
let follower: Follower<string>;
let follow: () => Follower<string>;
let failures: number;
/** How many lists were begun when a failure was counted. */
let listsAtFailure: number[];
let logged: object[];
/** Nodes whose names begin with "x" are of no use. */
const keep = ({ metadata: { name, namespace, labels } }: KubernetesObject) =>
  name.startsWith('x') || labels?.use === 'no' ? null : `${namespace ?? ''}/${name}`;
beforeEach(async () => {
  api = await new FakeKubeApi().start();
  api.serve(NODES);
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-kube-'));
  failures = 0;
  listsAtFailure = [];
  logged = [];
  const write = (line: string) => {
    const { level, path: at, err, msg } = JSON.parse(line) as Record<string, unknown>;
    if (level !== 30) logged.push({ level, at, err, msg });
  };
  for (const name of ['n1', 'x1', 'n2']) api.put(NODES, { metadata: { name } });
  const kubernetes = new Kubernetes(await openApi({ kubeconfig: api.kubeconfig(folder), context: null }));
  follow = () =>
    new Follower({
      api: kubernetes,
      path: NODES,
      keep,
      log: pino({}, { write }),
      failed: () => {
        failures += 1;
        listsAtFailure.push(api.lists);
      },
      firstWaitMs: 10,
    });
  follower = follow();
});
afterEach(async () => {
  await follower.stop();
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

const knows = (...names: string[]) => until(async () => follower.known.join() === names.map((name) => `/${name}`).join());
const watched = () => until(async () => api.watchers === 1 && follower.failure() === null);
const put = (name: string) => api.put(NODES, { metadata: { name } });
/** The API fails, and is there again. */
const failsAndReturns = async () => {
  api.broken = 500;
  api.cut();
  await until(async () => /status 500/.test(follower.failure() ?? ''));
  api.broken = null;
  await watched();
};

test('knows what is listed, and what comes, changes and goes', async () => {
  expect([follower.known, follower.failure()]).toEqual([[], `${NODES} is not listed yet.`]);
  await watched();
  expect(follower.known).toEqual(['/n1', '/n2']);
  put('n3');
  put('x2');
  api.bookmark(NODES);
  api.put(NODES, { metadata: { name: 'n1', labels: { use: 'no' } } });
  api.remove(NODES, 'n2');
  put('n4');
  await knows('n3', 'n4');
  // One of the same name elsewhere is another one.
  api.send(NODES, JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'n4', namespace: 'a' } } }));
  await until(async () => follower.known.length === 3);
  expect(follower.known).toEqual(['/n3', '/n4', 'a/n4']);
  // That event had no version: the watch goes on from the one before.
  api.end();
  await watched();
  put('n5');
  await until(async () => follower.known.length === 4);
  expect([follower.known, api.lists, failures, logged]).toEqual([['/n3', '/n4', 'a/n4', '/n5'], 1, 0, []]);
});

test('a watch that ends without a word is begun again, without a list', async () => {
  for (let n = 0; n < 3; n++) {
    await watched();
    api.end();
  }
  await watched();
  expect([api.lists, failures]).toEqual([1, 0]);
});

test('a connection that is cut is made again without a list; after a refusal, all is listed', async () => {
  await watched();
  api.cut();
  await until(async () => failures === 1);
  await watched();
  expect([api.lists, failures]).toEqual([1, 1]);
  await failsAndReturns();
  expect(api.lists).toBe(2);
});

test.each([
  ['when the watch begins', false],
  ['while it is watched', true],
])('a version that is too old is no failure the first time: %s', async (_, inWatch) => {
  await watched();
  await failsAndReturns();
  const before = failures;
  if (inWatch) {
    put('n3');
    await knows('n1', 'n2', 'n3');
    api.send(NODES, JSON.stringify({ type: 'ERROR', object: { metadata: {}, code: 410, message: 'expired' } }));
  } else {
    api.end();
    api.compact();
    put('n3');
  }
  await until(async () => api.lists === 3);
  await watched();
  expect([follower.known, failures]).toEqual([['/n1', '/n2', '/n3'], before]);
});

test('a version that is too old again and again is one', async () => {
  await watched();
  api.oldest = Number.MAX_SAFE_INTEGER;
  api.cut();
  await until(async () => /^The watch has ended: too old resource version/.test(follower.failure() ?? ''));
  api.oldest = 0;
  await watched();
  expect(follower.known).toEqual(['/n1', '/n2']);
});

test('one that is too old from the start is listed again once before it is a failure', async () => {
  await watched();
  await follower.stop();
  const before = api.lists;
  api.oldest = Number.MAX_SAFE_INTEGER;
  follower = follow();
  await until(async () => failures >= 2);
  // After that, each time.
  expect(listsAtFailure.slice(0, 2)).toEqual([before + 2, before + 3]);
});

test('a failure is counted each time, and said once', async () => {
  await watched();
  api.broken = 403;
  api.cut();
  await until(async () => failures >= 5);
  const refused = `${NODES}: the account may not do it (it is broken).`;
  expect(follower.failure()).toBe(refused);
  expect(logged).toEqual(
    [`The API server ${api.url} cannot be reached: aborted.`, refused].map((err) => ({
      ...{ level: 40, at: NODES, err },
      msg: 'the cluster cannot be watched; it is tried again',
    })),
  );
  expect(follower.known).toEqual(['/n1', '/n2']);
});

test('that it stops is no failure', async () => {
  await watched();
  await follower.stop();
  await until(async () => api.watchers === 0);
  expect([failures, logged, follower.failure()]).toEqual([0, [], null]);
});
