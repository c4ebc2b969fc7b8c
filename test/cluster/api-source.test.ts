import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiSource } from '../../services/cluster/api-source.ts';
import type { EgressWay } from '../../services/dns/guard/workloads.ts';
import { Kubernetes, openApi } from '../../services/shared/runtime/kubernetes.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { FakeKubeApi } from '../helpers/fake-kube-api.ts';
import { until } from '../helpers/services.ts';

const NODES = '/api/v1/nodes';
const POLICIES = '/apis/cilium.io/v2/ciliumegressgatewaypolicies';
const POOLS = '/apis/crd.projectcalico.org/v1/ippools';
const PODS = '/api/v1/pods';

let api: FakeKubeApi;
let folder: string;
let source: ApiSource;
let failures: string[];
beforeEach(async () => {
  api = await new FakeKubeApi().start();
  api.serve(NODES);
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-kube-'));
  failures = [];
  const client = new Kubernetes(await openApi({ kubeconfig: api.kubeconfig(folder), context: null }));
  source = new ApiSource({
    api: client,
    log: createLog('silent'),
    failed: (resource) => failures.push(resource),
    firstWaitMs: 10,
  });
});
afterEach(async () => {
  await source.stop();
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

const wayOf = (given: Partial<EgressWay>): EgressWay => ({ name: 'out', from: 'nodes', addresses: [], ...given });
const look = (given: Partial<EgressWay> = {}) => source.observe('production', 'out', wayOf(given));
const known = async (addresses: string[], given: Partial<EgressWay> = {}) => {
  await until(() => JSON.stringify(look(given)) === JSON.stringify({ state: 'known', addresses }));
};
const unknown = async (why: RegExp, given: Partial<EgressWay> = {}) => {
  await until(() => {
    const found = look(given);
    return found.state === 'unknown' && why.test(found.why);
  });
};
const node = (name: string, address: string | null, labels: Record<string, string> = {}) =>
  api.put(NODES, {
    metadata: { name, labels },
    status: {
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }, ...(address === null ? [] : [{ type: 'ExternalIP', address }])],
    },
  });

describe('nodes', () => {
  test('by their labels, page by page, as they come, change and go', async () => {
    for (let n = 1; n <= 5; n++) node(`n${n}`, `192.0.2.${n}`, { pool: n > 3 ? 'mail' : 'web' });
    expect(look().state).toBe('unknown');
    await known(['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5']);
    await known(['192.0.2.4', '192.0.2.5'], { node_labels: { pool: 'mail' } });
    node('n4', '192.0.2.44', { pool: 'mail' });
    node('n6', '2001:db8::6', { pool: 'mail' });
    api.remove(NODES, 'n5');
    await known(['192.0.2.44', '2001:db8::6'], { node_labels: { pool: 'mail' } });
    expect(source.failure()).toBeNull();
    expect(new Set(api.asked)).toEqual(new Set([`GET ${NODES}`]));
  });

  test('without an external address, or without a node, they are not known', async () => {
    await unknown(/^There is no address/);
    node('n1', null);
    await unknown(/^No node of it has an external address: .* NAT gateway/);
  });
});

test('what an object does not say is as if it were not there', async () => {
  api.put(NODES, { metadata: { name: 'n1' } });
  api.put(NODES, { metadata: { name: 'n2' }, status: {} });
  await unknown(/^No node of it has an external address/);
  api.put(NODES, { metadata: { name: 'n3' }, status: { addresses: [{ type: 'ExternalIP' }, {}] } });
  api.put(NODES, {
    metadata: { name: 'n4' },
    status: {
      addresses: [
        { type: 'ExternalIP', address: '192.0.2.4' },
        { type: 'Hostname', address: 'n4.example.com' },
      ],
    },
  });
  await known(['192.0.2.4']);
  const found = look({ node_labels: { pool: 'mail' } });
  expect(found).toEqual({ state: 'unknown', why: 'There is no address, and mail leaves by one.' });
});

test('ways that need no question, and what is wrong with whatever is asked for', async () => {
  expect(look({ from: 'static', addresses: ['192.0.2.7'] })).toEqual({ state: 'known', addresses: ['192.0.2.7'] });
  expect(look({ from: 'calico' })).toEqual({ state: 'unknown', why: 'mail-guard.yaml names no pool for it: set pool.' });
  expect([source.failure(), api.asked]).toEqual([null, []]);
  for (const [at, way] of [
    [NODES, { from: 'nodes' as const }],
    [POLICIES, { from: 'cilium' as const, policy: 'mail' }],
    [POOLS, { from: 'calico' as const, pool: 'mail' }],
  ] as const) {
    expect(look(way)).toEqual({ state: 'unknown', why: `${at} is not listed yet.` });
    expect(source.failure()).toBe(`${at} is not listed yet.`);
    api.serve(at);
    await until(async () => source.failure() === null);
  }
  api.put(POOLS, { metadata: { name: 'mail' }, spec: { cidr: '198.18.0.0/16' } });
  await unknown(/^\/api\/v1\/pods: it is not there/, { from: 'calico', pool: 'mail' });
  expect(source.failure()).toMatch(/^\/api\/v1\/pods: it is not there/);
  expect(failures.at(-1)).toBe('pods');
  await source.stop();
  await until(async () => api.watchers === 0);
});

describe('the watch', () => {
  beforeEach(async () => {
    node('n1', '192.0.2.1');
    await known(['192.0.2.1']);
  });

  test.each([
    ['ends after its time', () => api.end()],
    ['is cut', () => api.cut()],
    [
      'is cut in the middle of a line',
      () => {
        api.send(NODES, '{"type":"ADDED","object"');
        api.cut();
      },
    ],
    ['sends what is no JSON', () => api.send(NODES, 'upstream timed out')],
    ['sends an event of another form', () => api.send(NODES, JSON.stringify({ type: 'ADDED', object: null }))],
    [
      'fails with an error of the server',
      () => api.send(NODES, JSON.stringify({ type: 'ERROR', object: { metadata: {}, code: 500, message: 'etcd' } })),
    ],
  ])('%s: nothing is missed, and nothing is lost', async (_, disturb) => {
    await until(() => api.watchers === 1);
    disturb();
    node('n2', '192.0.2.2');
    await known(['192.0.2.1', '192.0.2.2']);
    api.remove(NODES, 'n1');
    await known(['192.0.2.2']);
  });

  test('of a version that is too old is listed anew, with what went meanwhile', async () => {
    await until(() => api.watchers === 1);
    api.broken = 0;
    api.cut();
    await unknown(/cannot be reached/);
    node('n2', '192.0.2.2');
    api.remove(NODES, 'n1');
    api.compact();
    api.broken = null;
    await known(['192.0.2.2']);
  });

  test('goes on from a bookmark, without listing again', async () => {
    await until(() => api.watchers === 1);
    for (let n = 0; n < 3; n++) {
      api.put('/api/v1/other', { metadata: { name: `o${n}` } });
      api.bookmark(NODES);
    }
    node('n2', '192.0.2.2');
    await known(['192.0.2.1', '192.0.2.2']);
    const listed = api.asked.length;
    api.end();
    await until(() => api.watchers === 1);
    node('n3', '192.0.2.3');
    await known(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
    expect(api.asked.length - listed).toBeLessThanOrEqual(2);
  });

  test.each([
    [0, /cannot be reached/],
    [403, /the account may not do it \(it is broken\)/],
    [401, /the account is not known/],
    [500, /status 500/],
  ] as const)('while the API answers %s, addresses are unknown, and known again afterwards', async (status, why) => {
    api.broken = status;
    api.cut();
    await unknown(why);
    expect(source.failure()).toMatch(why);
    expect(failures[0]).toBe('nodes');
    api.broken = null;
    await known(['192.0.2.1']);
    expect(source.failure()).toBeNull();
  });
});

describe('Cilium and Calico', () => {
  test('egressIP of a policy', async () => {
    const way = { from: 'cilium' as const, policy: 'mail' };
    await unknown(/it is not there/, way);
    api.put(POLICIES, { metadata: { name: 'other' }, spec: { egressGateway: { egressIP: '203.0.113.9' } } });
    await unknown(/^There is no CiliumEgressGatewayPolicy mail\.$/, way);
    api.put(POLICIES, { metadata: { name: 'mail' }, spec: { egressGateway: { egressIP: '203.0.113.5' } } });
    await known(['203.0.113.5'], way);
    api.put(POLICIES, {
      metadata: { name: 'mail' },
      spec: { egressGateways: [{ egressIP: '203.0.113.5' }, { egressIP: '203.0.113.6' }] },
    });
    await known(['203.0.113.5', '203.0.113.6'], way);
    api.put(POLICIES, { metadata: { name: 'mail' }, spec: { egressGateway: { interface: 'eth1' } } });
    await unknown(/names no egressIP/, way);
    api.put(POLICIES, {
      metadata: { name: 'mail' },
      spec: { egressGateway: { egressIP: '203.0.113.7' }, egressGateways: [{ egressIP: '203.0.113.5' }] },
    });
    await known(['203.0.113.5', '203.0.113.7'], way);
    api.put(POLICIES, { metadata: { name: 'mail' }, spec: { egressGateways: [{ egressIP: '203.0.113.5' }, { egressIP: '' }] } });
    await unknown(/^The CiliumEgressGatewayPolicy mail names no egressIP: the node's interface decides\. Declare/, way);
    api.put(POLICIES, { metadata: { name: 'mail' } });
    await unknown(/^There is no address/, way);
  });

  test.each([
    ['203.0.113.5/32', ['203.0.113.5']],
    ['203.0.113.7/24', ['203.0.113.0/24']],
    ['203.0.113.7/23', ['203.0.113.4']],
    ['2001:db8::1/128', ['2001:db8::1']],
    ['2001:db8::1/120', ['2001:db8::/120']],
    ['2001:db8::1/119', ['2001:db8::4']],
  ])('a pool of %s is published as %s', async (cidr, addresses) => {
    for (const name of ['other', 'mail'])
      api.put(POOLS, { metadata: { name }, spec: { cidr: name === 'mail' ? cidr : '198.51.100.0/24', disabled: false } });
    api.put(PODS, {
      metadata: { name: 'a' },
      status: { podIPs: [{}, { ip: '' }, { ip: '203.0.113.4' }, { ip: '2001:db8::4' }], podIP: '203.0.113.9' },
    });
    await known(addresses, { from: 'calico', pool: 'mail' });
  });

  test('a pool that says no network is none', async () => {
    api.put(POOLS, { metadata: { name: 'mail' } });
    api.put(POOLS, { metadata: { name: 'odd' }, spec: { cidr: 'x' } });
    await unknown(/^There is no IPPool mail with a network\.$/, { from: 'calico', pool: 'mail' });
    await unknown(/^There is no IPPool odd with a network\.$/, { from: 'calico', pool: 'odd' });
  });

  test('the network of a pool; of a wide one, the addresses of pods in it', async () => {
    const way = { from: 'calico' as const, pool: 'mail' };
    api.serve(POOLS);
    await unknown(/^There is no IPPool mail/, way);
    api.put(POOLS, { metadata: { name: 'mail' }, spec: { cidr: '203.0.113.64/28' } });
    await known(['203.0.113.64/28'], way);
    expect(api.asked).not.toContain(`GET ${PODS}`);
    api.put(POOLS, { metadata: { name: 'mail' }, spec: { cidr: '198.18.0.0/16' } });
    for (const [name, ip, phase] of [
      ['a', '198.18.3.4', 'Running'],
      ['b', '10.1.2.3', 'Running'],
      ['c', '198.18.3.5', 'Succeeded'],
      ['d', '198.18.3.6', 'Failed'],
    ] as const)
      api.put(PODS, { metadata: { name, namespace: 'egress' }, status: { phase, podIPs: [{ ip }] } });
    // Older servers say one address; a pod on its node's network has the node's; one that begins has none.
    api.put(PODS, { metadata: { name: 'e', namespace: 'egress' }, status: { phase: 'Running', podIP: '198.18.3.7' } });
    api.put(PODS, {
      metadata: { name: 'f', namespace: 'egress' },
      spec: { hostNetwork: true },
      status: { phase: 'Running', podIPs: [{ ip: '198.18.3.8' }] },
    });
    api.put(PODS, { metadata: { name: 'g', namespace: 'egress' }, status: { phase: 'Pending' } });
    api.put(PODS, { metadata: { name: 'h', namespace: 'egress' } });
    await known(['198.18.3.4', '198.18.3.7'], way);
    api.put(POOLS, { metadata: { name: 'mail' }, spec: { cidr: '203.0.113.64/28', disabled: true } });
    await unknown(/^There is no IPPool mail/, way);
  });
});
