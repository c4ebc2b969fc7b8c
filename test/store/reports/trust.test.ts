import { expect, test } from 'vitest';
import { classOf, reporterKey, type Trust, trustTexts } from '../../../services/store/reports/trust.ts';

const trust = (given: Partial<Trust>): Trust => ({
  reporter_trust: 'authenticated',
  trust: 'ok',
  domain: 'reporter.example',
  reason: 'signed by reporter.example',
  reporter: { key: 'reporter.example', label: 'Reporter', known: false },
  ...given,
});

test('a report counts as its verification says, and waits without one', () => {
  expect([trust({}), trust({ trust: 'bad' }), null].map(classOf)).toEqual(['ok', 'bad', 'pending']);
});

test('texts of a verification are cut to what their columns take', () => {
  expect(trustTexts(trust({ domain: null }))).toEqual({ trust_reason: 'signed by reporter.example', trust_domain: null });
  const [fits, long] = ['x'.repeat(500), 'x'.repeat(501)];
  const [name, longName] = ['y'.repeat(255), 'y'.repeat(256)];
  expect(trustTexts(trust({ reason: fits, domain: name }))).toEqual({ trust_reason: fits, trust_domain: name });
  expect(trustTexts(trust({ reason: long, domain: longName }))).toEqual({ trust_reason: fits, trust_domain: name });
  expect(reporterKey({ key: longName, label: '', known: false })).toBe(name);
});
