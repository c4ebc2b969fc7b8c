import type { DomainDay } from '../../store/analysis.ts';
import type { KnownFinding } from '../../store/findings.ts';

/** The most report days any rule waits for; the newest DOMAIN_DAYS are loaded. */
export const DOMAIN_DAYS = 14;

/**
 * Whether what a finding tells of has stopped: on `enough` report days after its last day, one of the reporters that saw it reported
 * again, and did not. A reporter that fell silent proves nothing, unless all others go on for DOMAIN_DAYS.
 */
export function silent(finding: KnownFinding, domainDays: readonly DomainDay[], enough: number): boolean {
  const newer = domainDays.filter((day) => day.day > finding.last_day);
  const witnesses = new Set(finding.evidence.reporters);
  const heard = newer.filter((day) => day.reporters.some((reporter) => witnesses.has(reporter)));
  return heard.length >= enough || newer.length >= DOMAIN_DAYS;
}
