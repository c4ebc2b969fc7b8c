import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Facts } from '../../services/findings/kinds/index.ts';
import { subjectOf } from '../../services/mails/subject.ts';
import type { FindingEvent } from '../../services/store/alerts/outbox.ts';
import type { Step } from '../../services/store/findings/findings.ts';
import { EVIDENCE, SAMPLES } from '../findings/kinds/samples.ts';
import { expectCases, expectGolden } from './cases.ts';

const KINDS = Object.keys(SAMPLES) as (keyof typeof SAMPLES)[];
const STEPS: Step[] = ['opened', 'changed', 'reopened', 'reminded', 'resolved'];
/** Kinds whose subject is the domain itself, not a source or a reporter. */
const OF_THE_DOMAIN = new Set<string>([
  'bimi_ready',
  'dkim_key_missing',
  'dkim_key_weak',
  'dns_broken',
  'dns_drift',
  'environment_drift',
  'include_dangling',
  'key_not_published',
  'mta_sts_broken',
  'policy_change',
  'record_invalid',
  'spf_limit',
  'policy_ready',
  'reports_stopped',
  'unconfirmed_report',
]);

function event(kind: string, step: Step, names: { domain: string; subject: string; source: string }): FindingEvent {
  const { domain, source } = names;
  const subject = OF_THE_DOMAIN.has(kind) ? domain : names.subject;
  const facts: Facts = SAMPLES[kind as keyof typeof SAMPLES];
  return {
    finding_key: 17,
    revision: 1,
    event: step,
    at: new Date('2026-10-06T07:30:00Z'),
    domain,
    kind,
    subject,
    severity: 'critical',
    confidence: 0.9,
    summary: '',
    stored: {},
    evidence: {
      ...EVIDENCE,
      // A host of this kind is below the domain.
      facts: facts.rule === 'new_host' ? { ...facts, host: `www.${domain}` } : facts,
      who: [{ source, messages: 3 }],
      broken: (EVIDENCE.broken ?? []).map((one) => ({ ...one, source })),
      names: [{ name: `billing.${domain}`, messages: 7, used: false }],
      resting_on: [{ reporter: subject, standing: 'new' }],
    },
  };
}

const label = fc.oneof(
  fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/),
  fc.constantFrom('xn--bcher-kva', 'xn--fiqs8s', 'bücher', '例え', 'пример', '𝔡𝔬𝔪𝔞𝔦𝔫', 'a'.repeat(63)),
);
const domainName = fc.array(label, { minLength: 2, maxLength: 8 }).map((labels) => labels.join('.'));
const name = fc.oneof(
  domainName,
  fc.constantFrom('198.51.100.0/24', '2001:db8:77::/48', 'Some Very Large Receiver, Incorporated (Europe)'),
);

describe('the subject of a mail about a finding', () => {
  test.each(KINDS)('%s: is one short line, whatever the names and the step', (kind) => {
    fc.assert(
      fc.property(domainName, name, name, fc.constantFrom(...STEPS), (domain, subject, source, step) => {
        const written = subjectOf(event(kind, step, { domain, subject, source }), step);
        expect([...written].length).toBeLessThan(78);
        expect(written.startsWith('[ruawatch] ')).toBe(true);
        expect(written).not.toMatch(/undefined|null|NaN|[\r\n]/);
        // Some of the domain is left: its end says whose it is.
        expect(written).toContain([...domain].slice(-8).join(''));
      }),
      { numRuns: 150 },
    );
  });

  test.each(KINDS.flatMap((kind) => STEPS.map((step) => [kind, step] as const)))(
    '%s, %s: names the domain once',
    (kind, step) => {
      const names = { domain: 'my-shop.example', subject: 'sendgrid.net', source: 'sendgrid.net' };
      const written = subjectOf(event(kind, step, names), step);
      expect(written.split('example')).toHaveLength(2);
      if (step === 'opened' || step === 'resolved') expect(written).toContain('my-shop.example');
      expect(written.split('sendgrid.net').length).toBeLessThanOrEqual(2);
    },
  );

  test('a host of the domain names the domain by itself', () => {
    const names = { domain: 'example.com', subject: 'dkim', source: 'mail.example.com' };
    expect(subjectOf(event('authentication_regression', 'opened', names), 'opened')).toBe(
      '[ruawatch] DKIM and SPF fail at mail.example.com (critical)',
    );
  });

  test('what is resolved is not said to be going on', () => {
    for (const kind of KINDS) {
      const names = { domain: 'example.com', subject: 'sendgrid.net', source: 'sendgrid.net' };
      const written = subjectOf(event(kind, 'resolved', names), 'resolved');
      expect(written).toMatch(/^\[ruawatch\] (?:Resolved|Not seen for 7 days): /);
      expect(written).not.toMatch(/\b(?:sends? as|fails?|passes|stopped|no longer|contradicts|is|are)\b/);
    }
  });
});

test('each case as a subject', () => expectCases('subjects.txt', ({ event, step }) => subjectOf(event, step)));

test('names are cut by steps until the subject fits, and the severity goes before short names are cut', () => {
  const parts: Record<string, string> = {};
  for (const kind of ['alignment_failure', 'new_host', 'authentication_regression', 'subdomain_abuse', 'unconfirmed_report'])
    for (const length of [6, 12, 13, 14, 15, 16, 17, 18, 20, 22, 24, 26, 28, 30, 34, 38, 40, 42, 60, 80, 120]) {
      const long = (end: string) => `${'abcdefghij'.repeat(12).slice(0, length - end.length)}${end}`;
      const names = { domain: long('.com'), subject: long('.net'), source: long('.org') };
      for (const step of ['opened', 'changed', 'resolved'] as const)
        parts[`${kind}, ${step}, ${length}`] = subjectOf(event(kind, step, names), step);
    }
  const forged = event('subdomain_abuse', 'opened', { domain: `${'d'.repeat(41)}.com`, subject: '', source: '' });
  parts['names of 40'] = subjectOf({ ...forged, severity: 'low' }, 'opened');
  const moved = event('sender_moved', 'opened', { domain: `${'d'.repeat(41)}.com`, subject: '', source: '' });
  const facts = { ...SAMPLES.sender_moved, from: 'f'.repeat(60) };
  parts['even the shortest names do not fit'] = subjectOf({ ...moved, evidence: { ...moved.evidence, facts } }, 'opened');
  const old = { ...moved, domain: 'example.com', evidence: { ...moved.evidence, facts: null } };
  for (const length of [42, 43, 44])
    parts[`an older version, ${length}`] = subjectOf({ ...old, summary: `example.com ${'y'.repeat(length)}` }, 'opened');
  const spaced = { domain: 'example.com', subject: 'A Receiver of Mail with a Long Name', source: '192.0.2.0/24' };
  parts['a name with blanks'] = subjectOf(event('verdict_mismatch', 'opened', spaced), 'opened');
  return expectGolden('cut-subjects.txt', parts);
});
