import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// A strict stand-in for AWS STS (2011-06-15) and IAM (2010-05-08), made from their API references: what AWS
// refuses, it refuses. It computes the signature by itself, from the request as it came.

export const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };

interface Session {
  accessKeyId: string;
  /** As aws:userid has it. */
  userid: string;
  issued: Date;
  ends: Date;
  policy: string;
}

export interface AwsStandIn {
  endpoint: string;
  sessions: Session[];
  /** Inline policies of the role and the user, by name. */
  policies: Map<string, string>;
  /** The next call is answered by this error instead. */
  faults: { status: number; code: string }[];
  /** The actions that were called. */
  calls: string[];
  /** Whether a session may do anything now: its time, and the denials. */
  works(session: Session): boolean;
  stop(): Promise<void>;
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest();
const hex = (text: string) => createHash('sha256').update(text).digest('hex');
const xml = (text: string) => text.replace(/[&<>]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[one]!);

/** The rules of Signature Version 4, as AWS checks them. */
function checkSignature(headers: Record<string, string>, path: string, body: string, service: string): void {
  const given =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([\w-]+)\/(\w+)\/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  if (given === null) throw new Refusal(400, 'IncompleteSignature', 'Authorization header');
  const [, id, day, region, forService, names, signature] = given as unknown as string[];
  if (id !== KEYS.accessKeyId)
    throw new Refusal(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.');
  if (forService !== service)
    throw new Refusal(403, 'SignatureDoesNotMatch', `Credential should be scoped to correct service: '${service}'.`);
  const stamp = headers['x-amz-date']!;
  const at = Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!stamp.startsWith(day!) || Math.abs(Date.now() - at) > 5 * 60_000)
    throw new Refusal(403, 'SignatureDoesNotMatch', 'Signature expired');
  for (const needed of ['host', 'x-amz-date'])
    if (!names!.split(';').includes(needed)) throw new Refusal(403, 'SignatureDoesNotMatch', needed);
  const fields = names!.split(';').map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`);
  const canonical = `POST\n${path}\n\n${fields.join('')}\n${names}\n${hex(body)}`;
  const text = `AWS4-HMAC-SHA256\n${stamp}\n${day}/${region}/${service}/aws4_request\n${hex(canonical)}`;
  const key = hmac(hmac(hmac(hmac(`AWS4${KEYS.secretAccessKey}`, day!), region!), service), 'aws4_request');
  if (hmac(key, text).toString('hex') !== signature)
    throw new Refusal(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match');
}

function checkPolicy(text: string, most: number): void {
  if (text.length > most) throw new Refusal(400, 'PackedPolicyTooLarge', 'Packed size of session policy consumes more than 100%');
  const policy = JSON.parse(text) as {
    Version?: string;
    Statement?: { Effect?: string; Action?: unknown; Resource?: unknown }[];
  };
  if (policy.Version !== '2012-10-17' || !policy.Statement?.every((one) => one.Effect && one.Action && one.Resource))
    throw new Refusal(400, 'MalformedPolicyDocument', 'Syntax errors in policy.');
}

const parameter = (given: URLSearchParams, name: string, pattern: RegExp): string => {
  const value = given.get(name);
  if (value === null || !pattern.test(value))
    throw new Refusal(
      400,
      'ValidationError',
      `1 validation error detected: Value '${value}' at '${name}' failed to satisfy constraint`,
    );
  return value;
};

/** Starts one on loopback, on a port the system picks. */
export async function startAws(): Promise<AwsStandIn> {
  const standIn: Omit<AwsStandIn, 'endpoint' | 'stop' | 'works'> = { sessions: [], policies: new Map(), faults: [], calls: [] };
  const make = (given: URLSearchParams, userid: string, least: number, most: number) => {
    const seconds = Number(given.get('DurationSeconds') ?? 3600);
    if (seconds < least || seconds > most)
      throw new Refusal(400, 'ValidationError', `Value '${seconds}' at 'durationSeconds' failed to satisfy constraint`);
    const policy = given.get('Policy') ?? '';
    checkPolicy(policy, 2048);
    const issued = new Date(Math.floor(Date.now() / 1000) * 1000);
    const session = {
      accessKeyId: `ASIA${standIn.sessions.length}`,
      userid,
      issued,
      ends: new Date(issued.getTime() + seconds * 1000),
      policy,
    };
    standIn.sessions.push(session);
    return `<Credentials><AccessKeyId>${session.accessKeyId}</AccessKeyId><SecretAccessKey>secret+/=${standIn.sessions.length}</SecretAccessKey><SessionToken>token</SessionToken><Expiration>${session.ends.toISOString().slice(0, 19)}Z</Expiration></Credentials>`;
  };
  const ACTIONS: Record<string, (given: URLSearchParams) => string> = {
    AssumeRole(given) {
      parameter(given, 'RoleArn', /^arn:aws:iam::\d{12}:role\/[\w+=,.@/-]+$/);
      return make(given, `AROAEXAMPLE:${parameter(given, 'RoleSessionName', /^[\w+=,.@-]{2,64}$/)}`, 900, 43_200);
    },
    GetFederationToken: (given) => make(given, `123456789012:${parameter(given, 'Name', /^[\w+=,.@-]{2,32}$/)}`, 900, 129_600),
    PutRolePolicy(given) {
      parameter(given, 'RoleName', /^[\w+=,.@-]{1,64}$/);
      const document = given.get('PolicyDocument') ?? '';
      checkPolicy(document, 10_240);
      standIn.policies.set(parameter(given, 'PolicyName', /^[\w+=,.@-]{1,128}$/), document);
      return '';
    },
    GetRolePolicy(given) {
      const found = standIn.policies.get(parameter(given, 'PolicyName', /^[\w+=,.@-]{1,128}$/));
      if (found === undefined) throw new Refusal(404, 'NoSuchEntity', 'The role policy cannot be found.');
      return `<PolicyDocument>${encodeURIComponent(found)}</PolicyDocument>`;
    },
    ListRolePolicies: () =>
      `<PolicyNames>${[...standIn.policies.keys()].map((name) => `<member>${xml(name)}</member>`).join('')}</PolicyNames><IsTruncated>false</IsTruncated>`,
    DeleteRolePolicy(given) {
      standIn.policies.delete(given.get('PolicyName') ?? '');
      return '';
    },
  };
  for (const verb of ['Put', 'Get', 'Delete'])
    ACTIONS[`${verb}UserPolicy`] = (given) => {
      parameter(given, 'UserName', /^[\w+=,.@-]{1,64}$/);
      given.set('RoleName', 'x');
      return ACTIONS[`${verb}RolePolicy`]!(given);
    };
  ACTIONS.ListUserPolicies = ACTIONS.ListRolePolicies!;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const given = new URLSearchParams(body);
      const action = given.get('Action') ?? '';
      const sts = action === 'AssumeRole' || action === 'GetFederationToken';
      try {
        checkSignature(request.headers as Record<string, string>, request.url!, body, sts ? 'sts' : 'iam');
        if (given.get('Version') !== (sts ? '2011-06-15' : '2010-05-08')) throw new Refusal(400, 'InvalidAction', action);
        standIn.calls.push(action);
        const fault = standIn.faults.shift();
        if (fault !== undefined) throw new Refusal(fault.status, fault.code, 'a fault of the test');
        if (ACTIONS[action] === undefined) throw new Refusal(400, 'InvalidAction', action);
        const result = ACTIONS[action](given);
        response.end(
          `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>${result}</${action}Result></${action}Response>`,
        );
      } catch (error) {
        const { status = 500, code = 'InternalFailure', message } = error as Refusal;
        response.statusCode = status;
        response.end(
          `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${xml(message)}</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
        );
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const denies = (document: string, { userid, issued }: Session) =>
    (JSON.parse(document) as { Statement: { Condition: Record<string, Record<string, string>> }[] }).Statement.some(
      ({ Condition }) =>
        new RegExp(`^${Condition.StringLike!['aws:userid']!.replace(/[.]/g, '\\.').replaceAll('*', '.*')}$`).test(userid) &&
        issued < new Date(Condition.DateLessThan!['aws:TokenIssueTime']!),
    );
  return {
    ...standIn,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    works: (session) => session.ends > new Date() && ![...standIn.policies.values()].some((one) => denies(one, session)),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
