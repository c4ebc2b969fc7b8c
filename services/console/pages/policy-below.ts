import { strength } from '../../shared/policy.ts';

/** The policy of a domain, of names below it, and of those that do not exist. */
export interface PolicyTags {
  p: string | null;
  sp: string | null;
  np: string | null;
}

/**
 * The part of failing mail as names below a domain that its policy lets through though it stops mail as the
 * domain itself: `np` applies to names that do not exist, `sp` to the others (RFC 9989 section 4.7).
 */
export function letThrough({ p, sp, np }: PolicyTags, { used, unused }: { used: number; unused: number }): number {
  if (p === null || p === 'none') return 0;
  if (sp === np || used + unused === 0) return sp === 'none' ? 1 : 0;
  return ((sp === 'none' ? used : 0) + (np === 'none' ? unused : 0)) / (used + unused);
}

/**
 * "sp=none" where names below a domain are protected less than the domain itself; empty where they are not.
 */
export function weakerBelow({ p, sp, np }: PolicyTags): string {
  const own = strength('p', p) ?? 0;
  const weaker = (value: string | null, than: number) => value !== null && (strength('sp', value) ?? own) < than;
  // Where np is not published, sp is what applies.
  const tags = [
    ...(weaker(sp, own) ? [`sp=${sp}`] : []),
    ...(np !== sp && (weaker(np, own) || weaker(sp, own)) ? [`np=${np}`] : []),
  ];
  return tags.join('; ');
}
