import { expect, test } from 'vitest';
import { readAnswer } from '../../../services/dns/client/chain.ts';
import { RECORD_TYPES } from '../../../services/dns/client/types.ts';
import type { Message } from '../../../services/dns/client/wire.ts';

type Record = Message['answers'][number];
const record = (name: string, type: keyof typeof RECORD_TYPES, data: unknown, ttl = 300) =>
  ({ name, type: RECORD_TYPES[type], class: 1, ttl, data }) as unknown as Record;
const SOA = record('example.com', 'SOA', { minimum: 60 }, 900);
const NS = record('example.com', 'NS', 'ns.example.com');
const message = (given: Partial<Message> & { rcode?: number }) =>
  ({
    rcode: 0,
    authoritative: true,
    recursionAvailable: true,
    extended: [],
    answers: [],
    authorities: [],
    ...given,
  }) as unknown as Message;
const read = (given: Parameters<typeof message>[0], recursive = true) =>
  readAnswer(message(given), 'A.example.com', 'A', { recursive, mostAliases: 3 });

test('records of the name, in any letter case, with the least TTL', () => {
  const answers = [record('a.EXAMPLE.com', 'A', '192.0.2.1', 300), record('a.example.com', 'A', '192.0.2.2', 60)];
  expect(read({ answers })).toEqual({
    state: 'records',
    records: ['192.0.2.1', '192.0.2.2'],
    name: 'a.example.com',
    aliases: [],
    ttl: 60,
  });
});

test('an error that the server explains is told with its words in place of the code', () => {
  expect(read({ rcode: 2, extended: [4_000, 7] })).toMatchObject({
    reason: 'servfail',
    detail: 'it answered SERVFAIL (a signature has expired)',
    extended: 'a signature has expired',
  });
  expect(read({ rcode: 2 })).not.toHaveProperty('extended');
});

test('CNAME records are followed, whatever their order; others are ignored', () => {
  const answers = [
    record('c.example', 'A', '192.0.2.1', 50),
    record('b.example', 'CNAME', 'C.example'),
    record('a.example.com', 'CNAME', 'b.example', 30),
    record('evil.example', 'A', '6.6.6.6', 1),
  ];
  expect(read({ answers })).toEqual({
    state: 'records',
    records: ['192.0.2.1'],
    name: 'c.example',
    aliases: ['b.example', 'c.example'],
    ttl: 30,
  });
});

test('a chain that the message does not end must be asked on', () => {
  expect(read({ answers: [record('a.example.com', 'CNAME', 'b.example')] })).toMatchObject({
    state: 'elsewhere',
    name: 'b.example',
  });
});

test('circles, long chains and two CNAME records at a name are no answer', () => {
  const to = (from: string, name: string) => record(from, 'CNAME', name);
  expect(read({ answers: [to('a.example.com', 'b'), to('b', 'a.example.com')] })).toMatchObject({
    state: 'unknown',
    reason: 'cname_loop',
  });
  expect(read({ answers: [to('a.example.com', 'b'), to('b', 'c'), to('c', 'd'), to('d', 'e')] })).toMatchObject({
    reason: 'cname_loop',
  });
  expect(read({ answers: [to('a.example.com', 'b'), to('a.example.com', 'c')] })).toMatchObject({ reason: 'malformed' });
  expect(read({ answers: [to('a.example.com', 'b'), to('a.example.com', 'B')] })).toMatchObject({ state: 'elsewhere' });
});

test('what does not exist lives as long as the SOA says, the lesser of its two times', () => {
  expect(read({ rcode: 3, authorities: [SOA] })).toMatchObject({ state: 'nxdomain', ttl: 60 });
  expect(read({ authorities: [SOA] })).toMatchObject({ state: 'nodata', ttl: 60 });
  expect(read({ rcode: 3 })).toMatchObject({ state: 'nxdomain', ttl: 0 });
});

test('a referral, and a server that neither holds the zone nor asks others, know nothing', () => {
  expect(read({ authoritative: false, authorities: [NS] })).toMatchObject({ state: 'unknown', reason: 'lame' });
  expect(read({ authoritative: false }, false)).toMatchObject({ reason: 'lame' });
  expect(read({ authoritative: false, recursionAvailable: false })).toMatchObject({ reason: 'lame' });
  expect(read({ authoritative: false })).toMatchObject({ state: 'nodata', ttl: 0 });
});

test.each([
  [2, 'servfail'],
  [5, 'refused'],
  [1, 'malformed'],
  [23, 'malformed'],
])('code %i is %s, and never "there is none"', (rcode, reason) => {
  expect(read({ rcode, answers: [record('a.example.com', 'A', '192.0.2.1')] })).toMatchObject({ state: 'unknown', reason });
});
