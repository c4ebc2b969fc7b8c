import { z } from 'zod';
import { counted, list, percent, short } from '../../shared/format.ts';
import { PASSED_BY } from './denied_source.ts';
import { type KindWords, kind, seenOn, type Told, type Words } from './kind.ts';
import { isBotnet } from './networks.ts';

const facts = z.object({
  rule: z.literal('new_source'),
  /** By what its mail passes. */
  by: z.enum(['spf', 'dkim', 'both']),
  /** The name of the mail service; null when the catalogue does not know it. */
  service: z.string().nullable(),
  /** What the sender is called; absent in rows of older versions. */
  name: z.string().optional(),
  /** Whose network it is: its number, or the organization by its names; absent for what is no network. */
  owner: z.string().optional(),
  /** So many new senders sign with the same key, or pass by nothing but SPF; absent for one. */
  joined: z.number().optional(),
  /** The foreign domain that signs most of it as well. */
  signer: z.string().nullable(),
  /** The key that most of its mail is signed with: where it is published, and who signs with it too. */
  key: z
    .object({
      name: z.string(),
      /** `new`: nobody signed with it before. */
      age: z.enum(['new', 'old']),
      /** The part of the domain's signed mail under it. */
      carries: z.number(),
      others: z.array(z.string()),
    })
    .nullish(),
  /** It may as well be a forwarder of mail of those who sign with the key; absent: no. */
  passed_on: z.boolean().optional(),
  /** Its mail ends where all mail of the domain does, as a forwarder's hardly would; absent in older rows. */
  scattered: z.boolean().optional(),
});
type Key = NonNullable<z.output<typeof facts>['key']>;

export const newSource = kind(
  facts,
  { name: 'A new sender', mail: 'rightful', partOf: 'domain', approvable: true },
  (told, given) => {
    const { domain: full, subject, evidence } = told;
    const { by, service, name: called, signer, key, joined = 1, passed_on = false } = given;
    if (joined > 1) return key ? copiedWords(told, key, joined) : admittedWords(told);
    const domain = short(full);
    const source = short(subject);
    const label = service ?? (called === undefined ? source : short(called));
    const name =
      label === source
        ? source
        : `${label} (${evidence.senders > 1 ? `${evidence.senders} networks` : short(evidence.who[0]?.source ?? subject)})`;
    const title = `${name} has begun to send as ${domain} and passes DMARC ${PASSED_BY[by]}`;
    const signed = key == null ? '' : ` Most of it is signed with the key ${short(key.name)}, ${ofAge(key)}.`;
    return {
      title: `${label} has begun to send as ${domain}`,
      topic: `mail of ${label} as ${domain}`,
      summary: `${title}: ${counted(evidence.messages, 'message')} since ${evidence.since}`,
      what: `${counted(evidence.messages, 'message')} from ${name} in the name of ${domain} passed DMARC ${PASSED_BY[by]}; it was never seen before ${evidence.since}${signer === null ? '' : `. It also signs with d=${short(signer)}`}.${signed}`,
      advice: [
        seenOn('senders', `Ask your own teams first: if one of them has started to use ${label}, approve it.`),
        ...(key == null
          ? withoutKey(by, label)
          : passed_on && key.others.length > 0
            ? forwarding(key, label)
            : withKey(key, label)),
      ],
      senders: [
        { verdict: 'approve', source: subject, when: 'If it sends for you', why: 'sends for us' },
        { verdict: 'deny', source: subject, when: 'If it does not', why: 'does not send for us' },
      ],
    };
  },
);

/** More networks than this are not offered one by one. */
const MOST_COPIED = 3;

/** Several at once, that nobody here announced: more likely to be turned away than to be taken in. */
const denials = (evidence: Told['evidence']): NonNullable<Words['senders']> =>
  evidence.who.slice(0, MOST_COPIED).map(({ source }) => ({
    verdict: 'deny',
    source,
    when: `If ${source} does not send for you`,
    why: 'does not send for us',
  }));

/** A key that several new senders share with its owner. */
function copiedWords({ domain: full, evidence }: Told, key: Key, joined: number): KindWords {
  const domain = short(full);
  const name = short(key.name);
  const networks = counted(joined, 'new network');
  const title = `Key ${short(key.name.split('.')[0]!)} of ${domain} signs mail of ${networks}`;
  const messages = counted(evidence.messages, 'message');
  return {
    title,
    topic: `mail of ${networks} signed as ${domain}`,
    summary: `${title}: ${messages} since ${evidence.since}`,
    what: `${messages} from ${networks} in the name of ${domain} passed DMARC by its key ${name}, ${ofAge(key)}. None of them was seen before ${evidence.since}.`,
    advice: isBotnet(joined)
      ? [
          'So many networks at once are rented or infected machines: somebody sends one signed message again and again (a replay), which needs no key, or has copied the private key; many messages that differ mean a copy.',
          replaceKey(key),
        ]
      : [...withKey(key, 'each of them'), seenOn('senders', 'If you have started to use one, approve it instead.')],
    // Tomorrow it will be others.
    ...(!isBotnet(joined) && { senders: denials(evidence) }),
  };
}

/** Networks of several owners at once, which nothing but the SPF record lets in. */
function admittedWords({ domain: full, evidence }: Told): KindWords {
  const domain = short(full);
  const networks = counted(evidence.senders, 'new network');
  const title = `${networks} pass SPF as ${domain}`;
  const messages = counted(evidence.messages, 'message');
  return {
    title,
    topic: `mail of ${networks} as ${domain}`,
    summary: `${title}: ${messages} since ${evidence.since}, unsigned`,
    what: `${messages} from ${networks} in the name of ${domain} passed DMARC by SPF alone. None of them was seen before ${evidence.since}, and no one name stands behind them.`,
    advice: [
      seenOn('senders', 'Ask your own teams first: if one of them has rented these hosts, approve them.'),
      seenOn(
        'dns_check',
        `If not, an include or a range in an SPF record of yours lets strangers in. Look up who owns each name that it includes ("ruawatch dns check ${domain}"): one that has expired can be registered by anybody. Remove it.`,
      ),
      'Look at header_from in the rows that the query finds: under a name that nobody uses any more, its CNAME may lead to a service that was given up. Delete that CNAME.',
    ],
    senders: denials(evidence),
  };
}

function ofAge({ age, others }: Key): string {
  if (age === 'new') return 'which nobody signed with before';
  return others.length === 0
    ? 'which is not new'
    : `which is in use elsewhere as well (${list(others.map((one) => short(one)))})`;
}

function withoutKey(by: 'spf' | 'dkim' | 'both', label: string): string[] {
  return [
    by === 'spf'
      ? `If not, somebody sends from a network that your SPF record allows: find the include or range that admits ${label}, and who else may send from there.`
      : 'If not, somebody holds a DKIM key of yours, or an account that may sign as your domain: find out which selector signs this mail, and who published or holds it.',
  ];
}

/** What a forwarder of one author's mail and a copied key have in common, and how they are distinguished. */
function forwarding(key: Key, label: string): string[] {
  const name = short(key.name);
  const authors = list(key.others.map((one) => short(one)));
  return [
    `Reports cannot distinguish two cases: ${label} forwards mail of ${authors} (an alumni office, a club, redirected mailboxes), or somebody has copied the private key of ${name}.`,
    `Compare with the logs of ${authors}: each forwarded message is in them; mail signed with a copied key is not; of one message that is sent again and again (a replay), only the first is.`,
    `If the logs do not settle it, publish a second selector and move ${authors} to it: forwarded mail follows within days, and what still comes under ${name} is somebody else's. Then remove ${name}.`,
  ];
}

/** Nobody is to lose the rightful mail that the key signs. */
function replaceKey({ name: full, carries }: Key): string {
  const name = short(full);
  return carries >= 0.3
    ? `Do not remove the key yet: it signs ${percent(carries)} of your mail. Publish a second selector first, move the rightful mail to it, then remove ${name}.`
    : `Publish a new selector for the rightful mail, and then remove ${name}.`;
}

function withKey(key: Key, label: string): string[] {
  const name = short(key.name);
  if (key.age === 'new')
    return [
      `Whoever published ${name} may change your DNS: look up who added that name, and when, in the change log of your DNS provider, and ask them about ${label}.`,
      `If nobody knows of it, remove ${name} from DNS and change the passwords and API keys that can edit the zone.`,
    ];
  return [
    ...(key.others.length === 0
      ? []
      : [`Ask those who run ${list(key.others.map((one) => short(one)))} whether ${label} is a new way out of theirs.`]),
    `If not, somebody sends one signed message again and again (a replay), which needs no key, or has copied the private key: many messages that differ mean a copy. ${replaceKey(key)}`,
  ];
}
