import { z } from 'zod';
import { counted, list, number, percent, short } from '../../shared/format.ts';
import { type Advice, kind, seenOn, type Told } from './kind.ts';
import { type DeniedNetworks, deniedNetworks, deniedWords, isBotnet, networksOf, whoseAdvice } from './networks.ts';

const facts = z.object({
  rule: z.literal('unauthorized_source'),
  /** The published policy; null when it is not known. */
  p: z.string().nullable(),
  /**
   * Services that the domain sends through, to which some of the networks belong; absent in rows of older
   * versions.
   */
  services: z.array(z.object({ name: z.string(), networks: z.array(z.string()) })).optional(),
  /** What people said of the networks; absent: none is denied. */
  denied: deniedNetworks.optional(),
});

type Services = NonNullable<z.output<typeof facts>['services']>;

/** More networks than this are not offered for approval one by one. */
const MOST_OWN = 3;

export const unauthorizedSource = kind(
  facts,
  { name: 'Unauthorized mail in your name', mail: 'forged', partOf: 'domain', campaign: true, contested: true, urgent: true },
  (told, { p, services = [], denied }) => {
    const { messages, senders, since, delivered, usual = 0 } = told.evidence;
    const domain = short(told.domain);
    const title = `${counted(senders, 'network')} ${senders === 1 ? 'sends' : 'send'} as ${domain} without authentication`;
    const habit = usual >= 0.5 ? `; ${number(Math.round(usual))} a day ${Math.round(usual) === 1 ? 'is' : 'are'} usual` : '';
    return {
      // A list of mails has little room.
      title: isBotnet(senders) ? `${counted(senders, 'network')} forge ${domain}` : title,
      topic: `unauthenticated mail as ${domain}`,
      summary: `${title}: ${counted(messages, 'message')} since ${since}, ${percent(delivered / messages)} delivered`,
      what: `${counted(messages, 'message')} in the name of ${domain} from ${networksOf(told)} passed neither SPF nor DKIM for any domain${habit}.${deniedWords(denied)}`,
      advice: services.length > 0 && denied?.all !== true ? ofServices(told, services, p) : adviceOf(told, p, denied),
      // Of a botnet nobody owns a part.
      ...(senders <= MOST_OWN && {
        senders: notDenied(told, denied).map(({ source }) => ({
          verdict: 'approve' as const,
          source,
          when: senders === 1 ? 'If the network is yours' : `If ${source} is yours`,
          why: 'our network',
        })),
      }),
    };
  },
);

/** The networks that a person may still approve. */
function notDenied({ evidence: { who, senders } }: Told, denied: DeniedNetworks | undefined): { source: string }[] {
  return who.slice(0, senders).filter(({ source }) => !denied?.sources.includes(source));
}

/** The first of two parts of advice: whose the networks are. */
function adviceOf(
  { domain: full, evidence: { senders, messages, delivered } }: Told,
  p: string | null,
  denied: DeniedNetworks | undefined,
): Advice[] {
  const domain = short(full);
  if (p === 'reject')
    return [
      ...whoseAdvice(senders, 'sign its mail with DKIM or add it to the SPF record', denied),
      delivered === 0
        ? 'If they are not yours, there is nothing else to do: p=reject asks receivers to refuse such mail, and they kept it out of the inboxes.'
        : `There is nothing left to do in DNS: p=reject asks receivers to refuse such mail, but they delivered ${number(delivered)} of ${counted(messages, 'message')}. Warn those whom it may deceive; the query of the finding lists the receivers.`,
    ];
  const next = p === 'quarantine' ? 'p=reject' : 'p=quarantine, and then p=reject';
  return [
    ...whoseAdvice(senders, 'sign its mail with DKIM or add it to the SPF record', denied),
    seenOn(
      'policy_status',
      `${effectOf(p, delivered, messages)}Publish ${next} as soon as your own senders are aligned: "ruawatch policy status ${domain}" shows which are not.`,
    ),
  ];
}

/**
 * The networks are those of a service that the domain uses: it may as well be its own mail, and no policy is
 * to be praised for losing it.
 */
function ofServices({ domain: full, evidence: { delivered, messages } }: Told, services: Services, p: string | null): string[] {
  const domain = short(full);
  const names = list(services.map(({ name }) => short(name)));
  const networks = list(services.flatMap((one) => one.networks));
  const lost = messages - delivered;
  return [
    `Your domain sends through ${names}, to which ${networks} ${services.flatMap((one) => one.networks).length === 1 ? 'belongs' : 'belong'}. Look for these messages in its log first (a message trace, by day and receiver): what is in it is your own mail without a signature, and what is not was sent by a stranger's account there.`,
    `Your own mail there needs a DKIM signature of ${domain}, or the addresses that ${names} ${services.length === 1 ? 'publishes' : 'publish'} in the SPF record${lost > 0 ? `: until then receivers refuse it or put it in spam, as ${number(lost)} of these` : ''}.`,
    ...(p === 'reject' ? [] : ['Publish no stricter policy before that is settled.']),
  ];
}

/** What the policy did about it: p=quarantine lets nothing pass that was quarantined. */
function effectOf(p: string | null, delivered: number, messages: number): string {
  if (p === 'none') return 'p=none lets such mail through. ';
  if (p !== 'quarantine') return '';
  return delivered === 0
    ? 'Receivers kept it out of the inboxes, as p=quarantine asks. '
    : `Receivers delivered ${number(delivered)} of ${counted(messages, 'message')} in spite of p=quarantine. `;
}
