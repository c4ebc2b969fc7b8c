import { number } from './format.ts';

/** Below this share, single reporters that do not sign are the cause, which dmarc.untrusted_reports shows. */
const WORTH_SAYING = 0.25;

/**
 * That reports cannot be verified, and so open no finding, for `doctor`, `findings`, the log and the digest;
 * null when most can.
 * @param share counts of the same days
 */
export function unverifiedSentence({ reports, unverified }: { reports: number; unverified: number }): string | null {
  if (reports === 0 || unverified / reports < WORTH_SAYING) return null;
  return `${number(unverified)} of ${number(reports)} reports of the last week could not be verified, so they open no finding: set or correct trust.authserv_ids (docs/trust.md), then run "ruawatch verify --all".`;
}
