import { describe, expect, test } from 'vitest';
import { readGuard } from '../../../services/dns/guard/file.ts';
import { signersAs, workloadSeen } from '../../../services/dns/guard/workloads.ts';

const read = (environment: string) => readGuard(`version: 1\nenvironments:\n  p:\n    ${environment}`).environments[0]!;
const workloadsIn = (list: string, rest = 'domains: {a.example: , b.example: }') =>
  read(`${rest}\n    workloads: [${list.trim().replace(/\n\s*/g, ' ')}]`).workloads;

describe('who sends as what', () => {
  test('a workload of the environment sends as the domains that it names', () => {
    const { domains, workloads, clusters } = read(`clusters: [eu, us]
    domains: [a.example, b.example, c.example]
    workloads:
      - name: shop
        namespace: front
        labels: {app: checkout}
        service_account: mailer
        sends_as: [a.example, b.example]
        envelope_from: bounces.a.example
        selectors:
          - {domain: a.example, selector: s1, key_file: keys/a.pem}
          - {domain: b.example, selector: s2, secret: {namespace: mail, name: dkim, key: b.pem}}`);
    expect(clusters).toEqual(['eu', 'us']);
    expect(workloads).toEqual([
      {
        name: 'shop',
        namespace: 'front',
        labels: { app: 'checkout' },
        service_account: 'mailer',
        sends_as: ['a.example', 'b.example'],
        envelope_from: 'bounces.a.example',
        egress: [],
        signers: [
          { domain: 'a.example', selector: 's1', private_key: 'keys/a.pem', secret: null },
          { domain: 'b.example', selector: 's2', private_key: null, secret: { namespace: 'mail', name: 'dkim', key: 'b.pem' } },
        ],
      },
    ]);
    expect(domains.map(({ domain, workloads: those }) => [domain, those.map(({ name }) => name)])).toEqual([
      ['a.example', ['shop']],
      ['b.example', ['shop']],
      ['c.example', []],
    ]);
  });

  test('written below several domains it is one, unless the pods are others', () => {
    const below = (labels: string) =>
      read(`domains:
      a.example: {dkim: {selectors: {s1: any}}, workloads: [{name: shop, labels: {app: x}, egress: 192.0.2.1}]}
      b.example: {dkim: {selectors: {s2: any}}, workloads: [{name: shop, labels: {app: ${labels}}, egress: 192.0.2.2}]}`);
    const { workloads, domains } = below('x');
    expect(workloads.map(({ sends_as }) => sends_as)).toEqual([['a.example', 'b.example']]);
    expect(workloads[0]!.signers.map(({ domain, selector }) => `${selector}.${domain}`)).toEqual([
      's1.a.example',
      's2.b.example',
    ]);
    // Each domain is judged by what stands below it.
    expect(domains.map((one) => one.workloads[0]!.egress.map(({ name }) => name))).toEqual([['192.0.2.1'], ['192.0.2.2']]);
    expect(below('y').workloads.map(({ sends_as }) => sends_as)).toEqual([['a.example'], ['b.example']]);
  });
});

test.each([
  ['nat', { name: 'nat', from: 'static', addresses: ['192.0.2.9'] }],
  ['[nat]', { name: 'nat', from: 'static', addresses: ['192.0.2.9'] }],
  ['192.0.2.0/28', { name: '192.0.2.0/28', from: 'static', addresses: ['192.0.2.0/28'] }],
  ['"2001:db8::/64"', { name: '2001:db8::/64', from: 'static', addresses: ['2001:db8::/64'] }],
  ['nodes', { name: 'nodes', from: 'nodes', addresses: [] }],
  ['{nodes: {pool: mail}}', { name: 'nodes', from: 'nodes', node_labels: { pool: 'mail' }, addresses: [] }],
  ['{cilium: out, addresses: [192.0.2.1]}', { name: 'cilium:out', from: 'cilium', policy: 'out', addresses: ['192.0.2.1'] }],
  ['[{calico: pool}]', { name: 'calico:pool', from: 'calico', pool: 'pool', addresses: [] }],
])('egress: %s', (written, expected) => {
  const [workload] = workloadsIn(
    `{name: w, sends_as: [a.example], egress: ${written}}`,
    'egress: {nat: {addresses: [192.0.2.9]}}\n    domains: [a.example]',
  );
  expect(workload!.egress).toEqual([expected]);
});

describe('keys', () => {
  const DOMAINS = `domains:
      a.example: {dkim: {selectors: {s1: {private_key: a.pem, secret: {name: k}}, old: revoked}}}
      sub.a.example:
      b.example: {dkim: {selectors: {s1: any, s2: any}}}`;
  const signers = (workload: string) => workloadsIn(workload, DOMAINS)[0]!;
  const names = (list: readonly { domain: string; selector: string }[]) =>
    list.map(({ domain, selector }) => `${selector}.${domain}`);

  test('all of its domains without a list', () => {
    expect(names(signers('{name: w, sends_as: [a.example, b.example]}').signers)).toEqual([
      's1.a.example',
      's1.b.example',
      's2.b.example',
    ]);
  });

  test('a name means the selector of each domain that has it; an object, one of one domain', () => {
    expect(names(signers('{name: w, sends_as: [a.example, b.example], selectors: [s1]}').signers)).toEqual([
      's1.a.example',
      's1.b.example',
    ]);
    expect(signers('{name: w, sends_as: [a.example], selectors: [{selector: s1}]}').signers).toEqual([
      { domain: 'a.example', selector: 's1', private_key: 'a.pem', secret: { name: 'k' } },
    ]);
    expect(
      signers('{name: w, sends_as: [a.example], selectors: [{domain: vendor.example, selector: v, key_file: v.pem}]}').signers,
    ).toEqual([{ domain: 'vendor.example', selector: 'v', private_key: 'v.pem', secret: null }]);
    expect(signers('{name: w, sends_as: [a.example], selectors: []}').signers).toEqual([]);
  });

  test('mail is signed by its own domain, else by one near it, else by what there is', () => {
    const all = signers(
      '{name: w, sends_as: [a.example, sub.a.example, b.example], selectors: [{domain: a.example, selector: s1}]}',
    );
    expect(names(signersAs(all, 'a.example'))).toEqual(['s1.a.example']);
    expect(names(signersAs(all, 'sub.a.example'))).toEqual(['s1.a.example']);
    expect(names(signersAs(all, 'b.example'))).toEqual(['s1.a.example']);
    const vendor = signers(
      '{name: w, sends_as: [a.example, sub.a.example], selectors: [{domain: vendor.example, selector: v, key_file: v.pem}, {domain: a.example, selector: s1}]}',
    );
    expect(names(signersAs(vendor, 'sub.a.example'))).toEqual(['s1.a.example']);
    expect(names(signersAs(vendor, 'b.example'))).toEqual(['v.vendor.example', 's1.a.example']);
    const both = signers('{name: w, sends_as: [a.example, b.example]}');
    expect(names(signersAs(both, 'b.example'))).toEqual(['s1.b.example', 's2.b.example']);
  });
});

describe('what was seen belongs to the workload that demands it', () => {
  const list = workloadsIn(`
    {name: shop, namespace: front, labels: {app: shop}, sends_as: [a.example]},
    {name: shop-eu, namespace: front, labels: {app: shop, region: eu}, sends_as: [a.example]},
    {name: batch, namespace: batch, service_account: mailer, sends_as: [a.example]},
    {name: jobs, namespace: batch, service_account: jobs, sends_as: [a.example]},
    {name: desk, namespace: desk, sends_as: [b.example]},
    {name: legacy, sends_as: [b.example]}`);
  test.each([
    [{ namespace: 'front', labels: { app: 'shop', pod: 'x' } }, 'shop'],
    [{ namespace: 'front', labels: { app: 'shop', region: 'eu' } }, 'shop-eu'],
    [{ namespace: 'front', labels: { app: 'shop', region: 'us' } }, 'shop'],
    [{ namespace: 'front', labels: { app: 'other' } }, null],
    [{ namespace: 'front', labels: {} }, null],
    [{ namespace: 'front' }, null],
    [{ namespace: 'front', name: 'shop' }, 'shop'],
    [{ namespace: 'other', labels: { app: 'shop' } }, null],
    [{ namespace: 'other', name: 'shop' }, null],
    [{ labels: { app: 'shop' } }, null],
    [{ name: 'Shop' }, 'shop'],
    [{ namespace: 'batch', service_account: 'mailer' }, 'batch'],
    [{ namespace: 'batch', service_account: 'jobs' }, 'jobs'],
    [{ namespace: 'batch', service_account: 'else' }, null],
    // Two are in this namespace, and which of them it was is not known.
    [{ namespace: 'batch' }, null],
    [{ namespace: 'batch', name: 'jobs' }, 'jobs'],
    [{ namespace: 'desk' }, 'desk'],
    [{ namespace: 'desk', labels: { any: 'x' } }, 'desk'],
    [{ name: 'legacy' }, 'legacy'],
    [{ name: 'legacy', namespace: 'anywhere' }, 'legacy'],
    [{ name: 'nobody' }, null],
    [{}, null],
    [{ name: null, namespace: null, labels: null, service_account: null }, null],
  ])('%j', (seen, expected) => {
    expect(workloadSeen(list, seen)?.name ?? null).toBe(expected);
  });
});
