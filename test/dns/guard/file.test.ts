import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { ASPECTS } from '../../../services/dns/guard/aspects.ts';
import { readGuard } from '../../../services/dns/guard/file.ts';
import { GuardFileError } from '../../../services/dns/guard/mistakes.ts';
import { guardSchema } from '../../../services/dns/guard/schema.ts';

const example = readFileSync(path.resolve(import.meta.dirname, '../../../mail-guard.example.yaml'), 'utf8');

/** The mistakes of a file; empty when it can be read. */
const mistakesIn = (text: string): readonly string[] => {
  try {
    readGuard(text);
    return [];
  } catch (error) {
    if (error instanceof GuardFileError) return error.mistakes;
    throw error;
  }
};
/** A file with one domain of production, as YAML in flow style. */
const withDomain = (domain: string) => `{version: 1, environments: {production: {domains: {example.com: ${domain}}}}}`;

/** The keys of objects in a schema, however deep. */
function keysOf(schema: unknown): string[] {
  const { def } = schema as { def: Record<string, unknown> & { shape?: Record<string, z.ZodType>; options?: unknown[] } };
  const own = Object.entries(def.shape ?? {}).flatMap(([name, value]) => [name, ...keysOf(value)]);
  const inner = ['innerType', 'element', 'valueType', 'in', 'out'].flatMap((part) => {
    const value = def[part];
    return typeof value === 'object' && value !== null && 'def' in value ? keysOf(value) : [];
  });
  return [...own, ...inner, ...(def.options ?? []).flatMap(keysOf)];
}

test('the example can be read and names every key', () => {
  expect(mistakesIn(example)).toEqual([]);
  const keys = [...new Set(keysOf(guardSchema))];
  expect(keys).toEqual(
    expect.arrayContaining(['version', 'egress', 'private_key', 'max_lookups', 'may_differ', 'service_account']),
  );
  expect(keys.filter((key) => !new RegExp(`\\b${key}:`).test(example))).toEqual([]);
});

test('its commented lines can be read as well', () => {
  const whole = example.replace(/#(key: )\S+/, '$1TUlJQg==').replace(/#(private_key|s3):/g, '$1:');
  expect(mistakesIn(whole)).toEqual([]);
});

test.each([
  ['', 'The file is empty: it begins with "version: 1" and "environments:" (docs/guard.md).'],
  ['[]', 'The file must be a block of keys, and is a list.'],
  ['version: 1', 'environments: is missing: it must be a block of keys.'],
  [
    '{version: 1, environments: {Live: {domains: [example.com]}}}',
    'environments.Live: must be lower-case letters, digits, "-", "_" and "." (line 1).',
  ],
  [
    '{version: 1, environments: {live: {domains: {münchen.example: }}}}',
    'environments.live.domains.münchen.example: must be written as in DNS: xn--mnchen-3ya.example (line 1).',
  ],
  [
    '{version: 1, environments: {live: {domains: {Example.com: }}}}',
    'environments.live.domains.Example.com: must be a domain in lower case, without a dot at the end (line 1).',
  ],
  [
    withDomain('{dmarc: {policy: Reject}}'),
    'environments.production.domains.example.com.dmarc.policy: must be one of "none", "quarantine", "reject" (line 1).',
  ],
  [
    withDomain('{workloads: [{name: a, labels: {v: 1}}]}'),
    'environments.production.domains.example.com.workloads.0.labels.v: must be a text, and is a number: put "1" into quotes (line 1).',
  ],
  [
    withDomain('{spf: {require: mx}}'),
    'environments.production.domains.example.com.spf.require: must be a list, and is a text (line 1).',
  ],
])('the mistake of %s is said in words of the file', (text, said) => {
  expect(mistakesIn(text)).toEqual([said]);
});

test('a selector that looks like a number is the name that is written', () => {
  const { environments } = readGuard(
    withDomain(
      '{dkim: {selectors: {20240101: any, 1e5: any, 007: any}}, workloads: [{name: a, selectors: [20240101, {selector: 007, key_file: k.pem}]}]}',
    ),
  );
  const [{ wanted, workloads }] = environments[0]!.domains as [(typeof environments)[0]['domains'][0]];
  expect(Object.keys(wanted.dkim!.selectors).sort()).toEqual(['007', '1e5', '20240101']);
  expect(workloads[0]!.signers.map(({ selector }) => selector)).toEqual(['20240101', '007']);
});

test.each(['ip4', 'ip6', 'a', 'mx', 'ptr', 'include', 'exists', 'redirect'])(
  '%s, the name of a mechanism, can be forbidden',
  (name) => {
    expect(mistakesIn(withDomain(`{spf: {forbid: [${name}]}}`))).toEqual([]);
  },
);

test('an environment is compared with the reference: production, the one that is named, or the first', () => {
  const of = (head: string, names: string[]) =>
    readGuard(`{version: 1, ${head} environments: {${names.map((name) => `${name}: {domains: {${name}.example.com: }}`)}}}`)
      .reference;
  expect(of('', ['staging', 'production'])).toBe('production');
  expect(of('', ['live', 'staging'])).toBe('live');
  expect(of('reference: staging,', ['live', 'staging'])).toBe('staging');
});

test('a domain is compared with the one of the same name, with the only one, with the named one, or with none', () => {
  const likeOf = (references: string, domain: string, like = '') => {
    const { environments } = readGuard(
      `{version: 1, environments: {production: {domains: {${references}}}, staging: {domains: {${domain}: {${like}}}}}}`,
    );
    return environments[1]!.domains[0]!.like;
  };
  expect(likeOf('a.example: , b.example: ', 'b.example')).toBe('b.example');
  expect(likeOf('a.example: ', 'staging.example')).toBe('a.example');
  expect(likeOf('a.example: , b.example: ', 'staging.example')).toBeNull();
  expect(likeOf('a.example: , b.example: ', 'staging.example', 'like: b.example')).toBe('b.example');
  expect(likeOf('a.example: ', 'staging.example', 'like: null')).toBeNull();
});

test('what may differ is an aspect, all of a record, or single values', () => {
  const { environments } = readGuard(
    `{version: 1, environments: {production: {domains: {a.example: }}, staging: {may_differ: [dkim, spf.sources: ["ip4:192.0.2.1"]], domains: {b.example: {may_differ: [spf.sources: ["ip4:192.0.2.2"], dmarc.policy]}}}}}`,
  );
  const { mayDiffer } = environments[1]!.domains[0]!;
  expect(mayDiffer.get('dkim.keys')).toBeNull();
  expect(mayDiffer.get('spf.sources')).toEqual(['ip4:192.0.2.1', 'ip4:192.0.2.2']);
  expect(mayDiffer.get('dmarc.policy')).toBeNull();
  expect(mayDiffer.has('bimi')).toBe(false);
  expect(ASPECTS.filter((aspect) => aspect.startsWith('dkim.')).every((aspect) => mayDiffer.has(aspect))).toBe(true);
});

/** Mistakes of the fourth line, whatever it is. */
const onLineFour = (line: string) =>
  `version: 1\nenvironments:\n  p:\n    ${line}\n    egress:\n      nat: {addresses: [192.0.2.1]}\n${line.startsWith('domains') ? '' : '    domains: {a.example: , b.example: }\n'}`;

describe('a mistake is named with its line', () => {
  test.each([
    ['unknown: 1', 'environments.p: unrecognized key: "unknown" (line 4).'],
    [
      'workloads: [{name: shop, sends_as: [a.example], sendsas: 1}]',
      'environments.p.workloads.0: unrecognized key: "sendsas" (line 4).',
    ],
    ['workloads: [{name: shop}]', 'environments.p.workloads.0.sends_as'],
    ['workloads: [{name: shop, sends_as: []}]', 'environments.p.workloads.0.sends_as: names no domain (line 4).'],
    [
      'workloads: [{name: shop, sends_as: [c.example]}]',
      '"shop" sends as c.example, which is no domain of the environment (line 4).',
    ],
    [
      'workloads: [{name: shop, sends_as: [a.example], egress: [{cilium: p, calico: q}]}]',
      'egress.0: needs one of nodes, cilium and calico (line 4).',
    ],
    [
      'workloads: [{name: shop, sends_as: [a.example], egress: [{cilium: p, adresses: []}]}]',
      'egress.0: unrecognized key: "adresses" (line 4).',
    ],
    [
      'workloads: [{name: shop, sends_as: [a.example], egress: vpn}]',
      '"shop" names the egress "vpn", which p does not have (line 4).',
    ],
    ['workloads: [{name: shop, sends_as: [a.example], egress: [192.0.2.0/33]}]', 'egress.0: "192.0.2.0/33" must be an address'],
    [
      'workloads: [{name: shop, sends_as: [a.example], selectors: [s1]}]',
      'signs with the selector "s1", for which dkim.selectors of a.example has no key (line 4).',
    ],
    [
      'workloads: [{name: shop, sends_as: [a.example], selectors: [{selector: s1, keyfile: x}]}]',
      'selectors.0: unrecognized key: "keyfile" (line 4).',
    ],
    ['workloads: [{name: shop, sends_as: [a.example, b.example], selectors: [{selector: s1}]}]', 'needs "domain" (line 4).'],
    ['workloads: [{name: shop, sends_as: [a.example]}, {name: shop, sends_as: [b.example]}]', 'two are named "shop" (line 4).'],
    [
      'domains: {a.example: {dkim: {selectors: {s1: revoked}}, workloads: [{name: w, selectors: [{selector: s1}]}]}}',
      'which is declared to be revoked (line 4).',
    ],
    ['domains: {a.example: {workloads: [{name: w, sends_as: [a.example]}]}}', 'unrecognized key: "sends_as" (line 4).'],
    ['domains: [a.example, B.example]', 'environments.p.domains.B.example'],
    ['clusters: prod', 'environments.p.clusters'],
  ])('%s', (line, said) => {
    const mistakes = mistakesIn(onLineFour(line));
    expect(mistakes.join('\n')).toContain(said);
    expect(mistakes.join('\n')).toContain('(line 4)');
  });
});

describe('a mistake is named with its place', () => {
  test.each([
    ['version: 2\nenvironments: {p: {domains: {a.example: }}}', 'version: must be 1'],
    ['environments: {p: {domains: {a.example: }}}', 'version: must be 1'],
    ['version: 1\nenvironments: {}', 'environments: names no environment'],
    ['version: 1\nenvironments: {p: {domains: {}}}', 'environments.p.domains: names no domain'],
    ['version: 1\nenvironments: {p: {domains: {Example.com: }}}', 'environments.p.domains.Example.com'],
    ['version: 1\nreference: q\nenvironments: {p: {domains: {a.example: }}}', 'reference: names "q"'],
    ['version: 1\nunknown: 1\nenvironments: {p: {domains: {a.example: }}}', 'unknown'],
    [withDomain('{spf: {sources: [include:]}}'), 'environments.production.domains.example.com.spf.sources.0'],
    [withDomain('{spf: {require: ["ip4:192.0.2.0/33"]}}'), 'spf.require.0'],
    [withDomain('{spf: {record: "v=spf1 foo -all"}}'), 'spf.record: must be a valid SPF record'],
    [withDomain('{spf: {record: "v=spf1 -all", all: "-all"}}'), 'keep one way'],
    [withDomain('{spf: {max_lookups: 11}}'), 'max_lookups'],
    [withDomain('{dkim: {selectors: {s1: perhaps}}}'), 'dkim.selectors.s1.state'],
    [withDomain('{dkim: {selectors: {s1: {key: "no base64!"}}}}'), 'dkim.selectors.s1.key: must be base64'],
    [withDomain('{dkim: {selectors: {s1: {state: absent, private_key: a.pem}}}}'), 'is to have no key'],
    [withDomain('{dmarc: {policy: strict}}'), 'dmarc.policy'],
    [withDomain('{dmarc: {record: "v=DMARC1; p=none", policy: none}}'), 'keep one way'],
    [withDomain('{dmarc: {rua: [dmarc@example.com]}}'), 'dmarc.rua.0: must be a URL'],
    [withDomain('{may_differ: [spf.senders]}'), '"spf.senders", which is no aspect'],
    [withDomain('{like: other.example}'), 'others are compared with'],
    [withDomain('{workloads: [{name: shop, egress: [nat]}]}'), '"shop" names the egress "nat", which production does not have'],
    [withDomain('{workloads: [{name: shop, selectors: [s1]}]}'), 'signs with the selector "s1"'],
    [withDomain('{workloads: [{name: shop}, {name: shop}]}'), 'two are named "shop"'],
    [withDomain('{records: {"other.example.": {TXT: x}}}'), '"other.example." must be "@" or a name below'],
    ['version: 1\nenvironments: {p: {egress: {nat: }, domains: {a.example: }}}', 'egress.nat: has no addresses'],
    [
      'version: 1\nenvironments: {p: {egress: {nat: {addresses: [nat.example]}}, domains: {a.example: }}}',
      'must be an address or a network',
    ],
    [
      'version: 1\nenvironments: {p: {egress: {nat: {from: cilium}}, domains: {a.example: }}}',
      'needs "policy" with "from: cilium"',
    ],
    [
      'version: 1\nenvironments: {p: {domains: {a.example: }}, q: {domains: {b.example: {like: c.example}}}}',
      'p has no domain c.example',
    ],
    ['version: [1', 'It is no YAML'],
    ['', 'The file'],
    ['- a\n- b', 'The file'],
  ])('%s', (text, said) => {
    expect(mistakesIn(text).join('\n')).toContain(said);
  });

  test('several at once', () => {
    expect(mistakesIn(withDomain('{spf: {all: no}, dmarc: {policy: no}, mx: [a b]}')).length).toBeGreaterThan(2);
  });

  test('a document of aliases of aliases, and one that is too large, are refused', () => {
    const bomb = [
      'version: 1',
      'a0: &a0 [x, x]',
      ...Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}, *a${n}]`),
    ];
    expect(mistakesIn(bomb.join('\n')).join()).toContain('It is no YAML');
    expect(mistakesIn('#'.repeat(2 ** 20 + 1))).toEqual(['The file is larger than 1 MiB.']);
  });
});
