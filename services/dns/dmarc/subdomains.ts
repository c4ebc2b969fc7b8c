/** A step that closes the names below a domain to forgers. */
export interface Closing {
  tag: 'np' | 'sp';
  value: 'quarantine' | 'reject';
  sentence: string;
}

/**
 * What closes the names below a domain, in the order that costs the least mail: `np` first, which is about
 * mail that fails as names that do not exist, and that hits own mail only of hosts whose names DNS does not
 * know; `sp` when what is sent from names that do exist passes (RFC 9989 section 4.7). The check of the
 * records, the domain's next step and the findings all say what this says.
 * @param published the policy with its defaults: `sp` as `p`, `np` as `sp`
 * @param names.inUse the names under which mail passes, listed; null when none is known
 * @param names.unused whether there may be names that do not exist
 */
export function closeSubdomains(
  domain: string,
  published: { p: string | null; sp: string | null; np: string | null } | null,
  { inUse, unused }: { inUse: string | null; unused: boolean },
): Closing[] {
  const value = published?.p === 'quarantine' && published.sp === 'none' ? 'quarantine' : 'reject';
  const mail = inUse === null ? 'you send from subdomains, if anything,' : `you send as ${inUse}, and from any other subdomain,`;
  return [
    ...(published?.np !== 'reject' && unused
      ? [
          {
            tag: 'np',
            value: 'reject',
            sentence: `Publish np=reject at _dmarc.${domain}: it applies only to mail that fails as a name that does not exist in DNS (RFC 9989 section 4.7). Look first whether a server of yours sends as such a name, as root@host.internal.${domain} does. Receivers that do not know np yet use sp.`,
          } as const,
        ]
      : []),
    ...(published?.sp === 'reject'
      ? []
      : [{ tag: 'sp', value, sentence: `Publish sp=${value} as soon as what ${mail} passes.` } as const]),
  ];
}
