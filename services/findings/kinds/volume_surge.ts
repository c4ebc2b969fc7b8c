import { z } from 'zod';
import { counted, number, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('volume_surge'),
  /** How many times its usual mail it sends. */
  times: z.number(),
  /** Days of the surge, and the messages that were to be expected on them. */
  days: z.number(),
  expected: z.number(),
  /** Why it is no surprise; null: it is one. */
  season: z
    .discriminatedUnion('why', [
      z.object({ why: z.literal('recurring'), day: z.string(), messages: z.number() }),
      z.object({ why: z.literal('calendar') }),
      z.object({ why: z.literal('campaign') }),
      z.object({ why: z.literal('small') }),
    ])
    .nullable()
    .default(null),
  /** What the sender is called; absent in rows of older versions. */
  name: z.string().optional(),
  /** It is one of the domain's own servers; absent in rows of older versions. */
  own: z.boolean().optional(),
  /** The mail service, by its id in the catalogue. */
  service: z.object({ id: z.string(), kind: z.string() }).nullish(),
});

type Season = z.output<typeof facts>['season'];

/** Why it is for information only. */
function seasonWords(season: Season): string {
  if (season === null) return '';
  if (season.why === 'recurring') return ` It sent as much before: ${counted(season.messages, 'message')} on ${season.day}.`;
  if (season.why === 'small')
    return ' It is as much as a small sender writes when it writes to everybody; a stolen account sends more.';
  return season.why === 'calendar'
    ? ' Its networks, receivers and days of the week are the usual ones, and many send more at this time of the month or year.'
    : ' Its networks and receivers are the usual ones of a service for campaigns.';
}

export const volumeSurge = kind(
  facts,
  { name: 'An unusual amount of mail', partOf: 'domain', approvable: true },
  ({ domain: full, subject, evidence }, { times, days, expected, season, name, service, own }) => {
    const domain = short(full);
    const ours = own === true && service == null;
    const source = ours ? 'your own servers' : short(name ?? subject);
    const often = number(Math.round(times));
    const many = `${often} times ${ours ? 'their' : 'its'} usual mail`;
    const title = `${ours ? `Own servers of ${domain} have sent ${many}` : `${source} has sent ${many} as ${domain}`} since ${evidence.since}`;
    const networks = evidence.senders > 1 ? ` from ${evidence.senders} networks` : '';
    return {
      title: ours
        ? `Own servers of ${domain} send ${often}× their usual mail`
        : `${source} sends ${often}× its usual as ${domain}`,
      topic: ours ? `mail of the own servers of ${domain}` : `mail of ${source} as ${domain}`,
      summary: `${title}: ${counted(evidence.messages, 'message')} on ${counted(days, 'day')}`,
      what: `${counted(evidence.messages, 'message')} came through ${source}${networks} in the name of ${domain} on ${counted(days, 'day')}, where about ${number(Math.round(expected))} are usual.${season === null && service?.kind === 'mailbox_provider' ? ACCOUNT_TAKEN : ''}${seasonWords(season)}`,
      advice: adviceOn(source, service ?? null, ours),
      expected: 'a planned mailing',
    };
  },
);

function adviceOn(source: string, service: { id: string; kind: string } | null, own: boolean): string[] {
  if (own)
    return [
      `Ask whoever runs ${source} whether a mailing or a batch was intended: then no action is needed.`,
      'If nobody knows of it, an account or a script on one of them was taken over: stop its queue, look in its mail log for the account or web form that sends, and change that password.',
    ];
  if (service?.kind !== 'mailbox_provider')
    return [
      `Ask whoever sends through ${source} whether this was intended: a campaign needs no action.`,
      service === null
        ? 'If nobody knows of it, somebody else is using an account or a host: check its mail queue and its logins.'
        : `If nobody knows of it, somebody else is using the account at ${source}: check its log of sent mail, its API keys and its users.`,
    ];
  return [
    ACCOUNT[service.id] ??
      `Find the account that sent it in the log of sent mail at ${source}, and check its logins, its filters and its forwarding.`,
    'Lock that account, end its sessions, and change its password and its app passwords before you look further.',
    'If one of your own people sent a mailing on purpose, no action is needed.',
  ];
}

const ACCOUNT_TAKEN = " All of it is authenticated: such a rise of people's mail is most likely an account that was taken over.";

/** Where to look, by the service. */
const ACCOUNT: Record<string, string | undefined> = {
  'microsoft-365':
    'Find the account in the message trace of the Exchange admin center, then check its sign-in log in Entra ID, its inbox rules, and the connectors of the tenant.',
  'google-workspace':
    'Find the account in the Email Log Search of the Admin console, then check its login events, its filters and forwarding, and the SMTP relay setting.',
};
