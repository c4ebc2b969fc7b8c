import type { SourceDay } from '../../store/analysis/window-reads.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import { alignmentFailure, LEAST } from '../rules/alignment_failure.ts';
import { failedOf, openOf, type SourceWindow, total } from '../rules/window.ts';
import { passesOn } from '../sources/identity.ts';
import { isNetwork } from '../sources/network.ts';
import { mayRelay } from '../sources/relays.ts';
import { type Catalogue, lookup, type Sender } from './catalogue.ts';
import { addedUp } from './rows.ts';
import { isAligned, type SenderData } from './units.ts';

const KIND = 'alignment_failure';
/** Sources whose rows are read of one unit, and listed in the evidence. */
const SOURCES = 100;
const LISTED = 20;
const OWN_SERVERS = 'own servers';
const OUTGROWN = 'outgrown';

/** Sources of one sender that is not set up. */
export interface UnalignedUnit {
  key: string;
  sources: readonly string[];
  rows: readonly SourceDay[];
}

/**
 * The sources of senders that are not set up and have several sources: a service by its own domains, and the
 * own servers in their networks. Not those through which people pass mail on, which nobody here can set up.
 * @param networks with mail that nothing authenticates: of the domain's own servers, and of services that
 *   outgrew its SPF record
 */
export function unalignedToRead(
  senders: readonly SenderData[],
  { ownServers, outgrown }: { ownServers: readonly string[]; outgrown: ReadonlyMap<string, Sender> },
  catalogue: Catalogue,
): { key: string; sources: string[] }[] {
  const units = new Map<string, string[]>([[OWN_SERVERS, ownServers.slice(0, SOURCES)]]);
  for (const [source, { id }] of outgrown) units.set(`${OUTGROWN} ${id}`, [...(units.get(`${OUTGROWN} ${id}`) ?? []), source]);
  for (const seen of senders.flatMap(({ sources }) => sources)) {
    if (isNetwork(seen.source) || isAligned(seen) || seen.class === 'forwarded') continue;
    const service = lookup(catalogue, { dkim_domains: [seen.source], spf_domain: seen.source, reverse_name: null });
    if (service === null || passesOn(service) || mayRelay(service)) continue;
    if (![...service.dkim_domains, ...service.spf_domains].includes(seen.source)) continue;
    units.set(service.id, [...(units.get(service.id) ?? []), seen.source]);
  }
  return [...units]
    .filter(([, sources]) => sources.length > 1)
    .map(([key, sources]) => ({ key, sources: sources.slice(0, SOURCES) }));
}

/**
 * What the sources of a sender that is not set up bring together, where none of them shows it by itself. The
 * finding is about the largest of them, or the one that an open finding is about, and lists all.
 * @param found what each source shows by itself
 */
export function unalignedTogether(
  units: readonly UnalignedUnit[],
  found: readonly Candidate[],
  { known, windowOf }: { known: readonly KnownFinding[]; windowOf(source: string): SourceWindow },
): Candidate[] {
  return units.flatMap((unit) => {
    const open = known.filter(({ kind, state, subject }) => kind === KIND && state === 'open' && unit.sources.includes(subject));
    const together = open.find(({ evidence }) => evidence.who.length > 1);
    const alone = found.some(
      ({ kind, subject }) => kind === KIND && unit.sources.includes(subject) && subject !== together?.subject,
    );
    // What one record lacks is one thing, whichever of its networks shows by itself.
    const oneCause = unit.key.startsWith(OUTGROWN);
    if ((alone && !oneCause) || (open.length > 0 && together === undefined)) return [];
    const members = membersOf(unit, windowOf);
    if (members.length < 2 || members.some(({ window }) => window.listed !== null)) return [];
    const subject = together?.subject ?? members[0]!.window.source;
    if (together === undefined && members.reduce((n, { failing }) => n + failing, 0) < LEAST) return [];
    const window = members.find((one) => one.window.source === subject)?.window ?? windowOf(subject);
    const rows = addedUp(
      members.flatMap((one) => one.window.rows),
      subject,
    );
    const told = openOf(known, KIND, subject);
    const all = alignmentFailure.find({ ...window, rows, known: told ? [told, ...window.known] : window.known });
    return all.map((one) => withMembers(one, members, window.domain));
  });
}

interface Member {
  window: SourceWindow;
  failing: number;
}

/** The windows of the sources with failing mail, those with the most first. */
function membersOf({ sources, rows }: UnalignedUnit, windowOf: (source: string) => SourceWindow): Member[] {
  return sources
    .map((source) => {
      const own = rows.filter((row) => row.source === source);
      return { window: { ...windowOf(source), rows: own }, failing: failedOf(total(own)) };
    })
    .filter(({ window, failing }) => failing > 0 && !window.broken)
    .sort((a, b) => b.failing - a.failing || (a.window.source < b.window.source ? -1 : 1));
}

function withMembers(one: Candidate, members: readonly Member[], domain: string): Candidate {
  const who = members.slice(0, LISTED).map(({ window, failing }) => ({ source: window.source, messages: failing }));
  return {
    ...one,
    evidence: {
      ...one.evidence,
      who,
      senders: members.length,
      query: recordsQuery({
        domain,
        sources: who.map(({ source }) => source),
        from: one.evidence.since,
        to: one.last_day,
        rows: 'failing',
      }),
    },
  };
}
