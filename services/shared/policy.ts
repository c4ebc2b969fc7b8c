/**
 * The tags whose change matters, in the order of display (RFC 9989 section 4.7; `pct` RFC 7489 section 6.3).
 */
export const TAGS = ['p', 'sp', 'np', 'pct', 't', 'adkim', 'aspf'] as const;
export type Tag = (typeof TAGS)[number];

/**
 * What a published policy amounts to. An absent tag has its default: `sp` that of `p`, `np` that of `sp`,
 * `pct` 100, `t` n, alignment relaxed. So a reporter that spells defaults out and one that leaves them out
 * say the same. Null: not known.
 */
export type Policy = Record<Tag, string | null>;

/** Policies that were read: a domain has a handful, and each of its days and reporters shows one of them. */
const KEPT = 1024;
const policies = new Map<string, Readonly<Policy>>();

/** Reads the spelling of ruawatch.policy_days: "p=reject; sp=none; adkim=r". */
export function parsePolicy(text: string): Readonly<Policy> {
  let policy = policies.get(text);
  if (policy === undefined) {
    policy = readPolicy(text);
    if (policies.size >= KEPT) policies.clear();
    policies.set(text, policy);
  }
  return policy;
}

/** Mail.Ru writes `<sp>nil</sp>` where the record has no such tag: the default applies. */
const isAbsent = (tag: string, value: string): boolean => value === 'nil' && (tag === 'sp' || tag === 'np');

function readPolicy(text: string): Policy {
  const tags = new Map<string, string>();
  for (const part of text.split(';')) {
    const at = part.indexOf('=');
    if (at <= 0) continue;
    const tag = part.slice(0, at).trim().toLowerCase();
    const value = part
      .slice(at + 1)
      .trim()
      .toLowerCase();
    if (!isAbsent(tag, value)) tags.set(tag, value);
  }
  const p = tags.get('p') ?? null;
  const sp = tags.get('sp') ?? p;
  return {
    p,
    sp,
    np: tags.get('np') ?? sp,
    pct: tags.get('pct') ?? '100',
    t: tags.get('t') ?? tags.get('testing') ?? 'n',
    adkim: tags.get('adkim') ?? 'r',
    aspf: tags.get('aspf') ?? 'r',
  };
}

/** One tag of a policy text; null when there is no policy. */
export function publishedTag(policy: string | null, tag: Tag): string | null {
  return policy === null ? null : parsePolicy(policy)[tag];
}

const STRENGTHS: Record<Exclude<Tag, 'pct'>, Record<string, number>> = {
  p: { none: 0, quarantine: 1, reject: 2 },
  sp: { none: 0, quarantine: 1, reject: 2 },
  np: { none: 0, quarantine: 1, reject: 2 },
  t: { y: 0, n: 1 },
  adkim: { r: 0, s: 1 },
  aspf: { r: 0, s: 1 },
};

/**
 * How strong a value is among those of its tag; null for a value the standard does not have, which proves
 * nothing.
 */
export function strength(tag: Tag, value: string | null): number | null {
  if (value === null) return null;
  if (tag !== 'pct') return Object.hasOwn(STRENGTHS[tag], value) ? STRENGTHS[tag][value]! : null;
  const pct = Number(value);
  return Number.isInteger(pct) && pct >= 0 && pct <= 100 ? pct : null;
}
