import { describe, expect, test } from 'vitest';
import { newSource } from '../../../services/analyzer/rules/new_source.ts';
import { mainKeyOf } from '../../../services/analyzer/senders/keys.ts';
import { joinOneCause } from '../../../services/analyzer/senders/one-cause.ts';
import type { Ending } from '../../../services/findings/end-reasons.ts';
import type { Severity } from '../../../services/shared/severity.ts';
import type { KeyUse } from '../../../services/store/analysis/senders.ts';
import type { Candidate } from '../../../services/store/findings/findings.ts';
import { ago, DOMAIN, onFile, REPORTERS, senderWindow, span, wordsFor } from '../rows.ts';
import { expectLives } from './invented-senders.ts';

const KEY = `s1._domainkey.${DOMAIN}`;
const A = '192.0.2.0/24';
const B = '198.51.100.0/24';
const C = '203.0.113.0/24';

interface Given {
  messages?: number;
  first?: number;
  key?: string;
  age?: 'new' | 'old';
  others?: string[];
  severity?: Severity;
  passed_on?: boolean;
}

/** A new source that signs with a key of the domain's. */
function fresh(source: string, given: Given = {}): Candidate {
  const { messages = 60, first = 5, key = KEY, age = 'old', others = ['own servers'], severity = 'low', passed_on } = given;
  return {
    kind: 'new_source',
    subject: source,
    severity,
    confidence: 0.8,
    first_day: ago(first),
    last_day: ago(0),
    evidence: {
      who: [{ source, messages, delivered: messages }],
      senders: 1,
      messages,
      of: 3000,
      share: messages / 3000,
      per_day: 10,
      since: ago(first),
      last_day: ago(0),
      reporters: ['google.com'],
      usual: 0,
      delivered: messages,
      quarantined: 0,
      rejected: 0,
      facts: {
        rule: 'new_source',
        by: 'dkim',
        service: null,
        name: source,
        signer: null,
        key: { name: key, age, carries: 0.8, others },
        ...(passed_on && { passed_on }),
      },
      query: '',
    },
  };
}
/** A new source that nothing but SPF lets in. */
function admitted(source: string, given: Given & { service?: string } = {}): Candidate {
  const one = fresh(source, given);
  const { service = null } = given;
  return {
    ...one,
    evidence: { ...one.evidence, facts: { rule: 'new_source', by: 'spf', service, name: source, signer: null, key: null } },
  };
}
const join = (...some: Candidate[]) => joinOneCause(DOMAIN, some, []);

describe('new senders that pass by SPF alone', () => {
  test('within days of each other are one finding about the record that lets them in', () => {
    const [one, ...others] = join(
      admitted(A, { messages: 50 }),
      admitted(B, { messages: 40, first: 4 }),
      admitted(C, { messages: 30, first: 2 }),
    );
    expect(others).toEqual([]);
    expect(one).toMatchObject({ subject: A, severity: 'medium', evidence: { messages: 120, senders: 3 } });
    const { title, advice } = wordsFor(one);
    expect(title).toBe(`3 new networks pass SPF as ${DOMAIN}`);
    expect(advice.join(' ')).toContain('one that has expired can be registered by anybody');
  });

  test('stay two where one began a week later, or is a service', () => {
    expect(join(admitted(A, { first: 9 }), admitted(B, { first: 1 }))).toHaveLength(2);
    expect(join(admitted(A), admitted(B, { service: 'Brevo' }))).toHaveLength(2);
  });
});

describe('new senders under one old key whose owner goes on', () => {
  test('are one finding that names all of them, with what they sent together', () => {
    const found = join(fresh(A, { messages: 30 }), fresh(B, { messages: 60, first: 6 }), fresh(C, { messages: 40, first: 3 }));
    expect(found).toHaveLength(1);
    const [one] = found;
    expect(one).toMatchObject({
      subject: B,
      severity: 'medium',
      first_day: ago(6),
      evidence: { messages: 130, senders: 3, delivered: 130 },
    });
    expect(one!.evidence.who.map(({ source }) => source)).toEqual([B, C, A]);
    expect(one!.evidence.query).toContain(`'${C}'`);
    const { title, what } = wordsFor(one);
    expect(title).toBe(`Key s1 of ${DOMAIN} signs mail of 3 new networks`);
    expect(what).toContain('130 messages from 3 new networks');
  });

  test('stay two where the keys differ, or one began weeks later', () => {
    expect(join(fresh(A), fresh(B, { key: `s2._domainkey.${DOMAIN}` }))).toHaveLength(2);
    expect(join(fresh(A, { first: 20 }), fresh(B, { first: 1 }))).toHaveLength(2);
  });

  test('a key that somebody published for it, or that nobody else signs with, is no copy', () => {
    const published = join(fresh(A, { age: 'new' }), fresh(B, { age: 'new' }));
    expect(published).toHaveLength(1);
    expect(published[0]).toMatchObject({ severity: 'low', evidence: { messages: 120, senders: 2 } });
    const three = join(fresh(A, { age: 'new' }), fresh(B, { age: 'new' }), fresh(C, { age: 'new' }));
    expect(three.map(({ severity }) => severity)).toEqual(['medium']);
    expect(join(fresh(A, { age: 'new' }), fresh(B, { age: 'new', key: `s2._domainkey.${DOMAIN}` }))).toHaveLength(2);
    expect(join(fresh(A, { others: [] }), fresh(B, { others: [] }))).toHaveLength(2);
  });

  test('join the finding that was mailed, whichever sends more', () => {
    const known = onFile(fresh(A));
    const [one, two] = joinOneCause(DOMAIN, [fresh(A), fresh(B, { first: 9, messages: 900 })], [known]);
    expect(one).toMatchObject({ subject: A, first_day: ago(9), evidence: { messages: 960 } });
    expect(two).toBeUndefined();
  });

  test('two that were both mailed stay as they are', () => {
    const known = [onFile(fresh(A)), onFile(fresh(B), { finding_key: 2 })];
    expect(joinOneCause(DOMAIN, [fresh(A), fresh(B)], known).map(({ subject }) => subject)).toEqual([A, B]);
  });

  test.each<[Ending | undefined, number]>([
    [{ reason: 'no_longer_new', days: 28 }, 0],
    [undefined, 0],
    [{ reason: 'listed' }, 1],
  ])('what was named in a finding that is over (%j) is mailed again %d times', (ended, mails) => {
    const [lead] = join(fresh(A), fresh(B));
    const over = onFile({ ...lead!, evidence: { ...lead!.evidence, ...(ended && { ended }) } }, { state: 'resolved' });
    expect(joinOneCause(DOMAIN, [fresh(B)], [over])).toHaveLength(mails);
  });

  test('one alone is medium from a hundred messages on, however little of the mail that is', () => {
    expect(join(fresh(A, { messages: 99 }))[0]!.severity).toBe('low');
    expect(join(fresh(A, { messages: 100 }))[0]!.severity).toBe('medium');
  });

  test('one alone that may be a forwarder stays low; several do not', () => {
    expect(join(fresh(A, { messages: 500, passed_on: true }))[0]!.severity).toBe('low');
    const both = join(fresh(A, { messages: 60, passed_on: true }), fresh(B, { messages: 60, passed_on: true }));
    expect(both.map(({ severity }) => severity)).toEqual(['medium']);
  });
});

test('whoever began to sign with a key at the same time is not its owner', () => {
  const use = (source: string, first: number): KeyUse => ({
    source,
    key: KEY,
    first_day: ago(first),
    last_day: ago(0),
    passed: 50,
    recent: 50,
  });
  const window = senderWindow(span(5, 0, 'dkim', 10, undefined, { source: A }));
  const given = { keyUses: [use('own', 40), use(A, 5), use(B, 6)], senders: window.senders, from: ago(41) };
  expect(mainKeyOf(window.of, ago(5), given)).toMatchObject({ age: 'old', others: [{ sender: 'own' }] });
});

describe('a new network under the one key of a sender that goes on', () => {
  const use = (source: string, first: number, recent: number): KeyUse => ({
    source,
    key: KEY,
    first_day: ago(first),
    last_day: ago(0),
    passed: 4 * recent,
    recent,
  });
  const found = (kind: 'dkim' | 'both', own: number, others: number) => {
    const rows = span(5, 0, kind, own, REPORTERS, { source: A });
    const window = senderWindow(rows, {
      reporterDays: span(41, 0, 'both', 2 * own, REPORTERS),
      keyUses: [use('own', 40, others), { ...use(A, 5, 18 * own), passed: 18 * own }],
      from: ago(41),
    } as never);
    return newSource.find(window);
  };

  test('may be a forwarder of its mail: low, and the mail says both, and how to find out', () => {
    const [one] = found('dkim', 10, 18 * 10 * 2 + 1);
    expect(one).toMatchObject({ severity: 'low', evidence: { facts: { passed_on: true } } });
    const { advice } = wordsFor(one!);
    expect(advice.join(' ')).toMatch(/forwards mail of own/);
    expect(advice.join(' ')).toMatch(/copied the private key/);
    expect(advice.join(' ')).toMatch(/logs of own/);
    expect(advice.join(' ')).toMatch(/second selector/);
  });

  test.each([
    ['brings half as much as its sender', 'dkim', 18 * 10 * 2],
    ['passes SPF too', 'both', 18 * 10 * 9],
  ] as const)('is no forwarder where it %s', (_, kind, others) => {
    for (const one of found(kind, 10, others)) expect(one.evidence.facts).not.toHaveProperty('passed_on');
  });
});

test('what invented newcomers have in common is as it was', () => expectLives('cause'));
