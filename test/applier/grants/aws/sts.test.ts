import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AwsError, type AwsKeys, awsCall } from '../../../../services/applier/grants/aws/query.ts';
import {
  denial,
  denySession,
  makeSession,
  oldDenials,
  ownKeys,
  sessionPolicy,
} from '../../../../services/applier/grants/aws/sts.ts';
import type { ProviderScope } from '../../../../services/requests/grants/dns-provider.ts';
import type { AwsSts } from '../../../../services/shared/settings/access-provider.ts';

const KEYS: AwsKeys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
const MARK = 'ruawatch_lent_0a1b2c3d_';
const NAME = `${MARK}7_ab12cd`;
const SESSION = 'lent_0a1b2c3d_7_ab12cd';
const signal = new AbortController().signal;
const HOUR_MS = 3_600_000;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  for (const close of closing.splice(0)) await close();
});

type Said = [action: string, result: string] | [status: number, body: string];
/** Answers in turn, by the result of an action or by a status and a body. @returns what it was asked */
async function aws(...said: Said[]) {
  const asked: Record<string, string>[] = [];
  const headers: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      asked.push(Object.fromEntries(new URLSearchParams(body)));
      headers.push({ ...request.headers, url: request.url, body });
      const [what, text] = said.shift() ?? [500, ''];
      response.statusCode = typeof what === 'number' ? what : 200;
      response.end(typeof what === 'number' ? text : `<${what}Response><${what}Result>${text}</${what}Result></${what}Response>`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(() => resolve())));
  const endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
  const settings = (given: Partial<AwsSts> = {}): AwsSts => ({
    hostedZones: {},
    roleArn: 'arn:aws:iam::123456789012:role/dns/lent',
    user: null,
    withdraw: true,
    profile: null,
    region: 'eu-central-1',
    stsEndpoint: endpoint,
    iamEndpoint: endpoint,
    ...given,
  });
  return { asked, headers, endpoint, settings };
}
const refusal = (code: string, message = 'no'): string =>
  `<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;

describe('a call', () => {
  const where = (endpoint: string) => ({ endpoint, region: 'eu-central-1', service: 'sts' as const, version: '2011-06-15' });

  test('is signed for its moment, region and service; characters are written as AWS has them', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-07-01T08:09:10.123Z') });
    const { endpoint, headers, asked } = await aws(['Do', '<A>1</A>'], ['Do', '']);
    const value = "a b!'()*~+/=é";
    expect(await awsCall(where(`${endpoint}path`), KEYS, { Action: 'Do', Value: value }, signal)).toEqual({ A: '1' });
    expect(asked).toEqual([{ Action: 'Do', Version: '2011-06-15', Value: value }]);
    expect(headers[0]).toMatchObject({
      url: '/path',
      body: 'Action=Do&Version=2011-06-15&Value=a%20b%21%27%28%29%2A~%2B%2F%3D%C3%A9',
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      'x-amz-date': '20260701T080910Z',
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260701\/eu-central-1\/sts\/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}$/,
      ),
    });
    expect(headers[0]).not.toHaveProperty('x-amz-security-token');
    // Keys of a session are named by their token, which is signed as well.
    await awsCall(where(endpoint), { ...KEYS, sessionToken: 'token' }, { Action: 'Do' }, signal);
    expect(headers[1]).toMatchObject({
      'x-amz-security-token': 'token',
      authorization: expect.stringContaining('SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,'),
    });
  });

  test('that has no result has an empty one', async () => {
    const { endpoint } = await aws([200, '<DoResponse/>'], [200, '<Other/>'], ['Do', '']);
    const call = () => awsCall(where(endpoint), KEYS, { Action: 'Do' }, signal);
    expect([await call(), await call(), await call()]).toEqual([{}, {}, '']);
  });

  test.each([
    [403, refusal('AccessDenied', 'x'.repeat(301)), 'AccessDenied', `AWS answers AccessDenied: ${'x'.repeat(300)}`],
    [400, refusal('Throttling', 'slow'), 'Throttling', 'AWS answers Throttling: slow'],
    [503, '<ErrorResponse/>', 'status 503', 'AWS answers status 503: '],
    [201, '', 'status 201', 'AWS answers status 201: '],
  ])('%s is a refusal', async (status, body, code, message) => {
    const { endpoint } = await aws([status, body]);
    const refused = awsCall(where(endpoint), KEYS, { Action: 'Do' }, signal);
    await expect(refused).rejects.toThrow(AwsError);
    await expect(refused).rejects.toMatchObject({ name: 'AwsError', status, code, message });
  });

  test('without an answer, or that is led elsewhere, has failed', async () => {
    const { endpoint } = await aws([302, '']);
    for (const at of ['http://127.0.0.1:1/', endpoint])
      await expect(awsCall(where(at), KEYS, { Action: 'Do' }, signal)).rejects.toMatchObject({
        name: 'Error',
        message: expect.stringContaining(`AWS does not answer at ${at}: `),
        cause: expect.anything(),
      });
  });
});

describe('the policy of a session', () => {
  const scope: ProviderScope = {
    zone: 'example.com',
    names: ['a.example.com'],
    types: ['TXT'],
    operations: ['add', 'delete'],
  };
  const zone = 'arn:aws:route53:::hostedzone/Z1';
  const change = 'route53:ChangeResourceRecordSets';
  const policyOf = (given: Partial<ProviderScope>) => JSON.parse(sessionPolicy({ ...scope, ...given }, 'Z1'));
  const read = [
    { Effect: 'Allow', Action: ['route53:ListResourceRecordSets', 'route53:GetHostedZone'], Resource: zone },
    { Effect: 'Allow', Action: 'route53:GetChange', Resource: 'arn:aws:route53:::change/*' },
  ];
  const allows = (names: string[], actions: string[], types = ['TXT']) => ({
    Effect: 'Allow',
    Action: change,
    Resource: zone,
    Condition: {
      'ForAllValues:StringLike': { [`${change}NormalizedRecordNames`]: names },
      'ForAllValues:StringEquals': { [`${change}RecordTypes`]: types, [`${change}Actions`]: actions },
    },
  });
  const denies = (...patterns: string[]) => ({
    Effect: 'Deny',
    Action: change,
    Resource: zone,
    Condition: { 'ForAnyValue:StringLike': { [`${change}NormalizedRecordNames`]: patterns } },
  });

  test.each<[string, Partial<ProviderScope>, object[]]>([
    ['both operations', {}, [allows(['a.example.com'], ['CREATE', 'DELETE', 'UPSERT'])]],
    ['one operation', { operations: ['add'] }, [allows(['a.example.com'], ['CREATE'])]],
    ['the other one', { operations: ['delete'], types: ['A', 'TXT'] }, [allows(['a.example.com'], ['DELETE'], ['A', 'TXT'])]],
    ['a wildcard', { names: ['*.example.com'], operations: ['add'] }, [allows(['\\052.example.com'], ['CREATE'])]],
    [
      'all names below one',
      { names: ['.example.com'], operations: ['add'] },
      [allows(['*.example.com'], ['CREATE']), denies('\\052.*', '_dmarc.*', '*._domainkey.*')],
    ],
    [
      'all names below one, and policies of their own name',
      { names: ['.example.com', '_dmarc.example.com'], operations: ['add'] },
      [allows(['*.example.com', '_dmarc.example.com'], ['CREATE']), denies('\\052.*', '*._domainkey.*')],
    ],
    [
      'all names below one, and all that these leave out',
      { names: ['.example.com', '*.example.com', '_dmarc.example.com', 's._domainkey.example.com'], operations: ['add'] },
      [allows(['*.example.com', '\\052.example.com', '_dmarc.example.com', 's._domainkey.example.com'], ['CREATE'])],
    ],
  ])('for %s', (_, given, changes) => {
    expect(policyOf(given)).toEqual({ Version: '2012-10-17', Statement: [...changes, ...read] });
  });
});

describe('a session', () => {
  const parts = { AccessKeyId: 'ASIA', SecretAccessKey: 'key', SessionToken: 'token', Expiration: '2026-07-01T09:00:00Z' };
  const result = (given: object) =>
    `<Credentials>${Object.entries({ ...parts, ...given })
      .map(([name, text]) => `<${name}>${text}</${name}>`)
      .join('')}</Credentials>`;

  test('of a role, or of our own user, has the time that was asked for, fifteen minutes at least', async () => {
    const { settings, asked } = await aws(['AssumeRole', result({})], ['GetFederationToken', result({})]);
    const made = {
      text: 'AWS_ACCESS_KEY_ID=ASIA\nAWS_SECRET_ACCESS_KEY=key\nAWS_SESSION_TOKEN=token',
      ends_at: new Date('2026-07-01T09:00:00Z'),
    };
    expect(await makeSession(settings(), { name: NAME, seconds: 901, policy: '{}' }, KEYS, signal)).toEqual(made);
    const own = settings({ roleArn: null, user: 'ruawatch' });
    expect(await makeSession(own, { name: `${NAME}_longer_than_32`, seconds: 899, policy: '{}' }, KEYS, signal)).toEqual(made);
    expect(asked).toEqual([
      {
        Action: 'AssumeRole',
        Version: '2011-06-15',
        RoleArn: 'arn:aws:iam::123456789012:role/dns/lent',
        RoleSessionName: SESSION,
        DurationSeconds: '901',
        Policy: '{}',
      },
      {
        Action: 'GetFederationToken',
        Version: '2011-06-15',
        Name: `${SESSION}_longer_than_32`.slice(0, 32),
        DurationSeconds: '900',
        Policy: '{}',
      },
    ]);
  });

  test.each([...Object.keys(parts).map((name) => result({ [name]: '' })), ''])('is none with %j', async (text) => {
    const { settings } = await aws(['AssumeRole', text]);
    await expect(makeSession(settings(), { name: NAME, seconds: 900, policy: '{}' }, KEYS, signal)).rejects.toThrow(
      /^AWS answers without credentials\.$/,
    );
  });
});

describe('a denial', () => {
  const AT = new Date('2026-07-01T08:00:00Z');
  const version = { Version: '2010-05-08' };
  const role = { ...version, RoleName: 'lent', PolicyName: NAME };
  const got = (at: Date, kind = 'Role'): Said => [
    `Get${kind}Policy`,
    `<PolicyDocument>${encodeURIComponent(denial(NAME, at))}</PolicyDocument>`,
  ];
  const none: Said = [404, refusal('NoSuchEntity')];
  const hoursAgo = (hours: number) => new Date(AT.getTime() - hours * HOUR_MS);
  const deny = async (said: Said[], given: Partial<AwsSts> = {}) => {
    vi.useFakeTimers({ toFake: ['Date'], now: AT });
    const { settings, asked } = await aws(...said);
    const end = await denySession(settings(given), NAME, KEYS, signal).catch(({ message }: Error) => message);
    return { end, asked };
  };

  test('is for the sessions of one name that were issued before', () => {
    expect(JSON.parse(denial(NAME, AT))).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Action: '*',
          Resource: '*',
          Condition: {
            StringLike: { 'aws:userid': `*:${SESSION}` },
            DateLessThan: { 'aws:TokenIssueTime': '2026-07-01T08:00:00.000Z' },
          },
        },
      ],
    });
  });

  test.each<[string, Said[], (string | object)[], string | undefined]>([
    [
      'is put, and read back',
      [none, ['PutRolePolicy', ''], got(AT)],
      ['GetRolePolicy', { Action: 'PutRolePolicy', PolicyDocument: denial(NAME, AT) }, 'GetRolePolicy'],
      undefined,
    ],
    [
      'that cannot be read back is not there',
      [none, ['PutRolePolicy', ''], none],
      ['GetRolePolicy', { Action: 'PutRolePolicy', PolicyDocument: denial(NAME, AT) }, 'GetRolePolicy'],
      'AWS does not show the denial yet.',
    ],
    ['that is there stays', [got(hoursAgo(36))], ['GetRolePolicy'], undefined],
    ['of tomorrow stays', [got(hoursAgo(-24))], ['GetRolePolicy'], undefined],
    [
      'that nothing can need is taken away',
      [got(new Date(hoursAgo(36).getTime() - 1)), ['DeleteRolePolicy', '']],
      ['GetRolePolicy', 'DeleteRolePolicy'],
      undefined,
    ],
    ['of which AWS says nothing is not put', [[403, refusal('AccessDenied')]], ['GetRolePolicy'], 'AWS answers AccessDenied: no'],
  ])('%s', async (_, said, calls, end) => {
    const all = calls.map((one) => ({ ...role, ...(typeof one === 'string' ? { Action: one } : one) }));
    expect(await deny([...said])).toEqual({ end, asked: all });
  });

  test('of our own user stands in its policies', async () => {
    const { asked } = await deny([none, ['PutUserPolicy', ''], got(AT, 'User')], { roleArn: null, user: 'ruawatch' });
    const user = { ...version, UserName: 'ruawatch', PolicyName: NAME };
    expect(asked).toEqual([
      { ...user, Action: 'GetUserPolicy' },
      { ...user, Action: 'PutUserPolicy', PolicyDocument: denial(NAME, AT) },
      { ...user, Action: 'GetUserPolicy' },
    ]);
    expect((await deny([none], { roleArn: null })).asked[0]).toEqual({ ...user, UserName: '', Action: 'GetUserPolicy' });
  });

  const names = (...all: string[]) => `<PolicyNames>${all.map((one) => `<member>${one}</member>`).join('')}</PolicyNames>`;
  const foreign: Said = ['GetRolePolicy', `<PolicyDocument>${encodeURIComponent('{"Statement":[]}')}</PolicyDocument>`];
  test.each<[string, Said[], string[], number]>([
    ['none', [['ListRolePolicies', '<PolicyNames></PolicyNames>']], [], 1],
    ['nothing of a list', [['ListRolePolicies', '']], [], 1],
    ['one', [['ListRolePolicies', names(NAME)], got(hoursAgo(37))], [NAME], 2],
    ['one that may be needed', [['ListRolePolicies', names(NAME)], got(hoursAgo(36))], [], 2],
    [
      'those with the mark that are old, of policies that are denials',
      [
        ['ListRolePolicies', names(NAME, 'other', `${MARK}8`, `${MARK}9`, `x${MARK}`)],
        got(hoursAgo(35)),
        got(hoursAgo(37)),
        foreign,
      ],
      [`${MARK}8`],
      4,
    ],
    ['none that is gone meanwhile', [['ListRolePolicies', names(NAME)], none], [], 2],
  ])('that nothing can need: %s', async (_, said, old, times) => {
    vi.useFakeTimers({ toFake: ['Date'], now: AT });
    const { settings, asked } = await aws(...said);
    expect(await oldDenials(settings(), MARK, KEYS, signal)).toEqual(old);
    expect(asked[0]).toEqual({ ...version, Action: 'ListRolePolicies', RoleName: 'lent', MaxItems: '1000' });
    expect(asked).toHaveLength(times);
  });
});

test('our own keys are those that programs of AWS find, or of a profile', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-aws-'));
  const file = path.join(folder, 'credentials');
  writeFileSync(file, '[dns]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = two\n');
  try {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDENV');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'one');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
    expect(await ownKeys({ profile: null, region: 'us-east-1' })).toMatchObject({
      accessKeyId: 'AKIDENV',
      secretAccessKey: 'one',
    });
    expect(await ownKeys({ profile: 'dns', region: 'us-east-1' })).toMatchObject({
      accessKeyId: 'AKIDPROFILE',
      secretAccessKey: 'two',
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
