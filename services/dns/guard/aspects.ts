/**
 * What is compared between environments. Each can be allowed to differ, by its name or by the word before its
 * dot.
 */
export const ASPECTS = [
  'spf.sources',
  'spf.all',
  'dkim.selectors',
  'dkim.strength',
  'dkim.keys',
  'dmarc.policy',
  'dmarc.subdomains',
  'dmarc.alignment',
  'dmarc.reports',
  'mta_sts',
  'tls_rpt',
  'bimi',
] as const;
export type Aspect = (typeof ASPECTS)[number];

/** The aspects that a word of `may_differ` means: an aspect, or what stands before the dot of several. */
export function aspectsNamed(word: string): Aspect[] {
  return ASPECTS.filter((aspect) => aspect === word || aspect.startsWith(`${word}.`));
}
