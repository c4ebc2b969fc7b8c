import { textsOf } from '../../dns/client/texts.ts';
import type { Dns } from '../../dns/client/types.ts';
import { type Discovery, discoverPolicy } from '../../dns/dmarc/walk.ts';
import { partName, spfOver } from '../../dns/guard/egress.ts';
import type { GuardedEnvironment } from '../../dns/guard/file.ts';
import { signersAs } from '../../dns/guard/workloads.ts';
import { evaluateSpf, type SpfResult } from '../../dns/spf/evaluate.ts';
import { Aligner } from '../../report/aggregate/alignment.ts';
import { DEFAULT_LIMITS, Refusal } from '../../report/limits.ts';
import { authorOf } from '../../report/mail/author.ts';
import { BodyHash } from '../../report/mail/canonical.ts';
import { verifySignature } from '../../report/mail/dkim.ts';
import { type Header, readMailHeader } from '../../report/mail/header.ts';
import { openSignatures } from '../../report/mail/signatures.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { type ProbeFinding, probeFinding } from './codes.ts';
import type { ProbeMail } from './mail.ts';
import { isInside, leavesBy, type Sender, senderOf } from './who.ts';

/** What a receiver finds of one signature. */
export interface Signed {
  domain: string | null;
  selector: string | null;
  result: 'pass' | 'fail' | 'unknown';
  why: string | null;
  aligned: boolean;
}

/** What SPF says of the mail. */
export interface Admitted {
  /** An address, or a part of a declared network; null: none is known. */
  address: string | null;
  /** Whose address that is: of the connection, of mail-guard.yaml, or of --peer. */
  of: 'connection' | 'declared' | 'option';
  domain: string;
  result: SpfResult;
  why: string | null;
  aligned: boolean;
}

/** What a receiver would make of a mail. */
export interface Verdict {
  at: Date;
  /** The domain in From; null: there is none that counts. */
  domain: string | null;
  from: string | null;
  mailFrom: string;
  sender: Sender | null;
  dkim: readonly Signed[];
  spf: Admitted;
  /** `none`: no policy is published. */
  dmarc: 'pass' | 'fail' | 'none' | 'unknown';
  discovery: Discovery | null;
  /** What would happen to it under p=reject; null: that could not be said. */
  underReject: 'delivered' | 'rejected' | null;
  findings: readonly ProbeFinding[];
}

export interface VerdictOptions {
  dns: Dns;
  /** Those that senders are looked for in; null: no mail-guard.yaml is given. */
  environments: readonly GuardedEnvironment[] | null;
  /** The address that all mail is taken to come from; null: that of the connection, or what is declared. */
  peer: string | null;
}

/** Judges a mail as a receiver would. Whatever it holds, the answer is a verdict. */
export async function verdictOn(mail: ProbeMail, given: VerdictOptions): Promise<Verdict> {
  const header = headerOf(mail.raw);
  const author = header === null ? null : authorOf(header.fields);
  const domain = author?.domain ?? null;
  const from = author?.address ?? null;
  const sender = senderOf(given.environments ?? [], { user: mail.user, peer: mail.peer, from });
  const discovery = domain === null ? null : await discoverPolicy(domain, given.dns);
  const aligner = alignerOf(domain, discovery);
  const signed =
    header === null
      ? []
      : await signatures(mail, header, {
          dns: given.dns,
          organization: domain === null ? null : organizationalDomain(domain),
        });
  const dkim = signed.map((one) => ({ ...one, aligned: domain !== null && aligner.dkim(one.domain, domain) }));
  const admitted = await spfOf(mail, sender, given);
  const spf = { ...admitted, aligned: admitted.result === 'pass' && domain !== null && aligner.spf(admitted.domain, domain) };
  const passes = spf.aligned || dkim.some(({ result, aligned }) => aligned && result === 'pass');
  const open =
    spf.result === 'temperror' ||
    dkim.some(({ result, aligned }) => aligned && result === 'unknown') ||
    discovery?.state === 'unknown';
  const outcome = domain === null ? null : passes ? 'pass' : open ? null : 'fail';
  const dmarc = outcome === null ? (domain === null ? 'fail' : 'unknown') : discovery?.state === 'none' ? 'none' : outcome;
  const verdict: Omit<Verdict, 'findings'> = {
    at: mail.at,
    domain,
    from,
    mailFrom: mail.mailFrom,
    sender,
    dkim,
    spf,
    dmarc,
    discovery,
    underReject: outcome === null ? null : outcome === 'pass' ? 'delivered' : 'rejected',
  };
  const why = header === null ? 'its header cannot be read' : (author?.why ?? null);
  return { ...verdict, findings: findingsOf(verdict, why, given) };
}

function headerOf(raw: Buffer): Header | null {
  try {
    return readMailHeader(raw, DEFAULT_LIMITS);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

function alignerOf(domain: string | null, discovery: Discovery | null): Aligner {
  const found = discovery?.state === 'found' ? discovery : null;
  return new Aligner({
    domain: found?.at ?? domain,
    adkim: found?.record.adkim ?? 'r',
    aspf: found?.record.aspf ?? 'r',
    discovery_method: 'treewalk',
  });
}

async function signatures(
  mail: ProbeMail,
  header: Header,
  { dns, organization }: { dns: Dns; organization: string | null },
): Promise<Omit<Signed, 'aligned'>[]> {
  const digest = (relaxed: boolean) => {
    const hash = new BodyHash(relaxed);
    hash.update(mail.raw, header.body);
    return hash.digest();
  };
  const first = (domain: string) => organizationalDomain(domain) === organization;
  const bodies = { simple: digest(false), relaxed: digest(true) };
  const found: Omit<Signed, 'aligned'>[] = [];
  for (const one of openSignatures(mail.raw, header, { bodies, first, at: mail.at })) {
    const { domain, selector } = one;
    if (one.state === 'refused') {
      found.push({ domain: domain || null, selector: selector || null, result: 'fail', why: one.why });
      continue;
    }
    const { signature } = one;
    const answer = await dns.ask(signature.keyName, 'TXT');
    if (answer.state === 'unknown') {
      found.push({ domain, selector, result: 'unknown', why: answer.message });
      continue;
    }
    const texts = textsOf(answer);
    const fault = verifySignature(
      signature,
      texts.map((text) => [text]),
    );
    const shown =
      texts.length === 0
        ? `no key is at ${signature.keyName}`
        : fault?.why === 'bad signature'
          ? 'another key is published'
          : (fault?.why ?? null);
    found.push({ domain, selector, result: fault === null ? 'pass' : 'fail', why: fault === null ? null : shown });
  }
  return found;
}

async function spfOf(mail: ProbeMail, sender: Sender | null, { dns, peer }: VerdictOptions): Promise<Omit<Admitted, 'aligned'>> {
  const helo = mail.helo ?? 'unknown';
  const at = mail.mailFrom.lastIndexOf('@');
  const domain = (at < 0 ? helo : mail.mailFrom.slice(at + 1)).toLowerCase();
  const asked = { helo, mailFrom: mail.mailFrom };
  const declared = sender?.workload.egress.flatMap(({ addresses }) => addresses) ?? [];
  const known = mail.peer !== null && (!isInside(mail.peer) || (sender !== null && leavesBy(sender.workload, mail.peer)));
  if (peer === null && !known && declared.length > 0) {
    const parts = (await Promise.all(declared.map((network) => spfOver(network, asked, dns)))).flat();
    const worst = parts.find(({ spf }) => spf !== 'pass') ?? parts[0]!;
    return { address: partName(worst), of: 'declared', domain, result: worst.spf, why: worst.reason };
  }
  const address = peer ?? mail.peer;
  const of = peer === null ? 'connection' : 'option';
  if (address === null) return { address, of, domain, result: 'none', why: 'the address that it came from is not known' };
  const { result, reason } = await evaluateSpf({ ip: address, ...asked }, dns);
  return { address, of, domain, result, why: reason };
}

function findingsOf(verdict: Omit<Verdict, 'findings'>, why: string | null, { environments }: VerdictOptions): ProbeFinding[] {
  const { domain, from, sender, dkim, spf, dmarc, underReject, discovery } = verdict;
  const found: ProbeFinding[] = [];
  const about = domain ?? 'unknown';
  const say = (code: ProbeFinding['code'], message: string) => found.push(probeFinding(code, about, message));
  const who = sender === null ? (from ?? 'Somebody') : `${sender.workload.name} (${sender.environment})`;
  if (domain === null) {
    say('probe_from', `${who} sent a mail without an author, so DMARC rejects it or has nothing to judge: ${why}.`);
    return found;
  }
  if (environments !== null && sender === null)
    say('probe_stranger', `${from} sent a mail from ${spf.address ?? 'an unknown address'}, and no declared workload does that.`);
  if (sender !== null && !sender.workload.sends_as.includes(domain))
    say('probe_undeclared', `${who} sends as ${domain}, which it is not declared for.`);
  const aligned = dkim.filter((one) => one.aligned);
  if (dkim.length === 0) say('probe_unsigned', `${who} sent an unsigned mail as ${domain}.`);
  else if (aligned.length === 0)
    say('probe_unaligned', `${who} sent a mail as ${domain} that is signed as ${names(dkim)} alone, which does not align.`);
  for (const one of aligned)
    if (one.result === 'fail')
      say('probe_dkim', `The signature ${one.selector} of ${one.domain} on a mail of ${who} does not verify: ${one.why}.`);
    else if (one.result === 'unknown') say('probe_unknown', one.why ?? `The key ${one.selector} of ${one.domain} is unknown.`);
  if (sender !== null) {
    const wanted = signersAs(sender.workload, domain).map((one) => `${one.selector} of ${one.domain}`);
    const used = aligned.map((one) => `${one.selector} of ${one.domain}`);
    if (used.length > 0 && wanted.length > 0 && !used.some((one) => wanted.includes(one)))
      say('probe_selector', `${who} signs with ${used.join(', ')}, and ${wanted.join(', ')} is declared.`);
  }
  if (spf.result === 'temperror') say('probe_unknown', spf.why ?? `SPF of ${spf.domain} is unknown.`);
  else if (spf.result !== 'pass' && spf.address !== null)
    say(
      'probe_spf',
      `Mail of ${who} from ${spf.address} gets ${spf.result} from SPF of ${spf.domain}${spf.why === null ? '.' : `: ${sentence(spf.why)}`}`,
    );
  if (discovery?.state === 'unknown') say('probe_unknown', discovery.message);
  if (discovery?.state === 'none') say('probe_no_policy', `No DMARC record applies to ${domain}.`);
  if (underReject === 'rejected')
    say(
      'probe_dmarc',
      `A mail of ${who} as ${domain} fails DMARC: neither a signature nor SPF passes for a domain that aligns. Under p=reject it is lost.`,
    );
  if (dmarc === 'unknown' && !found.some(({ code }) => code === 'probe_unknown'))
    say('probe_unknown', `What DMARC says of a mail of ${who} is unknown.`);
  return found;
}

function names(dkim: readonly Signed[]): string {
  return [...new Set(dkim.map(({ domain }) => domain ?? 'nobody'))].join(', ');
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}
