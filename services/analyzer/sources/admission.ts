import type { KeyUse } from '../../store/analysis/senders.ts';
import type { Published, SpfMail } from '../../store/dns/published.ts';
import { admittingTerms } from '../published/affected.ts';
import { isNetwork } from './network.ts';

/** More keys and terms than these are not named one by one. */
const MOST_NAMED = 5;

/** A key that signs mail of a source as the domain. */
export interface SigningKey {
  /** `selector._domainkey.domain` */
  name: string;
  /** Messages of the source that verified with it. */
  messages: number;
  /** Other sources that sign with it and are not denied, those of the most messages first. */
  others: string[];
}

/** What is known of how mail of denied sources passes; loaded where a source of the domain is denied. */
export interface DeniedMail {
  /** The sources that a person has denied. */
  sources: ReadonlySet<string>;
  /** Which keys the sources of the domain sign with. */
  uses: readonly KeyUse[];
  /** What the watcher saw of the domain's records; null: it is not watched. */
  published: Published | null;
  /** Where mail came from that passed SPF, of sources that are no networks. */
  spfMail: readonly SpfMail[];
}

/**
 * Who signs most with a key owns it, and this many times as much as another source: when a check of SPF fails
 * now and then, mail of a sender belongs to its network, which is no sender of its own then.
 */
const OWNER_SIGNS = 5;

/**
 * The keys that a source signs with since a day. Who removes one that others sign with as well loses their
 * mail, so they are named with it, however long ago they did.
 */
export function signingKeys(
  { sources, uses }: Pick<DeniedMail, 'sources' | 'uses'>,
  source: string,
  since: string,
): SigningKey[] {
  return uses
    .filter((one) => one.source === source && one.last_day >= since)
    .map((own) => ({
      name: own.key,
      messages: own.passed,
      others: uses
        .filter((one) => one.key === own.key && one.source !== source && !sources.has(one.source) && !isPartOf(one, own))
        .slice(0, MOST_NAMED)
        .map((one) => one.source),
    }))
    .slice(0, MOST_NAMED);
}

/** Whether what a network signs with a key is mail of the source that owns it: little, and not before it. */
function isPartOf(network: KeyUse, owner: KeyUse): boolean {
  return isNetwork(network.source) && network.first_day >= owner.first_day && owner.passed >= OWNER_SIGNS * network.passed;
}

/** The terms of the domain's own SPF record that admit a source, as far as the records are known. */
export function spfTerms(
  { domain, source, include }: { domain: string; source: string; include: readonly string[] },
  { published, spfMail }: Pick<DeniedMail, 'published' | 'spfMail'>,
): string[] {
  if (published === null) return [];
  const networks = isNetwork(source) ? [source] : spfMail.filter((one) => one.source === source).map(({ network }) => network);
  return admittingTerms(domain, published, { networks, include }).slice(0, MOST_NAMED);
}

/**
 * The denied source whose mail a network carries, by the keys that sign it: where each key of the network's
 * signed mail belongs to that source. Null where any of it is signed with a key of somebody else.
 */
export function carriedFor({ sources, uses }: Pick<DeniedMail, 'sources' | 'uses'>, network: string): string | null {
  const own = uses.filter(({ source }) => source === network);
  const owners = own.map(
    (use) => uses.find((one) => one.key === use.key && sources.has(one.source) && isPartOf(use, one))?.source,
  );
  const [owner] = owners;
  return owner !== undefined && owners.every((one) => one === owner) ? owner : null;
}
