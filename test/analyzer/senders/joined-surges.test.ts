import { describe, expect, test } from 'vitest';
import { volumeSurge } from '../../../services/analyzer/rules/volume_surge.ts';
import { joinSurges } from '../../../services/analyzer/senders/joined-surges.ts';
import type { Candidate } from '../../../services/store/findings/findings.ts';
import { heard, LARGE, MIDDLE, SMALL } from '../late-reports.ts';
import { ago, DOMAIN, onFile, senderWindow, span, wordsFor } from '../rows.ts';
import { expectLives } from './invented-senders.ts';

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

describe('a joined surge', () => {
  const BASE = surge(A);
  /** A surge with the figures that matter here, which are otherwise those of a real one. */
  function made(
    subject: string,
    given: {
      messages?: number;
      expected?: number;
      per_day?: number;
      delivered?: number;
      severity?: Candidate['severity'];
      day?: string;
      reporters?: string[];
      confidence?: number;
      of?: number;
    } = {},
  ): Candidate {
    const { messages = 100, expected = 50, per_day = 10, delivered = 1, severity = 'low', day = ago(0) } = given;
    const { evidence } = BASE;
    if (evidence.facts?.rule !== 'volume_surge') throw new Error('no surge');
    return {
      ...BASE,
      subject,
      severity,
      confidence: given.confidence ?? 0.9,
      first_day: day,
      last_day: day,
      evidence: {
        ...evidence,
        who: [{ source: subject, messages, delivered }],
        messages,
        of: given.of ?? messages,
        per_day,
        delivered,
        quarantined: 2,
        rejected: 3,
        usual: 7,
        reporters: given.reporters ?? ['a.example'],
        facts: { ...evidence.facts, expected, own: false, service: null, season: null },
      },
    };
  }
  const subjects = (some: Candidate[]) => some.map(({ subject }) => subject);

  test('has the sums of its parts, the longest span, the most certain figure, and all reporters once', () => {
    const [one] = join([
      made(A, { messages: 30, expected: 10, reporters: ['a.example', 'b.example'], confidence: 0.95 }),
      made(B, { messages: 50, expected: 20, day: ago(2), reporters: ['b.example', 'c.example'], of: 400 }),
    ]);
    expect(one).toMatchObject({ subject: B, confidence: 0.95, first_day: ago(2), last_day: ago(0), severity: 'low' });
    expect(one!.evidence).toMatchObject({
      messages: 80,
      of: 400,
      share: 0.2,
      per_day: 20,
      senders: 2,
      delivered: 2,
      quarantined: 4,
      rejected: 6,
      usual: 14,
      since: ago(2),
      last_day: ago(0),
      reporters: ['b.example', 'c.example', 'a.example'],
      facts: { expected: 30, times: 2.67 },
    });
    expect(one!.evidence.query).toContain(`begin_at >= '${ago(2)}`);
    expect(one!.evidence.query).toContain(`timestamptz '${ago(0)}`);
    expect(one!.evidence.query).not.toContain('not dmarc_pass');
  });

  test.each([
    // Ten times the usual, whatever it comes to; five times from a thousand messages on.
    [100, 10, 'medium'],
    [99, 10, 'low'],
    [9_990, 1_000, 'medium'],
    [1_000, 200, 'medium'],
    [999, 199, 'low'],
    [4_990, 1_000, 'low'],
    [10, 0, 'medium'],
  ] as const)('of %i messages where %i are usual is of %s severity', (messages, expected, severity) => {
    const [one] = join([made(A, { messages: messages - 4, expected }), made(B, { messages: 4, expected: 0 })]);
    expect(one!.severity).toBe(severity);
  });

  test('is as grave as its gravest part', () => {
    expect(join([made(A), made(B, { severity: 'medium', messages: 60 })])[0]).toMatchObject({ subject: B, severity: 'medium' });
  });

  test('is about the gravest, then the largest, then the first by name', () => {
    expect(subjects(join([made(C), made(A), made(B)]))).toEqual([A]);
    expect(subjects(join([made(A), made(B, { messages: 101 })]))).toEqual([B]);
    expect(subjects(join([made(A, { messages: 500, expected: 500 }), made(B, { severity: 'medium' })]))).toEqual([B]);
    expect(join([made(C), made(A), made(B)])[0]!.evidence.who.map(({ source }) => source)).toEqual([A, B, C]);
  });

  test('holds what began within three days', () => {
    expect(subjects(join([made(A, { messages: 200 }), made(B, { day: ago(3) })]))).toEqual([A]);
    expect(subjects(join([made(A, { messages: 200 }), made(B, { day: ago(4) })]))).toEqual([A, B]);
    expect(subjects(join([made(A, { messages: 200, day: ago(4) }), made(B)]))).toEqual([A, B]);
    expect(subjects(join([made(A, { messages: 200, day: ago(3) }), made(B)]))).toEqual([A]);
  });

  test('leaves another that people were mailed about as it is', () => {
    const known = [onFile(made(A)), onFile(made(B), { finding_key: 2 })];
    expect(subjects(join([made(A), made(B, { messages: 300 }), made(C)], known))).toEqual([A, B]);
    expect(join([made(A), made(B, { messages: 300 }), made(C)], known).map(({ evidence }) => evidence.senders)).toEqual([
      expect.any(Number),
      2,
    ]);
  });

  test('names what was a part of a finding that is over for three more days, then it is news', () => {
    const [both] = join([made(A, { messages: 200, day: ago(9) }), made(B, { day: ago(9) })]);
    const over = (state: 'resolved' | 'open') => [onFile(both!, { state })];
    expect(subjects(join([made(B, { day: ago(6) })], over('resolved')))).toEqual([]);
    expect(subjects(join([made(B, { day: ago(5) })], over('resolved')))).toEqual([B]);
    // The one that the finding was about goes on with it, and one that is open has it as a part.
    expect(subjects(join([made(A, { day: ago(6) })], over('resolved')))).toEqual([A]);
    expect(subjects(join([made(B, { day: ago(6) })], over('open')))).toEqual([B]);
    expect(subjects(join([made(B, { day: ago(6) })], [onFile({ ...both!, kind: 'new_source' }, { state: 'resolved' })]))).toEqual(
      [B],
    );
  });

  test('keeps what it has said of messages and networks while it is open; not what it had a day', () => {
    const [both] = join([made(A, { messages: 200, per_day: 90, delivered: 50 }), made(B, { messages: 100, delivered: 20 })]);
    const known = [onFile(both!)];
    const [now] = join([made(A, { messages: 120, per_day: 30, delivered: 5 })], known);
    expect(now!.evidence).toMatchObject({
      messages: 300,
      delivered: 70,
      quarantined: 4,
      rejected: 6,
      per_day: 30,
      senders: 2,
      who: [
        { source: A, messages: 120, delivered: 5 },
        { source: B, messages: 100, delivered: 20 },
      ],
    });
    // One that was about a single network goes on as it is.
    const [alone] = join([made(A, { messages: 10 })], [onFile(made(A, { messages: 200 }))]);
    expect(alone!.evidence).toMatchObject({ messages: 10 });
  });

  test('lists twenty networks, and counts them all', () => {
    const many = Array.from({ length: 25 }, (_, i) => made(`192.0.${i}.0/24`, { messages: 100 + i }));
    const [one] = join(many);
    expect(one!.evidence.senders).toBe(25);
    expect(one!.evidence.who).toHaveLength(20);
    expect(one!.evidence.query).toContain("'192.0.5.0/24'");
    expect(one!.evidence.query).not.toContain("'192.0.4.0/24'");
  });
});

test('what invented surges have in common is as it was', () => expectLives('surges'));
