import { expect, test } from 'vitest';
import { recordsOf, servedBy } from '../../services/cluster/declared.ts';
import { readGuard } from '../../services/dns/guard/file.ts';

const GUARD = readGuard(`version: 1
environments:
  production:
    egress:
      nat: { from: static, addresses: [192.0.2.77] }
      out: { from: nodes, addresses: [198.51.100.7/28] }
      nodes: { from: nodes, node_labels: { zone: b, pool: mail } }
      gate: { from: cilium, policy: mail }
    domains:
      example.com:
        spf: { sources: ["ip4:203.0.113.9"], require: ["ip4:203.0.113.64/28", "include:_spf.mailer.example"] }
        workloads:
          - { name: news, egress: [out, nat, nodes], envelope_from: bounce.example.com }
      example.org:
      example.net:
        workloads: [{ name: site, egress: [nat] }]
    workloads:
      - { name: shop, sends_as: [example.com, example.org], egress: [nodes, out], envelope_from: example.com }
  staging:
    clusters: [east]
    domains:
      example.com:
        workloads: [{ name: shop, egress: [nodes] }]
      bounce.example.com: { spf: { record: "v=spf1 ip4:203.0.113.5 -all" } }
  test:
    clusters: [west]
    domains:
      test.example.com:
        spf: { forbid: [ip4] }
        workloads: [{ name: a, egress: [nodes] }]
      six.example.com:
        spf: { forbid: [ip6, "+all"] }
        workloads: [{ name: b, egress: [nodes] }]
      all.example.com:
        spf: { forbid: ["+all"] }
        workloads: [{ name: c, egress: [nodes] }]
      plain.example.com: { workloads: [{ name: d, egress: [nodes] }] }
`);
/** A record with the names of its ways alone. */
const records = (serves: (environment: { name: string; clusters: readonly string[] }) => boolean) =>
  recordsOf(GUARD, serves).map(({ ways, ...record }) => ({
    ...record,
    ways: ways.map(({ environment, egress, way }) => `${environment} ${egress} ${way.from} ${way.name}`),
  }));

test('each record once, with all that any environment says of it', () => {
  expect(records(({ name }) => name !== 'test')).toEqual([
    {
      name: 'bounce.example.com',
      domains: ['example.com'],
      workloads: ['production/news'],
      ways: ['production out nodes out', 'production nodes:pool=mail,zone=b nodes nodes'],
      declared: ['198.51.100.0/28', '192.0.2.77', '203.0.113.5'],
      pinned: true,
    },
    {
      name: 'example.com',
      domains: ['example.com', 'example.org'],
      workloads: ['production/shop', 'staging/shop'],
      ways: ['production nodes:pool=mail,zone=b nodes nodes', 'production out nodes out', 'staging nodes nodes nodes'],
      declared: ['198.51.100.0/28', '203.0.113.9', '203.0.113.64/28'],
      pinned: true,
    },
  ]);
});

test('those alone that a served environment has, and whether the file says which terms they have', () => {
  const only = (one: string) => records(({ name }) => name === one);
  expect(only('staging').map(({ name, ways }) => [name, ways.length])).toEqual([['example.com', 3]]);
  expect(only('test').map(({ name, pinned, declared }) => [name, pinned, declared])).toEqual([
    ['test.example.com', true, []],
    ['six.example.com', true, []],
    ['all.example.com', false, []],
    ['plain.example.com', false, []],
  ]);
  expect(only('other')).toEqual([]);
});

test('which environments the service of a cluster serves', () => {
  const served = (cluster: string | null) => GUARD.environments.filter(servedBy(cluster)).map(({ name }) => name);
  expect(served(null)).toEqual(['production', 'staging', 'test']);
  expect(served('east')).toEqual(['production', 'staging']);
  expect(served('north')).toEqual(['production']);
});
