import { describe, expect, test } from 'vitest';
import { GuardChecker, type GuardedCheck } from '../../services/dns/guard/check.ts';
import type { GuardFinding } from '../../services/dns/guard/codes.ts';
import { readGuard } from '../../services/dns/guard/file.ts';
import type { StoredDrifts } from '../../services/store/dns/drifts.ts';
import { drifted, isDriftNews } from '../../services/watcher/drift.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const [T1, T2, T3] = ['12:00', '13:00', '14:00'].map((at) => new Date(`2026-11-20T${at}:00Z`)) as [Date, Date, Date];
const GUARD = readGuard(`
version: 1
environments:
  production:
    domains:
      example.com:
        spf: { sources: [mx], all: -all }
        dkim: { selectors: { s1: any } }
        dmarc: { policy: reject }
  staging: { may_differ: [spf, dkim], domains: { staging.example.com: } }
`);
const GOOD: Zone = {
  'example.com': { TXT: [['v=spf1 mx -all']] },
  's1._domainkey.example.com': { TXT: [['v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']] },
  '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject']] },
  '_dmarc.staging.example.com': { TXT: [['v=DMARC1; p=reject']] },
};
const spf = (text: string): Zone => ({ 'example.com': { TXT: [[text]] } });

const round = async (change: Zone, before: StoredDrifts | null, now: Date): Promise<StoredDrifts> => {
  const checker = new GuardChecker(GUARD, dnsOf({ ...GOOD, ...change }));
  const domains = GUARD.environments.flatMap((one) => one.domains);
  return drifted(before, await Promise.all(domains.map((one) => checker.of(one))), now);
};
const shown = ({ drifts }: StoredDrifts) =>
  drifts.map(({ code, name, differs, since }) => `${code} ${differs?.aspect ?? name} ${since.slice(11, 16)}`).sort();

describe('what differs', () => {
  test('has the round that found it first, whatever the wrong value is by then', async () => {
    expect(shown(await round({}, null, T1))).toEqual([]);
    const first = await round(
      { ...spf('v=spf1 mx ~all'), '_dmarc.staging.example.com': { TXT: [['v=DMARC1; p=none']] } },
      null,
      T1,
    );
    expect(shown(first)).toEqual([
      'guard_differs dmarc.policy 12:00',
      'guard_differs dmarc.subdomains 12:00',
      'guard_spf_all example.com 12:00',
    ]);
    const second = await round(spf('v=spf1 mx ?all'), first, T2);
    expect(shown(second)).toEqual(['guard_spf_all example.com 12:00']);
    const third = await round(spf('v=spf1 mx ip4:192.0.2.1 -all'), second, T3);
    expect(shown(third)).toEqual(['guard_spf_source_extra example.com 14:00']);
  });

  test('of two sources is two differences', async () => {
    const first = await round(spf('v=spf1 mx a -all'), null, T1);
    expect(shown(await round(spf('v=spf1 mx a ip4:192.0.2.1 -all'), first, T2))).toEqual([
      'guard_spf_source_extra example.com 12:00',
      'guard_spf_source_extra example.com 13:00',
    ]);
  });

  test('stays as it was while nobody answers', async () => {
    const first = await round(
      {
        ...spf('v=spf1 mx ~all'),
        's1._domainkey.example.com': { TXT: [['v=DKIM1; p=']] },
        '_dmarc.example.com': { TXT: [['v=DMARC1; p=none']] },
      },
      null,
      T1,
    );
    const unknown: Zone = { 'example.com': 'unknown', 's1._domainkey.example.com': 'unknown', '_dmarc.example.com': 'unknown' };
    expect(shown(await round(unknown, first, T2))).toEqual(shown(first));
    expect(shown(first)).toHaveLength(5);
    expect(shown(await round({}, first, T2))).toEqual([]);
  });

  test('is bounded, whatever the records say', async () => {
    const many = Array.from({ length: 300 }, (_, n) => `ip4:192.0.2.${n % 250}/${32 - (n % 3)}`).join(' ');
    const { drifts } = await round(spf(`v=spf1 ${many} -all`), null, T1);
    expect(drifts).toHaveLength(100);
    const long = await round(
      { '_dmarc.example.com': { TXT: [[`v=DMARC1; p=none; rua=${'mailto:a@example.org,'.repeat(300)}`]] } },
      null,
      T1,
    );
    for (const one of long.drifts) expect(JSON.stringify(one).length).toBeLessThan(30_000);
  });
});

test('is news when it is confirmed by a second round, and when it changes', async () => {
  const good = await round({}, null, T1);
  const first = await round(spf('v=spf1 mx ~all'), good, T2);
  expect([isDriftNews(null, good), isDriftNews(null, first), isDriftNews(good, first)]).toEqual([false, true, true]);
  const second = await round(spf('v=spf1 mx ~all'), first, T3);
  expect(isDriftNews(first, second)).toBe(true);
  expect(isDriftNews(second, await round(spf('v=spf1 mx ~all'), second, new Date('2026-11-20T15:00:00Z')))).toBe(false);
  expect([isDriftNews(second, null), isDriftNews(good, null), isDriftNews(null, null)]).toEqual([true, false, false]);
});

describe('of a difference', () => {
  const drift = (given: Partial<GuardFinding> = {}) => ({
    ...{ code: 'guard_dmarc_policy', severity: 'error', environment: 'production', domain: 'example.com', message: 'Differs.' },
    ...{ name: '_dmarc.example.com', wanted: null, published: null, publish: null, differs: null },
    ...given,
  });
  const told = (findings: object[], check: object = {}, pair: object | null = null, domain = 'example.com') =>
    [
      {
        guarded: { environment: 'production', domain },
        check: { findings: [], dmarc: null, spf: null, ...check },
        findings,
        pair,
      },
    ] as unknown as GuardedCheck[];

  test('a thousand characters of each text are kept, and ten values', () => {
    const of = (length: number) => {
      const long = 'x'.repeat(length);
      const differs = { aspect: 'spf', environment: 'staging', domain: 'd', missing: Array(11).fill(long), extra: [long] };
      const publish = { name: 'n', value: long };
      const given = { message: long, wanted: long, published: long, publish, differs } as unknown as Partial<GuardFinding>;
      return drifted(null, told([drift(given)]), T1).drifts[0];
    };
    const [exact, longer] = ['x'.repeat(1_000), `${'x'.repeat(1_000)}…`];
    const all = { message: exact, wanted: exact, published: exact, publish: exact };
    expect(of(1_000)).toMatchObject({ ...all, differs: { missing: Array(10).fill(exact), extra: [exact] } });
    const cut = { message: longer, wanted: longer, published: longer, publish: null };
    expect(of(1_001)).toMatchObject({ ...cut, differs: { missing: Array(10).fill(longer), extra: [longer] } });
  });

  test('it is the same one whatever is published by then, and another of another aspect', () => {
    const since = (before: Partial<GuardFinding>, now: Partial<GuardFinding>) =>
      drifted(drifted(null, told([drift(before)]), T1), told([drift(now)]), T2).drifts.map((one) => one.since);
    const aspect = (aspect: string) => ({ aspect, environment: 'staging', domain: 'd', missing: [], extra: [] });
    const differs = (of: string) => ({ differs: aspect(of) as unknown as GuardFinding['differs'] });
    const spf = { code: 'guard_spf_source_extra' as const };
    expect([
      since({ wanted: 'reject', published: 'none' }, { wanted: 'quarantine', published: 'x' }),
      since(differs('spf'), differs('spf')),
      since(differs('spf'), differs('dkim')),
      since({ ...spf, published: 'a' }, { ...spf, published: 'a' }),
      since({ ...spf, published: 'a' }, { ...spf, published: 'b' }),
      since({ ...spf, wanted: 'a', published: 'b' }, { ...spf, wanted: 'a', published: 'c' }),
    ]).toEqual([T1, T1, T2, T1, T2, T1].map((at) => [at.toISOString()]));
  });

  test('only errors are kept', () => {
    expect(drifted(null, told([drift({ severity: 'warning' }), drift({ severity: 'unknown' })]), T1).drifts).toEqual([]);
  });

  test.each<[string, Partial<GuardFinding>, object, object[], object | null]>([
    ['its record', {}, {}, [drift({ code: 'guard_unknown', severity: 'unknown' })], null],
    ['the policy above', {}, { dmarc: { discovery: { state: 'unknown' } } }, [], null],
    ['the SPF record', { code: 'guard_spf_all' }, { spf: { tree: { root: { state: 'unknown' } } } }, [], null],
    [
      'an include, which may have the source',
      { code: 'guard_spf_source_missing' },
      { spf: { tree: { root: { state: 'record' } } }, findings: [{ code: 'spf_unknown' }] },
      [],
      null,
    ],
    ['the mail hosts', { code: 'guard_mx' as GuardFinding['code'] }, { findings: [{ code: 'mx_unknown' }] }, [], null],
    [
      'the place of reports',
      { code: 'guard_tls_rpt' as GuardFinding['code'] },
      { findings: [{ code: 'tlsrpt_unknown' }] },
      [],
      null,
    ],
    [
      'the policy of TLS',
      { code: 'guard_mta_sts' as GuardFinding['code'] },
      { findings: [{ code: 'mta_sts_unknown' }] },
      [],
      null,
    ],
    [
      'the aspect of its counterpart',
      {
        differs: {
          aspect: 'spf',
          environment: 'staging',
          domain: 'd',
          missing: [],
          extra: [],
        } as unknown as GuardFinding['differs'],
      },
      {},
      [],
      { comparisons: [{ aspect: 'spf', state: 'unknown' }] },
    ],
  ])('what was known stays while nobody can say %s', (_, given, check, findings, pair) => {
    const before = drifted(null, told([drift(given)]), T1);
    expect(before.drifts.length).toBe(1);
    expect(drifted(before, told(findings, check, pair), T2).drifts).toEqual(before.drifts);
    // Of another domain nothing follows, nor from an answer.
    expect(drifted(before, told(findings, check, pair, 'other.example'), T2).drifts).toEqual([]);
    const spf = { tree: { root: { state: 'record' } } };
    const answered = { spf, dmarc: { discovery: { state: 'record' } } };
    const same = pair && {
      comparisons: [
        { aspect: 'dkim', state: 'unknown' },
        { aspect: 'spf', state: 'same' },
      ],
    };
    expect(drifted(before, told([], answered, same), T2).drifts).toEqual([]);
  });

  test('an include that nobody can read keeps no difference that only the record decides', () => {
    const before = drifted(null, told([drift({ code: 'guard_spf_all' })]), T1);
    const check = { spf: { tree: { root: { state: 'record' } } }, findings: [{ code: 'spf_unknown' }] };
    expect(drifted(before, told([], check), T2).drifts).toEqual([]);
  });
});
