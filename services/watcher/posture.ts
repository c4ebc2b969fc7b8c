import { isDeepStrictEqual } from 'node:util';
import type { DomainCheck } from '../dns/check/check.ts';
import { readRecords, recordsOf, type SeenRecords } from '../dns/posture/records.ts';

/** Faults that are stored, and the length of a text: a hostile record has no end. */
const MOST_FAULTS = 20;
const MOST_TEXT = 1_000;
const MOST_VALUE = 4_000;

/**
 * What is known of the records that a domain's posture rests on, after a check: what it found, and of what
 * nobody could answer what was known before.
 * @param stored what was stored before
 */
export function knownAfter(stored: unknown, check: DomainCheck): SeenRecords {
  const now = bounded(recordsOf(check));
  const before = readRecords(stored);
  if (before === null) return now;
  const known = { ...now, faults: [...now.faults] };
  const keep = (prefix: string) => known.faults.push(...before.faults.filter(({ code }) => code.startsWith(prefix)));
  for (const part of ['spf', 'dkim', 'dmarc', 'mta_sts', 'tls_rpt', 'bimi'] as const) {
    if (now[part] !== 'unknown' || before[part] === 'unknown') continue;
    Object.assign(known, { [part]: before[part] });
    const prefix = part === 'tls_rpt' ? 'tlsrpt_' : `${part}_`;
    known.faults = known.faults.filter(({ severity, code }) => severity !== 'unknown' || !code.startsWith(prefix));
    keep(prefix);
    if (part === 'spf') known.closed = before.closed;
    if (part === 'dmarc') known.policy = before.policy;
  }
  if (now.mx === 'unknown') known.mx = before.mx;
  if (check.dnssec === null || check.dnssec.state === 'unknown') keep('dnssec_');
  return known;
}

/** Whether the posture of a domain rests on something else now. */
export function changesPosture(before: unknown, after: unknown): boolean {
  // What was stored has its keys in another order.
  return !isDeepStrictEqual(readRecords(before), readRecords(after));
}

function bounded(records: SeenRecords): SeenRecords {
  const { policy } = records;
  return {
    ...records,
    policy: policy && { ...policy, text: policy.text.slice(0, MOST_VALUE) },
    faults: records.faults.slice(0, MOST_FAULTS).map((fault) => ({
      ...fault,
      message: fault.message.slice(0, MOST_TEXT),
      // Half a value must not be published.
      publish: fault.publish !== null && (fault.publish.value?.length ?? 0) > MOST_VALUE ? null : fault.publish,
    })),
  };
}
