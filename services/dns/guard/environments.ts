import type { DomainCheck } from '../check/check.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { policiesOf } from '../dmarc/applied.ts';
import { ASPECTS, type Aspect } from './aspects.ts';
import { type GuardFinding, guardFinding } from './codes.ts';
import { type KeyRecord, keyAt, keyData, strengthOf, unusable } from './dkim.ts';
import { reportPlace } from './dmarc.ts';
import type { GuardedDomain } from './file.ts';
import { allOf, sendingTerms } from './spf-terms.ts';

/** The values of each aspect; null: nobody could say. */
export type Aspects = Record<Aspect, readonly string[] | null>;

/** How one aspect of a domain stands to that of its counterpart in the reference environment. */
export interface Comparison {
  aspect: Aspect;
  state: 'same' | 'allowed' | 'differs' | 'unknown';
  /** Values that only the counterpart has, and only this domain. */
  missing: readonly string[];
  extra: readonly string[];
}

/** A domain of one environment beside its counterpart. */
export interface Pair {
  of: GuardedDomain;
  /** In the reference environment. */
  like: { environment: string; domain: string };
  comparisons: readonly Comparison[];
}

/** The keys of the selectors that either of two environments declares. */
async function keysOf(
  domain: string,
  selectors: readonly string[],
  dns: Dns,
  options: AskOptions,
): Promise<Map<string, KeyRecord>> {
  return new Map(await Promise.all(selectors.map(async (one) => [one, await keyAt(domain, one, dns, options)] as const)));
}

/** What environments are compared by. */
export async function aspectsOf(
  domain: string,
  check: DomainCheck,
  selectors: readonly string[],
  { dns, options = {} }: { dns: Dns; options?: AskOptions },
): Promise<Aspects> {
  const unknown = (part: string) => check.findings.some(({ code }) => code === `${part}_unknown`);
  const root = check.spf?.tree.root;
  const record = root?.record ?? null;
  const discovery = check.dmarc?.discovery;
  const policy = discovery?.state === 'found' ? policiesOf(discovery.record, discovery.policy) : null;
  const dmarc = discovery?.state === 'found' ? discovery.record : null;
  const of = (values: readonly string[], known = true) => (known ? [...new Set(values)].sort() : null);
  const spfKnown = root?.state !== 'unknown';
  const dmarcKnown = discovery?.state !== 'unknown';
  const keys = [...(await keysOf(domain, selectors, dns, options))];
  const keysKnown = keys.every(([, { state }]) => state !== 'unknown');
  const usable = keys.flatMap(([selector, found]) =>
    found.state === 'key' && unusable(found.key) === null ? [{ selector, key: found.key }] : [],
  );
  const mtaSts = mtaStsOf(check);
  return {
    'spf.sources': of(record === null ? [] : sendingTerms(record, domain).map(({ normal }) => normal), spfKnown),
    'spf.all': of(record === null ? [] : [allOf(record) ?? 'redirect'], spfKnown),
    'dkim.selectors': of(
      usable.map(({ selector }) => selector),
      keysKnown,
    ),
    'dkim.strength': of(
      usable.map(({ key }) => strengthOf(key)),
      keysKnown,
    ),
    'dkim.keys': of(
      usable.map(({ selector, key }) => `${selector}: ${fingerprint(keyData(key.text) ?? '')}`),
      keysKnown,
    ),
    'dmarc.policy': of(policy === null ? ['no record'] : [policy.policy], dmarcKnown),
    'dmarc.subdomains': of(policy === null ? [] : [`sp ${policy.subdomains}`, `np ${policy.nonexistent}`], dmarcKnown),
    'dmarc.alignment': of(dmarc === null ? [] : [`adkim=${dmarc.adkim}`, `aspf=${dmarc.aspf}`], dmarcKnown),
    'dmarc.reports': of(dmarc?.rua.map(({ text }) => reportPlace(text)) ?? [], dmarcKnown),
    mta_sts: of(mtaSts, !unknown('mta_sts')),
    tls_rpt: of(check.tlsRpt?.record?.rua.map(({ text }) => reportPlace(text)) ?? [], !unknown('tlsrpt')),
    bimi: of(check.bimi?.record ? [check.bimi.record.location ?? 'declined'] : [], !unknown('bimi')),
  };
}

function mtaStsOf({ mtaSts }: DomainCheck): string[] {
  if (mtaSts?.record == null) return [];
  return [mtaSts.policy === null ? 'record' : `mode ${mtaSts.policy.mode ?? 'none'}`];
}

/** Enough of a key to distinguish it from another. */
function fingerprint(data: string): string {
  return data.length <= 16 ? data : `…${data.slice(-16)}`;
}

/**
 * Compares a domain with its counterpart. A value with the own name in it is the same as one with the other's
 * name there.
 */
export function compareAspects(
  { domain, like, mayDiffer }: Pick<GuardedDomain, 'domain' | 'like' | 'mayDiffer'>,
  mine: Aspects,
  reference: Aspects,
): Comparison[] {
  return ASPECTS.map((aspect): Comparison => {
    const [own, other] = valuesOf(aspect, mine, reference);
    if (own === null || other === null) return { aspect, state: 'unknown', missing: [], extra: [] };
    const same = (ours: string, theirs: string) => ours === theirs || local(ours, domain) === local(theirs, like ?? domain);
    const missing = other.filter((theirs) => !own.some((ours) => same(ours, theirs)));
    const extra = own.filter((ours) => !other.some((theirs) => same(ours, theirs)));
    if (missing.length + extra.length === 0) return { aspect, state: 'same', missing, extra };
    const values = mayDiffer.get(aspect);
    const allowed = values === null || (values !== undefined && [...missing, ...extra].every((value) => values.includes(value)));
    return { aspect, state: allowed ? 'allowed' : 'differs', missing, extra };
  });
}

/** A value with "@" for the domain. */
function local(value: string, domain: string): string {
  return value.replaceAll(new RegExp(`(?<![a-z0-9_-])${domain.replaceAll('.', '\\.')}(?![a-z0-9_.-])`, 'g'), '@');
}

/** Keys are compared where both have the selector: which selectors there are is an aspect of its own. */
function valuesOf(aspect: Aspect, mine: Aspects, reference: Aspects): [readonly string[] | null, readonly string[] | null] {
  const [own, other] = [mine[aspect], reference[aspect]];
  if (aspect !== 'dkim.keys' || own === null || other === null) return [own, other];
  const selectorIn = (value: string) => value.slice(0, value.indexOf(':'));
  const shared = (values: readonly string[], among: readonly string[]) =>
    values.filter((value) => among.some((one) => selectorIn(one) === selectorIn(value)));
  return [shared(own, other), shared(other, own)];
}

/** The selectors that either of two domains declares. */
export function selectorsOf(...domains: readonly (GuardedDomain | undefined)[]): string[] {
  return [...new Set(domains.flatMap((one) => Object.keys(one?.wanted.dkim?.selectors ?? {})))].sort();
}

/** The differences that nobody declared, as findings about the domain that is compared. */
export function pairFindings({ of, like, comparisons }: Pair): GuardFinding[] {
  const { environment, domain } = of;
  const side = (where: string, values: readonly string[]) =>
    values.length === 0 ? '' : ` ${where} alone has ${values.join(', ')}.`;
  return comparisons
    .filter(({ state }) => state === 'differs')
    .map(({ aspect, missing, extra }) => {
      const place = { environment, domain, name: nameOf(aspect, domain), text: null };
      const what = `${aspect} of ${domain} (${environment}) differs from that of ${like.domain} (${like.environment}).`;
      const message = `${what}${side(like.environment, missing)}${side(environment, extra)} Publish the same, or allow it: may_differ: [${aspect}].`;
      return guardFinding('guard_differs', place, {
        message,
        wanted: missing.join(', ') || null,
        published: extra.join(', ') || null,
        differs: { aspect, ...like, missing, extra },
      });
    });
}

function nameOf(aspect: Aspect, domain: string): string {
  if (aspect.startsWith('dmarc')) return `_dmarc.${domain}`;
  if (aspect === 'mta_sts') return `_mta-sts.${domain}`;
  if (aspect === 'tls_rpt') return `_smtp._tls.${domain}`;
  if (aspect === 'bimi') return `default._bimi.${domain}`;
  return domain;
}
