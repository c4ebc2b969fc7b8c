import { dayOf, later } from '../shared/days.ts';
import type { DomainDay, ReporterDay } from '../store/analysis/window-reads.ts';
import type { KnownFinding } from '../store/findings/findings.ts';
import type { ListEntry } from '../store/sources/sender-list.ts';
import type { DomainData } from './domain-data.ts';
import { currentPolicy } from './policy.ts';
import type { BrokenSenders } from './rules/broken_senders.ts';
import { rulesOf, TESTED_KINDS } from './rules/index.ts';
import { DOMAIN_DAYS } from './rules/silence.ts';
import type { ArrivalWindow, DnsWindow, DomainWindow, Reporting, SendingWindow, UndecidedWindow } from './rules/window.ts';
import { entryOf } from './senders/load.ts';
import type { Budget } from './statistics/budget.ts';
import { Attendance } from './statistics/habit.ts';

/** The false alarms that are accepted of the tests of this domain. */
export function budgetOf({ falseAlarmsPerMonth }: Pick<DomainData, 'falseAlarmsPerMonth'>): Budget {
  return { perMonth: falseAlarmsPerMonth, kinds: TESTED_KINDS };
}

/** What every window of a domain holds. */
function commonOf(data: DomainData, attendance: Attendance) {
  const { domain, from, today, reporterDays } = data;
  const domainDays = domainDaysOf(reporterDays, data.byKnown);
  return { domain, from, today, domainDays, reporterDays, attendance, budget: budgetOf(data) };
}

/** The window of the domain as a whole; null: more work of it waits. */
export function domainWindow(
  data: DomainData,
  senders: BrokenSenders,
  attendance: Attendance,
  known: readonly KnownFinding[],
): DomainWindow | null {
  const { networks, names, policyDays } = data;
  return (
    networks && {
      ...commonOf(data, attendance),
      networks,
      names,
      policyDays,
      policy: currentPolicy(policyDays),
      reporting: reportingOf(data),
      excluded: new Set([
        ...senders.failingSources,
        ...listedNetworks(data, 'approved').keys(),
        ...(data.ownServers ?? []),
        ...(data.outgrown?.keys() ?? []),
        ...(data.gateways ?? []),
      ]),
      denied: listedNetworks(data, 'denied'),
      ...(data.unnamed !== undefined && { unnamed: data.unnamed }),
      ...(data.used !== undefined && { used: data.used }),
      known,
    }
  );
}

function reportingOf({ elsewhere = [], spread = new Map(), lateness = new Map(), others, published }: DomainData): Reporting {
  const undecided = new Map<string, string>();
  for (const { reporter, day } of others?.reporterDays ?? []) undecided.set(reporter, later(day, undecided.get(reporter) ?? ''));
  return { elsewhere, spread, lateness, undecided, published: published ?? null };
}

/** The window of what arrived, whoever sent it. */
export function arrivalWindow(data: DomainData, attendance: Attendance, known: readonly KnownFinding[]): ArrivalWindow {
  const { domain, forged, genuine } = data;
  return {
    domain,
    now: dayOf(data.now),
    forged,
    genuine,
    deciders: new Set(attendance.reporters),
    others: new Map(data.others?.reporters.map(({ reporter, standing }) => [reporter, standing])),
    known,
  };
}

/** A window of their rows alone: habit is what they reported before. */
export function undecidedWindow(
  { domain, others, policyDays, ...data }: DomainData,
  known: readonly KnownFinding[],
): UndecidedWindow {
  if (others === null) return { window: null, others: [], told: new Set() };
  const { reporterDays } = others;
  const window: DomainWindow = {
    domain,
    from: others.from,
    today: others.today,
    domainDays: domainDaysOf(reporterDays, false),
    reporterDays,
    attendance: new Attendance(reporterDays),
    budget: budgetOf(data),
    networks: others.networks,
    names: { largest: [], names: 0 },
    policyDays: [],
    policy: currentPolicy(policyDays),
    excluded: new Set(),
    // What deciding reporters reported and is over has been mailed: others that go on about the same days
    // confirm nothing new.
    known: known.filter(({ kind, state }) => state === 'resolved' || rulesOf('undecided').some((rule) => rule.kind === kind)),
  };
  return { window, others: others.reporters, told: new Set() };
}

/** The window of what DNS says of the domain. */
export function dnsWindow(data: DomainData, known: readonly KnownFinding[]): DnsWindow {
  return {
    domain: data.domain,
    confirmation: data.confirmation ?? null,
    silence: data.silence ?? null,
    today: data.today,
    elsewhere: data.elsewhere ?? [],
    known,
    now: data.now,
    published: data.published ?? null,
    check: data.check ?? null,
    ...(data.drift !== undefined && { drift: data.drift }),
    ...(data.lookalikes !== undefined && { lookalikes: data.lookalikes }),
    keyMail: data.keyMail ?? [],
    spfMail: data.spfMail ?? [],
    senders: data.senders ?? null,
    days: new Set(data.reporterDays.map(({ day }) => day)).size,
  };
}

/** What the logs show of the domain; null where they were not looked at. */
export function sendingWindow(
  { domain, now, sending, declared, published }: DomainData,
  known: readonly KnownFinding[],
): SendingWindow | null {
  return sending === undefined ? null : { ...sending, domain, now, declared, published: published ?? null, known };
}

/** The newest report days, newest first. */
export function domainDaysOf(reporterDays: readonly ReporterDay[], byKnown: boolean): DomainDay[] {
  const days = new Map<string, DomainDay>();
  for (const { day, reporter, messages } of reporterDays) {
    const one = days.get(day) ?? { day, messages: 0, reporters: [] };
    one.messages += messages;
    one.reporters.push(reporter);
    days.set(day, one);
  }
  const newest = [...days.values()].sort((a, b) => (a.day < b.day ? 1 : -1)).slice(0, DOMAIN_DAYS);
  return byKnown ? newest.map((day) => ({ ...day, known: day.reporters })) : newest;
}

/**
 * What people said of the networks: those that are approved are not unauthorized, and of those that are
 * denied nobody has to be asked whose they are. (A network has no signer, so no entry of a service applies.)
 */
function listedNetworks({ networks, senderList }: DomainData, verdict: ListEntry['verdict']): Map<string, ListEntry> {
  const entries = (networks?.largest ?? []).map(({ source }) => [source, entryOf(senderList, source, null)] as const);
  return new Map(entries.flatMap(([source, entry]) => (entry?.verdict === verdict ? [[source, entry] as const] : [])));
}
