import { describe, expect, test } from 'vitest';
import { planSchema, readable, readPlan, seal, sizeOf } from '../../services/requests/plan.ts';
import { planOf } from './sample.ts';

const txt = (text: string) => ({ text, wire: Buffer.from([text.length, ...Buffer.from(text)]).toString('hex') });
const record = (before: string[], after: string[]) => ({
  target: 'dns' as const,
  name: '_dmarc.example.com',
  type: 'TXT' as const,
  ttl: { before: before.length === 0 ? null : 300, after: after.length === 0 ? null : 300 },
  before: before.map(txt),
  after: after.map(txt),
});

test('a sealed plan is read back as it was, and the order of its keys changes nothing', () => {
  const plan = planOf();
  const turned = Object.fromEntries(Object.entries(plan).reverse()) as typeof plan;
  expect(seal(turned)).toEqual(seal(plan));
  expect(readPlan(seal(plan))).toEqual(plan);
});

test('a plan whose text was changed after it was sealed is refused', () => {
  const { text, digest } = seal(planOf());
  expect(() => readPlan({ text: text.replace('mailer.example', 'attacker.example'), digest })).toThrow(
    /changed after it was made/,
  );
});

test('a plan of another shape is refused, with a field that nobody would see', () => {
  expect(() => seal({ ...planOf(), also: 'p=none' } as never)).toThrow();
  expect(() => seal(planOf({ domain: 'Example.COM' }))).toThrow();
});

test.each([
  [[record(['a'], ['b'])], 2],
  [[record([], ['b'])], 1],
  [[record(['a', 'b'], ['b', 'c', 'd'])], 3],
  // A change of the TTL alone.
  [[record(['a'], ['a'])], 1],
  [planOf().changes, 1],
  [[], 0],
])('counts the records that change: %#', (changes, size) => {
  expect(sizeOf({ changes })).toBe(size);
});

describe('the limits of a plan', () => {
  const list = (n: number) => Array<string>(n).fill('x');
  const dns = (part: object = {}) => ({
    target: 'dns',
    name: 'a.example.com',
    type: 'TXT',
    ttl: { before: null, after: 60 },
    before: [],
    after: [],
    ...part,
  });
  const members = (n: number) => Array.from({ length: n }, () => ({ text: 'x', wire: '0178' }));
  const changes = (part: object) => ({ changes: [dns(part)] });
  test.each<[string, object, object]>([
    ['sentences', { summary: 'x'.repeat(2000) }, { summary: 'x'.repeat(2001) }],
    ['a sentence', { summary: 'x' }, { summary: '' }],
    ['warnings', { warnings: list(50) }, { warnings: list(51) }],
    ['reasons', { why: list(50) }, { why: list(51) }],
    ['reasons of the risk', { risk_because: list(20) }, { risk_because: list(21) }],
    ['changes', { changes: Array(20).fill(dns()) }, { changes: Array(21).fill(dns()) }],
    ['hours of the watch', { back: { watch_hours: 2160, text: 'x' } }, { back: { watch_hours: 2161, text: 'x' } }],
    ['no watch', { back: { watch_hours: 0, text: 'x' } }, { back: { watch_hours: -1, text: 'x' } }],
    ['the time to live', changes({ ttl: { before: 1, after: 604_800 } }), changes({ ttl: { before: 1, after: 604_801 } })],
    ['no time to live', changes({ ttl: { before: 1, after: 0 } }), changes({ ttl: { before: 1, after: -1 } })],
    ['members before', changes({ before: members(100) }), changes({ before: members(101) })],
    ['members after', changes({ after: members(100) }), changes({ after: members(101) })],
    [
      'the text of a member',
      changes({ after: [{ text: 'x'.repeat(65_535), wire: '00' }] }),
      changes({ after: [{ text: 'x'.repeat(65_536), wire: '00' }] }),
    ],
    ['the version', { version: 1 }, { version: 2 }],
    [
      'a source',
      { changes: [{ ...planOf().changes[0], source: 's'.repeat(253) }] },
      { changes: [{ ...planOf().changes[0], source: 's'.repeat(254) }] },
    ],
    [
      'a source at all',
      { changes: [{ ...planOf().changes[0], source: 's' }] },
      { changes: [{ ...planOf().changes[0], source: '' }] },
    ],
    [
      'names that it stands for',
      changes({ stands_for: Array(20).fill('a.example') }),
      changes({ stands_for: Array(21).fill('a.example') }),
    ],
  ])('%s', (_, inside, beyond) => {
    expect(planSchema.safeParse({ ...planOf(), ...inside }).error?.issues ?? []).toEqual([]);
    expect(planSchema.safeParse({ ...planOf(), ...beyond }).success).toBe(false);
  });

  const GRANT = {
    target: 'grant',
    kind: 'access.email',
    holder: 'ada@example.com',
    holder_kind: 'person',
    groups: ['mail'],
    server: 'post',
    scope: { from: 'shop@example.com' },
    seconds: 60,
    uses: null,
    credential: null,
  };
  const MESSAGE = { target: 'message', sha256: 'ab'.repeat(32), size: 1, kept_in: 'store', from_domain: null, recipients: 1 };
  const SEEN = { by: 'settings', id: 'x', value: '' };
  const MANUAL = { target: 'manual', what: 'x', before: 'x', after: 'x', run: 'x', seen: SEEN };
  const text = (n: number) => 'x'.repeat(n);
  /** A field with a text of so many characters. */
  const texts = (one: object, most: Record<string, number>, least = 1): [object, object, object][] =>
    Object.entries(most).flatMap(([key, n]): [object, object, object][] => [
      [one, { [key]: text(n) }, { [key]: text(n + 1) }],
      ...(least === 0 ? [] : ([[one, { [key]: text(least) }, { [key]: '' }]] as [object, object, object][])),
    ]);
  const seen = (part: object) => ({ seen: { ...SEEN, ...part } });
  test.each<[object, object, object]>([
    ...texts(GRANT, { holder: 253, server: 63 }),
    [GRANT, { groups: Array(50).fill('g') }, { groups: Array(51).fill('g') }],
    [GRANT, { groups: [text(63)] }, { groups: [text(64)] }],
    [GRANT, { groups: ['g'] }, { groups: [''] }],
    [GRANT, { seconds: 90 * 86_400 }, { seconds: 90 * 86_400 + 1 }],
    [GRANT, { seconds: 1 }, { seconds: 0 }],
    [GRANT, { uses: 1_000_000 }, { uses: 1_000_001 }],
    [GRANT, { uses: 1 }, { uses: 0 }],
    [GRANT, { credential: 'ab'.repeat(32) }, { credential: 'ab' }],
    [GRANT, {}, { scope: { from: 'nobody' } }],
    ...texts(MESSAGE, { from_domain: 253 }, 0),
    [MESSAGE, { size: 0 }, { size: -1 }],
    [MESSAGE, { recipients: 1 }, { recipients: 0 }],
    ...texts(MANUAL, { what: 200, before: 500, after: 500, run: 2000 }),
    [MANUAL, seen({ id: text(200) }), seen({ id: text(201) })],
    [MANUAL, seen({ id: 'x' }), seen({ id: '' })],
    [MANUAL, seen({ value: text(200) }), seen({ value: text(201) })],
  ])('of a change, %#', (one, inside, beyond) => {
    const read = (part: object) => planSchema.safeParse({ ...planOf(), changes: [{ ...one, ...part }] });
    expect(read(inside).error?.issues ?? []).toEqual([]);
    expect(read(beyond).success).toBe(false);
  });

  test('what is wrong with a scope is said at its place', () => {
    const { error } = planSchema.safeParse({ ...planOf(), changes: [{ ...GRANT, scope: { from: 'nobody' } }] });
    expect(error!.issues.map(({ path, message }) => [path.join('.'), message])).toEqual([
      ['changes.0.scope.from', 'must be a mail address in lower case'],
    ]);
  });

  test.each<[string, object[], number]>([
    ['an entry of the list', planOf().changes, 1],
    ['a record that stays', [dns({ before: members(1), after: members(1) })], 1],
    ['a record that is replaced', [dns({ before: members(1), after: [{ text: 'y', wire: '0179' }] })], 2],
    [
      'two that are added, beside one that stays',
      [dns({ before: members(1), after: [...members(1), { text: 'y', wire: '0179' }, { text: 'z', wire: '017a' }] })],
      2,
    ],
    ['nothing', [], 0],
    ['several changes', [...planOf().changes, dns({ before: members(1) })], 2],
  ])('the size of %s', (_, changes, size) => {
    expect(sizeOf({ changes: changes as never })).toBe(size);
  });
});

describe('what a plan says can be read', () => {
  test('on one line each: it may quote a zone, or whoever asks', () => {
    const plan = readable(
      planOf({
        summary: 'Publish "a\n+ _dmarc.example.com. TXT".',
        warnings: ['b\rc'],
        why: ['\u202ed'],
        back: { watch_hours: 0, text: '\n' },
      }),
    );
    expect(plan.summary).toBe('Publish "a\\u000a+ _dmarc.example.com. TXT".');
    expect([plan.warnings, plan.why, plan.back.text]).toEqual([['b\\u000dc'], ['\\u202ed'], '\\u000a']);
  });

  test('and as much of it as people read, so that a zone with a thousand mistakes is planned for as well', () => {
    const many = Array.from({ length: 190 }, (_, n) => `include:a${n}.example does not exist.`);
    const plan = readable(planOf({ warnings: many, why: many.slice(0, 50), risk_because: ['x'.repeat(9000)] }));
    expect(plan.warnings).toHaveLength(50);
    expect([plan.warnings[0], plan.warnings[48], plan.warnings[49]]).toEqual([many[0], many[48], 'And 141 more.']);
    expect(plan.why).toEqual(many.slice(0, 50));
    expect(plan.risk_because[0]).toMatch(/^x{1998} …$/);
    expect(readPlan(seal(plan))).toEqual(plan);
  });

  test('a plan that is fine stays as it is', () => {
    expect(readable(planOf())).toEqual(planOf());
  });
});
