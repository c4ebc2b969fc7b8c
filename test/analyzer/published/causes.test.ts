import { describe, expect, test } from 'vitest';
import { joinCauses, withLookups } from '../../../services/analyzer/published/causes.ts';
import type { Evidence } from '../../../services/findings/evidence.ts';
import { addDays } from '../../../services/shared/days.ts';
import type { Candidate, KnownFinding } from '../../../services/store/findings/findings.ts';
import { EVIDENCE, SAMPLES } from '../../findings/kinds/samples.ts';
import { expectLives } from '../invented-changes.ts';

const DAY = '2026-05-28';
const change = (
  loss: 'spf_terms' | 'key_gone' | 'dmarc_weaker',
  severity: Candidate['severity'] = 'low',
  name = 'example.com',
): Candidate => ({
  kind: 'dns_broken',
  subject: name,
  severity,
  confidence: 0.9,
  first_day: DAY,
  last_day: DAY,
  evidence: { ...EVIDENCE, broken: undefined, facts: { ...SAMPLES.dns_broken, loss, name, at: `${DAY} 14:02` } },
});
type Part = NonNullable<Evidence['broken']>[number];
const regression = (
  mechanism: Part['mechanism'],
  {
    since = addDays(DAY, 1),
    severity = 'high',
    ...more
  }: { since?: string; severity?: Candidate['severity'] } & Partial<Part> = {},
): Candidate => ({
  kind: 'authentication_regression',
  subject: mechanism === 'spf' ? 'spf' : 'dkim',
  severity,
  confidence: 0.9,
  first_day: since,
  last_day: addDays(DAY, 3),
  evidence: {
    ...EVIDENCE,
    messages: 3_400,
    since,
    broken: [{ ...(EVIDENCE.broken![0] as Part), mechanism, since, ...more }],
    facts: SAMPLES.authentication_regression,
  },
});
const known = (one: Candidate, more: Partial<KnownFinding> = {}): KnownFinding => ({
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
  ...more,
});
const quiet = (all: Candidate[]) => all.map(({ kind, quiet: is = false }) => `${kind} ${is ? 'quiet' : 'mailed'}`);

describe('a change of DNS and what fails since are one incident', () => {
  test('a second SPF record, and what the check says of it, are one', () => {
    const both = change('spf_terms');
    const several = {
      ...both,
      evidence: { ...both.evidence, facts: { ...both.evidence.facts, loss: 'spf_several' as const } },
    } as Candidate;
    const invalid = (code: string, subject = 'example.com'): Candidate => ({
      ...several,
      kind: 'record_invalid',
      subject,
      evidence: {
        ...EVIDENCE,
        facts: { ...SAMPLES.record_invalid, name: subject, problems: [{ code, message: 'A.', text: null, publish: null }] },
      },
    });
    expect(quiet(joinCauses([several, invalid('spf_several')], []))).toEqual(['dns_broken mailed', 'record_invalid quiet']);
    expect(quiet(joinCauses([invalid('spf_several')], [known(several)]))).toEqual(['record_invalid quiet']);
    expect(quiet(joinCauses([several, invalid('spf_syntax')], []))).toEqual(['dns_broken mailed', 'record_invalid mailed']);
    expect(quiet(joinCauses([several, invalid('spf_several', 'news.example.com')], []))[1]).toBe('record_invalid mailed');
  });

  test('of which the change is mailed, as grave as what fails, and with its numbers', () => {
    const joined = joinCauses([regression('spf'), change('spf_terms')], []);
    expect(quiet(joined)).toEqual(['authentication_regression quiet', 'dns_broken mailed']);
    expect(joined[1]).toMatchObject({
      severity: 'high',
      evidence: { facts: { seen: { messages: 3_400, since: addDays(DAY, 1) } } },
    });
  });

  test('which goes on as the regression when that was mailed first, and then names the record', () => {
    const joined = joinCauses([regression('spf'), change('spf_terms')], [known(regression('spf'))]);
    expect(quiet(joined)).toEqual(['authentication_regression mailed', 'dns_broken quiet']);
    expect(joined[0]!.evidence.facts).toMatchObject({ changed: { name: 'example.com', at: `${DAY} 14:02` } });
  });

  test('also when the change was mailed days before, and when the record is back', () => {
    const old = known(change('spf_terms'));
    expect(quiet(joinCauses([regression('spf'), change('spf_terms')], [old]))).toEqual([
      'authentication_regression quiet',
      'dns_broken mailed',
    ]);
    const over = (day: string) => known({ ...old, evidence: { ...old.evidence, resolved_day: day } }, { state: 'resolved' });
    expect(quiet(joinCauses([regression('spf')], [over(addDays(DAY, 2))]))).toEqual(['authentication_regression quiet']);
    expect(quiet(joinCauses([regression('spf')], [over(addDays(DAY, -1))]))).toEqual(['authentication_regression mailed']);
  });

  test('and a policy that is weaker by DNS is not mailed again by the reports', () => {
    const policy = {
      ...regression('spf'),
      kind: 'policy_change',
      subject: 'example.com',
      evidence: { ...EVIDENCE, facts: SAMPLES.policy_change },
    };
    const weaker = change('dmarc_weaker', 'high', '_dmarc.example.com');
    expect(quiet(joinCauses([policy, weaker], []))).toEqual(['policy_change quiet', 'dns_broken mailed']);
    expect(quiet(joinCauses([policy, change('spf_terms')], []))).toEqual(['policy_change mailed', 'dns_broken mailed']);
  });
});

describe('they are two', () => {
  const key = 's1._domainkey.example.com';
  test.each([
    ['the other mechanism fails', regression('dkim'), change('spf_terms')],
    ['both fail', regression('both'), change('spf_terms')],
    ['it began long before', regression('spf', { since: addDays(DAY, -3) }), change('spf_terms')],
    ['it began long after', regression('spf', { since: addDays(DAY, 3) }), change('spf_terms')],
    ['another key fails', regression('dkim', { names: ['s2._domainkey.example.com'] }), change('key_gone', 'low', key)],
  ])('when %s', (_, effect, cause) => {
    expect(quiet(joinCauses([effect, cause], []))).toEqual([`${effect.kind} mailed`, 'dns_broken mailed']);
  });
  test('and one when just the key that is gone fails', () => {
    const effect = regression('dkim', { names: [key] });
    expect(quiet(joinCauses([effect, change('key_gone', 'low', key)], []))[0]).toBe('authentication_regression quiet');
  });
  test('and one sender that broke on another day makes the regression news', () => {
    const one = regression('spf');
    const parts = one.evidence.broken!;
    const both = {
      ...one,
      evidence: { ...one.evidence, broken: [...parts, { ...parts[0]!, source: 'b.example', since: addDays(DAY, -20) }] },
    };
    expect(quiet(joinCauses([both, change('spf_terms')], []))[0]).toBe('authentication_regression mailed');
  });
});

describe('an SPF record above the limit, and its permanent errors at receivers', () => {
  const limit: Candidate = {
    ...change('spf_terms', 'medium'),
    kind: 'spf_limit',
    evidence: { ...EVIDENCE, broken: undefined, facts: SAMPLES.spf_limit },
  };
  const permerror = (more: Parameters<typeof regression>[1] = {}) =>
    regression('spf', { error: 'permerror', survives_on: 'dkim', ...more });

  test('are one incident, whenever the record came to be so', () => {
    const joined = joinCauses([permerror({ since: addDays(DAY, -30) }), limit], []);
    expect(quiet(joined)).toEqual(['authentication_regression quiet', 'spf_limit mailed']);
    expect(joined[1]).toMatchObject({ severity: 'high', evidence: { facts: { seen: { messages: 3_400 } } } });
    expect(quiet(joinCauses([permerror(), limit], [known(permerror())]))).toEqual([
      'authentication_regression mailed',
      'spf_limit quiet',
    ]);
  });

  test('are two when SPF fails for another reason', () => {
    expect(quiet(joinCauses([regression('spf'), limit], []))[0]).toBe('authentication_regression mailed');
    expect(quiet(joinCauses([permerror({ error: 'temperror' }), limit], []))[0]).toBe('authentication_regression mailed');
  });

  test('show the lookups, and the term that is over the limit', () => {
    const check = { checked_at: new Date(), findings: [], spf_lookups: 13, spf_voids: 0, spf_over: 'include:eleventh.example' };
    const facts = (one: Candidate, given: typeof check | null) => withLookups([one], given)[0]!.evidence.facts;
    expect(facts(permerror(), check)).toMatchObject({ limit: { lookups: 13, over: 'include:eleventh.example' } });
    expect(facts(permerror(), null)).not.toHaveProperty('limit');
    expect(facts(regression('spf'), check)).not.toHaveProperty('limit');
  });
});

test('what invented changes of DNS explain is as it was', () => expectLives('causes'));
