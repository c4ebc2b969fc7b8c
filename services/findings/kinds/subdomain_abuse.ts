import { z } from 'zod';
import { closeSubdomains } from '../../dns/dmarc/subdomains.ts';
import { counted, list, number, percent, short } from '../../shared/format.ts';
import { kind, type Told } from './kind.ts';
import { deniedNetworks, deniedWords, whoseAdvice } from './networks.ts';

const facts = z.object({
  rule: z.literal('subdomain_abuse'),
  /** The published policy; null when it is not known. */
  published: z.object({ p: z.string().nullable(), sp: z.string(), np: z.string(), testing: z.boolean() }).nullable(),
  /**
   * Names under which mail was seen passing, three at most, how many they are, and among how many that was
   * looked for.
   */
  used: z.array(z.string()),
  used_in_all: z.number(),
  looked_at: z.number(),
  /** What people said of the networks; absent: none is denied. */
  denied: deniedNetworks.optional(),
});
type SubdomainFacts = z.output<typeof facts>;

export const subdomainAbuse = kind(
  facts,
  { name: 'Forged mail under subdomains', mail: 'forged', partOf: 'domain', campaign: true, contested: true, urgent: true },
  (told, given) => {
    const { messages, senders, since, delivered } = told.evidence;
    const names = namesOf(told);
    const sentence = `${counted(senders, 'network')} ${senders === 1 ? 'sends' : 'send'} as ${names} without authentication`;
    return {
      title: `${counted(senders, 'network')} ${senders === 1 ? 'forges' : 'forge'} ${shortlyOf(told)}`,
      topic: `forged mail as ${shortlyOf(told)}`,
      summary: `${sentence}: ${counted(messages, 'message')} since ${since}, ${percent(delivered / messages)} delivered`,
      what: `${counted(messages, 'message')} that passed neither SPF nor DKIM came as ${names} from ${counted(senders, 'network')}.${deniedWords(given.denied)} ${usedOf(told, given)} ${policyOf(given)}`,
      advice: adviceOf(told, given),
    };
  },
);

function namesOf({ domain, evidence: { names = [], names_in_all: all = 0 } }: Told): string {
  if (all === 0) return `names below ${short(domain)}`;
  if (all <= 2) return list(names.map(({ name }) => short(name)));
  return `${counted(all, 'name')} below ${short(domain)} (such as ${short(names[0]!.name)})`;
}

/** The same for a line in a list of mails. */
function shortlyOf(told: Told): string {
  const { names_in_all: all } = told.evidence;
  return all === undefined || all < 2 ? namesOf(told) : `${counted(all, 'name')} below ${short(told.domain)}`;
}

function usedOf({ evidence: { names_in_all: all = 0 } }: Told, { used, used_in_all, looked_at }: SubdomainFacts): string {
  if (used_in_all > 0) return `Passing mail has also been seen under ${inUse({ used, used_in_all })}.`;
  if (all === 1) return 'No passing mail was ever seen under that name.';
  const which = all > looked_at ? `the ${number(looked_at)} most used` : 'them';
  return `No passing mail was ever seen under any of ${which}.`;
}

function inUse({ used, used_in_all }: Pick<SubdomainFacts, 'used' | 'used_in_all'>): string {
  return list(
    used.map((name) => short(name)),
    3,
    used_in_all,
  );
}

const ASKS: Record<string, string> = {
  none: 'lets it through',
  quarantine: 'asks receivers to quarantine it',
  reject: 'asks receivers to refuse it',
};

/** The policy that receivers find for these names, and what it asks for. */
function policyOf({ published, used_in_all, looked_at }: SubdomainFacts): string {
  if (published === null) return 'Which policy applies is not known.';
  const { p, sp, np, testing } = published;
  const asks = (value: string) => (Object.hasOwn(ASKS, value) ? ASKS[value]! : 'is no policy');
  const step = testing ? ', one step less while t=y is published' : '';
  if (np !== sp && looked_at > used_in_all)
    return `For names that exist, sp=${sp} ${asks(sp)}; for others, np=${np} ${asks(np)}${step}.`;
  // Some reporters write p where no sp is published: both say the same.
  return sp === p ? `p=${p}, which applies to subdomains too, ${asks(sp)}${step}.` : `sp=${sp} ${asks(sp)}${step}.`;
}

function adviceOf({ domain: full, evidence }: Told, { published, used, used_in_all, denied }: SubdomainFacts): string[] {
  const { messages, senders, delivered, names_in_all: all = 0 } = evidence;
  const domain = short(full);
  const check = whoseAdvice(senders, `sign its mail with DKIM as ${domain} or as the name it sends under`, denied);
  if (published?.sp === 'reject' && published.np === 'reject') {
    return [
      ...check,
      delivered === 0
        ? 'If they are not yours, there is nothing else to do: receivers kept this mail out of the inboxes, as the policy asks.'
        : `There is nothing left to do in DNS: the policy asks receivers to refuse this mail, but they delivered ${number(delivered)} of ${counted(messages, 'message')}. Warn those whom it may deceive; the query of the finding lists the names and networks.`,
    ];
  }
  return [
    ...check,
    ...closeSubdomains(domain, published, {
      inUse: used_in_all > 0 ? inUse({ used, used_in_all }) : null,
      unused: used_in_all < all,
    }).map(({ sentence }) => sentence),
  ];
}
