import { addDays } from '../../shared/days.ts';
import { groupBy } from '../../shared/group-by.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import type { Counted } from '../../store/analysis/counted.ts';
import { loadKeyUses } from '../../store/analysis/senders.ts';
import { loadBorrowed } from '../../store/analysis/signatures.ts';
import { type CountedDays, loadSourceDays } from '../../store/analysis/window-reads.ts';
import { type KnownFinding, loadFindings } from '../../store/findings/findings.ts';
import type { DomainData } from '../domain-data.ts';
import { rulesOf } from '../rules/index.ts';
import { HISTORY, LEAST, newsSince } from '../rules/new_source.ts';
import { openOf, total } from '../rules/window.ts';
import { type Unit, type UnitsToRead, unitsToRead } from './broken-units.ts';
import { mayReplay } from './replay.ts';
import { unalignedToRead } from './unaligned-units.ts';
import { loadSenders, type SenderData } from './units.ts';

/** The number of sources of new senders whose signing keys are looked up, the largest first. */
const FRESH_SOURCES = 20;

const KINDS = new Set(rulesOf('sender').map(({ kind }) => kind));

/** What the rules about senders need beside what they share with the others. */
export type Judged = Required<Pick<DomainData, 'senders' | 'known' | 'borrowed' | 'keyUses' | 'units' | 'unaligned'>>;

/**
 * Reads what the evaluation of a domain's senders needs. To be called when the names of their sources are
 * written and no more work of the domain waits.
 * @param counted the rows that count
 * @param given.since findings that rest on days since then may come back
 * @param given.examined networks that were first seen since then wait for their names
 */
export async function loadJudged(
  tx: Tx,
  { domain, from, today, catalogue, reporterDays, known: before, ownServers = [], outgrown = new Map() }: DomainData,
  counted: Counted,
  { since, examined }: { since: string; examined: Date },
): Promise<Judged> {
  const fresh = newsSince(today);
  const told = new Set(before.filter(({ kind, state }) => KINDS.has(kind) && state === 'open').map(({ subject }) => subject));
  const ofDomain = new Map<string, number>();
  for (const { day, messages } of reporterDays) ofDomain.set(day, (ofDomain.get(day) ?? 0) + messages);
  const days = { from, to: today, counted, fresh };
  const senders = await loadSenders(tx, domain, days, { catalogue, told, examined, ofDomain });
  const subjects = senders.flatMap(({ key, rows, sources }) =>
    rows.length === 0 ? [] : [key, ...sources.map(({ source }) => source)],
  );
  const known = joined(before, await loadFindings(tx, domain, [...new Set(subjects)], since));
  // A selector is the word of a single reporter: where none decides alone, no selector counts.
  const reporters = counted.votes > 1 ? [] : counted.reporters;
  // Where nothing can be new yet, whose key it is need not be looked up.
  const longKnown = (reporterDays[0]?.day ?? today) <= addDays(today, -HISTORY);
  const asked = longKnown ? freshSources(senders, known, fresh) : [];
  const broken = new Set(
    before.flatMap(({ state, evidence }) => (state === 'open' ? (evidence.broken ?? []).map(({ source }) => source) : [])),
  );
  const { units, tests } = unitsToRead(senders, broken);
  return {
    senders,
    known,
    units: { read: await loadUnits(tx, domain, units, { from, to: today, counted }), tests },
    unaligned: await loadUnits(tx, domain, unalignedToRead(senders, { ownServers, outgrown }, catalogue), {
      from,
      to: today,
      counted,
    }),
    borrowed: await loadBorrowed(tx, domain, asked, { from: fresh, reporters }),
    keyUses:
      asked.length > 0 || (longKnown && mayReplay(senders, fresh))
        ? await loadKeyUses(tx, domain, { from, to: today, recent: fresh, reporters })
        : [],
  };
}

/** Reads the rows of the units, once for all. */
async function loadUnits(tx: Tx, domain: string, units: UnitsToRead['units'], days: CountedDays): Promise<Unit[]> {
  const sources = [...new Set(units.flatMap((unit) => unit.sources))];
  const rows = groupBy(await loadSourceDays(tx, domain, sources, days), ({ source }) => source);
  return units.map((unit) => ({ ...unit, rows: unit.sources.flatMap((source) => rows.get(source) ?? []) }));
}

/** The largest sources of senders that may be new, or are reported as new. */
function freshSources(senders: readonly SenderData[], known: readonly KnownFinding[], since: string): string[] {
  const sources = senders.flatMap(({ key, firstSeen, rows, sources: of }) => {
    const isNew = (firstSeen !== null && firstSeen >= since) || openOf(known, 'new_source', key) !== undefined;
    return isNew && total(rows).passed >= LEAST ? of : [];
  });
  return sources
    .sort((a, b) => b.passed - a.passed || (a.source < b.source ? -1 : 1))
    .slice(0, FRESH_SOURCES)
    .map(({ source }) => source);
}

function joined(some: readonly KnownFinding[], others: readonly KnownFinding[]): KnownFinding[] {
  const all = new Map([...some, ...others].map((finding) => [finding.finding_key, finding]));
  return [...all.values()].sort((a, b) => order(a).localeCompare(order(b)) || b.finding_key - a.finding_key);
}

const order = ({ kind, subject }: KnownFinding) => `${kind} ${subject}`;
