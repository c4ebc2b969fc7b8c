/** A step that closes the names below a domain to forgers. */
export interface Closing {
  tag: 'np' | 'sp';
  value: 'quarantine' | 'reject';
  sentence: string;
}

/**
 * What closes the names below a domain, in the order that costs no mail: `np` first, which is about names
 * that do not exist, from which nobody can send; `sp` when what is sent from those that do exist passes (RFC
 * 9989 section 4.7). The check of the records, the domain's next step and the findings all say what this
 * says.
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
            sentence: `Publish np=reject at _dmarc.${domain}: it applies only to names that do not exist in DNS, so none of your mail can be affected (RFC 9989 section 4.7). Receivers that do not know np yet use sp.`,
          } as const,
        ]
      : []),
    ...(published?.sp === 'reject'
      ? []
      : [{ tag: 'sp', value, sentence: `Publish sp=${value} as soon as what ${mail} passes.` } as const]),
  ];
}
