import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { denial } from '../../../services/applier/grants/aws/sts.ts';
import { providerWorker } from '../../../services/applier/grants/dns-provider.ts';
import type { GrantMeans } from '../../../services/applier/grants/grant-kind.ts';
import { newSealingKey, openSealed } from '../../../services/requests/grants/sealed.ts';
import type { DnsProvider } from '../../../services/shared/settings/access.ts';
import { type AwsSts, tooShort } from '../../../services/shared/settings/access-provider.ts';
import type { Grant } from '../../../services/store/grants/grants.ts';
import { type AwsStandIn, KEYS, startAws } from '../../helpers/aws.ts';

const MARK = 'ruawatch_lent_0a1b2c3d_';
const scope = {
  zone: 'example.com',
  names: ['_acme-challenge.example.com', '.app.example.com'],
  types: ['TXT'],
  operations: ['add', 'delete'],
};
const key = newSealingKey();
const grantOf = (given: Partial<Grant> = {}): Grant => ({
  grant_key: 7,
  request_key: 7,
  kind: 'access.dns-provider',
  domain: 'example.com',
  holder: 'ada@example.com',
  holder_kind: 'person',
  groups: [],
  server: 'aws',
  name: `${MARK}7_ab12cd`,
  scope,
  credential: key.credential,
  seconds: 3600,
  uses: null,
  used: 0,
  state: 'applying',
  claimed_at: null,
  applied_at: null,
  ends_at: null,
  ran_ms: 0,
  end_reason: null,
  end_since: null,
  ended_at: null,
  answer: null,
  tries: 0,
  retry_at: null,
  ...given,
});
const common = { for: [], services: [], longestSeconds: 86_400, risk: 'low' as const, zones: ['example.com'] };
const meansOf = (...providers: DnsProvider[]): GrantMeans => ({
  access: { unwatchedMs: 1, databases: [], dns: [], mail: [], providers, console: null },
  dnsTargets: [],
  dns: { ask: async () => ({ state: 'unknown', reason: 'cancelled', message: '' }) },
  mark: MARK,
  signal: new AbortController().signal,
});
const worker = providerWorker(async () => KEYS);

describe('credentials of AWS STS', () => {
  let aws: AwsStandIn;
  let settings: AwsSts;
  let means: GrantMeans;
  const set = (given: Partial<AwsSts>) => {
    settings = {
      hostedZones: { 'example.com': 'Z2FDTNDATAQYW2' },
      roleArn: 'arn:aws:iam::123456789012:role/dns/lent',
      user: null,
      withdraw: true,
      profile: null,
      region: 'us-east-1',
      stsEndpoint: aws.endpoint,
      iamEndpoint: aws.endpoint,
      ...given,
    };
    means = meansOf({ ...common, name: 'aws', aws: settings, command: null });
  };
  beforeAll(async () => {
    aws = await startAws();
  });
  afterAll(() => aws.stop());
  beforeEach(() => {
    aws.sessions.length = 0;
    aws.policies.clear();
    aws.calls.length = 0;
    set({});
  });

  test('are made for the records of the scope alone, and only who asked opens them', async () => {
    const lent = await worker.apply(grantOf(), means);
    const ends = aws.sessions[0]!.ends;
    const minute = ends.toISOString().replace(/^(.{10})T(.{5}).*$/, '$1 $2');
    expect(lent).toEqual({
      state: 'active',
      answer: `AWS has made credentials that end by themselves at ${minute} UTC.`,
      most: ends,
      sealed: expect.any(String),
    });
    expect(openSealed(key.secret, lent.sealed!)).toBe(
      'AWS_ACCESS_KEY_ID=ASIA0\nAWS_SECRET_ACCESS_KEY=secret+/=1\nAWS_SESSION_TOKEN=token',
    );
    expect(lent.sealed).not.toContain('ASIA');
    expect(() => openSealed(newSealingKey().secret, lent.sealed!)).toThrow(/does not open it/);
    expect(() => openSealed('nonsense', lent.sealed!)).toThrow(/does not open it/);
    expect(() => openSealed(key.secret, `${lent.sealed!.slice(0, -2)}xx`)).toThrow(/does not open it/);
    const change = 'route53:ChangeResourceRecordSets';
    expect(JSON.parse(aws.sessions[0]!.policy).Statement).toEqual([
      {
        Effect: 'Allow',
        Action: change,
        Resource: 'arn:aws:route53:::hostedzone/Z2FDTNDATAQYW2',
        Condition: {
          'ForAllValues:StringLike': { [`${change}NormalizedRecordNames`]: ['_acme-challenge.example.com', '*.app.example.com'] },
          'ForAllValues:StringEquals': {
            [`${change}RecordTypes`]: ['TXT'],
            [`${change}Actions`]: ['CREATE', 'DELETE', 'UPSERT'],
          },
        },
      },
      {
        Effect: 'Deny',
        Action: change,
        Resource: 'arn:aws:route53:::hostedzone/Z2FDTNDATAQYW2',
        Condition: {
          'ForAnyValue:StringLike': { [`${change}NormalizedRecordNames`]: ['\\052.*', '_dmarc.*', '*._domainkey.*'] },
        },
      },
      expect.objectContaining({ Resource: 'arn:aws:route53:::hostedzone/Z2FDTNDATAQYW2' }),
      expect.objectContaining({ Action: 'route53:GetChange' }),
    ]);
  });

  test('are denied at their end, alone, again and again, whatever other sessions the role has', async () => {
    await worker.apply(grantOf(), means);
    const other = grantOf({ name: `${MARK}8_ffffff` });
    await worker.apply(other, means);
    const [one, two] = aws.sessions as [AwsStandIn['sessions'][0], AwsStandIn['sessions'][0]];
    one.issued = two.issued = new Date(Date.now() - 2000);
    for (let turn = 0; turn < 2; turn++)
      expect(await worker.end(grantOf(), means)).toEqual({
        state: 'ended',
        answer: 'A denial of the session (aws:TokenIssueTime) is in place; AWS applies it within seconds.',
      });
    expect([aws.works(one), aws.works(two)]).toEqual([false, true]);
    expect(aws.calls.filter((call) => call === 'PutRolePolicy')).toHaveLength(1);
  });

  test('a denial is taken away when no session can need it any more', async () => {
    const old = `${MARK}1_aaaaaa`;
    aws.policies.set(old, denial(old, new Date(Date.now() - 37 * 3_600_000)));
    aws.policies.set(`${MARK}2_bbbbbb`, denial(`${MARK}2_bbbbbb`, new Date()));
    aws.policies.set('their-own', '{"Version":"2012-10-17","Statement":[]}');
    const there = await worker.present!(means, () => undefined);
    expect(there).toEqual([{ server: 'aws', name: old, sessions: null }]);
    await worker.end({ server: 'aws', name: old, scope: null, applied_at: null, ends_at: null }, means);
    expect([...aws.policies.keys()]).toEqual([`${MARK}2_bbbbbb`, 'their-own']);
    // AWS names no sessions; a program names all that it has.
    means = meansOf(...means.access.providers, { ...common, name: 'other', aws: null, command: ['x'] });
    expect(['aws', 'other', 'gone'].map((name) => worker.lists!(name, means))).toEqual([false, true, false]);
  });

  test.each([
    [{ status: 403, code: 'AccessDenied' }, 'failed'],
    [{ status: 400, code: 'PackedPolicyTooLarge' }, 'failed'],
    [{ status: 400, code: 'Throttling' }, 'later'],
    [{ status: 503, code: 'ServiceUnavailable' }, 'later'],
  ] as const)('%j while they are made: %s', async (fault, state) => {
    aws.faults.push(fault);
    expect(await worker.apply(grantOf(), means)).toEqual({ state, answer: `AWS answers ${fault.code}: a fault of the test` });
  });

  test('a denial that AWS refuses is tried again, and says what is answered', async () => {
    await worker.apply(grantOf(), means);
    aws.faults.push({ status: 403, code: 'AccessDenied' });
    expect(await worker.end(grantOf(), means)).toEqual({
      state: 'later',
      answer: 'AWS answers AccessDenied: a fault of the test',
    });
    expect(await worker.end(grantOf(), means)).toMatchObject({ state: 'ended' });
  });

  test('without the right to withdraw, they end by their time at the latest, and that is said', async () => {
    set({ withdraw: false });
    expect(tooShort({ aws: settings }, 600)).toMatch(/for 15 minutes at least, and does not take them back/);
    expect(tooShort({ aws: settings }, 900)).toBeNull();
    expect(await worker.apply(grantOf({ seconds: 600 }), means)).toMatchObject({
      state: 'failed',
      answer: expect.stringMatching(/at least/),
    });
    expect(aws.sessions).toEqual([]);
    const lent = await worker.apply(grantOf(), means);
    expect(lent.answer).toMatch(/ UTC\. They cannot be withdrawn before\.$/);
    const ends_at = lent.most!;
    const active = grantOf({ applied_at: new Date(), ends_at });
    expect(await worker.end(active, means)).toEqual({
      state: 'later',
      answer: `AWS takes no credentials back: they end by themselves at ${ends_at.toISOString()}. With aws.withdraw the service denies them at once.`,
    });
    expect(await worker.end({ ...active, ends_at: new Date(Date.now() - 1) }, means)).toEqual({
      state: 'ended',
      answer: 'The credentials have ended by their time.',
    });
    // Made, but its process ended before anybody got them.
    for (const given of [{}, { ends_at }, { applied_at: new Date() }])
      expect(await worker.end(grantOf(given), means)).toEqual({ state: 'ended', answer: 'No credentials were handed out.' });
    expect(aws.calls).not.toContain('PutRolePolicy');
    // Denials of an earlier setting are not looked at: nothing could take them away.
    aws.calls.length = 0;
    aws.policies.set(`${MARK}1_aaaaaa`, denial(`${MARK}1_aaaaaa`, new Date(Date.now() - 37 * 3_600_000)));
    expect(await worker.present!(means, (server) => expect.unreachable(server))).toEqual([]);
    expect(aws.calls).toEqual([]);
  });

  test('of our own user, where no role is assumed', async () => {
    set({ roleArn: null, user: 'ruawatch' });
    expect(await worker.apply(grantOf(), means)).toMatchObject({ state: 'active' });
    expect(aws.sessions[0]!.userid).toBe('123456789012:lent_0a1b2c3d_7_ab12cd');
    aws.sessions[0]!.issued = new Date(Date.now() - 2000);
    expect(await worker.end(grantOf(), means)).toMatchObject({ state: 'ended' });
    expect(aws.works(aws.sessions[0]!)).toBe(false);
  });

  test('a zone that is not in the settings is refused; a server that does not answer is tried again', async () => {
    const elsewhere = { ...scope, zone: 'example.net', names: ['example.net'] };
    expect(await worker.apply(grantOf({ scope: elsewhere }), means)).toMatchObject({ state: 'failed' });
    set({ stsEndpoint: 'http://127.0.0.1:1/', iamEndpoint: 'http://127.0.0.1:1/' });
    expect(await worker.apply(grantOf(), means)).toMatchObject({
      state: 'later',
      answer: expect.stringContaining('does not answer'),
    });
    expect(await worker.end(grantOf(), means)).toMatchObject({ state: 'later' });
    const failures: string[][] = [];
    expect(await worker.present!(means, (...said) => failures.push(said))).toEqual([]);
    expect(failures).toEqual([['aws', expect.stringMatching(/^AWS does not answer at /)]]);
    expect(await worker.end(grantOf({ server: 'gone' }), means)).toEqual({
      state: 'later',
      answer: 'The settings (access.dns_provider) have no gone any more: put it back until its grants have ended.',
    });
  });
});

describe('credentials by a command', () => {
  let folder: string;
  let means: GrantMeans;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-lend-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  /** A program that answers each verb with a line, or ends with a code. */
  const program = (answers: Record<string, string | number>) => {
    const file = path.join(folder, 'lend');
    writeFileSync(
      file,
      `#!${process.execPath}\nconst a=JSON.parse(require('fs').readFileSync(0,'utf8'));require('fs').appendFileSync(${JSON.stringify(`${folder}/asked`)},JSON.stringify(a)+'\\n');const x=${JSON.stringify(answers)}[a.verb];if(typeof x==='number'){console.error('not now');process.exit(x)};console.log(x)`,
    );
    chmodSync(file, 0o755);
    means = meansOf({ ...common, name: 'other', aws: null, command: [file] });
  };
  const grant = grantOf({ server: 'other' });
  const asked = () =>
    readFileSync(`${folder}/asked`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { verb: string });

  test('lends, lists and ends; the secret is sealed', async () => {
    program({
      describe: '{"ends":"withdrawn"}',
      lend: '{"secret":"token-1","answer":"made"}',
      end: '{}',
      list: JSON.stringify({ names: [grant.name, 'other'] }),
    });
    const lent = await worker.apply(grant, means);
    expect(lent).toMatchObject({ state: 'active', answer: 'made', most: null });
    expect(openSealed(key.secret, lent.sealed!)).toBe('token-1');
    expect(await worker.present!(means, () => undefined)).toEqual([{ server: 'other', name: grant.name, sessions: null }]);
    expect(await worker.end(grant, means)).toEqual({ state: 'ended', answer: 'The command of other has ended it.' });
    const one = { version: 1, kind: 'access.dns-provider', name: grant.name };
    expect(asked()).toEqual([
      { ...one, verb: 'describe', scope, seconds: 3600 },
      { ...one, verb: 'lend', scope, seconds: 3600 },
      { version: 1, verb: 'list', kind: 'access.dns-provider', mark: MARK },
      { ...one, verb: 'end' },
    ]);
    program({ end: '{"answer":"It is over."}', list: '{}' });
    expect(await worker.end(grant, means)).toEqual({ state: 'ended', answer: 'It is over.' });
    expect(await worker.present!(means, () => undefined)).toEqual([]);
    program({ list: 1 });
    const failures: string[][] = [];
    expect(await worker.present!(means, (...said) => failures.push(said))).toEqual([]);
    expect(failures).toEqual([['other', 'not now']]);
  });

  test.each([
    [
      { describe: '{"ends":"never","reason":"its tokens are for good"}' },
      'failed',
      'other lends nothing that cannot be withdrawn and does not end by itself: its tokens are for good.',
      1,
    ],
    [
      { describe: '{}' },
      'failed',
      'other lends nothing that cannot be withdrawn and does not end by itself: its command does not say why.',
      1,
    ],
    [
      { describe: '{"ends":"by_time"}', lend: '{"secret":"x"}' },
      'failed',
      'The command of other does not say when what it lends ends by itself.',
      2,
    ],
    [{ describe: '{"ends":"withdrawn"}', lend: '{}' }, 'failed', 'The command of other printed no secret.', 2],
    [{ describe: '{"ends":"withdrawn"}', lend: 'hello' }, 'failed', /^other: .* no answer to "lend"/, 2],
    [{ describe: '{"ends":"withdrawn"}', lend: 75 }, 'later', 'other: not now', 2],
    [{ describe: 1 }, 'failed', 'other: not now', 1],
    [{ describe: 75 }, 'later', 'other: not now', 1],
  ] as const)('%j is %s', async (answers, state, sentence, times) => {
    program(answers);
    const answer = typeof sentence === 'string' ? sentence : expect.stringMatching(sentence);
    expect(await worker.apply(grant, means)).toEqual({ state, answer });
    expect(asked()).toHaveLength(times);
  });

  test('what ends by itself says when, and how it was lent', async () => {
    program({ describe: '{"ends":"by_time"}', lend: '{"secret":"token-1","ends_at":"2027-01-01T00:00:00Z"}' });
    expect(await worker.apply(grant, means)).toEqual({
      state: 'active',
      answer: 'The command of other has lent it.',
      most: new Date('2027-01-01T00:00:00Z'),
      sealed: expect.any(String),
    });
    // What can be withdrawn may end by itself before.
    program({ describe: '{"ends":"withdrawn"}', lend: '{"secret":"x","ends_at":"2027-01-01T00:00:00Z"}' });
    expect((await worker.apply(grant, means)).most).toEqual(new Date('2027-01-01T00:00:00Z'));
  });

  test.each<[string, Partial<Grant>, Partial<DnsProvider>, string]>([
    [
      'a server that is gone',
      { server: 'gone' },
      {},
      'The settings (access.dns_provider) have no gone with the zone example.com.',
    ],
    [
      'another zone',
      {},
      { zones: ['example.org'] },
      'The settings (access.dns_provider) have no other with the zone example.com.',
    ],
    [
      'names that are not lent',
      {},
      { names: ['_acme-challenge.example.com'] },
      'The settings (access.dns_provider) do not lend .app.example.com at other.',
    ],
    ['no key', { credential: null }, {}, 'The request names no key to seal the credentials with.'],
  ])('%s is refused before anything is asked', async (_, given, settings, answer) => {
    program({ describe: 1 });
    means = meansOf({ ...means.access.providers[0]!, ...settings });
    expect(await worker.apply({ ...grant, ...given }, means)).toEqual({ state: 'failed', answer });
  });

  test('what only time ends is said so until then', async () => {
    program({ end: 1 });
    const ends_at = new Date(Date.now() + 60_000);
    expect(await worker.end({ ...grant, applied_at: new Date(), ends_at }, means)).toMatchObject({
      state: 'later',
      answer: 'other: not now',
    });
    expect(await worker.end({ ...grant, applied_at: new Date(), ends_at: new Date(0) }, means)).toEqual({
      state: 'ended',
      answer: 'Its time is over at the provider.',
    });
    means = meansOf({ ...common, name: 'other', aws: null, command: ['/nowhere/at/all'] });
    expect(await worker.end(grant, means)).toMatchObject({ state: 'later' });
  });
});
