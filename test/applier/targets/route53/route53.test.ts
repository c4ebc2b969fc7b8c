import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadSdk } from '../../../../services/applier/targets/route53/client.ts';
import { applyByRoute53 } from '../../../../services/applier/targets/route53/route53.ts';
import { type RecordChange, reversed } from '../../../../services/applier/targets/target.ts';
import { aliasOf, txtMember, txtOf } from '../../../../services/requests/plans/members.ts';
import type { Route53Zones } from '../../../../services/shared/settings/dns-servers.ts';
import { ACCESS_KEY, type Fault, type StandIn, type StandInSet, startRoute53 } from '../../../helpers/route53.ts';

let aws: StandIn;
const NAME = '_dmarc.example.com';
const OLD = 'v=DMARC1; p=none';
const NEW = 'v=DMARC1; p=reject';
beforeEach(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', ACCESS_KEY);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
  aws = await startRoute53([
    { id: 'Z0COM', name: 'com', sets: [] },
    {
      id: 'Z1EXAMPLE',
      name: 'example.com',
      sets: [
        { name: 'example.com', type: 'NS', ttl: 60, values: ['ns.example.com.'] },
        { name: 'example.com', type: 'TXT', ttl: 60, values: ['"v=spf1 -all"', '"site=1"'] },
        { name: NAME, type: 'TXT', ttl: 60, values: [`"${OLD}"`] },
        { name: 'www.example.com', type: 'CNAME', ttl: 60, values: ['host.example.com.'] },
      ],
    },
    { id: 'Z2PRIVATE', name: 'example.com', private: true, sets: [{ name: NAME, type: 'TXT', ttl: 60, values: ['"private"'] }] },
    { id: 'Z3OTHER', name: 'notexample.com', sets: [] },
  ]);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await aws.stop();
});

const target = (more: Partial<Route53Zones> = {}): Route53Zones => ({
  kind: 'route53',
  name: 'aws',
  zones: ['example.com'],
  profile: null,
  hostedZone: null,
  region: 'us-east-1',
  endpoint: aws.endpoint,
  ...more,
});
const change = (before: string[], after: string[], at = NAME): RecordChange => ({
  name: at,
  type: 'TXT',
  ttl: { before: before.length === 0 ? null : 60, after: after.length === 0 ? null : 300 },
  before: before.map(txtOf),
  after: after.map(txtOf),
});
const STEP = change([OLD], [NEW]);
const apply = (one: RecordChange, more: Partial<Route53Zones> = {}) =>
  applyByRoute53(target(more), 'example.com', one, { waitMs: 200, everyMs: 10 });
const zone = (id = 'Z1EXAMPLE') => aws.zones.find((one) => one.id === id)!;
const setAt = (name: string, type = 'TXT', id?: string) =>
  zone(id).sets.find((one) => one.name.replace(/\.$/, '') === name && one.type === type);

test('a change is made once, is recognized when it comes again, and goes back', async () => {
  aws.pending = 2;
  expect(await apply(STEP)).toEqual({ state: 'applied', answer: 'It is made, and all servers of Route 53 have it (INSYNC).' });
  expect(setAt(NAME)).toMatchObject({ ttl: 300, values: [`"${NEW}"`] });
  expect(await apply(STEP)).toEqual({ state: 'applied', answer: 'It is there already.' });
  expect(aws.effects).toBe(1);
  aws.pending = 0;
  expect(await apply(reversed(STEP))).toMatchObject({ state: 'applied' });
  expect(setAt(NAME)).toMatchObject({ ttl: 60, values: [`"${OLD}"`] });
  expect(setAt(NAME, 'TXT', 'Z2PRIVATE')!.values).toEqual(['"private"']);
});

test.each([false, true])('a quicker one wins in both forms of the refusal (%s)', async (bare) => {
  aws.bareRefusals = bare;
  aws.before = () => {
    zone().sets.find(({ name }) => name === NAME)!.ttl = 61;
    aws.before = () => undefined;
  };
  // Only the TTL is another: nothing was overwritten, and the next try is made with what is there.
  expect(await apply(STEP)).toEqual({ state: 'failed', answer: expect.stringMatching(/^Route 53 refused the change/) });
  expect(await apply(STEP)).toMatchObject({ state: 'applied' });
});

test('a change that stays PENDING is made, and says so', async () => {
  aws.pending = 1000;
  expect(await apply(STEP)).toEqual({
    state: 'applied',
    answer: 'It is made, and not all servers of Route 53 have it yet (PENDING).',
  });
});

test('records come and go, and others of the name stay', async () => {
  expect(await apply(change([], ['v=TLSRPTv1; rua=mailto:t@example.com'], '_smtp._tls.example.com'))).toMatchObject({
    state: 'applied',
  });
  expect(await apply(change(['v=TLSRPTv1; rua=mailto:t@example.com'], [], '_smtp._tls.example.com'))).toMatchObject({
    state: 'applied',
  });
  expect(setAt('_smtp._tls.example.com')).toBeUndefined();
  expect(await apply(change(['site=1', 'v=spf1 -all'], ['site=1', 'v=spf1 mx -all'], 'example.com'))).toMatchObject({
    state: 'applied',
  });
  expect(setAt('example.com')!.values).toEqual(['"site=1"', '"v=spf1 mx -all"']);
});

describe('what is no longer what was planned', () => {
  test.each<[string, RecordChange]>([
    ['another value', change(['v=DMARC1; p=quarantine'], [NEW])],
    ['one of two members', change(['v=spf1 -all'], ['v=spf1 mx -all'], 'example.com')],
    ['nothing where a record was', change(['v=DMARC1; p=none'], [NEW], '_dmarc.eu.example.com')],
    ['a record where nothing was', change([], [NEW])],
    ['letters in another case', change(['v=dmarc1; p=none'], [NEW])],
    ['strings cut elsewhere', { ...STEP, before: [txtMember(['v=DMARC1;', ' p=none'])] }],
  ])('%s is stale', async (_, one) => {
    expect(await apply(one)).toMatchObject({ state: 'stale' });
    expect(aws.effects).toBe(0);
  });

  test('somebody who is quicker between reading and writing wins, even with a value that was once right', async () => {
    aws.before = () => {
      zone().sets.find(({ name }) => name === NAME)!.values = ['"v=DMARC1; p=quarantine"'];
      aws.before = () => undefined;
    };
    expect(await apply(STEP)).toMatchObject({ state: 'stale' });
    expect(setAt(NAME)!.values).toEqual(['"v=DMARC1; p=quarantine"']);
  });

  test('of twenty writers at once one succeeds, and the others are stale or wait', async () => {
    const ends = await Promise.all(Array.from({ length: 20 }, (_, i) => apply(change([OLD], [`v=DMARC1; p=reject; x=${i}`]))));
    expect(ends.filter(({ state }) => state === 'applied')).toHaveLength(1);
    expect(ends.filter(({ state }) => state !== 'applied' && state !== 'stale' && state !== 'later')).toEqual([]);
    expect(aws.effects).toBe(1);
    expect(setAt(NAME)!.values).toEqual([`"v=DMARC1; p=reject; x=${ends.findIndex(({ state }) => state === 'applied')}"`]);
  });
});

describe('answers that are no success', () => {
  const often = (fault: Fault) => Array.from({ length: 20 }, () => fault);
  test.each<[Fault, string, RegExp]>([
    ['throttling', 'later', /takes no more requests for now/],
    ['prior', 'later', /still at work on another change/],
    ['unavailable', 'later', /not available for now/],
    ['denied', 'failed', /need route53:ListHostedZonesByName/],
    ['expired', 'later', /expired: renew them/],
    ['reset', 'later', /cannot be reached/],
    ['html', 'later', /./],
  ])(
    '%s',
    async (fault, state, answer) => {
      aws.faults = often(fault);
      expect(await apply(STEP)).toEqual({ state, answer: expect.stringMatching(answer) });
      expect(aws.effects).toBe(0);
    },
    60_000,
  );

  test('an answer that is lost is resolved by reading', async () => {
    aws.faults = ['lost'];
    expect(await apply(STEP)).toEqual({ state: 'applied', answer: 'It is there already.' });
    expect(aws.effects).toBe(1);
  });

  test('what is not known after an answer was lost is tried again, unless the name became one that is not changed', async () => {
    aws.faults = often('reset');
    aws.before = () => {
      aws.zones = [];
    };
    const away = await apply(STEP);
    expect(away).toEqual({ state: 'later', answer: expect.stringMatching(/^aws \(Route 53\) cannot be reached: /) });
    aws.zones = [{ id: 'Z1EXAMPLE', name: 'example.com', sets: [{ name: NAME, type: 'TXT', ttl: 60, values: [`"${OLD}"`] }] }];
    aws.before = () => {
      zone().sets = [{ name: NAME, type: 'TXT', alias: 'other.example.com.' }];
    };
    expect(await apply(STEP)).toEqual({
      state: 'failed',
      answer: `${NAME} is an alias of Route 53 to other.example.com.: change the record there.`,
    });
  }, 60_000);

  test('a busy moment passes', async () => {
    aws.faults = ['prior', 'throttling'];
    expect(await apply(STEP)).toMatchObject({ state: 'applied' });
  });

  test('credentials that nobody knows, and none', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDOTHER');
    expect(await apply(STEP)).toEqual({ state: 'failed', answer: expect.stringMatching(/does not know the access key/) });
    vi.stubEnv('AWS_ACCESS_KEY_ID', '');
    expect(await apply(STEP)).toEqual({ state: 'later', answer: expect.stringMatching(/There are no credentials for Route 53/) });
  });

  test('an API that is away', async () => {
    expect(await apply(STEP, { endpoint: 'http://127.0.0.1:1' })).toEqual({
      state: 'later',
      answer: expect.stringMatching(/^aws \(Route 53\) cannot be reached: /),
    });
  });
});

describe('record sets that are more than records', () => {
  const put = (...sets: StandInSet[]) => {
    zone().sets = [...zone().sets.filter(({ name }) => name !== NAME), ...sets];
  };
  test.each<[string, StandInSet[], string]>([
    [
      'weighted',
      [{ name: NAME, type: 'TXT', ttl: 60, values: [`"${OLD}"`], identifier: 'a' }],
      `${NAME} has a record set of its own for some who ask (by weight, place or health): which of them is meant cannot be said, so change it by hand.`,
    ],
    [
      'two weighted ones',
      ['a', 'b', 'c'].map((identifier) => ({ name: NAME, type: 'TXT', ttl: 60, values: [`"${OLD}"`], identifier })),
      `${NAME} has 3 record sets of its own for some who ask (by weight, place or health): which of them is meant cannot be said, so change it by hand.`,
    ],
    [
      'an alias of Route 53',
      [{ name: NAME, type: 'TXT', alias: 'other.example.com.' }],
      `${NAME} is an alias of Route 53 to other.example.com.: change the record there.`,
    ],
    [
      'a CNAME',
      [{ name: NAME, type: 'CNAME', ttl: 60, values: ['other.example.com.'] }],
      `${NAME} has CNAME records, and an alias can be beside no other record: change the record where the alias leads, or take it away first.`,
    ],
    [
      'a value that nobody can read',
      [{ name: NAME, type: 'TXT', ttl: 60, values: ['no quotes', `"${OLD}"`] }],
      `${NAME} has a value that cannot be read: no quotes`,
    ],
    [
      'one beside others',
      [{ name: NAME, type: 'TXT', ttl: 60, values: [`"${OLD}"`, 'no quotes'] }],
      `${NAME} has a value that cannot be read: no quotes`,
    ],
  ])('%s', async (_, sets, answer) => {
    put(...sets);
    expect(await apply(STEP)).toEqual({ state: 'failed', answer });
    expect(aws.effects).toBe(0);
  });

  test('other records of the name are no obstacle', async () => {
    put(
      { name: NAME, type: 'A', ttl: 60, values: ['192.0.2.1'] },
      { name: NAME, type: 'MX', ttl: 60, values: ['10 mx.example.com.'] },
      { name: NAME, type: 'TXT', ttl: 60, values: [`"${OLD}"`] },
    );
    expect(await apply(STEP)).toMatchObject({ state: 'applied' });
  });

  test('a CNAME comes where nothing is, and goes', async () => {
    const alias: RecordChange = {
      ...change([], []),
      name: 's1._domainkey.example.com',
      type: 'CNAME',
      ttl: { before: null, after: 300 },
      after: [aliasOf('s1.mailer.example')],
    };
    expect(await apply(alias)).toMatchObject({ state: 'applied' });
    expect(setAt('s1._domainkey.example.com', 'CNAME')!.values).toEqual(['s1.mailer.example.']);
    expect(await apply(reversed(alias))).toMatchObject({ state: 'applied' });
    expect(await apply({ ...alias, name: NAME })).toEqual({ state: 'failed', answer: expect.stringMatching(/has TXT records/) });
  });
});

describe('hosted zones', () => {
  test('the longest public one holds the record', async () => {
    aws.zones.push(
      { id: 'Z4EU', name: 'eu.example.com', sets: [] },
      { id: 'Z5', name: 'x.eu.example.com', private: true, sets: [] },
    );
    expect(await apply(change([], [NEW], '_dmarc.x.eu.example.com'))).toMatchObject({ state: 'applied' });
    expect(zone('Z4EU').sets).toHaveLength(1);
  });

  test('none, two, and one that is named', async () => {
    expect(await applyByRoute53(target(), 'example.org', { ...STEP, name: '_dmarc.example.org' })).toEqual({
      state: 'failed',
      answer: 'The account has no public hosted zone example.org: create it there, or correct zones or the credentials.',
    });
    aws.zones.push({ id: 'Z6TWIN', name: 'example.com', sets: [{ name: NAME, type: 'TXT', ttl: 60, values: [`"${OLD}"`] }] });
    expect(await apply(STEP)).toEqual({
      state: 'failed',
      answer: expect.stringMatching(/2 public hosted zones.*Z1EXAMPLE or Z6TWIN/),
    });
    expect(await apply(STEP, { hostedZone: 'Z6TWIN' })).toMatchObject({ state: 'applied' });
    expect(setAt(NAME)!.values).toEqual([`"${OLD}"`]);
    expect(await apply(STEP, { hostedZone: 'Z2PRIVATE' })).toEqual({
      state: 'failed',
      answer: expect.stringMatching(/is private/),
    });
    expect(await apply(STEP, { hostedZone: 'Z3OTHER' })).toEqual({
      state: 'failed',
      answer: expect.stringMatching(/does not hold/),
    });
    expect(await apply(STEP, { hostedZone: 'ZGONE' })).toEqual({
      state: 'failed',
      answer: expect.stringMatching(/zone is gone/),
    });
  });
});

test('long, quoted and foreign values keep their octets', async () => {
  const members = [
    txtOf(`v=DKIM1; k=rsa; p=${'A'.repeat(700)}`),
    txtMember(['a "quoted" \\ text', 'caf\u00e9\u0000', '']),
    txtMember(['x'.repeat(255), 'y']),
  ];
  const at = '*.odd_name.example.com';
  const one: RecordChange = { ...change([], [], at), ttl: { before: null, after: 300 }, after: members };
  expect(await apply(one)).toMatchObject({ state: 'applied' });
  expect(zone().sets.at(-1)).toMatchObject({ name: '\\052.odd_name.example.com.' });
  expect(await apply(one)).toEqual({ state: 'applied', answer: 'It is there already.' });
  expect(await apply(reversed(one))).toMatchObject({ state: 'applied' });
});

test('a batch has 32,000 characters of values at most, those that go and those that come', async () => {
  const values = (count: number, length: number) =>
    Array.from({ length: count }, (_, i) => txtOf(`${i}${'A'.repeat(length - 1)}`));
  const at = 'a.example.com';
  const ttl = { before: 300, after: 300 };
  // Each is written with two quotes.
  const before = values(9, 248);
  const base: RecordChange = { ...change([], [], at), ttl: { before: null, after: 300 }, after: before };
  expect(await apply(base)).toMatchObject({ state: 'applied' });
  const left = 32_000 - 9 * 250;
  const after = (last: number) => [
    ...Array.from({ length: 118 }, (_, i) => txtOf(`${i}`.padEnd(248, 'B'))),
    txtOf('C'.repeat(last)),
  ];
  const last = left - 118 * 250 - 2;
  expect(await apply({ ...base, ttl, before, after: after(last + 1) })).toEqual({
    state: 'failed',
    answer: 'The values have 32001 characters, and Route 53 takes 32000 in one batch: make them shorter.',
  });
  expect(await apply({ ...base, ttl, before, after: after(last) })).toMatchObject({ state: 'applied' });
});

test('what is too long for a batch, or of another type, is said before anything is sent', async () => {
  const long = { ...change([], [], 'a.example.com'), ttl: { before: null, after: 60 } };
  const after = Array.from({ length: 40 }, (_, i) => txtOf(`${i} ${'A'.repeat(900)}`));
  expect(await apply({ ...long, after })).toEqual({ state: 'failed', answer: expect.stringMatching(/32000 in one batch/) });
  expect(await apply({ ...STEP, type: 'MX' })).toEqual({
    state: 'failed',
    answer: 'Records of type MX are not changed in Route 53.',
  });
  // One value has 4,000 characters at most: the answer of Route 53 is what the person sees.
  const wide = { ...long, after: [txtOf('A'.repeat(5000))] };
  expect(await apply(wide)).toEqual({ state: 'failed', answer: expect.stringMatching(/Route 53 refused the change: .*TooLong/) });
});

test('without the package of the vendor it says what to install', async () => {
  const missing = () => Promise.reject(Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' }));
  await expect(loadSdk(missing)).rejects.toThrow('run npm install @aws-sdk/client-route-53');
});
