import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Due, type Made, roomLeft, type Shared, share } from '../../../services/alerter/mail/cap.ts';
import { recipientsOf } from '../../../services/alerter/mail/recipients.ts';
import { type Bench, bench, eventually } from '../setup.ts';
import { type Sink, startSink } from '../sink.ts';

describe('the cap', () => {
  let b: Bench;
  let sink: Sink;
  beforeEach(async () => {
    sink = await startSink();
    b = await bench();
  });
  afterEach(async () => {
    await b.close();
    await sink.stop();
  });
  const subjects = () => sink.mails.map((mail) => mail.headers.get('subject')!);
  const unhandled = async () =>
    (await b.db.query<{ n: number }>('select count(*) as n from ruawatch.finding_events where handled_at is null')).rows[0]!.n;

  test('holds back what is beyond it and gathers that in one digest, also across a restart', async () => {
    for (let i = 0; i < 6; i++) await b.event({ domain: `d${i}.example`, severity: i === 5 ? 'critical' : 'medium' });
    const url = `smtp://${sink.at}?tls=none`;
    const first = b.alerter(url, { per_hour: 2, domains: { 'other.example': ['other@example.org'] } });
    await eventually(() => expect(sink.mails).toHaveLength(2));
    expect(subjects().map((subject) => subject.split(' ')[1])).toEqual(['d5.example:', 'd0.example:']);

    // The cap is each set's own.
    await b.event({ domain: 'other.example' });
    await eventually(() => expect(sink.mails).toHaveLength(3));
    expect(sink.mails[2]!.to).toEqual(['other@example.org']);

    // One that is over before it could be told is not told.
    await b.event({ finding: 2, domain: 'd1.example', event: 'resolved', revision: 2 });
    b.later(59);
    await b.event({ domain: 'late.example', severity: 'high' });
    await eventually(async () => expect(await unhandled()).toBe(4));
    await first.stop();
    expect(sink.mails).toHaveLength(3);

    b.later(2);
    await b.event({ domain: 'fresh.example' });
    b.alerter(url, { per_hour: 2 });
    await eventually(async () => expect(await unhandled()).toBe(0));
    await eventually(() => expect(sink.mails).toHaveLength(5));
    expect(subjects()[3]).toBe('[ruawatch] 4 findings in 4 domains, combined (high)');
    expect(subjects()[4]).toContain('fresh.example');
    const digest = sink.mails[3]!;
    expect(digest.headers.get('message-id')).toMatch(/^<digest-[0-9a-f]{16}\.[0-9a-f]{12}@example\.org>$/);
    for (const domain of ['late.example', 'd2.example', 'd3.example', 'd4.example'])
      expect(digest.raw).toContain(`${domain}: mail from`);
    expect(digest.raw).not.toContain('d1.example');
    expect((await b.outbox()).map((mail) => mail.kind)).toEqual(['finding', 'finding', 'finding', 'digest', 'finding']);
  });

  test('a finding told in a digest is later told as changed', async () => {
    b.alerter(`smtp://${sink.at}?tls=none`, { per_hour: 1 });
    await b.event({ domain: 'a.example' });
    await eventually(() => expect(sink.mails).toHaveLength(1));
    const held = await b.event({ domain: 'b.example' });
    await b.event({ domain: 'c.example' });
    b.later(61);
    await eventually(() => expect(sink.mails).toHaveLength(2));
    b.later(61);
    await b.event({ finding: held, domain: 'b.example', event: 'changed', revision: 2 });
    await eventually(() => expect(sink.mails).toHaveLength(3));
    expect(subjects()[2]).toMatch(/^\[ruawatch\] Changed: b\.example: /);
  });

  test('a single finding held back gets a mail of its own', async () => {
    b.alerter(`smtp://${sink.at}?tls=none`, { per_hour: 1 });
    await b.event({ domain: 'a.example' });
    await eventually(() => expect(sink.mails).toHaveLength(1));
    await b.event({ domain: 'b.example' });
    b.later(61);
    await eventually(() => expect(sink.mails).toHaveLength(2));
    expect(subjects()[1]).toMatch(/^\[ruawatch\] b\.example: /);
  });
});

test('room in the hour', () => {
  const at = (minute: number) => new Date(Date.UTC(2026, 9, 6, 8, minute));
  expect(roomLeft([], 2, at(0))).toEqual({ left: 2, heldUntil: null });
  expect(roomLeft([at(0)], 2, at(1))).toEqual({ left: 1, heldUntil: null });
  expect(roomLeft([at(30), at(0)], 2, at(31))).toEqual({ left: 0, heldUntil: at(60) });
  expect(roomLeft([at(30), at(0)], 2, at(60))).toEqual({ left: 1, heldUntil: at(60) });
  expect(roomLeft([at(90), at(0)], 2, at(91))).toEqual({ left: 1, heldUntil: null });
  // An hour apart is not within one hour.
  expect(roomLeft([at(60), at(0)], 2, at(61))).toEqual({ left: 1, heldUntil: null });
  expect(roomLeft([at(30), at(20), at(0)], 2, at(40))).toEqual({ left: 0, heldUntil: at(80) });
});

test('recipients', () => {
  const domains = { 'Example.com.': ['b@x', 'a@x'], 'deep.example.com': ['c@x'], com: ['z@x'] };
  expect(recipientsOf('example.com', domains, ['d@x'])).toEqual(['a@x', 'b@x']);
  expect(recipientsOf('MAIL.deep.example.com', domains, [])).toEqual(['c@x']);
  expect(recipientsOf('notexample.com', domains, [])).toEqual(['z@x']);
  expect(recipientsOf('example.net.', domains, ['d@x', 'd@x '])).toEqual(['d@x']);
  expect(recipientsOf('example.net', domains, [])).toEqual([]);
});

describe('sharing out an hour', () => {
  const now = new Date(Date.UTC(2026, 9, 6, 9, 0));
  const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
  const due = (name: string, over: Partial<Due> = {}) => ({ name, domain: 'a.example', at: now, urgent: false, ...over });
  const made = (minutes: number, over: Partial<Made> = {}) => ({ at: ago(minutes), domain: 'a.example', urgent: false, ...over });
  const names = ({ digest, singles, rest }: Shared<{ name: string }>) =>
    [digest, singles, rest].map((list) => list.map(({ name }) => name).join(' '));
  const budget = { perHour: 3, perDomain: 2 };

  test('by domain', () => {
    const items = [due('1'), due('2'), due('3'), due('4', { domain: 'b.example' }), due('5', { domain: 'c.example' })];
    expect(names(share(items, [], budget, now))).toEqual(['', '1 2 4', '3 5']);
    expect(names(share(items, [made(10)], budget, now))).toEqual(['', '1 4', '2 3 5']);
    expect(names(share(items, [made(59), made(59)], budget, now))).toEqual(['', '4', '1 2 3 5']);
    expect(names(share(items, [made(60), made(60)], budget, now))).toEqual(['', '1 2 4', '3 5']);
  });

  test('what is urgent waits for its like alone', () => {
    const full = [made(1), made(2), made(3, { domain: null })];
    const items = [due('u', { urgent: true }), due('1'), due('2', { domain: 'b.example' })];
    expect(names(share(items, full, budget, now))).toEqual(['', 'u', '1 2']);
    const urgent = [made(1, { urgent: true }), made(2, { urgent: true })];
    expect(names(share(items, urgent, budget, now))).toEqual(['', '2', 'u 1']);
    const others = [1, 2, 3].map((n) => made(n, { urgent: true, domain: `${n}.example` }));
    expect(names(share(items, others, budget, now))).toEqual(['', '', 'u 1 2']);
    // It uses up what the others have.
    expect(
      names(share([due('u', { urgent: true }), due('1'), due('2'), due('3', { domain: 'b.example' })], [], budget, now)),
    ).toEqual(['', 'u 1 3', '2']);
  });

  test('what was held is gathered once there is room: by the hour and by domain', () => {
    const early = { at: ago(30) };
    const items = [due('1', early), due('2', early), due('3')];
    expect(names(share(items, [made(59), made(59)], budget, now))).toEqual(['', '', '1 2 3']);
    expect(names(share(items, [made(61), made(61)], budget, now))).toEqual(['1 2', '3', '']);
    const other = [due('1', { ...early, domain: 'b.example' }), due('2', { ...early, domain: 'c.example' })];
    expect(names(share(other, [made(61), made(61)], budget, now))).toEqual(['', '1 2', '']);
    expect(names(share(other, [made(61), made(61), made(61)], budget, now))).toEqual(['1 2', '', '']);
    const urgent = [due('u', { ...early, urgent: true }), due('v', { ...early, urgent: true })];
    expect(names(share(urgent, [made(61), made(61), made(61)], budget, now))).toEqual(['', 'u v', '']);
    expect(
      names(
        share(
          urgent,
          [1, 2].map(() => made(61, { urgent: true })),
          budget,
          now,
        ),
      ),
    ).toEqual(['u v', '', '']);
  });

  test('a digest takes the room of one mail, among the urgent ones as well', () => {
    const early = { at: ago(30), domain: 'b.example' };
    const hour = { perHour: 2, perDomain: 2 };
    const full = [made(61, { domain: 'b.example' }), made(61, { domain: 'b.example' })];
    const held = [due('1', early), due('2', early)];
    const lesser = [due('3'), due('4', { domain: 'c.example' })];
    expect(names(share([...held, ...lesser], full, hour, now))).toEqual(['1 2', '3', '4']);
    const urgent = [due('u', { urgent: true }), due('v', { urgent: true, domain: 'c.example' })];
    expect(names(share([...held, ...urgent], full, hour, now))).toEqual(['1 2', 'u', 'v']);
  });

  test('one that was held is sent alone, and what is not urgent takes no room of what is', () => {
    const full = [made(61), made(61)];
    expect(names(share([due('1', { at: ago(30) })], full, budget, now))).toEqual(['', '1', '']);
    const items = [due('1'), due('2', { domain: 'b.example' }), due('u', { urgent: true, domain: 'c.example' })];
    expect(names(share(items, [], { perHour: 2, perDomain: 2 }, now))).toEqual(['', '1 2 u', '']);
  });

  test('what came the moment there was room again was not held', () => {
    const full = [made(61), made(61)];
    expect(names(share([due('1', { at: ago(1) }), due('2', { at: ago(1) })], full, budget, now))).toEqual(['', '1 2', '']);
    expect(names(share([due('1', { at: ago(2) }), due('2', { at: ago(2) })], full, budget, now))).toEqual(['1 2', '', '']);
  });
});
