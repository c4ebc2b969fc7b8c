import { z } from 'zod';
import { parseSpf } from '../spf/record.ts';
import { aspectsNamed } from './aspects.ts';
import { domainName, given, secretPlace, selectorName, word } from './schema-values.ts';
import { egress, workloadOfDomain, workloadOfEnvironment } from './workload-schema.ts';

/** The one version of the file that there is. */
const GUARD_VERSION = 1;

const policy = z.enum(['none', 'quarantine', 'reject']);
const alignment = z.enum(['relaxed', 'strict']);
const url = z.string().refine((text) => URL.canParse(text), 'must be a URL, such as mailto:dmarc@example.com');

/**
 * A term as an SPF record has it; with `kinds`, also the bare name of a mechanism, which stands for all of
 * its terms.
 */
const spfTerm = z.string().refine((text) => parseSpf(`v=spf1 ${text}`).errors.length === 0 && !/\s/.test(text), {
  error: ({ input }) => `"${String(input)}" must be one term of an SPF record, such as include:_spf.example.net`,
});
const forbiddenTerm = z.union([z.enum(['include', 'exists', 'redirect', 'ip4', 'ip6']), spfTerm], {
  error: ({ input }) => `"${String(input)}" must be a term of an SPF record or the name of a mechanism`,
});

const spf = z
  .strictObject({
    /** The record word for word. Excludes all other keys. */
    record: z
      .string()
      .refine((text) => /^v=spf1(?: |$)/i.test(text) && parseSpf(text).errors.length === 0, 'must be a valid SPF record')
      .optional(),
    /** The terms that let somebody send: exactly these, in any order. */
    sources: z.array(spfTerm).optional(),
    /** Terms that must be there, in the record or in one it includes. */
    require: z.array(spfTerm).default([]),
    /** Terms that must be nowhere; "ptr" stands for every ptr. */
    forbid: z.array(forbiddenTerm).default([]),
    all: z.enum(['-all', '~all', '?all']).optional(),
    /** Lookups in the worst case: ten are allowed (RFC 7208 section 4.6.4). */
    max_lookups: z.number().int().min(0).max(10).optional(),
  })
  .refine(
    ({ record, sources, require, forbid, all }) =>
      record === undefined || (sources === undefined && all === undefined && require.length + forbid.length === 0),
    'has "record" beside sources, require, forbid or all: keep one way',
  );

const STATES = { any: 'key', key: 'key', revoked: 'revoked', absent: 'absent' } as const;

const dkimKey = z.preprocess(
  (value) => (typeof value === 'string' ? { state: value } : (value ?? {})),
  z
    .strictObject({
      /** `any` and `key`: a usable key; `revoked`: none, or an empty p=; `absent`: no record. */
      state: z
        .enum(['any', 'key', 'revoked', 'absent'])
        .default('key')
        .transform((state) => STATES[state]),
      /** p= of the record, in base64. */
      key: z
        .string()
        .transform((text) => text.replace(/\s+/g, ''))
        .refine((text) => /^[A-Za-z0-9+/]+={0,2}$/.test(text), 'must be base64, the p= of the record')
        .optional(),
      /** The record word for word. */
      record: z.string().optional(),
      type: z.enum(['rsa', 'ed25519']).optional(),
      /** Of an RSA key: RFC 8301 section 3.2 wants 2,048 for signing. */
      min_bits: z.number().int().min(1024).max(8192).default(2048),
      /** Where the name's CNAME record leads. */
      cname: domainName.optional(),
      /** The private key (PEM), relative to this file: `guard check` signs a sample with it. */
      private_key: z.string().min(1).optional(),
      /** Where the private key is in Kubernetes. */
      secret: secretPlace.optional(),
    })
    .refine(
      ({ state, key, record, private_key, cname }) =>
        state === 'key' || [key, record, private_key, cname].every((one) => one === undefined),
      'is to have no key, and describes one: remove either',
    ),
);

const dkim = z.strictObject({ selectors: z.record(selectorName, dkimKey).default({}) });

const dmarc = z
  .strictObject({
    record: z
      .string()
      .regex(/^v=DMARC1\s*(?:;|$)/, 'must begin with v=DMARC1')
      .optional(),
    /** These policies or stricter ones; t=y makes a policy one step weaker (RFC 9989 section 4.7). */
    policy: policy.optional(),
    subdomain_policy: policy.optional(),
    nonexistent_policy: policy.optional(),
    adkim: alignment.optional(),
    aspf: alignment.optional(),
    /** Places that reports must go to; there may be more. */
    rua: z.array(url).default([]),
  })
  .refine(
    ({ record, rua, ...rest }) => record === undefined || (rua.length === 0 && Object.keys(rest).length === 0),
    'has "record" beside other keys: keep one way',
  );

const values = z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(z.coerce.string()));
const recordSets = z.partialRecord(z.enum(['TXT', 'MX', 'A', 'AAAA', 'CNAME']), values);

/** What may differ: names of aspects, or one of them with the values that may. */
const mayDiffer = z
  .array(
    z.union([z.string(), z.record(z.string(), z.array(z.string()))], {
      error: 'must be the name of an aspect, or a name with a list of values',
    }),
  )
  .default([])
  .superRefine((list, ctx) => {
    for (const name of list.flatMap((one) => (typeof one === 'string' ? [one] : Object.keys(one))))
      if (aspectsNamed(name).length === 0)
        ctx.addIssue({ code: 'custom', message: `has "${name}", which is no aspect: docs/guard.md lists them` });
  });

const guardedDomain = given(
  z.strictObject({
    /** The domain of the reference environment that this one is compared with; null: none. */
    like: domainName.nullable().optional(),
    spf: spf.optional(),
    dkim: dkim.optional(),
    dmarc: dmarc.optional(),
    mta_sts: z.strictObject({ mode: z.enum(['none', 'testing', 'enforce']).optional(), id: z.string().optional() }).optional(),
    tls_rpt: z.strictObject({ rua: z.array(url).min(1) }).optional(),
    bimi: z.strictObject({ logo: z.url().optional(), certificate: z.url().optional() }).optional(),
    /** Mail hosts, exactly these; an empty list: the domain takes no mail. */
    mx: z.array(z.union([domainName, z.string().regex(/^\d{1,5} \S+$/)], { error: 'must be a host, or "10 host"' })).optional(),
    /** Other records, by names below the domain ("@": itself) and type. */
    records: z.record(z.string(), recordSets).default({}),
    may_differ: mayDiffer,
    workloads: z.array(workloadOfDomain).default([]),
  }),
);

/** A list of names is a map of domains of which nothing is declared. */
const domains = z.preprocess(
  (value) =>
    Array.isArray(value) && value.every((one) => typeof one === 'string')
      ? Object.fromEntries(value.map((name) => [name, null]))
      : value,
  z.record(domainName, guardedDomain),
);

const environment = given(
  z.strictObject({
    /** The clusters that it runs in, by the names that the cluster's watcher and the logs have for them. */
    clusters: z.array(word).default([]),
    domains: domains.refine((all) => Object.keys(all).length > 0, 'names no domain'),
    may_differ: mayDiffer,
    egress: z.record(word, given(egress)).default({}),
    workloads: z.array(workloadOfEnvironment).default([]),
  }),
);

/** mail-guard.yaml: docs/guard.md. */
export const guardSchema = z.strictObject({
  version: z.literal(GUARD_VERSION, { error: `must be ${GUARD_VERSION}, the version of this form` }),
  /** The environment that the others are compared with; without it, "production", or the first. */
  reference: word.optional(),
  environments: z.record(word, environment).refine((all) => Object.keys(all).length > 0, 'names no environment'),
});

export type GuardFile = z.output<typeof guardSchema>;
export type WantedDomain = z.output<typeof guardedDomain>;
export type WantedSpf = z.output<typeof spf>;
export type WantedKey = z.output<typeof dkimKey>;
export type WantedDmarc = z.output<typeof dmarc>;
export type MayDiffer = z.output<typeof mayDiffer>;
