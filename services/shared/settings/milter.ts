import { isIP } from 'node:net';
import { z } from 'zod';
import { type HeldMail, heldMailOf, heldMailSchema } from './held-mail.ts';
import { isListen } from './values.ts';

/** What a rule may look for in a mail: docs/milter.md says of each when it holds. */
const MILTER_CONDITIONS = ['own_domain', 'display_name', 'lookalike', 'new_domain', 'unclear_from'] as const;
/** What a rule does with a mail. */
const MILTER_OUTCOMES = ['accept', 'tag', 'hold', 'reject'] as const;
/** The analyzer's classes of sources that a rule may leave out. */
export const MILTER_CLASSES = ['authorized', 'misaligned', 'forwarded'] as const;

const DOMAIN = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;
const domain = z.string().regex(DOMAIN, 'must be a domain in lower case, without the final dot, such as example.com');
const address = z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'must be a mail address');

const isSocket = (value: string) => /^unix:\/.{1,100}$/.test(value) || isListen(value);

function isNetwork(text: string): boolean {
  const [ip, bits, more] = text.split('/');
  const family = isIP(ip ?? '');
  if (family === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
const network = z.string().refine(isNetwork, 'must be an address or a network, such as 192.0.2.10 or 192.0.2.0/28');

const ruleSchema = z.strictObject({
  when: z.enum(MILTER_CONDITIONS),
  do: z.enum(MILTER_OUTCOMES),
  /** The outcome is logged, counted and written into a header field, and nothing else happens. */
  dry_run: z.boolean().default(false),
  /** Sources of these classes are left out, of own_domain alone; all three where none are named. */
  unless_class: z.array(z.enum(MILTER_CLASSES)).optional(),
});

/** The rules where none are set: what is forged or imitates is held, what is merely new is tagged. */
const DEFAULT_RULES: z.input<typeof ruleSchema>[] = [
  { when: 'unclear_from', do: 'hold' },
  { when: 'own_domain', do: 'hold' },
  { when: 'display_name', do: 'hold' },
  { when: 'lookalike', do: 'hold' },
  { when: 'new_domain', do: 'tag' },
];

const personSchema = z.union([
  z.string().min(3),
  z.strictObject({
    name: z.string().min(3),
    /** Addresses outside the own domains from which the person writes as well. */
    addresses: z.array(address).default([]),
  }),
]);

/**
 * `milter:` of ruawatch.yaml: what is looked for in mail that arrives, and what is done with it
 * (docs/milter.md).
 */
export const milterSchema = z
  .strictObject({
    /** host:port or unix:/path, where the mail server hands over its mail; "off" takes none. */
    listen: z.string().refine(isSocket, 'must be host:port, unix:/path, or off').default('off'),
    /**
     * The name in Authentication-Results (RFC 8601 section 2.5); fields of that name that a mail brings along
     * are removed.
     */
    authserv_id: domain.optional(),
    /**
     * What happens to a mail that cannot be judged: it passes, or the server asks the client to try again
     * later.
     */
    on_failure: z.enum(['accept', 'tempfail']).default('accept'),
    /** Clients whose mail is left alone, beside those that signed in. */
    trusted_networks: z.array(network).default([]),
    /** Domains whose ARC seals are believed: mailing lists and forwarders. */
    trusted_sealers: z.array(domain).default([]),
    /** People whose names nobody else is to write under. */
    people: z.array(personSchema).default([]),
    /** What becomes of mail that is held: docs/held-mail.md. */
    hold: heldMailSchema,
    /** Tried in their order; the first that holds decides. */
    rules: z
      .array(ruleSchema)
      .max(100)
      .default(DEFAULT_RULES.map((rule) => ruleSchema.parse(rule))),
  })
  .prefault({})
  .superRefine(({ listen, authserv_id, rules }, ctx) => {
    const say = (message: string, ...path: (string | number)[]) => ctx.addIssue({ code: 'custom', message, path });
    if (listen !== 'off' && authserv_id === undefined)
      say('listen is set and authserv_id is not: name your mail server, such as mx.example.com');
    for (const [i, { when, unless_class }] of rules.entries())
      if (unless_class !== undefined && when !== 'own_domain')
        say('belongs to rules about own_domain alone', 'rules', i, 'unless_class');
  });

type Given = z.infer<typeof milterSchema>;

export type MilterRule = Given['rules'][number];

/** Where the milter listens. */
export type MilterListen = { host: string; port: number } | { path: string };

/** A person whose name others are not to write under. */
export interface MilterPerson {
  name: string;
  /** Lower case. */
  addresses: readonly string[];
}

export interface Milter {
  /** Null when it is off. */
  listen: MilterListen | null;
  /** Empty only when it is off. */
  authservId: string;
  onFailure: Given['on_failure'];
  /** Each with its prefix length: "192.0.2.10/32". */
  trustedNetworks: readonly string[];
  trustedSealers: readonly string[];
  people: readonly MilterPerson[];
  hold: HeldMail;
  rules: readonly MilterRule[];
}

/** The settings of the milter in the form that it uses. */
export function milterOf(given: Given, cwd: string): Milter {
  return {
    listen: listenOf(given.listen),
    authservId: given.authserv_id ?? '',
    hold: heldMailOf(given.hold, cwd),
    onFailure: given.on_failure,
    trustedNetworks: given.trusted_networks.map((one) => (one.includes('/') ? one : `${one}/${one.includes(':') ? 128 : 32}`)),
    trustedSealers: given.trusted_sealers,
    people: given.people.map((one) =>
      typeof one === 'string'
        ? { name: one, addresses: [] }
        : { name: one.name, addresses: one.addresses.map((text) => text.toLowerCase()) },
    ),
    rules: given.rules,
  };
}

function listenOf(text: string): MilterListen | null {
  if (text === 'off') return null;
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) };
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}
