import type { Evidence } from '../findings/evidence.ts';
import type { Culprit } from '../findings/figures.ts';
import { rulesWith } from '../findings/kinds/traits-of.ts';
import { commonName, isKnown, labelOf } from '../report/reporters/reporters.ts';
import { addDays, dayOf } from '../shared/days.ts';
import type { Tx } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import { slices } from '../shared/slices.ts';
import { loadReporterNames } from '../store/analysis/reporters.ts';
import { openFindings, quietBelow, reopenFindings, updateFindings, type WrittenEvent } from '../store/findings/findings.ts';
import { loadSourceLabels, type SourceLabel } from '../store/sources/identities.ts';
import { REPORTING_DAYS } from './deciders.ts';
import type { FindingChanges } from './lifecycle.ts';
import { isNetwork } from './sources/network.ts';

/**
 * Findings that rest on the word of who decides nothing, and how many of them the names below an own domain
 * have at a time.
 */
export const UNPROVEN_KINDS = rulesWith('unproven');
const QUIET_BELOW = 3;
/** Sources of a finding that are described: more than a mail shows. */
const LABELLED = 10;
const NAMED_BY = new Set(['dkim', 'spf', 'reverse_name']);
/** Findings named in one job. */
const ALERT_BATCH = 500;

/**
 * Names below an own domain can be invented without end, and each would have its own findings by the word of
 * who decides nothing: a few represent all.
 */
export async function withoutCrowd(tx: Tx, domain: string, outcome: FindingChanges): Promise<FindingChanges> {
  if (!outcome.opened.some(({ quiet }) => quiet)) return outcome;
  if ((await quietBelow(tx, domain, UNPROVEN_KINDS)) < QUIET_BELOW) return outcome;
  return { ...outcome, opened: outcome.opened.filter(({ quiet }) => !quiet) };
}

/**
 * Writes the changes of a domain's findings. @returns the events, for `wakeAlerter` once they are committed
 */
export async function saveChanges(
  tx: Tx,
  domain: string,
  now: Date,
  { updated, reopened, opened }: FindingChanges,
): Promise<WrittenEvent[]> {
  const told = [...updated, ...reopened, ...opened];
  await nameReporters(tx, domain, now, told);
  await labelSources(tx, domain, told);
  return [
    ...(await updateFindings(tx, domain, now, updated)),
    ...(await reopenFindings(tx, domain, now, reopened)),
    ...(await openFindings(tx, domain, now, opened)),
  ];
}

/**
 * Puts beside each reporter's key what people call it: the catalogue's name, or what it calls itself. Anybody
 * can choose any name, so that is never shown without the domain that was proven.
 */
async function nameReporters(
  tx: Tx,
  domain: string,
  now: Date,
  told: readonly { subject: string; evidence?: Evidence | null }[],
): Promise<void> {
  const named = told.flatMap(({ subject, evidence }) =>
    evidence
      ? [{ evidence, keys: [...evidence.reporters, ...(evidence.missing ?? []), ...(isKnown(subject) ? [subject] : [])] }]
      : [],
  );
  const unknown = [...new Set(named.flatMap(({ keys }) => keys.filter((key) => !isKnown(key))))];
  const since = addDays(dayOf(now), -REPORTING_DAYS);
  const names = await loadReporterNames(tx, domain, unknown, since);
  for (const { evidence, keys } of named) {
    const labels = [...new Set(keys)].flatMap((key): [string, string][] => {
      const name = commonName(key);
      if (name !== null) return name === key ? [] : [[key, name]];
      return names.has(key) ? [[key, labelOf(names.get(key)!, key)]] : [];
    });
    if (labels.length > 0) evidence.reporter_names = Object.fromEntries(labels);
  }
}

/** Puts beside the largest sources of each finding what is known of them now. */
async function labelSources(tx: Tx, domain: string, told: readonly { evidence?: Evidence | null }[]): Promise<void> {
  const culprits = told.flatMap(({ evidence }) => evidence?.who.slice(0, LABELLED) ?? []);
  const sources = [...new Set(culprits.map(({ source }) => source))];
  const known = await loadSourceLabels(tx, domain, { sources, networks: sources.filter(isNetwork) });
  const labels = new Map(known.map((label) => [label.source, label]));
  for (const culprit of culprits) {
    const label = labels.get(culprit.source);
    if (label !== undefined) Object.assign(culprit, labelOfSource(label));
  }
}

/**
 * Only names that somebody vouches for: a service that is its domain, or says no more than the host does, is
 * none.
 */
function labelOfSource({ source, host, name, identified_by, asn, owner, country }: SourceLabel): Partial<Culprit> {
  const named = name !== null && NAMED_BY.has(identified_by ?? '') && name !== source && !(host ?? '').endsWith(name);
  return {
    ...(host !== null && { host }),
    ...(named && { service: name }),
    ...(asn !== null && { asn }),
    ...(owner !== null && { owner }),
    ...(country !== null && { country }),
  };
}

/**
 * Counts the events and wakes the alerter. They are committed: should the queue not take the job, the
 * alerter's sweeper finds them.
 */
export async function wakeAlerter(context: Context, events: readonly WrittenEvent[]): Promise<void> {
  for (const { kind, event } of events) context.metrics.findings.inc({ kind, event });
  const keys = [...new Set(events.filter((e) => e.notify).map((e) => e.finding_key))].sort((a, b) => a - b);
  for (const findings of slices(keys, ALERT_BATCH)) await context.queues.add('alert', { findings });
}
