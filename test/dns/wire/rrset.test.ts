import { describe, expect, test } from 'vitest';
import type { Dns } from '../../../services/dns/client/types.ts';
import type { ReceivedChange } from '../../../services/dns/wire/received.ts';
import {
  afterChanges,
  asPrerequisite,
  dataIn,
  type RrSet,
  readRrSet,
  sameRrSet,
  typeName,
} from '../../../services/dns/wire/rrset.ts';

const [one, two, three] = [1, 2, 3].map((n) => Buffer.from([192, 0, 2, n])) as [Buffer, Buffer, Buffer];
const name = 'a.example.com';
const set = (members: Buffer[], ttl: number | null = 60): RrSet => ({
  name,
  type: 'A',
  ttl: members.length === 0 ? null : ttl,
  members,
});
const add = (rdata: Buffer, ttl = 60): ReceivedChange => ({ kind: 'add', name, type: 1, ttl, rdata });

describe('an RRset after an update', () => {
  test.each<[string, RrSet, ReceivedChange[], RrSet]>([
    ['a first record', set([]), [add(one)], set([one])],
    ['one more, which gives its TTL to all', set([one]), [add(two, 300)], set([one, two], 300)],
    ['the same again with another TTL', set([one]), [add(one, 300)], set([one], 300)],
    ['one less', set([one, two]), [{ kind: 'delete_record', name, type: 1, rdata: one }], set([two])],
    ['one that is not there', set([one]), [{ kind: 'delete_record', name, type: 1, rdata: two }], set([one])],
    ['all of the type, then another', set([one, two]), [{ kind: 'delete_rrset', name, type: 1 }, add(three, 5)], set([three], 5)],
    ['another, then all of the type', set([one]), [add(two), { kind: 'delete_rrset', name, type: 1 }], set([])],
    ['all of the name', set([one]), [{ kind: 'delete_name', name }], set([])],
    ['all of another type', set([one]), [{ kind: 'delete_rrset', name, type: 16 }], set([one])],
    ['all of another name', set([one]), [{ kind: 'delete_rrset', name: 'b.example.com', type: 1 }], set([one])],
  ])('%s', (_, before, changes, after) => expect(afterChanges(before, changes)).toEqual(after));

  test('another alias takes the place of the one before', () => {
    const alias = { name, type: 'CNAME' as const, ttl: 60, members: [Buffer.from('\u0001b\0', 'latin1')] };
    const next = Buffer.from('\u0001c\0', 'latin1');
    expect(afterChanges(alias, [{ kind: 'add', name, type: 5, ttl: 60, rdata: next }]).members).toEqual([next]);
  });
});

test('an RRset is a prerequisite: its records, or that there is none', () => {
  expect(asPrerequisite(set([one, two]))).toMatchObject([
    { class: 1, ttl: 0, rdata: one },
    { class: 1, ttl: 0, rdata: two },
  ]);
  expect(asPrerequisite(set([]))).toMatchObject([{ class: 254, type: 1, ttl: 0, rdata: Buffer.alloc(0) }]);
});

test('what a server says is not mistaken', async () => {
  const told = { name, aliases: [], ttl: 7, authenticated: false };
  const dns = (answer: object): Dns => ({ ask: async () => answer as never });
  expect(await readRrSet(dns({ state: 'records', records: ['192.0.2.1'], ...told }), name, 'A')).toEqual(set([one], 7));
  expect(await readRrSet(dns({ state: 'nodata', ...told }), name, 'A')).toEqual(set([]));
  expect(await readRrSet(dns({ state: 'nxdomain', ...told }), name, 'A')).toEqual(set([]));
  expect(await readRrSet(dns({ state: 'nxdomain', ...told, aliases: ['x.example'] }), name, 'A')).toBe('alias');
  expect(await readRrSet(dns({ state: 'unknown', reason: 'timeout', message: '' }), name, 'A')).toBeNull();
});

test('records are read and compared by their octets', () => {
  expect(dataIn(set([one]), 'A')).toEqual(['192.0.2.1']);
  expect(sameRrSet(set([one, two]), set([two, one]))).toBe(true);
  expect(sameRrSet(set([one]), set([two]))).toBe(false);
  expect(sameRrSet(set([one]), set([one, two]))).toBe(false);
  expect([typeName(16), typeName(65_280)]).toEqual(['TXT', null]);
});
