import { expect, test } from 'vitest';
import * as plan from '../../../services/alerter/mail/plan.ts';
import type { UnhandledEvent } from '../../../services/store/alerts/outbox.ts';

const NOW = new Date('2026-05-01T12:00:00Z');
const planOf = (events: UnhandledEvent[], domains: Record<string, string[]>, alertTo: string[], now: Date, digest = true) =>
  plan.planOf(events, { domains, alertTo, digest, now });
let key = 0;
const event = (over: Partial<UnhandledEvent> = {}): UnhandledEvent =>
  ({
    event_key: ++key,
    finding_key: 1,
    domain: 'example.com',
    event: 'opened',
    severity: 'high',
    at: new Date(`2026-05-01T08:00:${String(key % 60).padStart(2, '0')}Z`),
    notify: true,
    known: false,
    known_to: [],
    silent: false,
    mailed_to: [],
    refused_for: [],
    refusals: 0,
    retry_at: null,
    gravest: over.severity ?? 'high',
    ...over,
  }) as UnhandledEvent;
const step = (...events: Partial<UnhandledEvent>[]) =>
  planOf(events.map(event), {}, ['a@example.org'], NOW).groups[0]?.items[0]?.step ?? null;

test('the events of a finding are reported together, as their newest', () => {
  expect(step({})).toBe('opened');
  expect(step({ known: true, event: 'changed' })).toBe('changed');
  // What nobody was told of is new, whatever became of it since.
  expect(step({}, { event: 'changed' })).toBe('opened');
  expect(step({ known: true, event: 'resolved' })).toBe('resolved');
  expect(step({ known: true, event: 'reminded' })).toBe('reminded');
  expect(step({ known: true, event: 'reopened' }, { known: true, event: 'changed' })).toBe('reopened');
});

test('a finding that was there from the start is so at its first mail alone', () => {
  const standing = (...events: Partial<UnhandledEvent>[]) =>
    planOf(events.map(event), {}, ['a@example.org'], NOW).groups[0]?.items[0]?.standing;
  expect(standing({ standing: true })).toBe(true);
  expect(standing({ standing: true }, { event: 'changed', standing: false })).toBe(true);
  expect(standing({ standing: false })).toBe(false);
  expect(standing({ known: true, event: 'changed', standing: true })).toBe(false);
});

test('what is over before anybody was told, not worth a mail, or silenced, is settled without one', () => {
  expect(step({}, { event: 'resolved' })).toBeNull();
  expect(step({ notify: false })).toBeNull();
  expect(step({ silent: true })).toBeNull();
  const events = [event({ notify: false }), event({ notify: false })];
  expect(planOf(events, {}, ['a@example.org'], NOW)).toEqual({ quiet: events.map((one) => one.event_key), groups: [] });
});

test('the end of what was never more than low is left to the digest, where there is one', () => {
  const over = (given: Partial<UnhandledEvent>, digest = true) =>
    planOf([event({ known: true, event: 'resolved', ...given })], {}, ['a@example.org'], NOW, digest).groups[0]?.items[0]?.step ??
    null;
  expect(over({ severity: 'low' })).toBeNull();
  expect(over({ severity: 'medium' })).toBe('resolved');
  // It was mailed as graver than it ended.
  expect(over({ severity: 'low', gravest: 'medium' })).toBe('resolved');
  expect(over({ severity: 'low' }, false)).toBe('resolved');
  // What is low and goes on is mailed as ever.
  expect(step({ severity: 'low' })).toBe('opened');
  expect(step({ severity: 'low', known: true, event: 'reopened' })).toBe('reopened');
});

test('a domain without recipients is mailed to nobody', () => {
  const one = event();
  expect(planOf([one], { 'example.com': [] }, ['a@example.org'], NOW)).toEqual({ quiet: [one.event_key], groups: [] });
});

test('findings for the same people are one group, the gravest first and then the oldest', () => {
  const { groups } = planOf(
    [
      event({ finding_key: 1, severity: 'low' }),
      event({ finding_key: 2, severity: 'critical' }),
      event({ finding_key: 3, severity: 'low' }),
      event({ finding_key: 4, domain: 'other.example' }),
    ],
    { 'other.example': ['b@example.org'] },
    ['a@example.org'],
    NOW,
  );
  expect(groups.map(({ recipients, items }) => [recipients, items.map((item) => item.finding_key)])).toEqual([
    [['a@example.org'], [2, 1, 3]],
    [['b@example.org'], [4]],
  ]);
});

test('only what is critical and not over is urgent; it waits since its first event that is worth a mail', () => {
  const urgent = (over: Partial<UnhandledEvent>) => planOf([event(over)], {}, ['a@example.org'], NOW).groups[0]!.items[0]!.urgent;
  expect([urgent({ severity: 'critical' }), urgent({ severity: 'high' })]).toEqual([true, false]);
  expect(urgent({ severity: 'critical', event: 'resolved', known: true })).toBe(false);
  const list = [event({ notify: false }), event(), event({ event: 'changed' })];
  expect(planOf(list, {}, ['a@example.org'], NOW).groups[0]!.items[0]).toMatchObject({
    at: list[1]!.at,
    newest: list[2]!.event_key,
    events: list.map((one) => one.event_key),
  });
});

test('a finding whose mail was refused waits until it is due again, or until something happens to it', () => {
  const later = new Date('2026-05-01T13:00:00Z');
  const refused = { refusals: 2, retry_at: later, refused_for: ['a@example.org'] };
  expect(planOf([event(refused)], {}, ['a@example.org'], NOW)).toEqual({ quiet: [], groups: [] });
  expect(planOf([event(refused)], {}, ['a@example.org'], later).groups[0]!.items[0]).toMatchObject({ refusals: 2 });
  const list = [event(refused), event({ event: 'changed' })];
  expect(planOf(list, {}, ['a@example.org'], NOW).groups[0]!.items[0]).toMatchObject({
    step: 'opened',
    events: list.map((one) => one.event_key),
  });
});

test('each recipient is planned for by what was mailed to that recipient', () => {
  const TO = ['a@example.org', 'b@example.org', 'c@example.org'];
  const later = new Date('2026-05-01T13:00:00Z');
  const [A, B, C] = TO as [string, string, string];
  const opened = event({ mailed_to: [A, C], refused_for: [B], refusals: 1, retry_at: later, known_to: [A, C] });
  const parts = (list: UnhandledEvent[], now = NOW, to = TO) =>
    planOf(list, {}, to, now).groups.map(({ recipients, items }) => [recipients, items[0]!.step, items[0]!.events]);
  // Nothing is due, and nothing is settled.
  expect(planOf([opened], {}, TO, NOW)).toEqual({ quiet: [], groups: [] });
  expect(parts([opened], later)).toEqual([[[B], 'opened', [opened.event_key]]]);
  const changed = event({ event: 'changed', known_to: [A, C] });
  expect(parts([opened, changed])).toEqual([
    [[A, C], 'changed', [changed.event_key]],
    [[B], 'opened', [opened.event_key, changed.event_key]],
  ]);
  // What is not worth a mail does not bring the next try forward.
  expect(parts([opened, event({ event: 'changed', notify: false, known_to: [A, C] })])).toEqual([]);
  // Who never learned of it need not learn that it is over.
  const over = event({ event: 'resolved', known_to: [A, C] });
  expect(parts([opened, over], later)).toEqual([[[A, C], 'resolved', [over.event_key]]]);
  over.mailed_to = [A, C];
  expect(planOf([opened, over], {}, TO, later)).toEqual({ quiet: [opened.event_key, over.event_key], groups: [] });
  // The settings of the moment: who is named in place of another has not got it, and who is gone gets
  // nothing.
  expect(parts([opened], later, [A, 'd@example.org'])).toEqual([[['d@example.org'], 'opened', [opened.event_key]]]);
  expect(planOf([opened], {}, [A, C], NOW)).toEqual({ quiet: [opened.event_key], groups: [] });
});

test('what is as grave is in the order of its newest events', () => {
  const [first, second] = [event({ finding_key: 1 }), event({ finding_key: 2 })];
  const again = event({ finding_key: 1, event: 'changed' });
  const { groups } = planOf([first, second, again], {}, ['a@example.org'], NOW);
  expect(groups[0]!.items.map((item) => item.finding_key)).toEqual([2, 1]);
});

test('after a refusal the recipients who were refused wait, all of them where nobody noted who, until the mail is due', () => {
  const both = ['a@example.org', 'b@example.org'];
  const later = new Date(NOW.getTime() + 1);
  const mailed = (over: Partial<UnhandledEvent>) => {
    const plan = planOf([event(over)], {}, both, NOW);
    return { to: plan.groups.map(({ recipients }) => recipients), quiet: plan.quiet.length };
  };
  expect(mailed({ retry_at: later })).toEqual({ to: [], quiet: 0 });
  expect(mailed({ retry_at: NOW })).toEqual({ to: [both], quiet: 0 });
  expect(mailed({ retry_at: later, refused_for: ['b@example.org'] })).toEqual({ to: [['a@example.org']], quiet: 0 });
  expect(mailed({ retry_at: later, mailed_to: ['b@example.org'] })).toEqual({ to: [['a@example.org']], quiet: 0 });
  expect(mailed({ retry_at: later, mailed_to: ['b@example.org'], refused_for: ['a@example.org'] })).toEqual({ to: [], quiet: 0 });
  expect(mailed({ mailed_to: both })).toEqual({ to: [], quiet: 1 });
});
