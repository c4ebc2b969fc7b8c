import { describe, expect, test } from 'vitest';
import type { Draft } from '../../../services/collector/joining/draft.ts';
import { workloadOf, workloadsIn } from '../../../services/collector/joining/workload.ts';
import type { GuardedWorkload } from '../../../services/dns/guard/workloads.ts';
import type { GuardWatch } from '../../../services/shared/guard-watch.ts';
import { seen } from './drafts.ts';

const workload = (name: string, given: Partial<GuardedWorkload> = {}): GuardedWorkload => ({
  name,
  namespace: null,
  labels: {},
  service_account: null,
  sends_as: [],
  envelope_from: null,
  egress: [],
  signers: [],
  ...given,
});
const DECLARED = [
  workload('shop', { namespace: 'web' }),
  workload('billing', { labels: { app: 'bills' } }),
  workload('mailer', { service_account: 'robot' }),
];
const hash = (name: string) => `h:${name}`;
const of = (given: Partial<Draft>, own = '') => workloadOf(seen('A', given), { declared: DECLARED, own, hash });

describe('the workload that sent a message', () => {
  test.each<[string, Partial<Draft>, string]>([
    ['is the one that the shipper names', { place: { workload: 'named', pod: 'shop-0' } }, 'named'],
    ['by its pod, of a Deployment', { place: { pod: 'shop-7d9f8b6c5-x2x4v' } }, 'shop'],
    ['of a StatefulSet', { place: { pod: 'shop-12' } }, 'shop'],
    ['of a DaemonSet', { place: { pod: 'shop-x2x4v' } }, 'shop'],
    ['by its labels', { place: { pod: 'x', labels: { app: 'bills' } } }, 'billing'],
    ['not in another namespace', { place: { pod: 'shop-0', namespace: 'other' } }, 'other'],
    ['by its user', { sasl_username: 'h:billing', place: { namespace: 'somewhere' } }, 'billing'],
    ['by its service account as user', { sasl_username: 'h:robot' }, 'mailer'],
    ['by nobody else as user', { sasl_username: 'h:stranger' }, ''],
    ['by the name of its client', { client_name: 'shop.example' }, 'shop'],
    ['by the name of a pod as client', { client_name: 'billing-7d9f8b6c5-x2x4v' }, 'billing'],
    ['by the service behind a pod', { client_name: '10-0-0-1.billing.web.svc.cluster.local' }, 'billing'],
    ['in the namespace of the client', { client_name: 'shop-0.shop.web.svc.cluster.local' }, 'shop'],
    ['in no other namespace', { client_name: 'shop-0.shop.other.svc.cluster.local' }, ''],
    ['by no other client', { client_name: 'mx.example.org' }, ''],
    ['is the application that wrote the lines', { place: { labels: { app: 'a', 'k8s-app': 'k' } } }, 'a'],
    ['by its recommended label', { place: { labels: { app: 'a', 'app.kubernetes.io/name': 'n' } } }, 'n'],
    ['by the label of older charts', { place: { labels: { 'k8s-app': 'k' }, namespace: 'ns' } }, 'k'],
    ['or its namespace', { place: { namespace: 'ns' } }, 'ns'],
    ['or nobody', {}, ''],
  ])('%s', (_, given, name) => {
    expect(of(given)).toBe(name);
  });

  test('is that of the source where nothing declared fits, whatever application wrote the lines', () => {
    expect(of({ place: { labels: { app: 'a' } } }, 'own')).toBe('own');
    expect(of({ place: { pod: 'shop-0' } }, 'own')).toBe('shop');
    expect(of({ client_name: 'shop' }, 'own')).toBe('shop');
  });

  test('has a name of a hundred characters at most', () => {
    expect(of({ place: { workload: 'x'.repeat(120) } })).toBe('x'.repeat(100));
    expect(of({ place: { namespace: 'y'.repeat(120) } })).toBe('y'.repeat(100));
  });
});

test('declared are the workloads of an environment that the file names', () => {
  const watch = (declared: unknown) => ({ declared }) as unknown as GuardWatch;
  const file = {
    environments: [
      { name: 'production', workloads: DECLARED },
      { name: 'staging', workloads: [] },
    ],
  };
  expect(workloadsIn(watch(file), 'production')).toBe(DECLARED);
  expect(workloadsIn(watch(file), 'staging')).toEqual([]);
  for (const declared of [file, null, undefined]) expect(workloadsIn(watch(declared), 'other')).toEqual([]);
});
