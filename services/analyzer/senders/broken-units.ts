import type { BrokenSender } from '../../findings/figures.ts';
import { later } from '../../shared/days.ts';
import type { Lacking, SeenSource } from '../../store/analysis/senders.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import type { KnownFinding } from '../../store/findings/findings.ts';
import { failingSince, recoveredSince, shareOfFailing } from '../rules/authentication_regression.ts';
import { type BrokenSenders, settledPart } from '../rules/broken_senders.ts';
import { seenAt } from '../rules/refused_at.ts';
import { shareOfWeakness, strengthenedSince, weakenedSince } from '../rules/weakened_sender.ts';
import { type Counts, coveredRows, failedOf, type SourceWindow, total } from '../rules/window.ts';
import { addedUp } from './rows.ts';
import { groupOf, isAligned, type SenderData } from './units.ts';

/** Sources whose rows are read of one unit, and units: the largest of each. */
const SOURCES = 300;
const UNITS = 20;
/** Before a source broke, this part of its mail passed. */
const PASSED = 0.8;
/**
 * What is worth a closer look: so many messages that lack something, and so much larger a share of all than
 * before.
 */
const WORTH = 10;
const RISE = 0.1;
const MEASURES = ['failing', 'unsigned', 'errors'] as const satisfies readonly (keyof Lacking)[];

/** Sources of one sender whose mail was aligned, each of which may send too little to be judged by itself. */
export interface Unit {
  /** The sender; or the owner of the networks, where no sender is known. */
  key: string;
  sources: readonly string[];
  /** Their rows, of each source. */
  rows: readonly SourceDay[];
}

/**
 * The sources of a unit before their rows are read, and how many units there are with two sources or more.
 */
export interface UnitsToRead {
  units: { key: string; sources: string[] }[];
  tests: number;
}

/**
 * The senders whose sources are worth judging together: more of their mail lacks something on the newest days
 * than before, or one of their sources is part of an open finding. What has no sender is put together by the
 * name of the owner of its network: that authorizes nothing, and networks that break at once have one cause.
 * Those beside a source that sends most of it are judged without it as well.
 * @param broken sources that are part of an open finding
 */
export function unitsToRead(senders: readonly SenderData[], broken: ReadonlySet<string>): UnitsToRead {
  const units = new Map<string, SeenSource[]>();
  for (const sender of senders) {
    for (const source of sender.sources.filter(wasAligned)) {
      const key = unitOf(sender, source);
      units.set(key, [...(units.get(key) ?? []), source]);
    }
  }
  const several = [...units].flatMap(([key, sources]) => [sources, besideLargest(sources)].map((some) => [key, some] as const));
  const judged = several.filter(([, sources]) => sources.length > 1);
  const read = judged
    .filter(([, sources]) => sources.some(({ source }) => broken.has(source)) || MEASURES.some((of) => rises(sources, of)))
    .slice(0, UNITS)
    .map(([key, sources]) => ({ key, sources: sources.slice(0, SOURCES).map(({ source }) => source) }));
  return { units: read, tests: judged.length };
}

/**
 * The sources beside one that has most of the mail, in which theirs would not show; none where no source has.
 */
function besideLargest(sources: readonly SeenSource[]): SeenSource[] {
  const all = sources.reduce((n, { messages }) => n + messages, 0);
  const largest = sources.find(({ messages }) => 2 * messages > all);
  return largest === undefined ? [] : sources.filter((one) => one !== largest);
}

function unitOf({ key, sources }: SenderData, seen: SeenSource): string {
  return sources.length === 1 && key === seen.source ? (groupOf(seen) ?? key) : key;
}

/** Whether most of a source's mail is aligned, or was in the days before the newest. */
function wasAligned(seen: SeenSource): boolean {
  if (seen.class === 'forwarded') return false;
  if (isAligned(seen)) return true;
  const { before } = seen;
  return before !== undefined && before.messages > 0 && before.messages - before.failing >= PASSED * before.messages;
}

/** Whether, from some day on, so much more of their mail lacks something than before. */
function rises(sources: readonly SeenSource[], of: keyof Lacking): boolean {
  const before = { lacking: 0, messages: 0 };
  const byDay = new Map<string, { lacking: number; messages: number }>();
  for (const source of sources) {
    before.lacking += source.before?.[of] ?? 0;
    before.messages += source.before?.messages ?? 0;
    for (const { day, messages, ...some } of source.recent) {
      const sum = byDay.get(day) ?? { lacking: 0, messages: 0 };
      byDay.set(day, { lacking: sum.lacking + (some[of] ?? 0), messages: sum.messages + messages });
    }
  }
  const usual = before.lacking / Math.max(1, before.messages);
  let [lacking, messages] = [0, 0];
  for (const day of [...byDay.keys()].sort().reverse()) {
    lacking += byDay.get(day)!.lacking;
    messages += byDay.get(day)!.messages;
    if (lacking >= WORTH && lacking >= (usual + RISE) * messages) return true;
  }
  return false;
}

/** What judging units needs beside them. */
interface Given {
  /** The level of each test. */
  level: number;
  /** All that is on file. */
  known: readonly KnownFinding[];
  windowOf(source: string): SourceWindow;
}

/**
 * Judges the sources of each unit together, whether their mail fails or lost a mechanism since a day, as
 * `examineSender` does each by itself: first all of them, then those that nothing was found of. What is found
 * becomes a part of each source that has its share in it. To be asked after all sources were examined.
 */
export function examineUnits(senders: BrokenSenders, units: readonly Unit[], given: Given): void {
  for (const unit of units) {
    const members = membersOf(unit, given);
    recoverTogether(senders, unit, members, given);
    const found = foundIn(senders, unit, members, given);
    if (found === null) continue;
    for (const member of members) {
      const known = senders.part(member.source);
      if (known !== null && (known.survives_on === undefined || found.survives_on !== undefined)) continue;
      const share = found.survives_on === undefined ? shareOfFailing(member, found) : shareOfWeakness(member, found);
      if (share !== null) senders.fail({ ...share, sender: unit.key });
    }
  }
}

/** The windows of a unit's sources, without those that a person denied. */
function membersOf(unit: Unit, { windowOf }: Given): SourceWindow[] {
  const rows = new Map<string, SourceDay[]>(unit.sources.map((source) => [source, []]));
  for (const row of unit.rows) rows.get(row.source)?.push(row);
  return [...rows]
    .map(([source, own]) => ({ ...windowOf(source), rows: own }))
    .filter(({ listed, rows: own }) => listed?.verdict !== 'denied' && own.length > 0);
}

function foundIn(senders: BrokenSenders, unit: Unit, members: readonly SourceWindow[], given: Given): BrokenSender | null {
  const all = foundOf(unit, members, given);
  if (all !== null) return all;
  const others = members.filter(({ source }) => senders.part(source) === null);
  return others.length === members.length ? null : foundOf(unit, others, given);
}

function foundOf(unit: Unit, members: readonly SourceWindow[], given: Given): BrokenSender | null {
  if (members.length < 2) return null;
  const window = together(unit, members, given);
  const sums = total(window.rows);
  // What lists and forwarders changed on the way is not broken at the sender.
  if (2 * sums.failed_list > failedOf(sums) && failedOf(sums) > 0) return null;
  return failingSince(window, null) ?? weakenedSince(window, null);
}

/** One window over the mail of several sources. */
function together({ key }: Unit, members: readonly SourceWindow[], { level, known }: Given): SourceWindow {
  const settled = members.map(({ source }) => settledPart(known, source)).reduce(later, '');
  const rows = addedUp(
    members.flatMap((member) => member.rows),
    key,
  );
  return { ...members[0]!, source: key, rows, level, known: [], settled, listed: null };
}

/**
 * A source that sends little does not show by itself that it passes again: it is over what it had in common
 * with its sender when all of that passes again, and its own mail as well, however little it is. Silence
 * proves nothing.
 */
function recoverTogether(senders: BrokenSenders, unit: Unit, members: readonly SourceWindow[], given: Given): void {
  const failing = new Set(senders.failing.map(({ source }) => source));
  const parts = members.flatMap((member) => {
    const part = senders.part(member.source);
    return part === null || failing.has(member.source) ? [] : [{ member, part }];
  });
  if (parts.length === 0) return;
  const window = together(unit, members, given);
  for (const { member, part } of parts) {
    const ended = part.survives_on === undefined ? recoveredSince(part, window) : strengthenedSince(part, window);
    if (ended?.reason !== 'passes_again') continue;
    const own = total(coveredRows(seenAt(member, part.at)).filter(({ day }) => day >= ended.since));
    if (own.messages > 0 && lacking(part, own) <= (1 - PASSED) * own.messages) senders.recover(member.source, ended);
  }
}

/** Messages that still lack what a part lost. */
function lacking({ survives_on }: BrokenSender, sums: Counts): number {
  if (survives_on === undefined) return failedOf(sums);
  return survives_on === 'spf' ? sums.messages - sums.dkim_aligned : sums.spf_permerror + sums.spf_temperror;
}
