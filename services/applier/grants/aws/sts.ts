import type { ProviderScope } from '../../../requests/grants/dns-provider.ts';
import { type AwsSts, LEAST_SECONDS } from '../../../shared/settings/access-provider.ts';
import { loadSdk } from '../../targets/route53/client.ts';
import { AwsError, type AwsKeys, awsCall } from './query.ts';

/** A denial is of no use after the longest session that it can be about: 36 hours of a federation token. */
const LONGEST_MS = 36 * 3_600_000;
const STS_VERSION = '2011-06-15';
const IAM_VERSION = '2010-05-08';
/** What the name of a federated session may have at most. */
const LONGEST_NAME = 32;

/** What a session of lent credentials is called: our names are longer than GetFederationToken takes. */
const sessionName = (name: string): string => name.replace(/^ruawatch_/, '').slice(0, LONGEST_NAME);

/**
 * Our own credentials, from where all programs of AWS take them: environment, files, the role of the machine.
 */
export async function ownKeys({ profile, region }: Pick<AwsSts, 'profile' | 'region'>): Promise<AwsKeys> {
  const { Route53Client } = await loadSdk();
  const client = new Route53Client({ region, ...(profile === null ? {} : { profile }) });
  try {
    return await client.config.credentials();
  } finally {
    client.destroy();
  }
}

const CHANGES: Record<string, readonly string[]> = { add: ['CREATE'], delete: ['DELETE'] };

/** The policy of a session: records of the scope in one hosted zone, and to read that zone. */
export function sessionPolicy({ names, types, operations }: ProviderScope, hostedZone: string): string {
  const zone = `arn:aws:route53:::hostedzone/${hostedZone}`;
  const actions = [...operations.flatMap((one) => CHANGES[one]!), ...(operations.length === 2 ? ['UPSERT'] : [])];
  const change = 'route53:ChangeResourceRecordSets';
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: change,
        Resource: zone,
        Condition: {
          'ForAllValues:StringLike': {
            [`${change}NormalizedRecordNames`]: names.map((one) =>
              one.startsWith('.') ? `*${one}` : one.replace(/^\*/, '\\052'),
            ),
          },
          'ForAllValues:StringEquals': {
            [`${change}RecordTypes`]: types,
            [`${change}Actions`]: actions,
          },
        },
      },
      ...notBelow(names, zone),
      { Effect: 'Allow', Action: ['route53:ListResourceRecordSets', 'route53:GetHostedZone'], Resource: zone },
      { Effect: 'Allow', Action: 'route53:GetChange', Resource: 'arn:aws:route53:::change/*' },
    ],
  });
}

/** What a name with a dot before it leaves out (requests/scope.ts), but for what is lent by its own name. */
function notBelow(names: readonly string[], zone: string): object[] {
  if (!names.some((one) => one.startsWith('.'))) return [];
  const change = 'route53:ChangeResourceRecordSets';
  const left = [
    { pattern: '\\052.*', named: (one: string) => one.startsWith('*.') },
    { pattern: '_dmarc.*', named: (one: string) => one.startsWith('_dmarc.') },
    { pattern: '*._domainkey.*', named: (one: string) => one.includes('_domainkey.') },
  ].filter(({ named }) => !names.some(named));
  const Condition = { 'ForAnyValue:StringLike': { [`${change}NormalizedRecordNames`]: left.map(({ pattern }) => pattern) } };
  return left.length === 0 ? [] : [{ Effect: 'Deny', Action: change, Resource: zone, Condition }];
}

/** Credentials that AWS made, and when they end by themselves. */
export interface Session {
  text: string;
  ends_at: Date;
}

/** Has STS make credentials for a scope. @throws AwsError, Error */
export async function makeSession(
  aws: AwsSts,
  { name, seconds, policy }: { name: string; seconds: number; policy: string },
  keys: AwsKeys,
  signal: AbortSignal,
): Promise<Session> {
  const where = { endpoint: aws.stsEndpoint, region: aws.region, service: 'sts' as const, version: STS_VERSION };
  const common = { DurationSeconds: String(Math.max(LEAST_SECONDS, seconds)), Policy: policy };
  const result =
    aws.roleArn === null
      ? await awsCall(where, keys, { Action: 'GetFederationToken', Name: sessionName(name), ...common }, signal)
      : await awsCall(
          where,
          keys,
          { Action: 'AssumeRole', RoleArn: aws.roleArn, RoleSessionName: sessionName(name), ...common },
          signal,
        );
  const made = result.Credentials as Record<string, string> | undefined;
  const ends_at = new Date(made?.Expiration ?? '');
  if (!made?.AccessKeyId || !made.SecretAccessKey || !made.SessionToken || Number.isNaN(ends_at.getTime()))
    throw new Error('AWS answers without credentials.');
  const text = [
    `AWS_ACCESS_KEY_ID=${made.AccessKeyId}`,
    `AWS_SECRET_ACCESS_KEY=${made.SecretAccessKey}`,
    `AWS_SESSION_TOKEN=${made.SessionToken}`,
  ].join('\n');
  return { text, ends_at };
}

/** Whose policies a denial stands in: a role's, or a user's. */
function holderOf({ roleArn, user }: AwsSts): { kind: 'Role' | 'User'; parameters: Record<string, string> } {
  return roleArn === null
    ? { kind: 'User', parameters: { UserName: user ?? '' } }
    : { kind: 'Role', parameters: { RoleName: roleArn.split('/').at(-1)! } };
}

const iam = (aws: AwsSts) => ({ endpoint: aws.iamEndpoint, region: 'us-east-1', service: 'iam' as const, version: IAM_VERSION });

/**
 * Denies everything to the session of that name that was issued before a moment (aws:TokenIssueTime), and to
 * no other.
 */
export const denial = (name: string, at: Date): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: {
          StringLike: { 'aws:userid': `*:${sessionName(name)}` },
          DateLessThan: { 'aws:TokenIssueTime': at.toISOString() },
        },
      },
    ],
  });

/** When a denial was made; null where the policy is none of ours. */
function madeAt(document: string): Date | null {
  const read = JSON.parse(decodeURIComponent(document)) as {
    Statement?: { Condition?: { DateLessThan?: Record<string, string> } }[];
  };
  const at = new Date(read.Statement?.[0]?.Condition?.DateLessThan?.['aws:TokenIssueTime'] ?? '');
  return Number.isNaN(at.getTime()) ? null : at;
}

/** The denial of a name; null without one. @throws AwsError, Error */
async function denialOf(aws: AwsSts, name: string, keys: AwsKeys, signal: AbortSignal): Promise<Date | null> {
  const { kind, parameters } = holderOf(aws);
  try {
    const result = await awsCall(iam(aws), keys, { Action: `Get${kind}Policy`, ...parameters, PolicyName: name }, signal);
    return madeAt(String(result.PolicyDocument ?? ''));
  } catch (error) {
    if (error instanceof AwsError && error.code === 'NoSuchEntity') return null;
    throw error;
  }
}

/**
 * Puts a denial of a session where it has its rights from, and reads it back; one that nothing can need any
 * more is taken away.
 * @throws AwsError, Error
 */
export async function denySession(aws: AwsSts, name: string, keys: AwsKeys, signal: AbortSignal): Promise<void> {
  const { kind, parameters } = holderOf(aws);
  const there = await denialOf(aws, name, keys, signal);
  if (there !== null && Date.now() - there.getTime() > LONGEST_MS) {
    await awsCall(iam(aws), keys, { Action: `Delete${kind}Policy`, ...parameters, PolicyName: name }, signal);
    return;
  }
  if (there !== null) return;
  const PolicyDocument = denial(name, new Date());
  await awsCall(iam(aws), keys, { Action: `Put${kind}Policy`, ...parameters, PolicyName: name, PolicyDocument }, signal);
  if ((await denialOf(aws, name, keys, signal)) === null) throw new Error('AWS does not show the denial yet.');
}

/** The names of denials that nothing can need any more. @throws AwsError, Error */
export async function oldDenials(aws: AwsSts, mark: string, keys: AwsKeys, signal: AbortSignal): Promise<string[]> {
  const { kind, parameters } = holderOf(aws);
  const result = await awsCall(iam(aws), keys, { Action: `List${kind}Policies`, ...parameters, MaxItems: '1000' }, signal);
  const members = (result.PolicyNames as { member?: string | string[] } | undefined)?.member ?? [];
  const old: string[] = [];
  for (const name of [members].flat().filter((one) => one.startsWith(mark))) {
    const at = await denialOf(aws, name, keys, signal);
    if (at !== null && Date.now() - at.getTime() > LONGEST_MS) old.push(name);
  }
  return old;
}
