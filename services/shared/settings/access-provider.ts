import { z } from 'zod';
import { durationText } from '../format.ts';

const zone = z.string().regex(/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/, 'must be a zone in lower case');

/** What a DNS provider that makes credentials for a time has beside what all targets have. */
export const PROVIDER_KEYS = {
  zones: z.array(zone).min(1).max(1000),
  /** Amazon Route 53 by AWS STS. Our own credentials come from where all programs of AWS take them. */
  aws: z
    .strictObject({
      /** The hosted zone of each zone. */
      hosted_zones: z.record(zone, z.string().regex(/^Z[A-Z0-9]{1,31}$/, 'must be the id of a hosted zone')),
      /** The role that is assumed; without it, a federation token of our own user is asked for. */
      role_arn: z
        .string()
        .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/, 'must be the ARN of a role')
        .optional(),
      /** Of federation tokens: our own user, on which a denial is put to withdraw one. */
      user: z
        .string()
        .regex(/^[\w+=,.@-]{1,64}$/)
        .optional(),
      /**
       * Whether we may put denials on the role or user (iam:PutRolePolicy, iam:PutUserPolicy, and to get,
       * list and delete them).
       */
      withdraw: z.boolean().default(false),
      profile: z.string().min(1).optional(),
      region: z.string().min(1).default('us-east-1'),
      /** Other addresses of the APIs. */
      sts_endpoint: z.url({ protocol: /^https?$/ }).optional(),
      iam_endpoint: z.url({ protocol: /^https?$/ }).optional(),
    })
    .optional(),
  /** A program that lends, ends and lists (docs/access.md). */
  command: z.array(z.string().min(1)).min(1).optional(),
};

export interface AwsSts {
  hostedZones: Readonly<Record<string, string>>;
  roleArn: string | null;
  /** The user of federation tokens; null where none can be withdrawn. */
  user: string | null;
  withdraw: boolean;
  profile: string | null;
  region: string;
  stsEndpoint: string;
  iamEndpoint: string;
}

/** @param given `aws` of an entry */
export function awsOf(given: NonNullable<z.infer<(typeof PROVIDER_KEYS)['aws']>>): AwsSts {
  const { hosted_zones, role_arn = null, user = null, withdraw, profile = null, region, sts_endpoint, iam_endpoint } = given;
  return {
    hostedZones: hosted_zones,
    roleArn: role_arn,
    user,
    withdraw,
    profile,
    region,
    stsEndpoint: sts_endpoint ?? `https://sts.${region}.amazonaws.com/`,
    iamEndpoint: iam_endpoint ?? 'https://iam.amazonaws.com/',
  };
}

/** What is wrong with an entry. */
export function providerMistakes({
  zones,
  aws,
  command,
}: {
  zones: string[];
  aws?: z.infer<(typeof PROVIDER_KEYS)['aws']>;
  command?: string[] | undefined;
}): string[] {
  const mistakes: string[] = [];
  if ((aws === undefined) === (command === undefined)) mistakes.push('needs either aws, or command');
  for (const one of zones)
    if (aws !== undefined && aws.hosted_zones[one] === undefined) mistakes.push(`aws.hosted_zones has no zone ${one}`);
  if (aws?.withdraw === true && aws.role_arn === undefined && aws.user === undefined)
    mistakes.push('withdraws without a role: set aws.user, the user on which a denial is put');
  return mistakes;
}

/** What AWS makes credentials for at least, in seconds (AssumeRole, GetFederationToken: DurationSeconds). */
export const LEAST_SECONDS = 900;

/**
 * Why credentials for so long are not made; null when they are: what cannot be withdrawn has to end by
 * itself.
 */
export function tooShort({ aws }: { aws: AwsSts | null }, seconds: number): string | null {
  return aws === null || aws.withdraw || seconds >= LEAST_SECONDS
    ? null
    : `AWS makes credentials for ${durationText(LEAST_SECONDS)} at least, and does not take them back: ask for that, or let the service withdraw them (aws.withdraw).`;
}
