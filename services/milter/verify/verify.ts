import { setMaxListeners } from 'node:events';
import type { AskOptions, Budget, Dns } from '../../dns/client/types.ts';
import { evaluateSpf, type SpfEvaluation } from '../../dns/spf/evaluate.ts';
import { canonicalAddress } from '../../report/address.ts';
import { Aligner } from '../../report/aggregate/alignment.ts';
import { verdictOf } from '../../report/aggregate/source.ts';
import { type ArcChain, openArc } from '../../report/mail/arc.ts';
import { parseAuthenticationResults, provenBy } from '../../report/mail/authentication-results.ts';
import type { Authors } from '../../report/mail/authors.ts';
import type { Header } from '../../report/mail/header.ts';
import { type BodyDigests, openSignatures } from '../../report/mail/signatures.ts';
import { normalDomain, organizationalDomain } from '../../report/orgdomain.ts';
import { type Alignment, alignmentOf } from './align.ts';
import { checkKey, type KeyVerdict } from './keys.ts';
import type { DkimResult, Results } from './results.ts';

/** Milliseconds for verifying one mail. What is not answered by then is a temperror. */
const VERIFY_MS = 2_000;
/** Queries for one mail: for SPF, whose record its sender chooses, and for all else. */
const MOST_SPF_QUERIES = 60;
const MOST_QUERIES = 80;

/** A mail that is verified. */
export interface Incoming {
  /** The bytes of the header section. */
  raw: Buffer;
  header: Header;
  authors: Authors;
  bodies: BodyDigests;
  /** The address of the client; null for a mail that was submitted locally. */
  ip: string | null;
  helo: string;
  /** The sender in the envelope; empty for a bounce. */
  mailFrom: string;
  at: Date;
}

export interface VerifyOptions {
  dns: Dns;
  /**
   * Another one for what is asked about these names and those below them. A stranger's mail may ask silent
   * name servers about as many names as he likes: what proves or refutes our own mail must not wait behind
   * that.
   */
  own?: { dns: Dns; names: readonly string[] };
  /** The name of this server, for SPF macros. */
  receiver: string;
  trustedSealers: readonly string[];
  timeoutMs?: number;
}

/**
 * Verifies a mail by SPF (RFC 7208), DKIM (RFC 6376), ARC (RFC 8617) and DMARC (RFC 9989). All queries run at
 * once and end with the time; a query that somebody else's name server leaves unanswered changes nothing that
 * it could not have changed by its answer.
 */
export async function verifyMail(mail: Incoming, options: VerifyOptions): Promise<Results> {
  const { timeoutMs = VERIFY_MS } = options;
  const dnsFor = (name: string) => dnsOf(name, options);
  const signal = AbortSignal.timeout(timeoutMs);
  // Every question listens to it: Node takes more than ten for a leak.
  setMaxListeners(0, signal);
  const ask = { signal, budget: { left: MOST_QUERIES } };
  const author = mail.authors.author?.domain ?? null;
  const organization = author === null ? null : organizationalDomain(author);
  const signatures = openSignatures(mail.raw, mail.header, {
    bodies: mail.bodies,
    first: (domain) => organizationalDomain(domain) === organization,
    at: mail.at,
  });
  const chain = openArc(mail.raw, mail.header, mail.bodies);
  const [spf, keys, arc, alignment] = await Promise.all([
    spfOf(mail, options, { signal, budget: { left: MOST_SPF_QUERIES } }, timeoutMs),
    Promise.all(
      signatures.map((one): Promise<KeyVerdict> | KeyVerdict =>
        one.state === 'open' ? checkKey(one.signature, dnsFor(one.domain), ask) : one,
      ),
    ),
    arcOf(chain, options.dns, ask),
    author === null ? null : alignmentOf(author, dnsFor(author), ask),
  ]);
  const dkim = await Promise.all(
    signatures.map(async ({ domain, selector }, i): Promise<DkimResult> => {
      const { result, why } = keys[i]!;
      return { domain, selector, result, why, aligned: domain !== '' && ((await alignment?.dkim(domain)) ?? false) };
    }),
  );
  const spfAligned = spf.domain !== '' && ((await alignment?.spf(spf.domain)) ?? false);
  const authenticated = authenticatedBy(dkim, { result: spf.result, aligned: spfAligned }, author);
  const found = { spf: { ...spf, aligned: spfAligned }, dkim, arc };
  return {
    ...found,
    dmarc: dmarcOf(mail.authors, alignment, authenticated),
    authenticated,
    vouched_by: author === null ? null : voucher(chain, arc, author, options.trustedSealers),
    source: author === null ? null : sourceFor(found, author, alignment!, mail.ip),
  };
}

function dnsOf(name: string, { dns, own }: VerifyOptions): Dns {
  const plain = normalDomain(name);
  return own?.names.some((top) => plain === top || plain.endsWith(`.${top}`)) ? own.dns : dns;
}

/** Of a bounce, the HELO name is checked (RFC 7208 section 2.4). */
async function spfOf(
  { ip, helo, mailFrom }: Incoming,
  options: VerifyOptions,
  { signal, budget }: { signal: AbortSignal; budget: Budget },
  timeoutMs: number,
): Promise<Omit<Results['spf'], 'aligned'>> {
  const at = mailFrom.lastIndexOf('@');
  const identity = mailFrom === '' ? 'helo' : 'mailfrom';
  const domain = (identity === 'helo' ? helo : at < 0 ? '' : mailFrom.slice(at + 1)).toLowerCase().replace(/\.$/, '');
  const none = (why: string) => ({ result: 'none' as const, domain, identity: identity as 'helo' | 'mailfrom', why });
  if (ip === null) return none('the mail was submitted locally');
  if (domain === '') return none('the envelope names no domain');
  const { result, reason }: SpfEvaluation = await evaluateSpf({ ip, helo, mailFrom }, dnsOf(domain, options), {
    signal,
    timeoutMs,
    budget,
    receiver: options.receiver,
  });
  return { result, domain, identity, why: reason };
}

async function arcOf(chain: ArcChain, dns: Dns, ask: AskOptions): Promise<Results['arc']> {
  if (chain.state === 'none') return { result: 'none', sealers: [], why: null };
  if (chain.state === 'fail') return { result: 'fail', sealers: [], why: chain.why };
  const verdicts = await Promise.all(chain.signatures.map((signature) => checkKey(signature, dns, ask)));
  const { sealers } = chain;
  const failed = verdicts.find(({ result }) => result !== 'pass' && result !== 'temperror');
  if (failed !== undefined) return { result: 'fail', sealers, why: failed.why };
  const unknown = verdicts.find(({ result }) => result === 'temperror');
  if (unknown !== undefined) return { result: 'temperror', sealers, why: unknown.why };
  return { result: 'pass', sealers, why: null };
}

function authenticatedBy(
  dkim: readonly DkimResult[],
  spf: Pick<Results['spf'], 'result' | 'aligned'>,
  author: string | null,
): Results['authenticated'] {
  if (author === null) return 'no';
  const aligned = [...dkim, spf].filter((one) => one.aligned).map(({ result }) => result);
  return aligned.includes('pass') ? 'yes' : aligned.includes('temperror') ? 'unknown' : 'no';
}

function dmarcOf(authors: Authors, alignment: Alignment | null, authenticated: Results['authenticated']): Results['dmarc'] {
  const domain = authors.author?.domain ?? null;
  // RFC 9989 section 5.3.1 leaves it to the receiver what a mail without one author is.
  if (alignment === null) return { result: 'permerror', domain, policy: null, at: null, why: authors.unclear };
  const { discovery } = alignment;
  if (discovery.state === 'none') return { result: 'none', domain, policy: null, at: null, why: 'no policy is published' };
  if (discovery.state === 'unknown') return { result: 'temperror', domain, policy: null, at: null, why: discovery.message };
  const { policy, at } = discovery;
  const result = ({ yes: 'pass', no: 'fail', unknown: 'temperror' } as const)[authenticated];
  const why = { yes: null, no: 'no aligned mechanism passes', unknown: 'an aligned mechanism could not be checked' }[
    authenticated
  ];
  return { result, domain, policy, at, why };
}

/**
 * The last sealer, when the chain holds, every sealer is trusted, and the first found that the author's
 * domain was proven.
 */
function voucher(chain: ArcChain, arc: Results['arc'], author: string, trusted: readonly string[]): string | null {
  if (chain.state !== 'open' || arc.result !== 'pass') return null;
  const isTrusted = (sealer: string) => trusted.some((one) => sealer === one || sealer.endsWith(`.${one}`));
  if (!chain.sealers.every(isTrusted)) return null;
  const found = parseAuthenticationResults(chain.original);
  if (found === null || found.unclear || provenBy(found.results, author) === null) return null;
  return chain.sealers.at(-1)!;
}

/** The source as the reports of other receivers would name it, so that its class can be looked up. */
function sourceFor(
  { spf, dkim }: Pick<Results, 'spf' | 'dkim'>,
  author: string,
  alignment: Alignment,
  ip: string | null,
): string {
  const { discovery } = alignment;
  const record = discovery.state === 'found' ? discovery.record : null;
  return verdictOf(
    {
      header_from: author,
      auth: {
        dkim: dkim.map(({ domain, selector, result }) => ({ domain, selector, result, human_result: null })),
        spf: [{ domain: spf.domain, scope: spf.identity === 'helo' ? 'helo' : 'mfrom', result: spf.result, human_result: null }],
      },
      source_ip: ip === null ? null : canonicalAddress(ip),
      reasons: [],
    },
    new Aligner({
      domain: discovery.state === 'found' ? discovery.at : author,
      adkim: record?.adkim ?? null,
      aspf: record?.aspf ?? null,
      discovery_method: discovery.state === 'found' ? 'treewalk' : null,
    }),
  ).source!;
}
