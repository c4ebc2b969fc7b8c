import { z } from 'zod';
import { counted, number, percent, short } from '../../shared/format.ts';
import { kind } from './kind.ts';
import { networksOf } from './networks.ts';

const facts = z.object({
  rule: z.literal('unauthorized_source'),
  /** The published policy; null when it is not known. */
  p: z.string().nullable(),
});

/** More networks than this are not offered for approval one by one. */
const MOST_OWN = 3;

export const unauthorizedSource = kind(facts, (told, { p }) => {
  const { messages, senders, since, delivered, usual = 0 } = told.evidence;
  const domain = short(told.domain);
  const title = `${counted(senders, 'network')} ${senders === 1 ? 'sends' : 'send'} as ${domain} without authentication`;
  const habit = usual >= 0.5 ? `; ${number(Math.round(usual))} a day ${Math.round(usual) === 1 ? 'is' : 'are'} usual` : '';
  return {
    title,
    topic: `unauthenticated mail as ${domain}`,
    summary: `${title}: ${counted(messages, 'message')} since ${since}, ${percent(delivered / messages)} delivered`,
    what: `${counted(messages, 'message')} in the name of ${domain} from ${networksOf(told)} passed neither SPF nor DKIM for any domain${habit}.`,
    advice: adviceOf(p, delivered, messages),
    // Of a botnet nobody owns a part.
    ...(senders <= MOST_OWN && {
      senders: told.evidence.who.slice(0, senders).map(({ source }) => ({
        verdict: 'approve' as const,
        source,
        when: senders === 1 ? 'If the network is yours' : `If ${source} is yours`,
        why: 'our network',
      })),
    }),
  };
});

function adviceOf(p: string | null, delivered: number, messages: number): string[] {
  const check = 'Check the networks: if one is yours, sign its mail with DKIM or add it to the SPF record.';
  if (p === 'reject') {
    return [
      check,
      delivered === 0
        ? 'If none is yours, there is nothing left to do: p=reject kept this mail out.'
        : `If none is yours, there is nothing left to do in DNS: p=reject asks receivers to refuse this mail, but they delivered ${number(delivered)} of ${counted(messages, 'message')} anyway.`,
    ];
  }
  const next = p === 'quarantine' ? 'p=reject' : 'p=quarantine and then p=reject';
  return [
    check,
    `If none is yours, somebody is forging your domain${effectOf(p, delivered, messages)}: once your own senders are aligned, publish ${next}.`,
  ];
}

/** What the policy did about it: p=quarantine lets nothing pass that was quarantined. */
function effectOf(p: string | null, delivered: number, messages: number): string {
  if (p === 'none') return ', and p=none lets them';
  if (p !== 'quarantine') return '';
  return delivered === 0
    ? ', and receivers kept the mail out of the inboxes, as p=quarantine asks'
    : `, and receivers delivered ${number(delivered)} of ${counted(messages, 'message')} in spite of p=quarantine`;
}
