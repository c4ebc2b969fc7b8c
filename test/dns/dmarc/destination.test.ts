import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDestination } from '../../../services/dns/dmarc/destination.ts';
import { openDns } from '../../../services/shared/runtime/resolver.ts';
import { knotPresent, type NameServer, startKnot } from '../../helpers/knot.ts';
import { dmarc, dnsOf } from '../zone.ts';

describe.skipIf(!knotPresent)(`external destinations${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  let knot: NameServer;
  const check = (domain: string, destination: string) =>
    checkDestination(domain, destination, openDns([knot.server], { tries: 1 }));

  beforeAll(async () => {
    knot = await startKnot({
      'exact.test': ['example.com._report._dmarc TXT "v=DMARC1;" " rua=mailto:other@exact.test"'],
      'any.test': ['*._report._dmarc TXT "v=DMARC1"'],
      'deep.test': ['*.com._report._dmarc TXT "v=DMARC1"'],
      'both.test': ['*._report._dmarc TXT "v=DMARC1"', 'example.com._report._dmarc TXT "v=DMARC1; rua=mailto:mine@both.test"'],
      'same.test': ['*.com._report._dmarc TXT "v=DMARC1"', 'example.com._report._dmarc TXT "v=DMARC1"'],
      'alias.test': ['*._report._dmarc CNAME yes.alias.test.', 'yes TXT "v=DMARC1"'],
      'all.test': ['* TXT "v=DMARC1"'],
      'other.test': ['example.com._report._dmarc TXT "v=spf1 -all"', 'other.com._report._dmarc TXT "v=DMARC1"'],
      'broken.test': null,
    });
  });
  afterAll(() => knot.stop());

  test('a record for just this domain', async () => {
    expect(await check('Example.com', 'exact.test')).toMatchObject({
      state: 'authorized',
      by: 'exact',
      name: 'example.com._report._dmarc.exact.test',
      rua: [{ address: 'other@exact.test' }],
    });
  });

  test.each(['any.test', 'deep.test', 'alias.test', 'all.test', 'same.test'])('a wildcard: %s', async (destination) => {
    expect(await check('example.com', destination)).toMatchObject({ state: 'authorized', by: 'wildcard' });
  });

  test('a record of its own beside a wildcard', async () => {
    expect(await check('example.com', 'both.test')).toMatchObject({ state: 'authorized', by: 'exact' });
    expect(await check('example.org', 'both.test')).toMatchObject({ state: 'authorized', by: 'wildcard' });
  });

  test('none, another record, and no answer', async () => {
    expect(await check('example.com', 'other.test')).toMatchObject({ state: 'unauthorized' });
    expect(await check('a.example.com', 'exact.test')).toMatchObject({ state: 'unauthorized' });
    expect(await check('example.com', 'broken.test')).toMatchObject({ state: 'unknown' });
  });
});

test('a server that makes up a text for every name is a wildcard', async () => {
  const dns = dnsOf({});
  let n = 0;
  dns.ask = async (name) => ({
    state: 'records',
    records: [[`v=DMARC1; rua=mailto:${n++}@x.test`]] as never,
    name,
    aliases: [],
    ttl: 1,
    authenticated: false,
  });
  expect(await checkDestination('example.com', 'x.test', dns)).toMatchObject({ by: 'wildcard' });
});

test('no answer about the name beside it decides nothing', async () => {
  const dns = dnsOf({ 'example.com._report._dmarc.x.test': dmarc('v=DMARC1'), '*.com._report._dmarc.x.test': 'unknown' });
  expect(await checkDestination('example.com', 'x.test', dns)).toMatchObject({ state: 'unknown' });
});

test.each([
  [
    'the same again: the first is a record of its own',
    ['v=DMARC1; rua=mailto:a@x.test', 'v=DMARC1', 'v=DMARC1'],
    { by: 'exact' },
  ],
  [
    'another: all are made up',
    ['v=DMARC1; rua=mailto:a@x.test', 'v=DMARC1', 'v=DMARC1; rua=mailto:b@x.test'],
    { by: 'wildcard' },
  ],
  ['no answer', ['v=DMARC1; rua=mailto:a@x.test', 'v=DMARC1', null], { state: 'unknown', message: 'No answer.' }],
  ['that is not asked for where the second is the first', ['v=DMARC1', 'v=DMARC1'], { by: 'wildcard' }],
])('of a third name %s', async (_, texts, expected) => {
  const dns = dnsOf({});
  const asked: string[] = [];
  dns.ask = async (name) => {
    const text = texts[asked.push(name) - 1];
    if (text == null) return { state: 'unknown', reason: 'timeout', message: 'No answer.' };
    return { state: 'records', records: [[text]] as never, name, aliases: [], ttl: 1, authenticated: false };
  };
  expect(await checkDestination('Example.com.', 'X.test', dns)).toMatchObject({
    name: 'example.com._report._dmarc.x.test',
    ...expected,
  });
  expect(asked).toHaveLength(texts.length);
  // Siblings of the name, each another one.
  expect(new Set(asked).size).toBe(texts.length);
  for (const name of asked) expect(name).toMatch(/^\w+\.com\._report\._dmarc\.x\.test$/);
});
