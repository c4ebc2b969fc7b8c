import { z } from 'zod';
import { escaped } from '../shared/escape.ts';
import { type Canonical, canonicalJson, digestOf } from './canonical.ts';
import { grantKind } from './grants/index.ts';
import { GRANT_KINDS } from './grants/kinds.ts';

/** What a request may ask for. `review` changes nothing: people look back at what was done by break-glass. */
export const KINDS = [
  'sender.approve',
  'sender.deny',
  'dns.change',
  'policy.step',
  'dkim.rotate',
  'sender.onboard',
  'sender.offboard',
  'messages.release',
  'rights.reduce',
  'review',
  ...GRANT_KINDS,
] as const;
export type Kind = (typeof KINDS)[number];

export const RISKS = ['low', 'medium', 'high'] as const;
export type Risk = (typeof RISKS)[number];

const NAME = /^(?=.{1,253}$)(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;
/** Whether a plan can be about a name: in lower case, without the final dot. */
export const isPlanName = (text: string): boolean => NAME.test(text);

const name = z.string().regex(NAME, 'must be a domain name in lower case, without the final dot');
const LONGEST_SENTENCE = 2000;
const sentence = z.string().min(1).max(LONGEST_SENTENCE);
/** Sentences of a plan at most, the first ones. */
const MOST = { warnings: 50, why: 50, risk_because: 20 } as const;

/** One record of an RRset. */
const member = z.strictObject({
  /** For people: of TXT, the strings joined. */
  text: z.string().max(65_535),
  /**
   * The RDATA as it is sent, in hexadecimal (RFC 1035 section 3.3): TXT records are compared string by
   * string.
   */
  wire: z.string().regex(/^(?:[0-9a-f]{2})+$/),
});
export type Member = z.infer<typeof member>;

/** The whole RRset of a name and a type, before and after. An empty list means that there is none. */
const dnsChange = z.strictObject({
  target: z.literal('dns'),
  name,
  type: z.enum(['TXT', 'CNAME', 'MX', 'A', 'AAAA']),
  /** Seconds; null when there is no RRset. */
  ttl: z.strictObject({ before: z.int().nullable(), after: z.int().min(0).max(604_800).nullable() }),
  before: z.array(member).max(100),
  after: z.array(member).max(100),
  /** Names that are aliases of this one: what it says, they say. It is decided as a change of these. */
  stands_for: z.array(name).max(20).optional(),
});
export type DnsChange = z.infer<typeof dnsChange>;

const verdict = z.enum(['approved', 'denied']).nullable();

/** An entry of the list of senders, before and after; null means that there is none. */
const senderChange = z.strictObject({
  target: z.literal('senders'),
  domain: z.union([z.literal('*'), name]),
  /** As in dmarc.sources, or the id of a mail service. */
  source: z.string().min(1).max(253),
  is_service: z.boolean(),
  before: verdict,
  after: verdict,
  /** ISO 8601; null for good. */
  until: z.iso.datetime().nullable(),
});
export type SenderChange = z.infer<typeof senderChange>;

/** What people do by hand: rights that nothing of ours can take away, and settings. */
const manualChange = z.strictObject({
  target: z.literal('manual'),
  /** The right or the setting. */
  what: z.string().min(1).max(200),
  before: z.string().min(1).max(500),
  after: z.string().min(1).max(500),
  /** The command, statement or line of the settings that does it. */
  run: z.string().min(1).max(2000),
  /** By what it is seen to be done; `value` is what it is before, or what the setting is at most. */
  seen: z.strictObject({
    by: z.enum(['token', 'person', 'role', 'settings']),
    id: z.string().min(1).max(200),
    value: z.string().max(200),
  }),
});
export type ManualChange = z.infer<typeof manualChange>;

/** How long a right is lent at most, in seconds. */
const LONGEST_GRANT = 90 * 86_400;

/** A right that is lent for a time. */
const grantChange = z
  .strictObject({
    target: z.literal('grant'),
    kind: z.enum(GRANT_KINDS),
    /** A person's mail address, or the name of a service principal. */
    holder: z.string().min(1).max(253),
    holder_kind: z.enum(['person', 'service']),
    /**
     * The groups of people that may hold it: who leaves all of them loses it. Empty for everybody who is
     * known.
     */
    groups: z.array(z.string().min(1).max(63)).max(50),
    /** The target in the settings. */
    server: z.string().min(1).max(63),
    /** What is lent, as the kind says. */
    scope: z.record(z.string(), z.unknown()) as z.ZodType<Record<string, Canonical>>,
    /** From when it is applied. */
    seconds: z.int().min(1).max(LONGEST_GRANT),
    /** After so many uses it ends; null without a limit. */
    uses: z.int().min(1).max(1_000_000).nullable(),
    /**
     * SHA-256 of what the target verifies the holder by: nobody can put another one in its place. Null where
     * the target has none.
     */
    credential: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable(),
  })
  .superRefine(({ kind, scope }, ctx) => {
    const fits = grantKind(kind).scope.safeParse(scope);
    for (const issue of fits.error?.issues ?? [])
      ctx.addIssue({ code: 'custom', path: ['scope', ...issue.path], message: issue.message });
  });
export type GrantChange = z.infer<typeof grantChange>;

/**
 * A mail that is held, and would go to its recipients. The digest of its octets names it: no other mail can
 * take its place.
 */
const messageChange = z.strictObject({
  target: z.literal('message'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().min(0),
  kept_in: z.enum(['postfix', 'store']),
  /** As the mail says. Addresses, names and subject stay out of a text that is kept for good. */
  from_domain: z.string().max(253).nullable(),
  recipients: z.int().min(1),
});

const change = z.discriminatedUnion('target', [dnsChange, senderChange, grantChange, messageChange, manualChange]);

/** What is asked for. The text of it, in canonical form, is what people approve. */
export const planSchema = z.strictObject({
  version: z.literal(1),
  kind: z.enum(KINDS),
  domain: z.union([z.literal('*'), name]),
  /** One sentence: what will be done. */
  summary: sentence,
  /**
   * What is bad about it, the worst first: that it breaks SPF, locks out a sender, weakens a policy. Shown
   * before all else.
   */
  warnings: z.array(sentence).max(MOST.warnings),
  /** Why, with the figures of that moment. */
  why: z.array(sentence).max(MOST.why),
  risk: z.enum(RISKS),
  /** The rules that gave the risk. */
  risk_because: z.array(sentence).max(MOST.risk_because),
  changes: z.array(change).max(20),
  /** How and when the state before is restored. */
  back: z.strictObject({
    /**
     * Hours after the change during which broken mail restores the state before; 0 when nothing is watched.
     */
    watch_hours: z
      .int()
      .min(0)
      .max(24 * 90),
    text: sentence,
  }),
  /** What it is about, as it was when the plan was made. */
  finding: z.strictObject({ key: z.int(), kind: z.string(), severity: z.string(), summary: z.string() }).nullable(),
  /** Of a review: the request that is looked at. */
  reviews: z.int().nullable(),
});
export type Plan = z.infer<typeof planSchema>;

/** A plan as it is stored and approved. */
export interface SealedPlan {
  /** Canonical JSON. */
  text: string;
  digest: string;
}

/**
 * A plan with sentences as people can read them: each on one line, since it may quote a zone or whoever asks,
 * and cut where it is long; of a list that is longer than a person reads, the first ones and how many more
 * there are.
 */
export function readable(plan: Plan): Plan {
  const line = (text: string) => {
    const whole = escaped(text);
    return whole.length <= LONGEST_SENTENCE ? whole : `${whole.slice(0, LONGEST_SENTENCE - 2)} …`;
  };
  const list = (key: keyof typeof MOST) => {
    const all = plan[key].map(line);
    const kept = all.slice(0, MOST[key] - 1);
    return all.length <= MOST[key] ? all : [...kept, `And ${all.length - kept.length} more.`];
  };
  const lists = { warnings: list('warnings'), why: list('why'), risk_because: list('risk_because') };
  return { ...plan, summary: line(plan.summary), ...lists, back: { ...plan.back, text: line(plan.back.text) } };
}

/** @throws ZodError for a plan that does not fit the schema */
export function seal(plan: Plan): SealedPlan {
  const text = canonicalJson(planSchema.parse(plan));
  return { text, digest: digestOf(text) };
}

/**
 * The one reader of stored plans.
 * @throws Error when the text is not what its digest says, ZodError when it is no plan
 */
export function readPlan({ text, digest }: SealedPlan): Plan {
  if (digestOf(text) !== digest)
    throw new Error('The plan is not the one that its digest says: it was changed after it was made.');
  return planSchema.parse(JSON.parse(text));
}

/** How much a plan changes: members added or removed, entries of the list, and rights that are lent. */
export function sizeOf({ changes }: Pick<Plan, 'changes'>): number {
  return changes.reduce((sum, one) => sum + (one.target === 'dns' ? Math.max(1, differing(one)) : 1), 0);
}

/** What goes from an RRset, what comes, and what stays. */
export function changedMembers({
  before,
  after,
}: Pick<DnsChange, 'before' | 'after'>): Record<'gone' | 'come' | 'stay', Member[]> {
  const wires = (members: readonly Member[]) => new Set(members.map(({ wire }) => wire));
  const [old, fresh] = [wires(before), wires(after)];
  return {
    gone: before.filter(({ wire }) => !fresh.has(wire)),
    come: after.filter(({ wire }) => !old.has(wire)),
    stay: after.filter(({ wire }) => old.has(wire)),
  };
}

function differing(change: DnsChange): number {
  const { gone, come } = changedMembers(change);
  return gone.length + come.length;
}
