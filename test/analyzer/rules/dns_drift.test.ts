import { describe, expect, test } from 'vitest';
import { dnsDrift } from '../../../services/analyzer/rules/dns_drift.ts';
import { environmentDrift } from '../../../services/analyzer/rules/environment_drift.ts';
import type { DnsWindow } from '../../../services/analyzer/rules/window.ts';
import { GUARD_CODES } from '../../../services/dns/guard/codes.ts';
import type { StoredDrift } from '../../../services/store/dns/drifts.ts';
import { onFile } from '../rows.ts';

const NOW = new Date('2026-05-28T14:00:00Z');
const EARLIER = '2026-05-27T14:02:00.000Z';

const drift = (code: string, more: Partial<StoredDrift> = {}): StoredDrift => ({
  environment: 'production',
  domain: 'example.com',
  name: 'example.com',
  code,
  message: 'A sentence.',
  wanted: null,
  published: null,
  publish: null,
  differs: null,
  since: EARLIER,
  ...more,
});
const differs = (aspect: string, more: Partial<StoredDrift> = {}) =>
  drift('guard_differs', {
    environment: 'staging',
    domain: 'staging.example.com',
    name: 'staging.example.com',
    differs: { aspect, environment: 'production', domain: 'example.com', missing: ['a'], extra: [] },
    ...more,
  });
const window = (drifts: StoredDrift[] | null | undefined, known: DnsWindow['known'] = []): DnsWindow => ({
  domain: 'example.com',
  confirmation: null,
  silence: null,
  today: '2026-05-27',
  elsewhere: [],
  known,
  now: NOW,
  ...(drifts !== undefined && { drift: drifts && { checked_at: NOW, drifts } }),
});

describe('a record that is not as declared', () => {
  test.each([
    ['guard_dkim_other', 'high'],
    ['guard_spf_forbidden', 'high'],
    ['guard_spf_source_extra', 'medium'],
    ['guard_spf_source_missing', 'medium'],
    ['guard_dmarc_policy', 'medium'],
    ['guard_dkim_missing', 'medium'],
    ['guard_tls_rpt', 'low'],
    ['guard_mx', 'low'],
    ['guard_record', 'low'],
  ])('%s is %s', (code, severity) => {
    expect(dnsDrift.find(window([drift(code)]))).toMatchObject([{ kind: 'dns_drift', subject: 'example.com', severity }]);
  });

  test('is one finding a record, as grave as the worst, with what approved it', () => {
    const found = dnsDrift.find(
      window([
        drift('guard_mx'),
        drift('guard_spf_source_extra', { publish: 'v=spf1 -all', environment: 'live' }),
        drift('guard_dmarc_policy', { name: '_dmarc.example.com', since: '2026-05-26T10:00:00.000Z' }),
      ]),
    );
    expect(found.map(({ subject, severity, first_day, last_day }) => [subject, severity, first_day, last_day])).toEqual([
      ['example.com', 'medium', '2026-05-27', '2026-05-28'],
      ['_dmarc.example.com', 'medium', '2026-05-26', '2026-05-28'],
    ]);
    expect(found[0]!.evidence.facts).toMatchObject({
      at: '2026-05-27 14:02',
      approved: { by: 'guard', environments: ['production', 'live'] },
      differences: [{ code: 'guard_mx' }, { code: 'guard_spf_source_extra', publish: 'v=spf1 -all' }],
    });
    expect(found[1]!.evidence.facts).toMatchObject({ part: 'dmarc', at: '2026-05-26 10:00' });
  });

  test('counts from the second round, below the domain too, and not for domains of others', () => {
    expect(dnsDrift.find(window([drift('guard_mx', { since: NOW.toISOString() })]))).toEqual([]);
    expect(
      dnsDrift.find(window([drift('guard_mx', { domain: 'staging.example.com', name: 'staging.example.com' })])),
    ).toHaveLength(1);
    expect(dnsDrift.find(window([drift('guard_mx', { domain: 'other.example', name: 'other.example' })]))).toEqual([]);
    for (const nothing of [[], null, undefined]) expect(dnsDrift.find(window(nothing))).toEqual([]);
  });

  test('is over when it is as declared, or nothing is declared, and not while that is unknown', () => {
    const [candidate] = dnsDrift.find(window([drift('guard_mx')]));
    const open = onFile(candidate!);
    expect(dnsDrift.over(open, window([]))).toEqual({ reason: 'as_declared', since: '2026-05-28' });
    expect(dnsDrift.over(open, window([drift('guard_mx', { name: 'other' }), differs('bimi')]))).toMatchObject({
      reason: 'as_declared',
    });
    expect(dnsDrift.over(open, window([drift('guard_spf_all')]))).toBeNull();
    expect(dnsDrift.over(open, window(null))).toEqual({ reason: 'not_declared' });
    expect(dnsDrift.over(open, window(undefined))).toBeNull();
  });

  test('that a person closed stays closed until it differs anew', () => {
    const [candidate] = dnsDrift.find(window([drift('guard_mx')]));
    const open = onFile(candidate!);
    const closed = { ...open, state: 'resolved' as const, evidence: { ...open.evidence, resolved_day: '2026-05-28' } };
    expect(dnsDrift.find(window([drift('guard_mx')], [closed]))).toEqual([]);
    const [same, older] = ['2026-05-27', '2026-05-26'].map((resolved_day) => ({
      ...closed,
      evidence: { ...closed.evidence, resolved_day },
    }));
    expect(dnsDrift.find(window([drift('guard_mx')], [same!]))).toEqual([]);
    expect(dnsDrift.find(window([drift('guard_mx')], [older!]))).toHaveLength(1);
  });

  test('says what is told of it, as sure as a reading is, and keeps what its consequence was', () => {
    const [found] = dnsDrift.find(
      window([drift('guard_mx'), drift('guard_spf_all', { wanted: 'v=spf1 -all', published: 'v=spf1' })]),
    );
    const facts = {
      rule: 'dns_drift',
      domain: 'example.com',
      name: 'example.com',
      part: 'other',
      at: '2026-05-27 14:02',
      approved: { by: 'guard', environments: ['production'] },
      differences: [
        { code: 'guard_mx', message: 'A sentence.', wanted: null, published: null, publish: null },
        { code: 'guard_spf_all', message: 'A sentence.', wanted: 'v=spf1 -all', published: 'v=spf1', publish: null },
      ],
      seen: null,
    };
    expect(found).toMatchObject({ confidence: 0.99, first_day: '2026-05-27', last_day: '2026-05-28', evidence: { facts } });
    const seen = { messages: 9, since: '2026-05-20' };
    const file = onFile(found!);
    const open = (of: object) => ({ ...file, evidence: { ...file.evidence, facts: { ...facts, ...of } as never } });
    const factsOf = (of: object) => dnsDrift.find(window([drift('guard_mx')], [open(of)]))[0]!.evidence.facts;
    expect(factsOf({ seen })).toMatchObject({ seen });
    expect(factsOf({})).toMatchObject({ seen: null });
    expect(factsOf({ rule: 'another', seen })).toMatchObject({ seen: null });
  });

  test('every code has a severity that the rule may return', () => {
    for (const code of Object.keys(GUARD_CODES).filter((one) => one !== 'guard_differs'))
      for (const { severity } of dnsDrift.find(window([drift(code)]))) expect(dnsDrift.severity).toContain(severity);
  });
});

describe('environments that differ', () => {
  test('are one finding for each domain, with all aspects', () => {
    const found = environmentDrift.find(window([differs('bimi'), differs('spf.sources'), drift('guard_mx')]));
    expect(found).toMatchObject([{ kind: 'environment_drift', subject: 'staging.example.com', severity: 'medium' }]);
    expect(found[0]!.evidence.facts).toMatchObject({
      environment: 'staging',
      reference: { environment: 'production', domain: 'example.com' },
      aspects: [{ aspect: 'bimi' }, { aspect: 'spf.sources' }],
    });
    expect(environmentDrift.find(window([differs('bimi')]))).toMatchObject([{ severity: 'low' }]);
  });

  test('of one domain in two environments are told for the first', () => {
    const found = environmentDrift.find(window([differs('bimi'), differs('mta_sts', { environment: 'test' })]));
    expect(found).toHaveLength(1);
    expect(found[0]!.evidence.facts).toMatchObject({ environment: 'staging', aspects: [{ aspect: 'bimi' }] });
  });

  test('count from the second round, and are over when they agree', () => {
    expect(environmentDrift.find(window([differs('bimi', { since: NOW.toISOString() })]))).toEqual([]);
    const [candidate] = environmentDrift.find(window([differs('bimi')]));
    const open = onFile(candidate!);
    expect(environmentDrift.over(open, window([drift('guard_mx')]))).toEqual({ reason: 'as_declared', since: '2026-05-28' });
    expect(environmentDrift.over(open, window([differs('spf.all')]))).toBeNull();
    expect(environmentDrift.over(open, window([differs('spf.all', { domain: 'other.example.com' })]))).toMatchObject({
      reason: 'as_declared',
    });
    expect(environmentDrift.over(open, window([drift('guard_mx', { domain: 'staging.example.com' })]))).toMatchObject({
      reason: 'as_declared',
    });
    expect(environmentDrift.over(open, window(null))).toEqual({ reason: 'not_declared' });
    expect(environmentDrift.over(open, window(undefined))).toBeNull();
  });
});
