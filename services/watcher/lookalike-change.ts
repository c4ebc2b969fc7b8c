import type { LookedUp } from '../dns/lookalikes/registered.ts';
import type { StoredLookalike } from '../store/dns/lookalikes.ts';

/** What the domain itself has: who has the same is most likely its owner. */
export interface OwnPlaces {
  servers: readonly string[];
  mailHosts: readonly string[];
  /** Names of own domains: a name server below one of them is the owner's. */
  domains: ReadonlySet<string>;
}

/**
 * What is known of a look-alike after an answer. The first answer is the ground: only what differs from it
 * later is a change. What was not answered changes nothing.
 * @returns `news`: whether the analyzer must look
 */
export function afterAnswer(
  before: StoredLookalike,
  found: LookedUp,
  own: OwnPlaces,
  now: Date,
): { after: StoredLookalike; news: boolean } {
  if (found.state === 'unknown') return { after: { ...before, asked_at: now }, news: false };
  const answered = { ...before, asked_at: now, answered_at: before.answered_at ?? now };
  if (found.state === 'free') {
    const gone = before.registered === true;
    return {
      after: { ...answered, registered: false, gone_at: gone ? now : before.gone_at },
      news: gone && before.change !== null,
    };
  }
  const servers = found.servers.length > 0 ? found.servers : before.servers;
  const mail_hosts = found.mailHosts ?? before.mail_hosts;
  const dmarc = found.dmarc ?? before.dmarc;
  const yours = isYours(servers, mail_hosts ?? [], own);
  const first = before.answered_at === null;
  const back = before.registered === false && before.gone_at !== null && equal(before.servers, servers);
  const fresh = !first && before.registered === false && !back;
  const after: StoredLookalike = {
    ...answered,
    registered: true,
    baseline: first || (before.baseline && !fresh),
    first_seen: fresh || before.first_seen === null ? now : before.first_seen,
    gone_at: null,
    servers,
    mail_hosts,
    dmarc,
    yours,
  };
  const change = changeOf(before, after, fresh);
  if (change === null) return { after, news: before.change !== null && !alike(before, after) };
  const was = fresh ? { mail_hosts: [], dmarc: '' } : { mail_hosts: before.mail_hosts ?? [], dmarc: before.dmarc ?? '' };
  return { after: { ...after, change, changed_at: now, before: was }, news: true };
}

/** What became of a registered name that is worth a word; null: nothing. */
function changeOf(before: StoredLookalike, after: StoredLookalike, fresh: boolean): StoredLookalike['change'] {
  const takesMail = (after.mail_hosts?.length ?? 0) > 0;
  // Of what is registered since the watch began, the first mail host counts, whenever it is seen.
  if (!after.baseline && takesMail && (fresh || before.change === null)) return 'registered';
  if (fresh) return null;
  const { mail_hosts: old, dmarc: record } = before;
  if (takesMail && old !== null && !equal(old, after.mail_hosts ?? [])) return 'mail';
  if (record !== null && after.dmarc !== null && record !== after.dmarc && (takesMail || after.dmarc !== '')) return 'dmarc';
  return null;
}

/**
 * Whether a name is most likely the owner's own: it has the name servers of the domain. A hoster gives the
 * same servers to strangers, so mail that goes elsewhere speaks against it, unless these servers are the
 * owner's.
 */
function isYours(servers: readonly string[], mailHosts: readonly string[], own: OwnPlaces): boolean {
  if (own.servers.length === 0 || !equal(servers, own.servers)) return false;
  const ofOwner = servers.every((server) => [...own.domains].some((domain) => server.endsWith(`.${domain}`)));
  return ofOwner || mailHosts.every((host) => own.mailHosts.includes(host));
}

const equal = (one: readonly string[], other: readonly string[]) => one.join(' ') === other.join(' ');

function alike(one: StoredLookalike, other: StoredLookalike): boolean {
  return one.registered === other.registered && one.yours === other.yours && equal(one.mail_hosts ?? [], other.mail_hosts ?? []);
}
