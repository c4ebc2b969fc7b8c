import type { DomainCheck } from '../dns/check/check.ts';
import type { Code } from '../dns/check/codes.ts';
import type { Finding } from '../dns/check/finding.ts';
import type { StoredCheck, StoredFault } from '../store/dns/checks.ts';
import { knownAfter } from './posture.ts';

/** Faults of one domain that are stored, and the length of a text: a hostile record has no end. */
const MOST_FAULTS = 50;
const MOST_TEXT = 1_000;

/** What reports say of records, which are not read in every round. */
const OF_REPORTS: readonly string[] = ['spf_unused', 'dmarc_sender_fails'] satisfies Code[];

/**
 * What is known to be wrong after a check: what it found, and of records that nobody could answer for what
 * was known before. What reports say stays until they are read again.
 * @param seen when reports were read for it; null: they were not
 */
export function checked(before: StoredCheck | null, check: DomainCheck, now: Date, seen: Date | null = null): StoredCheck {
  const { domain, findings, spf } = check;
  const sts = stsKnown(before, check);
  const unknown = new Set(findings.filter(({ severity }) => severity === 'unknown').map(({ code }) => partOf(code)));
  // It has no code of its own for what nobody could answer: every other part has.
  if (check.dnssec === null || check.dnssec.state === 'unknown') unknown.add('dnssec');
  const old = before?.findings ?? [];
  const faults = findings
    .filter(({ severity, code }) => severity === 'error' || severity === 'warning' || OF_REPORTS.includes(code))
    .map((one): StoredFault => {
      const name = nameOf(domain, one);
      const text = one.place && cut(one.place.text);
      const same = (known: StoredFault) =>
        known.code === one.code && known.name === name && (one.code !== 'spf_unused' || known.text === text);
      const since = old.find(same)?.since ?? now.toISOString();
      const publish = one.publish?.value ?? null;
      return {
        code: one.code,
        severity: one.severity,
        name,
        message: cut(one.message),
        text,
        publish: publish === null || publish.length > MOST_TEXT ? null : publish,
        since,
      };
    });
  const record = spf?.tree.root.record?.text ?? '';
  const stands = ({ code, text }: StoredFault) =>
    OF_REPORTS.includes(code) && seen === null && (code !== 'spf_unused' || record.split(' ').includes(text ?? ''));
  const kept = old.filter(
    (one) =>
      (unknown.has(partOf(one.code)) || stands(one)) && !faults.some(({ code, name }) => code === one.code && name === one.name),
  );
  const known = spf !== null && !unknown.has('spf');
  const over = findings.find(({ code }) => code === 'spf_lookups')?.place?.text ?? null;
  return {
    checked_at: now,
    findings: [...faults, ...kept].slice(0, MOST_FAULTS),
    spf_lookups: known ? spf.tree.lookups : (before?.spf_lookups ?? null),
    spf_voids: known ? spf.tree.voids : (before?.spf_voids ?? null),
    spf_over: known ? over && cut(over) : (before?.spf_over ?? null),
    records: knownAfter(before?.records, check),
    sts_id: sts?.id ?? null,
    sts_digest: sts?.digest ?? null,
    seen_at: seen ?? before?.seen_at ?? null,
  };
}

/**
 * Whether the analyzer must look: something is wrong that was not, or no longer, or was found by a second
 * check, from which on it counts.
 */
export function isNews(before: StoredCheck | null, after: StoredCheck): boolean {
  if (before === null) return false;
  const keys = ({ findings }: StoredCheck) => findings.map(({ code, name }) => `${code} ${name}`).sort();
  const confirmed = after.findings.some(({ since }) => since === before.checked_at.toISOString());
  return confirmed || JSON.stringify(keys(before)) !== JSON.stringify(keys(after));
}

/** The id of the MTA-STS record, with the policy that was there when it was first seen. */
export function stsKnown(
  before: StoredCheck | null,
  { mtaSts }: Pick<DomainCheck, 'mtaSts'>,
): { id: string; digest: string } | null {
  const old = before?.sts_id && before.sts_digest ? { id: before.sts_id, digest: before.sts_digest } : null;
  const id = mtaSts?.record?.id ?? null;
  const digest = mtaSts?.digest ?? null;
  if (id === null || digest === null || old?.id === id) return old;
  return { id, digest };
}

/** The kind of record that a code is about. */
function partOf(code: string): string {
  return code.slice(0, code.indexOf('_'));
}

/** The domain's own record in which a fault is fixed. */
function nameOf(domain: string, { code, record, publish }: Finding): string {
  if (partOf(code) === 'spf') return domain;
  if (partOf(code) === 'dmarc') return `_dmarc.${domain}`;
  // Of its policy too, which is no record.
  if (partOf(code) === 'mta') return `_mta-sts.${domain}`;
  return record?.name ?? publish?.name ?? domain;
}

function cut(text: string): string {
  return text.length <= MOST_TEXT ? text : `${text.slice(0, MOST_TEXT)}…`;
}
