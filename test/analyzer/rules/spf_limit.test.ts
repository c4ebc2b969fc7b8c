import { describe, expect, test } from 'vitest';
import { dkimKeyWeak } from '../../../services/analyzer/rules/dkim_key_weak.ts';
import { includeDangling } from '../../../services/analyzer/rules/include_dangling.ts';
import { mtaStsBroken } from '../../../services/analyzer/rules/mta_sts_broken.ts';
import { recordInvalid } from '../../../services/analyzer/rules/record_invalid.ts';
import { spfLimit } from '../../../services/analyzer/rules/spf_limit.ts';
import type { DnsWindow } from '../../../services/analyzer/rules/window.ts';
import { CODES } from '../../../services/dns/check/codes.ts';
import type { StoredCheck, StoredFault } from '../../../services/store/dns/checks.ts';
import { onFile } from '../rows.ts';

const NOW = new Date('2026-05-28T14:00:00Z');
const EARLIER = '2026-05-27T14:00:00.000Z';
const RULES = [spfLimit, includeDangling, dkimKeyWeak, mtaStsBroken, recordInvalid];

const fault = (code: string, more: Partial<StoredFault> = {}): StoredFault => ({
  code,
  name: 'example.com',
  message: 'A sentence.',
  text: null,
  publish: null,
  since: EARLIER,
  ...more,
});
const window = (findings: StoredFault[] | null, known: DnsWindow['known'] = []): DnsWindow => ({
  domain: 'example.com',
  confirmation: null,
  silence: null,
  today: '2026-05-27',
  elsewhere: [],
  known,
  now: NOW,
  check:
    findings && ({ checked_at: NOW, findings, spf_lookups: 13, spf_voids: 0, spf_over: 'include:x.test' } satisfies StoredCheck),
});
const found = (...codes: string[]) =>
  RULES.flatMap((rule) => rule.find(window(codes.map((code) => fault(code))))).map(({ kind, severity }) => `${kind} ${severity}`);

describe('a fault of a record', () => {
  test.each([
    ['spf_lookups', 'spf_limit medium'],
    ['spf_voids', 'spf_limit low'],
    ['spf_include_free', 'include_dangling high'],
    ['spf_include_gone', 'include_dangling medium'],
    ['dkim_key_short', 'dkim_key_weak medium'],
    ['dkim_key_weak', 'dkim_key_weak info'],
    ['spf_syntax', 'record_invalid medium'],
    ['dmarc_several', 'record_invalid medium'],
    ['mta_sts_id', 'mta_sts_broken low'],
    ['mta_sts_policy_missing', 'mta_sts_broken low'],
    ['mta_sts_mx', 'mta_sts_broken medium'],
    ['tlsrpt_syntax', 'record_invalid low'],
    ['dnssec_bogus', 'record_invalid high'],
  ])('%s is %s', (code, kind) => expect(found(code)).toEqual([kind]));

  test.each([
    'spf_missing',
    'dmarc_missing',
    'dkim_missing',
    'domain_missing',
    'mx_null_beside',
    'mta_sts_testing',
    'mta_sts_mx_testing',
    'mta_sts_unknown',
    'dmarc_policy_none',
    'spf_wide',
    'later',
  ])('%s is none of these', (code) => expect(found(code)).toEqual([]));

  test('is of one kind at most, whatever its code', () => {
    for (const code of Object.keys(CODES)) expect(found(code).length, code).toBeLessThan(2);
  });

  test('counts from the second check', () => {
    const now = fault('spf_lookups', { since: NOW.toISOString() });
    expect(spfLimit.find(window([now]))).toEqual([]);
    expect(spfLimit.find(window(null))).toEqual([]);
  });

  test('of one record is one finding, as grave as the worst', () => {
    const all = [fault('spf_voids'), fault('spf_lookups'), fault('spf_lookups', { name: 'other.example' })];
    const candidates = spfLimit.find(window(all));
    expect(candidates.map(({ subject, severity, first_day, last_day }) => [subject, severity, first_day, last_day])).toEqual([
      ['example.com', 'medium', '2026-05-27', '2026-05-28'],
      ['other.example', 'medium', '2026-05-27', '2026-05-28'],
    ]);
    expect(candidates[0]!.evidence.facts).toMatchObject({
      lookups: 13,
      over: 'include:x.test',
      problems: [{ code: 'spf_voids' }, { code: 'spf_lookups' }],
    });
  });

  test('is over when a check does not find it, and not while there is none; what a person closed stays closed', () => {
    const [candidate] = spfLimit.find(window([fault('spf_lookups')]));
    const open = onFile(candidate!);
    expect(spfLimit.over(open, window([]))).toEqual({ reason: 'record_restored', since: '2026-05-28' });
    expect(spfLimit.over(open, window([fault('spf_syntax')]))).toEqual({ reason: 'record_restored', since: '2026-05-28' });
    expect(spfLimit.over(open, window([fault('spf_lookups')]))).toBeNull();
    expect(spfLimit.over(open, window(null))).toBeNull();
    const closed = { ...open, state: 'resolved' as const, evidence: { ...open.evidence, resolved_day: '2026-05-28' } };
    expect(spfLimit.find(window([fault('spf_lookups')], [closed]))).toEqual([]);
  });
});
