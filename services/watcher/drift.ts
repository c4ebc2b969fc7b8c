import type { GuardedCheck } from '../dns/guard/check.ts';
import type { GuardFinding } from '../dns/guard/codes.ts';
import type { StoredDrift, StoredDrifts } from '../store/dns/drifts.ts';

/** Differences of one own domain that are stored, and the length of a text: a hostile record has no end. */
const MOST_DRIFTS = 100;
const MOST_TEXT = 1_000;
const MOST_VALUES = 10;

/**
 * What differs after a comparison: what it found, and of what nobody could answer for what differed before.
 * mail-guard.yaml is what was approved; an approved change of a record takes its place in the file.
 */
export function drifted(before: StoredDrifts | null, checks: readonly GuardedCheck[], now: Date): StoredDrifts {
  const old = before?.drifts ?? [];
  const found = checks.flatMap(({ findings }) => findings.filter(({ severity }) => severity === 'error').map(toDrift));
  const drifts = found.map((one) => ({
    ...one,
    since: old.find((same) => keyOf(same) === keyOf(one))?.since ?? now.toISOString(),
  }));
  const keys = new Set(drifts.map(keyOf));
  const kept = old.filter((one) => !keys.has(keyOf(one)) && checks.some((check) => isUnknown(one, check)));
  return { checked_at: now, drifts: [...drifts, ...kept].slice(0, MOST_DRIFTS) };
}

/**
 * Whether the analyzer must look: something differs that did not, or no longer, or was found a second time.
 */
export function isDriftNews(before: StoredDrifts | null, after: StoredDrifts | null): boolean {
  const keys = (one: StoredDrifts | null) => JSON.stringify((one?.drifts ?? []).map(keyOf).sort());
  if (before === null || after === null) return keys(before) !== keys(after);
  return keys(before) !== keys(after) || after.drifts.some(({ since }) => since === before.checked_at.toISOString());
}

function toDrift(one: GuardFinding): Omit<StoredDrift, 'since'> {
  const { environment, domain, name, code, differs } = one;
  return {
    environment,
    domain,
    name,
    code,
    message: cut(one.message),
    wanted: one.wanted && cut(one.wanted),
    published: one.published && cut(one.published),
    publish: one.publish?.value != null && one.publish.value.length <= MOST_TEXT ? one.publish.value : null,
    differs: differs && { ...differs, missing: values(differs.missing), extra: values(differs.extra) },
  };
}

function values(all: readonly string[]): string[] {
  return all.slice(0, MOST_VALUES).map(cut);
}

/**
 * What makes a difference the same one in the next round, although the wrong value may be another by then.
 */
function keyOf({ environment, domain, name, code, differs, wanted, published }: Omit<StoredDrift, 'since'>): string {
  const term = /^guard_spf_(?:source|forbidden)/.test(code) ? (wanted ?? published) : null;
  return JSON.stringify([environment, domain, name, code, differs?.aspect ?? null, term]);
}

/** The part of a check that answers for a difference was not answered. */
function isUnknown(drift: StoredDrift, { guarded, check, findings, pair }: GuardedCheck): boolean {
  if (guarded.environment !== drift.environment || guarded.domain !== drift.domain) return false;
  if (drift.differs !== null)
    return pair?.comparisons.some(({ aspect, state }) => aspect === drift.differs?.aspect && state === 'unknown') ?? false;
  if (findings.some(({ code, name }) => code === 'guard_unknown' && name === drift.name)) return true;
  const told = (part: string) => check.findings.some(({ code }) => code === `${part}_unknown`);
  // What is above or included may be unknown while the record itself is known.
  if (drift.code.startsWith('guard_dmarc')) return check.dmarc?.discovery.state === 'unknown';
  if (drift.code.startsWith('guard_spf'))
    return check.spf?.tree.root.state === 'unknown' || (IN_INCLUDES.test(drift.code) && told('spf'));
  const part = PARTS.find((one) => drift.code.startsWith(`guard_${one}`));
  return part !== undefined && told(part.replace('tls_rpt', 'tlsrpt'));
}

/** Differences that included records decide, too. */
const IN_INCLUDES = /_(?:source_missing|forbidden|lookups)$/;
const PARTS = ['mta_sts', 'tls_rpt', 'bimi', 'mx'];

function cut(text: string): string {
  return text.length <= MOST_TEXT ? text : `${text.slice(0, MOST_TEXT)}…`;
}
