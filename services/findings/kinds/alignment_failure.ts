import { z } from 'zod';
import { counted, number, short } from '../../shared/format.ts';
import { kind, type Told, type Words } from './kind.ts';

const facts = z.object({
  rule: z.literal('alignment_failure'),
  /**
   * Most of it passes neither SPF nor DKIM for any domain: a sender that a person approved and that is not
   * set up at all.
   */
  bare: z.boolean(),
  /** Who approved it; null when nobody did. */
  approved_by: z.string().nullable(),
  /** The term of the domain's own SPF record that admits it; null when none is known to. */
  admitted_by: z.string().nullish(),
  /**
   * The service whose networks the domain's SPF record does not list, with what it publishes for that; null
   * or absent: it is none.
   */
  outgrown: z.object({ name: z.string(), include: z.string().nullable() }).nullish(),
  /** The foreign domain that signs most of it. */
  signer: z.string().nullable(),
  /** So small a part of the domain's mail that it may be a forwarder. */
  small: z.boolean(),
  /**
   * Never seen before, and without any signature of a domain that signs, which mail passed on would bear;
   * absent: no.
   */
  stranger: z.boolean().optional(),
  /**
   * From so many networks a little each, nothing ties it to the domain: a forger's; null where it does not
   * look so.
   */
  scattered: z.number().nullish(),
  /** By what it is known to pass on mail of others, unchanged in From; null when it is not. */
  relayed_by: z.enum(['catalogue', 'receivers', 'signature', 'envelope']).nullish(),
  /** The published policy; null when it is not known. */
  p: z.string().nullable(),
  /** aspf=s is published. */
  strict_spf: z.boolean(),
  /**
   * adkim=s is published, and most of it is signed as this other name of the organization; null where that is
   * not so.
   */
  strict_dkim: z.string().nullish(),
  /** The mail service, with what its documentation says about alignment. */
  service: z
    .object({
      name: z.string(),
      align: z.string(),
      source: z.string().nullable(),
      /** The records to publish, where they are the same for every customer of the service. */
      publish: z.array(z.object({ name: z.string(), type: z.enum(['CNAME', 'TXT']), value: z.string() })).optional(),
    })
    .nullable(),
});
export type AlignmentFacts = z.output<typeof facts>;

const MECHANISM = { spf: 'SPF passes unaligned', dkim: 'DKIM passes unaligned', both: 'SPF and DKIM pass unaligned' };

export const alignmentFailure = kind(
  facts,
  { name: 'A sender that is not aligned', mail: 'rightful', partOf: 'senders', againstPolicy: true, approvable: true },
  (told, given) => {
    const { subject, evidence } = told;
    const source = short(subject);
    const domain = short(told.domain);
    const messages = counted(evidence.messages, 'message');
    if (given.relayed_by) return relayWords(told, given.relayed_by);
    if (given.outgrown) return outgrownWords(told, given.outgrown);
    if (given.bare) return bareWords(told, given);
    const mechanism = evidence.mechanism ?? 'both';
    const signer = short(given.signer ?? subject);
    const as = {
      spf: `SPF passes for ${source}`,
      dkim: `DKIM passes for d=${signer}`,
      both: `SPF passes for its return path and DKIM for d=${signer}`,
    }[mechanism];
    const title = `${source} sends as ${domain} but authenticates as itself`;
    // What p=none lets through now was turned away by an older policy.
    const fate = given.p === 'none' ? null : fateOf(evidence);
    return {
      title: fate === null ? `${source} sends as ${domain} unaligned` : `Mail of ${source} as ${domain} is ${fate}`,
      topic: `mail of ${source} as ${domain}`,
      summary: `${title}: ${messages} since ${evidence.since} failed DMARC (${MECHANISM[mechanism]})`,
      what: `${messages} from ${source} in the name of ${domain} ${evidence.messages === 1 ? 'authenticates' : 'authenticate'} as another domain: ${as}, and ${mechanism === 'both' ? 'neither aligns' : 'that does not align'} with ${domain}.${lostOf(evidence)}${given.p === 'none' && fateOf(evidence) !== null ? ' Now that p=none is published, they deliver it.' : ''}`,
      advice: adviceOf(told, given),
      senders: given.scattered
        ? [{ verdict: 'deny', source: subject, when: 'If you do not know it', why: 'forges our name' }]
        : [
            ...(given.approved_by === null
              ? [{ verdict: 'approve' as const, source: subject, when: 'If it sends for you', why: 'sends for us' }]
              : []),
            {
              verdict: 'deny',
              source: subject,
              when: given.approved_by === null ? 'If it does not' : 'If it sends for you no more',
              why: 'does not send for us',
            },
          ],
      ...(given.service?.source && { links: [given.service.source] }),
    };
  },
);

/** A sender of the domain's own, or an approved one, that is not set up at all. */
function bareWords(told: Told, given: AlignmentFacts): Words {
  const { subject, evidence } = told;
  const source = short(subject);
  const domain = short(told.domain);
  const messages = counted(evidence.messages, 'message');
  const by = given.approved_by;
  const several = by === null && evidence.senders > 1;
  const servers = `${number(evidence.senders)} own servers`;
  const title = several
    ? `${servers} of ${domain} are not set up`
    : by === null
      ? `Own server ${source} of ${domain} is not set up`
      : `${source}, approved to send as ${domain}, is not set up`;
  return {
    title,
    topic: several ? `mail of own servers as ${domain}` : `mail of ${source} as ${domain}`,
    summary: `${title}: ${messages} since ${evidence.since} failed DMARC (neither SPF nor DKIM passes)`,
    what: several
      ? `${messages} from ${counted(evidence.senders, 'network')} in the name of ${domain}, the most from ${source}, had neither a passing SPF nor a passing DKIM. The networks are your own servers: the names of their addresses are confirmed and below the domain, or its SPF record allows them.`
      : `${messages} from ${source} in the name of ${domain} had neither a passing SPF nor a passing DKIM; ${whose(told, given)}.`,
    advice: [
      `Let ${several ? 'each of them' : source} sign with DKIM (d=${domain}) and publish its key under _domainkey.${domain}.`,
      `Also set ${several ? 'their' : 'its'} return path (MAIL FROM) to ${domain}${given.admitted_by ? ', whose SPF record already allows its addresses' : `, and add ${several ? 'their' : 'its'} addresses to the SPF record there`}.`,
    ],
  };
}

/** Our own mail through a service of ours, from networks that the SPF record does not reach. */
function outgrownWords(
  { subject, domain: full, evidence }: Told,
  { name, include }: NonNullable<AlignmentFacts['outgrown']>,
): Words {
  const domain = short(full);
  const service = short(name);
  const several = evidence.senders > 1;
  const networks = several ? `${number(evidence.senders)} networks` : short(subject);
  const messages = counted(evidence.messages, 'message');
  return {
    title: `SPF of ${domain} lacks ${several ? networks : 'a network'} of ${service}`,
    topic: `mail of ${service} as ${domain}`,
    summary: `SPF of ${domain} lacks ${networks} of ${service}: ${messages} since ${evidence.since} failed DMARC`,
    what: `${messages} in the name of ${domain} from ${networks} of ${service} (by confirmed names) passed neither SPF nor DKIM. Your own mail comes through ${service} as well and passes by SPF alone, from networks that the SPF record lists; it does not list ${several ? 'these' : 'this one'}.`,
    advice: [
      include === null
        ? `Have the SPF record of ${domain} name all networks of ${service}, as its documentation says: addresses that were written down once go stale.`
        : `Use include:${short(include)} in the SPF record of ${domain} in place of addresses that were written down once: such a list goes stale as ${service} grows.`,
      `Let ${service} sign with DKIM (d=${domain}): signed mail passes from every network of it, and survives forwarding.`,
      `If the record has that include, somebody else may be using ${service} in your name: the return path (envelope_from) in the rows that the query finds shows whose mail it is.`,
    ],
  };
}

/** What became of most of it, where receivers turned most of it away. */
function fateOf({ messages, quarantined, rejected }: Told['evidence']): string | null {
  if (2 * (quarantined + rejected) < messages || messages === 0) return null;
  return rejected >= quarantined ? 'rejected' : 'quarantined';
}

/** That receivers turned most of it away, which whoever sends it may not know. */
function lostOf(evidence: Told['evidence']): string {
  if (fateOf(evidence) === null) return '';
  const { messages, quarantined, rejected } = evidence;
  if (messages > 1 && Math.max(quarantined, rejected) === messages)
    return ` Receivers ${rejected === messages ? 'rejected' : 'quarantined'} all of them.`;
  const parts = [
    ...(rejected > 0 ? [`rejected ${number(rejected)}`] : []),
    ...(quarantined > 0 ? [`quarantined ${number(quarantined)}`] : []),
  ];
  return ` Receivers ${parts.join(' and ')} of ${messages === 1 ? 'it' : 'them'}.`;
}

/** Why mail that nothing authenticates is laid at its door. */
function whose({ domain }: Told, { approved_by, admitted_by }: AlignmentFacts): string {
  if (approved_by !== null) return `the list of senders approves it (${short(approved_by, 40)})`;
  if (admitted_by)
    return `the SPF record of ${short(domain)} allows its addresses (${short(admitted_by)}), so it is one of your own servers`;
  return 'all names of its addresses are confirmed and below the domain, so it is one of your own servers';
}

function adviceOf(told: Told, given: AlignmentFacts): string[] {
  const { signer, small, p, strict_spf, strict_dkim, service, scattered, stranger = false } = given;
  const domain = short(told.domain);
  const source = short(told.subject);
  if (strict_dkim)
    return [
      `Its signature is yours: only strict alignment (adkim=s) keeps d=${short(strict_dkim)} from counting as ${domain}. Where you do not need that, publish adkim=r in _dmarc.${domain}: the mail aligns as it is.`,
      `Otherwise let ${source} sign with d=${domain} exactly.`,
    ];
  if (scattered)
    return [
      `If you do not know ${source}, somebody forges your name: a little of it comes from each of ${counted(scattered, 'network')}, none of which sends mail of yours. Report the abuse to their owners${p === 'none' ? ', and plan a stricter policy: p=none lets such mail through' : ''}.`,
      `Ask your own teams: only if it sends for you, let it sign with d=${domain}, and publish the key it names under ${domain}.`,
    ];
  // What the catalogue says of a service speaks of its return path, where one can be had.
  const path = strict_spf
    ? `SPF alignment is strict (aspf=s), so its return path (MAIL FROM) would have to be exactly @${domain}: rely on DKIM, or relax aspf.`
    : service === null &&
      `Also give it a custom return path (MAIL FROM) at a subdomain such as bounce.${domain}, so that SPF aligns.`;
  const users = service === null ? source : service.name;
  // Whose it is has been said: what is left is to set it up.
  if (given.approved_by !== null)
    return [
      service === null
        ? `${short(given.approved_by, 40)} has approved it: let ${source} sign with d=${domain}. Turn on custom DKIM (its "domain authentication") and publish the key it names under ${domain}${signer === null ? '' : `; it now signs with d=${short(signer)}`}.`
        : `${short(given.approved_by, 40)} has approved it: ${service.align} (${service.source ?? 'see its documentation'})`,
      ...(path === false ? [] : [path]),
    ];
  return [
    stranger
      ? `Ask your own teams first whether one of them uses ${users}. It bears no signature of yours; mail that was merely forwarded would. If nobody knows it, somebody forges your name.`
      : small
        ? `Ask your own teams first whether one of them uses ${users}. At this volume it may just as well be a forwarder or mailing list, which needs no setup.`
        : `Ask your own teams first whether one of them uses ${users}${service === null ? ' (a newsletter, a shop, a ticket system)' : ''}.`,
    service === null
      ? `If one does, let ${source} sign with d=${domain}: turn on custom DKIM (its "domain authentication") and publish the key it names under ${domain}${signer === null ? '' : `; it now signs with d=${short(signer)}`}.`
      : `If one does: ${service.align} (${service.source ?? 'see its documentation'})`,
    ...(path === false ? [] : [path]),
    `If none does, somebody else uses it in your name${p === 'none' ? ', which p=none lets through' : ''}: report the abuse to ${stranger ? 'the owner of its networks' : source}.`,
  ];
}

const RELAYED = {
  catalogue: 'it is known to pass mail on',
  receivers: 'receivers say that it was passed on',
  signature: `the author's signature, which verifies elsewhere, does not verify there, so it was changed on the way`,
  envelope: 'its envelope is that of a list or forwarder',
};

/** A list or forwarder that keeps the author's From: it needs no setup and is no abuse. */
function relayWords({ subject, domain: full, evidence }: Told, by: keyof typeof RELAYED): Words {
  const source = short(subject);
  const domain = short(full);
  const messages = counted(evidence.messages, 'message');
  const title = `${source} forwards mail of ${domain} and keeps its From`;
  return {
    title,
    topic: `mail of ${domain} that ${source} passes on`,
    summary: `${title}: ${messages} since ${evidence.since} failed DMARC on the way`,
    what: `${messages} came through ${source}, a mailing list or forwarder (${RELAYED[by]}). It keeps the From address of ${domain}, so what it changes or resends fails DMARC.`,
    advice: [
      'There is nothing to set up in DNS, and it is no abuse: no SPF record or key of yours makes such mail pass (RFC 7960 section 3.2, RFC 9989 section 7.4).',
      'Ask the list to rewrite From to its own address or to leave mail unchanged, and sign with DKIM: what is forwarded unchanged then passes.',
      `While people at ${domain} write to lists, p=quarantine loses less of their mail than p=reject (RFC 9989 section 7.4).`,
    ],
  };
}
