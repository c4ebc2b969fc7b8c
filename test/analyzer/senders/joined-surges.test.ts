import { describe, expect, test } from 'vitest';
import { volumeSurge } from '../../../services/analyzer/rules/volume_surge.ts';
import { joinSurges } from '../../../services/analyzer/senders/joined-surges.ts';
import type { Candidate } from '../../../services/store/findings/findings.ts';
import { heard, LARGE, MIDDLE, SMALL } from '../late-reports.ts';
import { ago, DOMAIN, onFile, senderWindow, span, wordsFor } from '../rows.ts';

const A = '192.0.2.0/24';
const B = '198.51.100.0/24';
const C = '203.0.113.0/24';
const reporters = [LARGE, MIDDLE, SMALL];

/** A network of the domain's mail that rises. */
function surge(source: string, given: { most?: number; service?: string; own?: boolean; season?: 'small' } = {}): Candidate {
  const rows = [...span(41, 1, 'both', 10, reporters), ...span(0, 0, 'both', given.most ?? 400, reporters)];
  const { there, given: attendance } = heard(rows, []);
  const [one] = volumeSurge.find(senderWindow(there, attendance));
  const { evidence } = one!;
  if (evidence.facts?.rule !== 'volume_surge') throw new Error('no surge');
  const service = given.service ? { id: given.service, kind: 'bulk' } : null;
  const season = given.season ? { why: given.season } : null;
  return {
    ...one!,
    subject: source,
    severity: season ? 'info' : one!.severity,
    evidence: {
      ...evidence,
      who: [{ source, messages: evidence.messages, delivered: evidence.delivered }],
      facts: { ...evidence.facts, name: 'RENTED-AS', own: given.own === true, service, season },
    },
  };
}
const join = (some: readonly Candidate[], known: Parameters<typeof joinSurges>[2] = []) => joinSurges(DOMAIN, some, known);

describe('surges of networks without a name', () => {
  test('are one finding with what all of them sent', () => {
    const [one, ...others] = join([surge(A), surge(B, { most: 900 }), surge(C)]);
    expect(others).toEqual([]);
    expect(one).toMatchObject({
      subject: B,
      severity: 'medium',
      first_day: ago(0),
      evidence: { messages: 3 * 1700, senders: 3 },
    });
    expect(one!.evidence.who.map(({ source }) => source)).toEqual([B, A, C]);
    expect(one!.evidence.query).toContain(`'${C}'`);
    expect(wordsFor(one).what).toContain('from 3 networks');
  });

  test('stay with the network that was mailed, and no number of it shrinks', () => {
    const [both] = join([surge(A), surge(B)]);
    const known = [onFile(both!)];
    const [one, two] = join([surge(A), surge(B, { most: 2000 })], known);
    expect(two).toBeUndefined();
    expect(one!.subject).toBe(both!.subject);
    expect(one!.evidence.messages).toBe(3 * 2400);
    const [alone] = join([surge(both!.subject)], known);
    expect(alone!.evidence).toMatchObject({ messages: both!.evidence.messages, senders: 2 });
  });

  test('that a finding has named, and that is over, is no news', () => {
    const [both] = join([surge(A), surge(B)]);
    const over = onFile(both!, { state: 'resolved' });
    const part = both!.subject === A ? B : A;
    expect(join([surge(part)], [over])).toEqual([]);
    expect(join([surge(C)], [over])).toHaveLength(1);
  });

  test.each<[string, Candidate]>([
    ['a service', surge('sendgrid', { service: 'sendgrid' })],
    ['an own server', surge(B, { own: true })],
    ['what is for information', surge(B, { season: 'small' })],
  ])('leave %s alone', (_, other) => {
    expect(join([surge(A), other])).toHaveLength(2);
  });
});
