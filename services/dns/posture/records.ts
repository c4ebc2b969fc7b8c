import { z } from 'zod';
import type { DomainCheck } from '../check/check.ts';
import type { Code, Severity } from '../check/codes.ts';
import { policyOf } from './published-policy.ts';

/** `unknown`: nobody could answer, or nobody asked. */
const recordState = z.enum(['valid', 'invalid', 'missing', 'unknown']);
export type RecordState = z.output<typeof recordState>;

const seenRecords = z.object({
  domain: z.string(),
  spf: recordState,
  /** SPF says that nobody sends (`v=spf1 -all`). */
  closed: z.boolean(),
  /** Valid: one usable key at least. Unknown too where no selector is known. */
  dkim: recordState,
  dmarc: recordState,
  /** The policy that applies, and where its record is; null when there is none, or it is unknown. */
  policy: z
    .object({
      policy: z.enum(['none', 'quarantine', 'reject']),
      at: z.string(),
      text: z.string(),
      testing: z.boolean(),
      sp: z.string().nullable(),
    })
    .nullable(),
  mx: z.enum(['hosts', 'null', 'address', 'none', 'unknown']),
  mta_sts: recordState,
  tls_rpt: recordState,
  /** `declined`: the record says that no logo is shown. */
  bimi: z.enum([...recordState.options, 'declined']),
  /** The faults and omissions that a step is about. */
  faults: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['error', 'warning', 'hint', 'unknown']),
      message: z.string(),
      publish: z.object({ name: z.string(), value: z.string().nullable() }).nullable(),
    }),
  ),
});

/** What is known of a domain's records, as far as its posture rests on it. It can be stored as JSON. */
export type SeenRecords = z.output<typeof seenRecords>;

/** What was stored; null for what this version does not know. */
export function readRecords(stored: unknown): SeenRecords | null {
  const read = seenRecords.safeParse(stored);
  return read.success ? read.data : null;
}

/** What else than an error a step is about. */
const OMISSIONS = new Set<Code>([
  'dmarc_unknown',
  'dmarc_no_rua',
  'dmarc_not_here',
  'dmarc_subdomains_open',
  'tlsrpt_missing',
  'mta_sts_missing',
  'bimi_missing',
]);

/** What is known of the records, whichever way it came. */
export function seenOf(given: SeenRecords | DomainCheck): SeenRecords {
  return 'faults' in given ? given : recordsOf(given);
}

/** What a check of DNS says of a domain's records. */
export function recordsOf(check: DomainCheck): SeenRecords {
  const { domain, findings, spf, dkim, dmarc, mx, mtaSts, tlsRpt, bimi } = check;
  const state = (kind: string, present: boolean): RecordState => {
    const of = findings.filter(({ code }) => code.startsWith(kind));
    const has = (severity: Severity) => of.some((one) => one.severity === severity && !one.code.endsWith('_missing'));
    if (has('error')) return 'invalid';
    if (present) return 'valid';
    return has('unknown') ? 'unknown' : 'missing';
  };
  const keys = dkim?.selectors ?? [];
  const usable = keys.some(({ state: is, key }) => is === 'key' && key !== null && !key.revoked);
  const terms = spf?.tree.root.record?.text.trim().split(/\s+/) ?? [];
  const found = policyOf(check);
  return {
    domain,
    spf: state('spf_', spf?.tree.root.record != null),
    closed: terms.length === 2 && terms[1] === '-all',
    dkim: usable ? 'valid' : keys.length === 0 ? 'unknown' : keys.some((one) => one.state === 'unknown') ? 'unknown' : 'missing',
    // What a registry publishes above changes nothing about what comes first.
    dmarc: dmarc?.unpublished ? 'missing' : dmarc?.discovery.state === 'unknown' ? 'unknown' : state('dmarc_', found !== null),
    policy:
      found === null || found.policy === null
        ? null
        : {
            policy: found.policy,
            at: found.at,
            text: found.record.text,
            testing: found.record.testing,
            sp: found.record.sp,
          },
    mx: mx?.state ?? 'unknown',
    mta_sts: state('mta_sts_', mtaSts?.record != null),
    tls_rpt: state('tlsrpt_', tlsRpt?.record != null),
    bimi: bimi?.record?.declined === true ? 'declined' : state('bimi_', bimi?.record != null),
    faults: findings
      .filter(
        ({ severity, code }) => (severity === 'error' && /^(?:spf|dkim|dmarc|mx|dnssec)_/.test(code)) || OMISSIONS.has(code),
      )
      .map(({ code, severity, message, publish }) => ({ code, severity, message, publish })),
  };
}

/**
 * What reports say of a domain's records, where nobody asks DNS: the policy that receivers found, and nothing
 * else.
 * @param policy tags as RFC 9989 has them; null when no report says
 */
export function reportedRecords(
  domain: string,
  policy: { p: string | null; sp: string | null; t: string | null; text: string } | null,
): SeenRecords {
  const p = policy?.p;
  const known = p === 'none' || p === 'quarantine' || p === 'reject';
  return {
    domain,
    spf: 'unknown',
    closed: false,
    dkim: 'unknown',
    dmarc: known ? 'valid' : 'unknown',
    policy: known
      ? { policy: p, at: domain, text: `v=DMARC1; ${policy!.text}`, testing: policy!.t === 'y', sp: policy!.sp }
      : null,
    mx: 'unknown',
    mta_sts: 'unknown',
    tls_rpt: 'unknown',
    bimi: 'unknown',
    faults: [],
  };
}
