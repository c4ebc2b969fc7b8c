import { describe, expect, test } from 'vitest';
import { CLASS, type RawMessage, type RawRecord } from '../../../services/dns/wire/message.ts';
import { isWithin, readUpdate } from '../../../services/dns/wire/received.ts';

const A = Buffer.from([192, 0, 2, 1]);
const NONE = Buffer.alloc(0);
const record = (change: Partial<RawRecord> = {}): RawRecord => ({
  name: 'a.Example.com',
  type: 1,
  class: CLASS.IN,
  ttl: 60,
  rdata: A,
  ...change,
});
const message = (change: Partial<RawMessage> = {}): RawMessage => ({
  id: 1,
  opcode: 5,
  response: false,
  flags: 0,
  rcode: 0,
  questions: [{ name: 'EXAMPLE.com', type: 6, class: CLASS.IN }],
  answers: [],
  authorities: [record()],
  additionals: [],
  ...change,
});

test('an update is read in lower case, its steps understood', () => {
  const read = readUpdate(
    message({
      answers: [record({ class: CLASS.NONE, ttl: 0, rdata: NONE })],
      authorities: [
        record(),
        record({ class: CLASS.NONE, ttl: 0 }),
        record({ class: CLASS.ANY, ttl: 0, rdata: NONE }),
        record({ class: CLASS.ANY, ttl: 0, rdata: NONE, type: 255 }),
      ],
    }),
  );
  expect(read).toMatchObject({
    zone: 'example.com',
    prerequisites: [{ name: 'a.example.com' }],
    changes: [
      { kind: 'add', name: 'a.example.com', type: 1, ttl: 60, rdata: A },
      { kind: 'delete_record', name: 'a.example.com', type: 1, rdata: A },
      { kind: 'delete_rrset', name: 'a.example.com', type: 1 },
      { kind: 'delete_name', name: 'a.example.com' },
    ],
  });
});

test('prerequisites of every kind are read', () => {
  const answers = [
    record({ ttl: 0 }),
    record({ class: CLASS.ANY, ttl: 0, rdata: NONE }),
    record({ class: CLASS.ANY, ttl: 0, rdata: NONE, type: 255 }),
    record({ class: CLASS.NONE, ttl: 0, rdata: NONE }),
    record({ class: CLASS.NONE, ttl: 0, rdata: NONE, type: 255 }),
  ];
  expect(readUpdate(message({ answers }))).toMatchObject({
    prerequisites: answers.map((one) => ({ ...one, name: 'a.example.com' })),
  });
});

describe('what RFC 2136 calls wrong', () => {
  const pre = (change: Partial<RawRecord>) => ({ answers: [record({ ttl: 0, ...change })] });
  const step = (change: Partial<RawRecord>) => ({ authorities: [record(change)] });
  test.each<[string, Partial<RawMessage>, string]>([
    ['two zones', { questions: [...message().questions, ...message().questions] }, 'FORMERR'],
    ['no zone', { questions: [] }, 'FORMERR'],
    ['a zone of type A', { questions: [{ name: 'example.com', type: 1, class: 1 }] }, 'FORMERR'],
    ['a zone of class CHAOS', { questions: [{ name: 'example.com', type: 6, class: 3 }] }, 'NOTAUTH'],
    ['a prerequisite outside the zone', pre({ name: 'a.example.net' }), 'NOTZONE'],
    ['a prerequisite with a TTL', pre({ ttl: 60 }), 'FORMERR'],
    ['a prerequisite of class ANY with data', pre({ class: CLASS.ANY }), 'FORMERR'],
    ['a prerequisite of class NONE with data', pre({ class: CLASS.NONE }), 'FORMERR'],
    ['a prerequisite of class CHAOS', pre({ class: 3 }), 'FORMERR'],
    ['a prerequisite of the zone class for any type', pre({ type: 255 }), 'FORMERR'],
    ['a prerequisite about AXFR', pre({ class: CLASS.ANY, type: 252, rdata: NONE }), 'FORMERR'],
    ['a step outside the zone', step({ name: 'example.net' }), 'NOTZONE'],
    ['a step in a zone that only ends alike', step({ name: 'badexample.com' }), 'NOTZONE'],
    ['a step whose label has a dot', step({ name: 'a\\.example.com' }), 'NOTZONE'],
    ['an added record of type ANY', step({ type: 255 }), 'FORMERR'],
    ['an added TSIG', step({ type: 250 }), 'FORMERR'],
    ['an added OPT', step({ type: 41 }), 'FORMERR'],
    ['an added record of type 0', step({ type: 0 }), 'FORMERR'],
    ['an added record without data', step({ rdata: NONE }), 'FORMERR'],
    ['a TTL above 2^31', step({ ttl: 0x8000_0000 }), 'FORMERR'],
    ['a deletion with a TTL', step({ class: CLASS.ANY, rdata: NONE }), 'FORMERR'],
    ['a deletion of an RRset with data', step({ class: CLASS.ANY, ttl: 0 }), 'FORMERR'],
    ['a deletion of a record without data', step({ class: CLASS.NONE, ttl: 0, rdata: NONE }), 'FORMERR'],
    ['a deletion of one record of type ANY', step({ class: CLASS.NONE, ttl: 0, type: 255 }), 'FORMERR'],
    ['a step of class CHAOS', step({ class: 3 }), 'FORMERR'],
  ])('%s', (_, change, code) => expect(readUpdate(message(change))).toBe(code));
});

test('a name is within another label by label', () => {
  expect(isWithin('a.EXAMPLE.com', 'example.COM')).toBe(true);
  expect(isWithin('example.com', 'example.com')).toBe(true);
  expect(isWithin('com', 'example.com')).toBe(false);
  expect(isWithin('a\\.example.com', 'example.com')).toBe(false);
  expect(isWithin('a..com', 'com')).toBe(false);
  expect(isWithin('anything', '.')).toBe(true);
});
