import { dayOf } from '../../shared/days.ts';
import { counted, number, percent, short } from '../../shared/format.ts';
import type { DomainDay, SourceClass, SourceDay } from '../../store/analysis/window-reads.ts';
import type { ListEntry } from '../../store/sources/sender-list.ts';
import { type Counts, days, failedOf, reportersOf, type SourceWindow, saidToForward, signerOf, total } from '../rules/window.ts';
import { stated, wilson, witnessed, witnesses } from '../statistics/confidence.ts';
import { failingRun } from '../statistics/series.ts';
import { forwardingOdds } from './forwarding.ts';
import { passesOn } from './identity.ts';
import { isNetwork } from './network.ts';
import { type RelayedBy, relayedBy } from './relays.ts';

/**
 * Below this share of the domain's recent mail, a source that passes by the signature alone is more likely a
 * forwarder.
 */
const FORWARDER_VOLUME = 0.03;
/** What that is worth in log odds, and what the contrary is. */
const SMALL = 1.5;
const LARGE = 4;
/** It signs for itself, or for another, by the keys of this part of its mail. */
const MOSTLY = 0.5;
/** How sure it is that a sender that broke is one. */
const BROKEN = 0.8;
/** What inference from volume is worth, beside a reporter's word. */
const INFERRED = 0.6;
/** And the catalogue's word that this is a forwarder: it may send mail of its customers' own as well. */
const LISTED = 0.8;

/**
 * Says what a source is, from its window:
 *
 * - `authorized`: its mail passes DMARC (RFC 9989 section 5.3.5), mostly. Days that fail since do not change
 *   that, however many; they are the business of authentication_regression.
 * - `forwarded`: receivers say it passes mail on; or the catalogue knows it as a forwarder or mailing list;
 *   or its mail has its author's signature, which verifies elsewhere and not there, or a list's envelope;
 *   or the domain's own signature survives on it while SPF never aligns, in a small part of the domain's
 *   mail, and it is another's signature, or where the mail ends supports it.
 * - `misaligned`: its mail authenticates, but as somebody else.
 * - `unauthorized`: nothing authenticates its mail.
 * - `unknown`: too little was seen, or no class has the majority.
 *
 * A class is assigned when the Wilson lower bound of its share is over one half; confidence is that bound,
 * lowered by how few witnesses (reporters and days) there are.
 *
 * A person's word takes precedence (the domain's own sender list), also over networks that carry nothing but
 * mail of the source it is about: a denied source is `unauthorized` whether
 * it passes or not; an approved one is `authorized` while its own mail mostly passes, and `misaligned` while
 * it does not: a rightful service that needs setup.
 */
export function classify(window: SourceWindow): SourceClass {
  const found = classOf(window);
  return { ...found, failing_since: found.class === 'authorized' ? failingSince(window) : null };
}

function classOf(window: SourceWindow): SourceClass {
  if (window.listed !== null) return byWord(window, window.listed);
  const inferred = infer(window);
  if (window.carries !== undefined && inferred.class === 'authorized') return carried(window.carries, inferred);
  if (!window.broken || inferred.class === 'authorized') return inferred;
  // However long it fails: whose mail it is has not changed.
  const why = `It is a sender whose mail passed and stopped passing (authentication_regression). ${inferred.why}`;
  return { ...inferred, class: 'authorized', confidence: stated(BROKEN), why };
}

/** A network over which nothing comes but mail of a denied source is classed by what was said of that. */
function carried(owner: string, { source, confidence, why }: SourceClass): SourceClass {
  const told = `All its signed mail bears keys of ${short(owner)}, which is denied. ${why}`;
  return { source, class: 'unauthorized', confidence, why: told };
}

function byWord(window: SourceWindow, { verdict, by_name, why, until }: ListEntry): SourceClass {
  const { source, rows } = window;
  const inferred = infer(window);
  const end = until === null ? '' : ` until ${dayOf(until)}`;
  const said = `${verdict === 'approved' ? 'Approved' : 'Denied'} by ${short(by_name, 40)}${end} (${short(why)}).`;
  const told = `${said} ${inferred.why}`;
  if (verdict === 'denied') return { source, class: 'unauthorized', confidence: 1, why: told };
  const sum = total(rows);
  const failed = failedOf(sum);
  // Nothing but what a forwarder broke: that says nothing about the sender.
  if (sum.messages > 0 && sum.passed + failed === 0) return { ...inferred, why: told };
  return { source, class: failed > sum.passed ? 'misaligned' : 'authorized', confidence: 1, why: told };
}

function infer(window: SourceWindow): SourceClass {
  const { source, rows } = window;
  const unknown = (why: string, confidence = 0): SourceClass => ({ source, class: 'unknown', confidence, why });
  // No dates: they would be those of the last look, which depends on when the source was last looked at.
  if (rows.length === 0) return unknown('No trusted report in this window covers this source.');

  const sum = total(rows);
  // The catalogue's word for it is enough where the receivers say nothing: what SPF does not align did not
  // come from a server of ours.
  const via = relayedBy(window, sum);
  const forwarder = via !== null;
  const said = Math.max(0, sum.forwarded - sum.failed_forwarded);
  // Of a sender that mostly passes, what broke on the way says nothing of the rest.
  const byFailing = (via === 'signature' || via === 'envelope') && sum.passed > sum.messages / 2;
  const passedForwarded = forwarder && via !== 'receivers' && !byFailing ? Math.max(said, sum.passed - sum.spf_aligned) : said;
  const shares = {
    authorized: Math.max(0, sum.passed - passedForwarded),
    forwarded: forwarder ? sum.messages - sum.passed + passedForwarded : passedForwarded + sum.failed_forwarded,
    misaligned: forwarder ? 0 : sum.failed_authenticated + (isOurs(window) ? sum.failed_unauthenticated : 0),
    unauthorized: forwarder || isOurs(window) ? 0 : sum.failed_unauthenticated,
  };
  const ranked = Object.entries(shares).sort(([, n], [, m]) => m - n) as [keyof typeof shares, number][];
  const [name, part] = ranked[0]!;
  const bound = wilson(part, sum.messages);
  const seen = `${counted(sum.messages, 'message')} on ${counted(new Set(rows.map((r) => r.day)).size, 'day')} by ${counted(reportersOf(rows).length, 'reporter')}`;
  if (bound <= 0.5) {
    if (part / sum.messages > 0.6) return unknown(`Too little was seen to say: ${seen}.`, stated(bound * 0.5));
    const parts = ranked.filter(([, n]) => n > 0).map(([kind, n]) => `${number(n)} ${WORDS[kind]}`);
    return unknown(`Of ${seen}: ${parts.join(', ')}; nothing has the majority.`, stated(bound * 0.5));
  }
  const inferred = name === 'forwarded' && !saidToForward(sum) && sum.forwarded < part;
  const confidence = bound * witnessed(witnesses(rows)) * (inferred ? LISTED : 1);
  const forwarding = name === 'authorized' ? forwardingIn(window, sum) : null;
  if (forwarding !== null) {
    return {
      source,
      class: 'forwarded',
      confidence: stated(confidence * INFERRED),
      why: `${number(sum.passed)} of ${seen} pass by the domain's own signature while SPF never aligns, and ${forwarding}: probably a forwarder.${window.listed === null ? ' If it is a sender of yours, approve it.' : ''}`,
    };
  }
  return { source, class: name, confidence: stated(confidence), why: WHY[name](window, sum, part, seen) };
}

const WORDS = {
  authorized: 'pass',
  forwarded: 'were forwarded',
  misaligned: 'authenticate as somebody else',
  unauthorized: 'are not authenticated',
};

const RELAYED: Record<RelayedBy, string> = {
  catalogue: 'NAME, which passes mail on',
  receivers: 'a forwarder or mailing list, as the receivers say',
  signature: 'a mailing list or forwarder that changes the mail: the signature of its author verifies elsewhere and not there',
  envelope: 'a mailing list or forwarder, by the name of its envelope',
};

const WHY: Record<keyof typeof WORDS, (window: SourceWindow, sum: Counts, part: number, seen: string) => string> = {
  authorized: (window, sum, _, seen) => {
    const by =
      sum.dkim_aligned > 0 && sum.spf_aligned > 0
        ? `by DKIM (${number(sum.dkim_aligned)}) and SPF (${number(sum.spf_aligned)})`
        : sum.dkim_aligned > 0
          ? 'by DKIM alone'
          : 'by SPF alone';
    const since = failingSince(window);
    const but = since === null ? '' : ` Since ${since} most of it fails.`;
    return `${number(sum.passed)} of ${seen} pass DMARC, ${by}.${but}`;
  },
  forwarded: (window, sum, part, seen) => {
    const broken = sum.messages - sum.passed;
    const via = relayedBy(window, sum);
    const by =
      via === null
        ? RELAYED.receivers
        : sum.forwarded >= part
          ? RELAYED.receivers
          : RELAYED[via].replace('NAME', window.sender?.name ?? '');
    const tail = broken > 0 ? `; ${number(broken)} of them fail, as a forwarder breaks SPF and sometimes the signature` : '';
    return `${number(part)} of ${seen} came through ${by}${tail}.`;
  },
  misaligned: (window, sum, part, seen) => {
    if (isOurs(window) && sum.failed_unauthenticated > sum.failed_authenticated)
      return window.outgrown
        ? `${number(part)} of ${seen} fail, and it is ${window.outgrown.name}, through which the domain's own mail passes by SPF: the SPF record does not list this network.`
        : `${number(part)} of ${seen} fail, and ${ownBy(window)}: an own server that is not set up.`;
    const signer = signerOf(window.rows);
    const as = [
      ...(sum.failed_foreign_spf > 0
        ? [
            `SPF passes for ${sum.failed_foreign_dkim > 0 ? 'its return path' : named(window)} (${number(sum.failed_foreign_spf)})`,
          ]
        : []),
      ...(sum.failed_foreign_dkim > 0
        ? [`DKIM passes${signer === null ? '' : ` with d=${short(signer)}`} (${number(sum.failed_foreign_dkim)})`]
        : []),
    ];
    return `${number(part)} of ${seen} authenticate, but not as ${short(window.domain)}${as.length > 0 ? `: ${as.join(', ')}` : ''}.`;
  },
  unauthorized: (_, sum, part, seen) =>
    `${number(part)} of ${seen} fail with no passing SPF or DKIM of any domain; ${percent(sum.failed_delivered / Math.max(1, sum.messages - sum.passed))} of what fails was delivered.`,
};

/**
 * Whether what nothing authenticates is the domain's own mail: of an own server, or of a service that outgrew
 * the SPF record.
 */
function isOurs({ own, outgrown }: SourceWindow): boolean {
  return own || outgrown != null;
}

/** The first of the newest days on which most of its mail fails; null where it passes. */
const failingSince = ({ rows }: SourceWindow): string | null => failingRun(days(rows))[0]?.day ?? null;

/** Why a network is an own server. */
function ownBy({ domain, admittedBy }: SourceWindow): string {
  if (admittedBy == null) return `all names of its addresses are below ${short(domain)}`;
  return `the SPF record of ${short(domain)} admits its addresses (${short(admittedBy)})`;
}

/** The source, and the service it is known as. */
function named({ source, sender }: SourceWindow): string {
  return sender === null ? short(source) : `${short(source)} (${sender.name})`;
}

/**
 * What makes a source that passes by the signature alone look like a forwarder; null when nothing does. That
 * is what the catalogue knows it as, else whose signature it is, where reports name the selector; else where
 * its mail ends (forwarding.ts); and how small a part of the domain's mail it is. Reporters whose word
 * decides cover only part of the mailboxes: a forwarder to one of the others looks as widely read as the
 * domain itself, but its signature still shows.
 */
function forwardingIn(window: SourceWindow, sum: Counts): string | null {
  const small = 'they are a small part of its mail';
  if (!passesBySignature(sum)) return null;
  if (passesOn(window.sender)) return small;
  // A mailbox provider forwards for its users, and so may whoever has a name at a hoster; other services
  // send.
  if (window.sender !== null && window.sender.kind !== 'mailbox_provider' && !isNetwork(window.source)) return null;
  if (window.mixed) return 'it bears the keys of several of its senders, who send more of it themselves';
  const size = sizeOf(window.rows, window.domainDays);
  if (window.keys !== null && window.keys.own >= MOSTLY) return null;
  if (window.keys !== null && window.keys.another >= MOSTLY && size >= 0)
    return 'far more comes from elsewhere with the same key';
  return forwardingOdds(window.rows, window.reporterDays) + size > 0 ? small : null;
}

/**
 * Whether it may be a forwarder by what is seen of it alone, so that it is worth asking whose keys it signs
 * with.
 */
export function mayForward(rows: readonly SourceDay[], domainDays: readonly DomainDay[]): boolean {
  const sum = total(rows);
  return sum.passed > 0.5 * sum.messages && passesBySignature(sum) && sizeOf(rows, domainDays) >= 0;
}

/**
 * Whether a source passes by the signature alone, whatever its size, so that it is worth asking whose keys it
 * carries.
 */
export function mayCarryMix(rows: readonly SourceDay[]): boolean {
  const sum = total(rows);
  return sum.passed > 0.5 * sum.messages && passesBySignature(sum);
}

function passesBySignature(sum: Counts): boolean {
  return sum.spf_aligned <= 0.01 * sum.messages && sum.dkim_aligned >= 0.9 * sum.passed;
}

/**
 * What the size of a source says for a forwarder, in log odds: 0 without mail of late, since there is no
 * share of it then.
 */
function sizeOf(rows: readonly SourceDay[], domainDays: readonly DomainDay[]): number {
  const recent = new Set(domainDays.map((day) => day.day));
  const domain = domainDays.reduce((n, day) => n + day.messages, 0);
  const own = rows.reduce((n, row) => n + (recent.has(row.day) ? row.messages : 0), 0);
  if (domain < 100 || own === 0) return 0;
  return own < FORWARDER_VOLUME * domain ? SMALL : -LARGE;
}
