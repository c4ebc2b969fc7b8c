import { parseFields } from './tag-list.ts';

/** An MTA-STS record (RFC 8461 section 3.1). */
export interface StsRecord {
  text: string;
  /** 1 to 32 letters and digits; null when it is missing or anything else. */
  id: string | null;
  /** Parts that are no field; those that are meant to be the id are left out. */
  broken: readonly { at: number; text: string }[];
}

export type StsPolicyProblemCode =
  | 'mta_sts_policy_syntax'
  | 'mta_sts_policy_mode'
  | 'mta_sts_policy_age'
  | 'mta_sts_policy_no_mx';

/** The policy file (RFC 8461 section 3.2). */
export interface StsPolicy {
  mode: 'enforce' | 'testing' | 'none' | null;
  /** Seconds; null when missing or not a number of seconds up to `MOST_AGE_S`. */
  maxAge: number | null;
  /** Host names and patterns "*.example.com", in lower case. */
  mx: readonly string[];
  problems: readonly { code: StsPolicyProblemCode; message: string }[];
}

/** One year (RFC 8461 section 3.2). */
const MOST_AGE_S = 31_557_600;
/**
 * Octets of a policy file that senders read at most (RFC 8461 section 3.3 leaves the limit to them and
 * suggests this one).
 */
export const MOST_POLICY_OCTETS = 65_536;

/** Records that do not begin so are discarded before they are counted (RFC 8461 section 3.1). */
export function isSts(text: string): boolean {
  return /^v=STSv1[ \t]*(?:;|$)/.test(text);
}

/**
 * Reads an MTA-STS record.
 * @param text the strings of a TXT record, joined
 * @returns null when the text is not such a record (`isSts`)
 */
export function parseSts(text: string): StsRecord | null {
  if (!isSts(text)) return null;
  const { tags, broken } = parseFields(text, 'id');
  const id = tags.find(({ name }) => name === 'id')?.value;
  const others = id === undefined ? broken.filter((part) => !/^id\s*=/.test(part.text)) : broken;
  return { text, id: id !== undefined && /^[A-Za-z0-9]{1,32}$/.test(id) ? id : null, broken: others };
}

/**
 * One label or more (RFC 8461 section 3.2 takes what RFC 5321 calls a domain), the last with a letter: an
 * address is no host (RFC 5321 section 2.3.5). The final dot of a zone file is no part of it.
 */
const HOST = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?=[0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads a policy file: lines of "key: value", of which unknown ones are ignored and the first of several
 * counts (RFC 8461 section 3.2).
 */
export function parseStsPolicy(text: string): StsPolicy {
  const problems: StsPolicy['problems'][number][] = [];
  const fields = new Map<string, string>();
  const mx: string[] = [];
  for (const [n, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const found = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (found === null) {
      problems.push({
        code: 'mta_sts_policy_syntax',
        message: `Line ${n + 1} is not "key: value"${line.startsWith('\ufeff') ? ' (a byte order mark stands before it)' : ''}.`,
      });
      continue;
    }
    const [, key, value] = found as unknown as [string, string, string];
    if (key === 'mx') {
      const host = value.toLowerCase();
      if (HOST.test(host)) mx.push(host);
      else
        problems.push({
          code: 'mta_sts_policy_syntax',
          message: `mx "${value.slice(0, 100)}" is neither a host name nor "*." before one${host.endsWith('.') ? ': senders compare without the final dot' : ''}.`,
        });
    } else if (!fields.has(key)) fields.set(key, value);
  }
  if (fields.get('version') !== 'STSv1')
    problems.push({ code: 'mta_sts_policy_syntax', message: 'The line "version: STSv1" is missing.' });
  const mode = (['enforce', 'testing', 'none'] as const).find((one) => one === fields.get('mode')) ?? null;
  if (mode === null) problems.push({ code: 'mta_sts_policy_mode', message: 'mode is not enforce, testing or none.' });
  const seconds = /^\d{1,10}$/.test(fields.get('max_age') ?? '') ? Number(fields.get('max_age')) : null;
  const maxAge = seconds !== null && seconds <= MOST_AGE_S ? seconds : null;
  if (maxAge === null)
    problems.push({ code: 'mta_sts_policy_age', message: `max_age is not a number of seconds up to ${MOST_AGE_S}.` });
  if (mx.length === 0 && mode !== 'none') problems.push({ code: 'mta_sts_policy_no_mx', message: 'No mx is named.' });
  return { mode, maxAge, mx, problems };
}

/**
 * Whether a mail host is one that the policy names (RFC 8461 section 4.1): "*." matches exactly one label.
 */
export function stsCovers(policy: StsPolicy, host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return policy.mx.some((pattern) =>
    pattern.startsWith('*.') ? name.slice(name.indexOf('.')) === pattern.slice(1) && name.includes('.') : name === pattern,
  );
}
