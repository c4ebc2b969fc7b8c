import { describe, expect, test } from 'vitest';
import type { LogEvent } from '../../../services/collector/events.ts';
import { type Draft, newDraft, type ReadLine } from '../../../services/collector/joining/draft.ts';
import { filterOf, foldLines, handedTo } from '../../../services/collector/joining/fold.ts';
import type { Program } from '../../../services/collector/programs/index.ts';
import { START, seen, to } from './drafts.ts';

const OF = { source_id: 1, host: 'mx1', queue_id: 'A' };
const DAY = 86_400_000;
let lines = 0;
const line = (at: number, events: LogEvent[], program: Program = 'postfix'): ReadLine => ({
  at: START + at,
  hash: `h${++lines}`,
  program,
  place: null,
  events,
});
const client = (ip = '192.0.2.1'): LogEvent => ({ kind: 'client', name: null, ip, sasl: null });
const id = (text: string): LogEvent => ({ kind: 'message_id', id: text });
const [local, ended] = [{ kind: 'local' }, { kind: 'ended' }] as const;
const fold = (given: ReadLine[], drafts: Draft[] = []) => foldLines(OF, drafts, given, () => false);

describe('lines of one queue id', () => {
  test.each<[string, ReadLine[], number]>([
    ['of one message', [line(0, [client()]), line(1, [id('m')]), line(2, [ended])], 1],
    ['in any order', [line(2, [ended]), line(1, [id('m')]), line(0, [client()])], 1],
    ['with a second client', [line(0, [client()]), line(1, [client('192.0.2.2')])], 2],
    ['with a client of one made here', [line(0, [local]), line(1, [client()])], 2],
    ['made here after a client', [line(0, [client()]), line(1, [local])], 2],
    ['that say twice that it was made here', [line(0, [local]), line(1, [local])], 1],
    ['with another Message-ID', [line(0, [id('m')]), line(1, [id('n')])], 2],
    ['with the same one again', [line(0, [id('m')]), line(1, [id('m')])], 1],
    ['with a client that a filter names', [line(0, [client()]), line(1, [client('192.0.2.9')], 'rspamd')], 1],
    ['with a client that a filter names before another one', [line(0, [client()], 'rspamd'), line(1, [client()])], 1],
    ['with a Message-ID of a filter that is another', [line(0, [id('m')]), line(1, [id('n')], 'rspamd')], 2],
    ['ten seconds after its end', [line(0, [client()]), line(1_000, [ended]), line(11_000, [id('m')])], 1],
    ['later', [line(0, [client()]), line(1_000, [ended]), line(11_001, [id('m')])], 2],
    ['six days after its newest', [line(0, [client()]), line(6 * DAY, [id('m')])], 1],
    ['later than that', [line(0, [client()]), line(6 * DAY + 1, [id('m')])], 2],
  ])('%s', (_, given, messages) => {
    expect(fold(given)).toHaveLength(messages);
  });

  test('of the same moment are taken in the order in which they came', () => {
    const two = [id('a'), id('b'), id('c')].map((event) => line(0, [event]));
    expect(fold([line(1, [ended]), ...two]).map(({ message_id }) => message_id)).toEqual(['a', 'b', 'c']);
  });

  test('belong to one of the last two before them, or to the next one, and to no other', () => {
    const began = (at: number, message_id: string) => ({ ...newDraft(OF, START + at), message_id, hashes: new Set<string>() });
    const found = (at: number, text: string, ...drafts: Draft[]) => {
      const all = fold([line(at, [id(text), { kind: 'author', domain: 'x.example' }])], structuredClone(drafts));
      return all.findIndex(({ header_domain }) => header_domain !== null);
    };
    const [a, b, c] = [0, 20_000, 40_000].map((at, n) => began(at, `m${n}`)) as [Draft, Draft, Draft];
    expect([found(50_000, 'm2', a, b, c), found(50_000, 'm1', a, b, c), found(50_000, 'm0', a, b, c)]).toEqual([2, 1, 3]);
    const [d, e] = [100_000, 200_000].map((at, n) => began(at, `n${n}`)) as [Draft, Draft];
    expect([found(0, 'n0', e, d), found(0, 'n1', e, d)]).toEqual([1, 2]);
    // Ten seconds ahead is the same moment.
    expect([
      found(90_000, 'n0', d, began(95_000, 'x')),
      found(-6 * DAY + 100_000, 'n0', d),
      found(-6 * DAY + 99_999, 'n0', d),
    ]).toEqual([0, 0, 1]);
  });

  test('that are known change nothing', () => {
    const given = [line(0, [client()]), line(1, [id('m')])];
    const [draft] = fold(given);
    const again = fold([...given, { ...given[1]!, at: START + 9 * DAY }], [draft!]);
    expect(again).toHaveLength(1);
    expect(again[0]!.hashes.size).toBe(2);
  });

  test('belong to the newest message that began before them, or else to one that began soon after', () => {
    const old = { ...newDraft(OF, START), message_id: 'old', clientKnown: true };
    const later = { ...newDraft(OF, START + 60_000), message_id: 'new', clientKnown: true };
    const added = (at: number) => {
      const drafts = [old, later].map((draft) => ({ ...draft, hashes: new Set<string>() }));
      return fold([line(at, [{ kind: 'author', domain: 'x.example' }])], drafts).findIndex(
        ({ header_domain }) => header_domain !== null,
      );
    };
    expect([added(30_000), added(49_999), added(50_000), added(90_000), added(-DAY)]).toEqual([0, 0, 1, 1, 0]);
  });
});

describe('a filter on another host', () => {
  const server = seen('A', { last_at: START + 1000 });
  const filter = (given: Partial<Draft> = {}) => seen('A', { host: 'filter', programs: ['opendkim'], ...given });
  test.each<[string, Partial<Draft>, Partial<Draft>, boolean]>([
    ['has its queue id', {}, {}, true],
    ['and no other', { queue_id: 'B' }, {}, false],
    ['may not know the Message-ID', { message_id: null }, {}, true],
    ['nor may the server', {}, { message_id: null }, true],
    ['has no other one', { message_id: 'n@example.com' }, {}, false],
    ['begins ten seconds before at most', { started_at: START - 10_000 }, {}, true],
    ['not earlier', { started_at: START - 10_001 }, {}, false],
    ['ten minutes behind its end at most', { started_at: START + 601_000 }, {}, true],
    ['not later', { started_at: START + 601_001 }, {}, false],
    ['is no server', { programs: ['postfix'] }, {}, false],
    ['of a filter is none', {}, { programs: ['rspamd'] }, false],
  ])('%s', (_, of, by, is) => {
    expect(filterOf(filter(of), { ...server, ...by })).toBe(is);
  });
});

describe('a server that hands a mail to another', () => {
  const from = seen('A', { last_at: START + 1000 });
  const next = (given: Partial<Draft> = {}) => seen('B', { host: 'mx2', ...given });
  test.each<[string, Partial<Draft>, Partial<Draft>, boolean]>([
    ['has its queue id', { queued_as: ['B'] }, {}, true],
    ['not by the Message-ID alone', {}, {}, false],
    ['not with another one', { queued_as: ['B'] }, { message_id: 'n@example.com' }, false],
    ['not without one', { queued_as: ['B'], message_id: null }, { message_id: null }, false],
    ['ten seconds before it at most', { queued_as: ['B'] }, { started_at: START - 10_000 }, true],
    ['not earlier', { queued_as: ['B'] }, { started_at: START - 10_001 }, false],
    ['six days behind it at most', { queued_as: ['B'] }, { started_at: START + 1000 + 6 * DAY }, true],
    ['not later', { queued_as: ['B'] }, { started_at: START + 1001 + 6 * DAY }, false],
    ['is no filter', { queued_as: ['B'], programs: ['rspamd'] }, {}, false],
    ['not to a filter', { queued_as: ['B'] }, { programs: ['rspamd'] }, false],
    ['or puts it into its own queue again, over the loopback address', {}, { host: 'mx1', client_ip: '127.0.0.1' }, true],
    ['of IPv6', {}, { host: 'mx1', client_ip: '::1' }, true],
    ['or by hand', {}, { host: 'mx1', local: true }, true],
    ['not from elsewhere', {}, { host: 'mx1', client_ip: '192.0.2.1' }, false],
    ['not on another host', {}, { client_ip: '127.0.0.1' }, false],
    ['not of another source of logs', {}, { host: 'mx1', source_id: 2, client_ip: '127.0.0.1' }, false],
    ['not under the same id', {}, { host: 'mx1', queue_id: 'A', client_ip: '127.0.0.1' }, false],
    ['not when it left already', { recipients: [to('a.example')] }, { host: 'mx1', client_ip: '127.0.0.1' }, false],
    [
      'a delivery of its own is not leaving',
      { recipients: [to('a.example', { outside: false })] },
      { host: 'mx1', client_ip: '127.0.0.1' },
      true,
    ],
  ])('%s', (_, of, to, is) => {
    expect(handedTo({ ...from, ...of }, next(to))).toBe(is);
  });
  test('not to itself', () => {
    const itself = seen('A', { queued_as: ['A'] });
    expect(handedTo(itself, itself)).toBe(false);
  });
});
