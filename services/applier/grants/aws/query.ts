import { createHash, createHmac } from 'node:crypto';
import { XMLParser } from 'fast-xml-parser';
import { messageOf } from '../../../shared/errors.ts';

/** Credentials of AWS. */
export interface AwsKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** A refusal of AWS. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string) {
    super(`AWS answers ${code}: ${message}`);
    this.name = 'AwsError';
    this.code = code;
    this.status = status;
  }
}

const TIMEOUT_MS = 10_000;
const parser = new XMLParser({ parseTagValue: false, trimValues: true });
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest();
/** As RFC 3986 has it: encodeURIComponent leaves five characters more than AWS does. */
const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * The fields of a signed request (AWS Signature Version 4).
 * @param at the moment: AWS refuses one that is more than five minutes away
 */
function signed(
  { endpoint, region, service, body }: { endpoint: string; region: string; service: string; body: string },
  { accessKeyId, secretAccessKey, sessionToken }: AwsKeys,
  at: Date,
): Record<string, string> {
  const { host, pathname } = new URL(endpoint);
  const stamp = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = stamp.slice(0, 8);
  const fields: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    host,
    'x-amz-date': stamp,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  };
  const names = Object.keys(fields).sort();
  const canonical = ['POST', pathname, '', ...names.map((name) => `${name}:${fields[name]}`), '', names.join(';'), sha256(body)];
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical.join('\n'))].join('\n');
  const key = [region, service, 'aws4_request'].reduce<Buffer>((so, part) => hmac(so, part), hmac(`AWS4${secretAccessKey}`, day));
  const signature = hmac(key, toSign).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { ...fields, authorization };
}

/**
 * Calls an action of a query API of AWS (STS, IAM).
 * @returns the result element
 * @throws AwsError for a refusal, Error when there is no answer
 */
export async function awsCall(
  where: { endpoint: string; region: string; service: 'sts' | 'iam'; version: string },
  keys: AwsKeys,
  { Action, ...parameters }: { Action: string; [name: string]: string },
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const body = Object.entries({ Action, Version: where.version, ...parameters })
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .join('&');
  const { host: _, ...headers } = signed({ ...where, body }, keys, new Date());
  let answer: { status: number; text: string };
  try {
    const got = await fetch(where.endpoint, {
      method: 'POST',
      headers,
      body,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    answer = { status: got.status, text: await got.text() };
  } catch (error) {
    throw new Error(`AWS does not answer at ${where.endpoint}: ${messageOf(error)}`, { cause: error });
  }
  const read = parser.parse(answer.text) as Record<string, Record<string, unknown>>;
  if (answer.status === 200) return (read[`${Action}Response`]?.[`${Action}Result`] ?? {}) as Record<string, unknown>;
  const error = (read.ErrorResponse?.Error ?? {}) as { Code?: string; Message?: string };
  throw new AwsError(error.Code ?? `status ${answer.status}`, answer.status, (error.Message ?? '').slice(0, 300));
}
