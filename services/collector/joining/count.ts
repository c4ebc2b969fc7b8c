import { organizationalDomain } from '../../report/orgdomain.ts';
import { dayOf } from '../../shared/days.ts';
import { groupBy } from '../../shared/group-by.ts';
import type { Counted, Recipient, SentMessage, Signature } from '../../store/sending/types.ts';
import { type Draft, ofFiltersAlone, signsSilently } from './draft.ts';
import { filterOf, handedTo } from './fold.ts';

/** Recipients' domains that one message counts by name. */
const MOST_RECIPIENT_DOMAINS = 100;

/**
 * The drafts of one mail: what several servers and filters saw of it, in the order in which it went through
 * them.
 */
export interface Mail {
  drafts: Draft[];
  /** The servers that each was handed to: several when a filter split it by recipients. */
  next: ReadonlyMap<Draft, readonly Draft[]>;
}

/** Puts drafts together that are of one mail. @param drafts of one cluster and environment */
export function mailsOf(drafts: readonly Draft[]): Mail[] {
  const root = new Map<Draft, Draft>(drafts.map((draft) => [draft, draft]));
  const find = (draft: Draft): Draft => {
    let at = draft;
    while (root.get(at) !== at) at = root.get(at)!;
    return at;
  };
  const next = new Map<Draft, Draft[]>();
  const sameId = groupBy(drafts, (draft) => draft.message_id ?? '');
  const sameQueueId = groupBy(drafts, (draft) => draft.queue_id);
  const leads = (from: Draft, to: Draft) => handedTo(from, to) && (!next.has(from) || from.queued_as.includes(to.queue_id));
  for (const to of [...drafts].sort((a, b) => a.started_at - b.started_at)) {
    const from = to.message_id === null ? undefined : sameId.get(to.message_id)!.find((one) => leads(one, to));
    if (from !== undefined) {
      next.set(from, [...(next.get(from) ?? []), to]);
      root.set(find(to), find(from));
    }
    const servers = sameQueueId.get(to.queue_id)!.filter((one) => filterOf(to, one));
    // Of several servers with the same short id, nobody can say which one called the filter.
    if (servers.length === 1) root.set(find(to), find(servers[0]!));
  }
  // Those that nobody handed on first, filters last.
  const handed = new Set([...next.values()].flat());
  const rank = (draft: Draft) => (ofFiltersAlone(draft) ? 2 : handed.has(draft) ? 1 : 0);
  const groups = groupBy(drafts, find);
  return [...groups.values()].map((group) => ({
    drafts: group.sort((a, b) => rank(a) - rank(b) || a.started_at - b.started_at),
    next,
  }));
}

/** The signature that is aligned with a domain (relaxed, RFC 9989 section 4.4.1), else the first. */
function signatureFor(domain: string, signatures: readonly Signature[]): { signature: Signature | null; aligned: boolean } {
  const wanted = organizationalDomain(domain);
  const aligned = domain === '' ? undefined : signatures.find((one) => organizationalDomain(one.domain) === wanted);
  return { signature: aligned ?? signatures[0] ?? null, aligned: aligned !== undefined };
}

/**
 * What a mail adds to the rollups; null: nothing, since it did not leave. A mail counts once, by where it
 * left, for the day on which the first server took it.
 * @param of who sent it
 */
export function countMail(mail: Mail, of: { cluster: string; environment: string; workload: string }): Counted | null {
  const { drafts } = mail;
  const recipients = drafts.flatMap((draft) => draft.recipients.filter((one) => one.outside && !handedOn(draft, one, mail)));
  const has = (status: (one: Recipient) => boolean) => Number(recipients.some(status));
  const sent = has(({ status }) => status === 'sent');
  const deferred = has(({ status }) => status === 'deferred');
  const refused = has(refusedBy);
  if (sent + deferred + refused === 0) return null;
  const domain = domainOfMail(mail);
  const { signature, aligned } = signatureFor(
    domain,
    drafts.flatMap(({ signatures }) => signatures),
  );
  const signed = signature === null ? 0 : sent;
  const unknown = signature === null && drafts.every((draft) => ofFiltersAlone(draft) || signsSilently(draft));
  return {
    cluster: of.cluster,
    environment: of.environment,
    workload: of.workload,
    domain,
    selector: signature?.selector ?? '',
    signing_domain: signature?.domain ?? '',
    day: dayOf(new Date(drafts[0]!.started_at)),
    at: drafts[0]!.started_at,
    sent,
    signed,
    unsigned: signature === null && !unknown ? sent : 0,
    aligned: aligned ? signed : 0,
    deferred,
    refused,
    refused_dmarc: has((one) => refusedBy(one) && one.dmarc_words),
    recipients: byDomain(recipients),
  };
}

const refusedBy = ({ status }: Recipient): boolean => status === 'bounced' || status === 'expired';

/** The domain of From where a program logged it, else of MAIL FROM; '' of bounces. */
function domainOfMail({ drafts }: Mail): string {
  return (
    drafts.find((draft) => draft.header_domain !== null)?.header_domain ??
    drafts.find((draft) => draft.envelope_domain !== null)?.envelope_domain ??
    ''
  );
}

function handedOn(draft: Draft, { status, queued_as }: Recipient, { next }: Mail): boolean {
  const to = next.get(draft) ?? [];
  return status === 'sent' && to.some((one) => queued_as === null || queued_as === one.queue_id);
}

function byDomain(recipients: readonly Recipient[]): Counted['recipients'] {
  const found = new Map<string, [number, number]>();
  for (const one of recipients) {
    const name = found.has(one.domain) || found.size < MOST_RECIPIENT_DOMAINS ? one.domain : '';
    const counts = found.get(name) ?? [0, 0];
    found.set(name, counts);
    // A message counts once for each domain that took it.
    if (one.status === 'sent') counts[0] = 1;
    else if (refusedBy(one)) counts[1] = 1;
  }
  return Object.fromEntries(found);
}

/**
 * Which way a message went, by what one server saw of it. @param inside whether an address is in the networks
 * that mail is handed on in
 */
export function directionOf(draft: Draft, handed: boolean, inside: (ip: string) => boolean): SentMessage['direction'] {
  const fromInside = draft.local || draft.sasl_username !== null || draft.client_ip === null || inside(draft.client_ip);
  if (draft.recipients.length === 0) return 'unknown';
  if (!handed && draft.recipients.some((one) => one.outside)) return 'out';
  return fromInside ? 'internal' : 'in';
}
