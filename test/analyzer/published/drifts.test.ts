import { describe, expect, test } from 'vitest';
import { joinCauses } from '../../../services/analyzer/published/causes.ts';
import { joinDrifts } from '../../../services/analyzer/published/drifts.ts';
import { addDays } from '../../../services/shared/days.ts';
import type { Candidate, KnownFinding } from '../../../services/store/findings/findings.ts';
import { EVIDENCE, SAMPLES } from '../../findings/kinds/samples.ts';

const DAY = '2026-05-28';
const of = (kind: string, subject: string, facts: object, first_day = DAY): Candidate => ({
  kind,
  subject,
  severity: 'medium',
  confidence: 0.9,
  first_day,
  last_day: addDays(DAY, 3),
  evidence: { ...EVIDENCE, broken: undefined, facts: facts as never },
});
const drift = (part: 'spf' | 'dkim' | 'dmarc', name = 'example.com') =>
  of('dns_drift', name, { ...SAMPLES.dns_drift, part, name, at: `${DAY} 14:02` });
const broken = (name = 'example.com') => of('dns_broken', name, { ...SAMPLES.dns_broken, name, at: `${DAY} 13:02` });
const invalid = (day = DAY) => of('record_invalid', '_dmarc.example.com', SAMPLES.record_invalid, day);
const change = (day = addDays(DAY, 1)) => of('policy_change', 'example.com', SAMPLES.policy_change, day);
const regression = (mechanism: 'dkim' | 'spf', names?: string[], since = addDays(DAY, 1)): Candidate => {
  const one = of('authentication_regression', mechanism, SAMPLES.authentication_regression, since);
  return {
    ...one,
    severity: 'high',
    evidence: { ...one.evidence, messages: 3_400, since, broken: [{ ...EVIDENCE.broken![0]!, mechanism, since, names }] },
  };
};
const known = (one: Candidate): KnownFinding => ({
  ...one,
  finding_key: 1,
  summary: '',
  state: 'open',
  revision: 1,
  told: null,
  heard: true,
  acknowledged: false,
  snoozed: false,
  pending: false,
  waiting: [],
});
const join = (candidates: Candidate[], on: KnownFinding[] = []) => joinCauses(joinDrifts(candidates, on), on);
const mailed = (all: Candidate[]) => all.filter(({ quiet }) => !quiet).map(({ kind }) => kind);

describe('a record that is not as declared is one incident', () => {
  test.each([
    ['with what it lost', [drift('spf'), broken()], ['dns_broken']],
    ['with an error in it', [drift('dmarc', '_dmarc.example.com'), invalid()], ['record_invalid']],
    ['with the policy change of the reports', [drift('dmarc', '_dmarc.example.com'), change()], ['dns_drift']],
    ['with mail that fails SPF since', [drift('spf'), regression('spf')], ['dns_drift']],
    [
      'with mail that fails by the key since',
      [drift('dkim', 's1._domainkey.example.com'), regression('dkim', ['s1._domainkey.example.com'])],
      ['dns_drift'],
    ],
    ['with what it lost and the mail that fails', [regression('spf'), drift('spf'), broken()], ['dns_broken']],
  ])('%s', (_name, candidates, expected) => {
    expect(mailed(join(candidates))).toEqual(expected);
  });

  test.each([
    ['another record', [drift('spf'), broken('s1._domainkey.example.com')]],
    ['an error of long ago', [drift('dmarc', '_dmarc.example.com'), invalid(addDays(DAY, -9))]],
    ['a policy change of long ago', [drift('dmarc', '_dmarc.example.com'), change(addDays(DAY, -9))]],
    [
      'mail that fails by another key',
      [drift('dkim', 's1._domainkey.example.com'), regression('dkim', ['s2._domainkey.example.com'])],
    ],
    ['mail that fails by a key while SPF differs', [drift('spf'), regression('dkim')]],
    ['mail that failed before', [drift('spf'), regression('spf', undefined, addDays(DAY, -9))]],
  ])('and not with %s', (_name, candidates) => {
    expect(mailed(join(candidates))).toHaveLength(2);
  });

  test('takes the severity and the numbers of the mail that fails', () => {
    const [joined] = join([drift('spf'), regression('spf')]);
    expect(joined).toMatchObject({ severity: 'high', evidence: { facts: { seen: { messages: 3_400 } } } });
  });

  test('goes on when it was mailed before, and so does what was mailed before it', () => {
    expect(mailed(join([drift('spf'), broken()], [known(drift('spf'))]))).toEqual(['dns_drift', 'dns_broken']);
    expect(mailed(join([drift('spf')], [known(broken())]))).toEqual([]);
    const later = join([drift('spf'), regression('spf')], [known(regression('spf'))]);
    expect(mailed(later)).toEqual(['authentication_regression']);
    expect(later[1]!.evidence.facts).toMatchObject({ changed: { name: 'example.com', at: `${DAY} 14:02` } });
  });
});
