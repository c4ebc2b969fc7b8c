import type { DomainSite } from '../domain-site.ts';

/** Only the largest few reporters see the domain: so it is for most who start with a tool like this one. */
export function few(domain: DomainSite, count: number): DomainSite {
  const kept = [...domain.domain.mix].sort((a, b) => b.share - a.share).slice(0, count);
  const sum = kept.reduce((total, { share }) => total + share, 0);
  domain.domain.mix = kept.map(({ reporter, share }) => ({ reporter, share: share / sum }));
  return domain;
}

/** Three months, as a trial of the program has. */
export const MONTHS = [88, 92] as const;
