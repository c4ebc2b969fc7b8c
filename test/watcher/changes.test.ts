import { describe, expect, it } from 'vitest';
import type { Changes, LiveRecord, Observed, ServerAnswer, Stored } from '../../services/store/dns/records.ts';
import { changesOf, mustAskAgain } from '../../services/watcher/changes.ts';

const NOW = new Date('2026-11-20T14:02:00Z');
const EARLIER = new Date('2026-11-20T13:02:00Z');

const live = (value: string, more: Partial<LiveRecord> = {}): LiveRecord => ({
  record_key: value.length,
  name: 'example.com',
  type: 'TXT',
  value,
  missed_at: null,
  misses: 0,
  ...more,
});
const stored = (...records: LiveRecord[]): Stored => ({ questions: [], live: records, servers: [] });

/** "A B" are values, "-" is an empty answer, "?" none. */
function answers(said: Record<string, string>): ServerAnswer[] {
  return Object.entries(said).map(([server, text]) => ({
    server,
    state: text === '?' ? 'unknown' : text === '-' ? 'absent' : 'records',
    reason: text === '?' ? `${server} did not answer.` : null,
    values: text === '?' || text === '-' ? [] : text.split(' '),
  }));
}

const asked = (said: Record<string, string>, more: Partial<Observed> = {}): Observed => ({
  name: 'example.com',
  type: 'TXT',
  purpose: 'spf',
  aliases: [],
  answers: answers(said),
  ...more,
});

const change = (before: Stored, ...observed: Observed[]): Changes => changesOf(before, { observed, servers: [], now: NOW });

describe('a value', () => {
  it('is added when it is seen first, with the servers that gave it', () => {
    const { added, seen, gone, missed } = change(stored(), asked({ resolver: 'A', ns1: 'A', ns2: 'A' }));
    expect(added).toEqual([
      { name: 'example.com', type: 'TXT', purpose: 'spf', value: 'A', servers: ['resolver', 'ns1', 'ns2'], at: NOW },
    ]);
    expect([seen, gone, missed]).toEqual([[], [], []]);
  });

  it.each([
    ['nobody answers', { resolver: '?', ns1: '?' }],
    ['there is nobody to ask but a resolver that fails', { resolver: '?' }],
  ])('stays when %s', (_, said) => {
    const found = change(stored(live('A')), asked(said));
    expect([found.added, found.seen, found.missed, found.gone]).toEqual([[], [], [], []]);
    expect(found.questions[0]).toMatchObject({ state: 'unknown', unanswered_since: NOW, answered_at: null });
  });

  it.each([
    ['all servers', { resolver: '-', ns1: '-', ns2: '-' }],
    ['the one server that answers', { resolver: '?', ns1: '-', ns2: '?' }],
    ['the resolver, where no server can be asked', { resolver: '-', ns1: '?' }],
    ['the servers, while the resolver still has it in its cache', { resolver: 'A', ns1: '-' }],
  ])('is gone after two empty answers of %s, not after one, and since the first', (_, said) => {
    const first = change(stored(live('A')), asked(said));
    expect(first.gone).toEqual([]);
    expect(first.missed).toEqual([{ record_key: 1, at: NOW }]);
    expect(mustAskAgain(first)).toBe(true);
    const second = change(stored(live('A', { misses: 1, missed_at: EARLIER })), asked(said));
    expect(second.gone).toEqual([{ record_key: 1, at: EARLIER }]);
    expect(mustAskAgain(second)).toBe(false);
  });

  it('is there again when one server has it', () => {
    const found = change(stored(live('A', { misses: 1, missed_at: EARLIER })), asked({ resolver: '-', ns1: '-', ns2: 'A' }));
    expect(found.seen).toEqual([{ record_key: 1, servers: ['ns2'], at: NOW }]);
    expect([found.gone, found.missed]).toEqual([[], []]);
  });

  it('is replaced at once when all servers answer with another', () => {
    const found = change(stored(live('A')), asked({ resolver: 'A', ns1: 'BB', ns2: 'BB' }));
    expect(found.added.map(({ value, servers }) => [value, servers])).toEqual([['BB', ['ns1', 'ns2']]]);
    expect(found.gone).toEqual([{ record_key: 1, at: NOW }]);
  });

  it('is not yet replaced while a server is silent that may still have it', () => {
    const found = change(stored(live('A')), asked({ resolver: 'BB', ns1: 'BB', ns2: '?' }));
    expect(found.gone).toEqual([]);
    expect(found.missed).toEqual([{ record_key: 1, at: NOW }]);
  });

  it('is not replaced while one server still has it, and it is noted since when they differ', () => {
    const first = change(stored(live('A')), asked({ resolver: 'A', ns1: 'BB', ns2: 'A' }));
    expect(first.seen).toEqual([{ record_key: 1, servers: ['resolver', 'ns2'], at: NOW }]);
    expect(first.questions[0]).toMatchObject({ differ_since: NOW });
    const before = { ...stored(live('A')), questions: [{ ...first.questions[0]!, differ_since: EARLIER }] };
    expect(change(before, asked({ resolver: 'A', ns1: 'BB', ns2: 'A' })).questions[0]).toMatchObject({ differ_since: EARLIER });
    expect(change(before, asked({ resolver: '?', ns1: '?', ns2: '?' })).questions[0]).toMatchObject({ differ_since: EARLIER });
    expect(change(before, asked({ resolver: 'A', ns1: 'BB', ns2: 'BB' })).questions[0]).toMatchObject({ differ_since: null });
  });

  it('does not differ by the order of values, nor by what the resolver has in its cache', () => {
    const found = change(stored(), asked({ resolver: 'C', ns1: 'A BB', ns2: 'BB A' }));
    expect(found.questions[0]).toMatchObject({ differ_since: null });
  });
});

describe('a question', () => {
  it('keeps its state while nobody answers, and says since when and why', () => {
    const { questions } = change(stored(), asked({ resolver: 'A', ns1: 'A' }));
    const before = {
      ...stored(),
      questions: questions.map((one) => ({ ...one, answered_at: EARLIER, first_answered_at: EARLIER })),
    };
    const silent = change(before, asked({ resolver: '?', ns1: '?' })).questions[0]!;
    expect(silent).toMatchObject({
      state: 'records',
      asked_at: NOW,
      answered_at: EARLIER,
      first_answered_at: EARLIER,
      unanswered_since: NOW,
      reason: 'resolver did not answer.',
    });
    const again = change(
      { ...before, questions: [{ ...silent, unanswered_since: EARLIER }] },
      asked({ resolver: '?', ns1: '?' }),
    );
    expect(again.questions[0]).toMatchObject({ unanswered_since: EARLIER });
    const heard = change({ ...before, questions: [silent] }, asked({ resolver: '-', ns1: '-' }));
    expect(heard.questions[0]).toMatchObject({ state: 'absent', unanswered_since: null, reason: null });
  });
});

describe('the row of a question', () => {
  const row = {
    name: 'example.com',
    type: 'TXT',
    purpose: 'spf' as const,
    state: 'records' as const,
    asked_at: EARLIER,
    first_answered_at: EARLIER,
    answered_at: EARLIER,
    unanswered_since: null,
    reason: null,
    differ_since: null,
    aliases: ['old.example'],
    answers: [],
  };
  const others = [
    { ...row, type: 'MX', first_answered_at: null, aliases: ['mx.example'] },
    { ...row, name: 'www.example.com', first_answered_at: null, aliases: ['www.example'] },
  ];
  const after = (questions: Stored['questions'], said: Record<string, string>) => {
    const observed = asked(said, { aliases: ['now.example'] });
    const [found] = change({ ...stored(), questions }, observed).questions;
    const { name, type, purpose, answers: given } = observed;
    expect(found).toMatchObject({ name, type, purpose, answers: given, asked_at: NOW });
    const { asked_at: _, answers: __, ...rest } = found!;
    return rest;
  };
  const same = { name: 'example.com', type: 'TXT', purpose: 'spf', differ_since: null };

  it.each<[string, Stored['questions'], Record<string, string>, object]>([
    [
      'answered for the first time, by one of two',
      others,
      { ns1: 'A', ns2: '?' },
      {
        state: 'records',
        first_answered_at: NOW,
        answered_at: NOW,
        unanswered_since: null,
        reason: null,
        aliases: ['now.example'],
      },
    ],
    [
      'answered again',
      [...others, row],
      { ns1: '-' },
      {
        state: 'absent',
        first_answered_at: EARLIER,
        answered_at: NOW,
        unanswered_since: null,
        reason: null,
        aliases: ['now.example'],
      },
    ],
    [
      'never answered',
      others,
      { ns1: '?', ns2: '?' },
      {
        ...{ state: 'unknown', first_answered_at: null, answered_at: null, unanswered_since: NOW },
        ...{ reason: 'ns1 did not answer.', aliases: [] },
      },
    ],
    [
      'no longer answered',
      [...others, row],
      { ns1: '?' },
      {
        ...{ state: 'records', first_answered_at: EARLIER, answered_at: EARLIER, unanswered_since: NOW },
        ...{ reason: 'ns1 did not answer.', aliases: ['old.example'] },
      },
    ],
  ])('that was %s', (_, questions, said, row) => expect(after(questions, said)).toEqual({ ...same, ...row }));
});

it('ends an alias when its name has records of its own, and not while nobody answers', () => {
  const alias = live('target.example', { type: 'CNAME' });
  expect(change(stored(alias), asked({ resolver: '?', ns1: '?' })).gone).toEqual([]);
  expect(change(stored(alias), asked({ resolver: 'A', ns1: 'A' })).gone).toEqual([{ record_key: alias.record_key, at: NOW }]);
  const through = [
    asked({ resolver: 'A' }, { aliases: ['target.example'] }),
    asked({ ns1: 'target.example' }, { type: 'CNAME' }),
  ];
  expect(change(stored(alias), ...through).gone).toEqual([]);
});

describe('a server', () => {
  const server = (state: 'answers' | 'silent' | 'lame' | 'unknown') => ({
    zone: 'example.com',
    server: 'ns1',
    address: '192.0.2.1',
    state,
    reason: state === 'answers' ? null : `${state}.`,
    serial: state === 'answers' ? 7 : null,
  });
  const stateAfter = (before: Stored['servers'], state: 'answers' | 'silent' | 'lame' | 'unknown', now: Date) =>
    changesOf({ questions: [], live: [], servers: before }, { observed: [], servers: [server(state)], now }).servers;

  it('fails since the first round without an answer, until one comes', () => {
    const first = stateAfter([], 'answers', EARLIER);
    expect(first).toMatchObject([{ failing_since: null, serial: 7, answered_at: EARLIER }]);
    const second = stateAfter(first, 'silent', NOW);
    expect(second).toMatchObject([{ failing_since: NOW, failure: 'silent', serial: 7, answered_at: EARLIER }]);
    const third = stateAfter(second, 'lame', new Date('2026-11-20T15:02:00Z'));
    expect(third).toMatchObject([{ failing_since: NOW, failure: 'lame' }]);
    expect(stateAfter(third, 'unknown', new Date('2026-11-20T16:02:00Z'))).toMatchObject([
      { failing_since: NOW, failure: 'lame', reason: 'lame.' },
    ]);
    expect(stateAfter(third, 'answers', new Date('2026-11-20T16:02:00Z'))).toMatchObject([
      { failing_since: null, failure: null, reason: null },
    ]);
    // Its own row is the one of its name and zone.
    const others = [
      { ...third[0]!, server: 'ns2', failing_since: EARLIER, failure: 'silent' as const },
      { ...third[0]!, zone: 'example.net', failing_since: EARLIER, failure: 'silent' as const },
    ];
    expect(stateAfter([...others, ...third], 'lame', new Date('2026-11-20T16:02:00Z'))).toEqual([
      {
        ...{ zone: 'example.com', server: 'ns1', address: '192.0.2.1', serial: 7, answered_at: EARLIER },
        ...{ asked_at: new Date('2026-11-20T16:02:00Z'), failing_since: NOW, failure: 'lame', reason: 'lame.' },
      },
    ]);
    // Of one that was never asked nothing is known.
    expect(stateAfter([], 'unknown', NOW)).toMatchObject([{ failing_since: null, failure: null, reason: null }]);
  });
});
