import type { DomainDay } from '../../store/analysis/window-reads.ts';
import type { KnownFinding } from '../../store/findings/findings.ts';
import type { DomainWindow } from './window.ts';

/** The most report days any rule waits for; the newest DOMAIN_DAYS are loaded. */
export const DOMAIN_DAYS = 14;

/**
 * Whether what a finding is about has stopped: on `enough` report days after its last day, one of the
 * reporters that saw it reported again, and did not. A reporter that fell silent proves nothing, unless all
 * others go on for DOMAIN_DAYS.
 */
export function silent(finding: KnownFinding, domainDays: readonly DomainDay[], enough: number): boolean {
  return silentSince({ last_day: finding.last_day, reporters: finding.evidence.reporters }, domainDays, enough);
}

/** The same of what was last seen on `last_day`, by `reporters`. */
export function silentSince(
  { last_day, reporters }: { last_day: string; reporters: readonly string[] },
  domainDays: readonly DomainDay[],
  enough: number,
): boolean {
  const newer = domainDays.filter((day) => day.day > last_day);
  const witnesses = new Set(reporters);
  const heard = newer.filter((day) => day.reporters.some((reporter) => witnesses.has(reporter)));
  return heard.length >= enough || newer.length >= DOMAIN_DAYS;
}

/** This part of what a finding counts is a sender of the domain's, and it was no forger. */
const OWN = 0.5;

/**
 * Whether the networks of a finding about forged mail turned out to be senders of the domain's, when their
 * names became known or when their mail was seen to have passed before: whether that mail fails is the
 * business of other rules.
 */
export function isOwnAfterAll({ evidence }: KnownFinding, { excluded }: Pick<DomainWindow, 'excluded'>): boolean {
  const own = evidence.who.reduce((n, { source, messages }) => n + (excluded.has(source) ? messages : 0), 0);
  return evidence.messages > 0 && own >= OWN * evidence.messages;
}
