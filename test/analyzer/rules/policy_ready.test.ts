import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { policyReady, READY_DAYS } from '../../../services/analyzer/rules/policy_ready.ts';
import type { ReadinessWindow } from '../../../services/analyzer/rules/window.ts';
import type { KnownFinding } from '../../../services/store/findings/findings.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, policyDays, REPORTERS, span } from '../rows.ts';

const OWN = { source: '192.0.2.0/24' };
const SERVICE = { source: 'service.example' };
/** Where others bring as much now and then, fifteen messages are too few for alignment_failure. */
const SOME_STRAY = span(24, 20, 'foreign', 1, REPORTERS, { source: 'stray.example' });
const policies = REPORTERS.flatMap((reporter) => policyDays(reporter, Array(READY_DAYS + 3).fill('p=none; adkim=r; aspf=r')));

describe('policy_ready', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
    await f.put(span(READY_DAYS + 2, 0, 'both', 900, REPORTERS, OWN));
    await f.putPolicies(policies);
  });
  afterEach(() => f.close());

  const told = async () => {
    await f.analyze();
    return (await f.findings()).map(({ kind, state }) => `${kind} ${state}`);
  };

  test('a month of mail that passes is ready', async () => {
    expect(await told()).toEqual(['policy_ready open']);
  });

  test('it is so since the day on which that was found, whatever days were looked at, and stays so', async () => {
    type Row = { first_day: string; evidence: { since: string; what: string } };
    const since = async () => {
      await f.analyze();
      const { first_day, evidence } = (await f.findings())[0]! as unknown as Row;
      return { first_day, since: evidence.since, what: evidence.what.slice(0, 24) };
    };
    const first = { first_day: ago(0), since: ago(0), what: `From ${ago(READY_DAYS - 1)} to ${ago(0)}`.slice(0, 24) };
    expect(await since()).toEqual(first);
    await f.put(span(5, 0, 'foreign', 1, REPORTERS.slice(0, 1), SERVICE));
    expect(await since()).toEqual(first);
  });

  test('not on the evening on which a service that is not set up begins, before enough came to tell of it', async () => {
    await f.put(SOME_STRAY);
    await f.put(span(0, 0, 'foreign', 5, REPORTERS, SERVICE));
    expect(await told()).toEqual([]);
  });

  test('what has long sent as little, or is called forwarded by its receivers, does not hold it up', async () => {
    await f.put(span(5, 0, 'foreign', 1, REPORTERS.slice(0, 1), SERVICE));
    await f.put(span(0, 0, 'list', 5, REPORTERS, { source: 'lists.example' }));
    expect(await told()).toEqual(['policy_ready open']);
  });

  test('nor does it end what is open: a single day takes nothing back', async () => {
    await f.put(SOME_STRAY);
    expect(await told()).toEqual(['policy_ready open']);
    await f.put(span(0, 0, 'foreign', 5, REPORTERS, SERVICE));
    expect(await told()).toEqual(['policy_ready open']);
    expect(ago(0)).toBe((await f.findings())[0]!.last_day);
  });
});

describe('the end of policy_ready', () => {
  const ended = (policy: string | null, next: string | null = 'quarantine') =>
    policyReady.over(
      { evidence: { facts: next === null ? null : { rule: 'policy_ready', next } } } as unknown as KnownFinding,
      { policy, policyDays: [{}] } as unknown as ReadinessWindow,
    );

  test.each([
    ['p=quarantine', { p: 'quarantine' }],
    ['p=reject', { p: 'reject' }],
    // Something speaks against it now, such as a sender to be denied first.
    ['p=none', { p: 'none', next: 'quarantine' }],
    // On trial it is not taken.
    ['p=quarantine; t=y', { p: 'quarantine', next: 'quarantine' }],
  ])('with %s published', (policy, said) => {
    expect(ended(policy)).toEqual({ reason: 'policy_not_ready', ...said });
  });

  test('of an older version, or without a policy', () => {
    expect(ended('p=none', null)).toEqual({ reason: 'policy_not_ready', p: 'none' });
    expect(ended(null)).toEqual({ reason: 'policy_unknown' });
  });
});
