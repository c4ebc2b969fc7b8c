import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { DomainCheck } from '../dns/check/check.ts';
import { textsOf } from '../dns/client/texts.ts';
import type { Dns } from '../dns/client/types.ts';
import { type GuardFinding, guardFinding, type Place } from '../dns/guard/codes.ts';
import { keyName } from '../dns/guard/dkim.ts';
import { addressesIn } from '../dns/guard/egress.ts';
import type { GuardedDomain } from '../dns/guard/file.ts';
import { type GuardedWorkload, type Signer, signersAs } from '../dns/guard/workloads.ts';
import { evaluateSpf, type SpfResult } from '../dns/spf/evaluate.ts';
import { Aligner } from '../report/aggregate/alignment.ts';
import { DEFAULT_LIMITS } from '../report/limits.ts';
import { inspectSignatures, verifySignature } from '../report/mail/dkim.ts';
import { readMailHeader } from '../report/mail/header.ts';
import { signMail } from '../report/mail/sign.ts';
import { messageOf } from '../shared/errors.ts';

/** How a sample that is signed with a selector's key does. */
export interface SelectorTrial {
  /** d= of the signature, where it is not the domain itself. */
  domain?: string;
  selector: string;
  /** `not tried`: the file names no private key, or it cannot be read. */
  result: 'pass' | 'fail' | 'unknown' | 'not tried';
  why: string | null;
}

/** How mail of a workload would do that leaves by one address. */
export interface EgressTrial {
  egress: string;
  address: string;
  spf: SpfResult;
  spfAligned: boolean;
}

/** How mail of a workload would do. */
export interface WorkloadTrial {
  workload: string;
  envelopeFrom: string;
  selectors: readonly string[];
  /** Null: no selector could be tried. */
  dkimAligned: boolean | null;
  egress: readonly EgressTrial[];
  /** What DMARC says; null where neither SPF nor DKIM could be tried. */
  dmarc: 'pass' | 'fail' | null;
}

export interface Trials {
  selectors: SelectorTrial[];
  workloads: WorkloadTrial[];
  findings: GuardFinding[];
}

interface Trying {
  dns: Dns;
  /** The folder that paths in the file start from. */
  folder: string;
  now: Date;
}

/** Signs a sample with each key that the file names, and evaluates SPF and DMARC for each workload's ways out. */
export async function tryDomain(guarded: GuardedDomain, check: DomainCheck, trying: Trying): Promise<Trials> {
  const findings: GuardFinding[] = [];
  const selectors: SelectorTrial[] = [];
  for (const signer of signersOf(guarded)) {
    const { trial, found } = await trySelector(guarded, signer, trying);
    selectors.push(trial);
    findings.push(...found);
  }
  const workloads: WorkloadTrial[] = [];
  for (const workload of guarded.workloads) {
    const { trial, found } = await tryWorkload(guarded, workload, { check, selectors }, trying);
    workloads.push(trial);
    findings.push(...found);
  }
  return { selectors, workloads, findings };
}

/** The keys of a domain, and others that its workloads sign with; a key that several have is tried once. */
function signersOf({ domain, wanted, workloads }: GuardedDomain): Signer[] {
  const own = Object.entries(wanted.dkim?.selectors ?? {}).flatMap(([selector, { state, private_key = null, secret = null }]) =>
    state === 'key' ? [{ domain, selector, private_key, secret }] : [],
  );
  const used = workloads.flatMap((workload) => signersAs(workload, domain));
  const once = new Map<string, Signer>();
  for (const one of [...used, ...own]) {
    const before = once.get(trialKey(one));
    if (before === undefined || before.private_key === null) once.set(trialKey(one), one);
  }
  return [...once.values()];
}

function trialKey({ domain, selector }: { domain: string; selector: string }): string {
  return keyName(domain, selector);
}

async function trySelector(
  { environment, domain: from }: GuardedDomain,
  { domain, selector, private_key: file }: Signer,
  { dns, folder, now }: Trying,
): Promise<{ trial: SelectorTrial; found: GuardFinding[] }> {
  const name = keyName(domain, selector);
  const place: Place = { environment, domain: from, name, text: null };
  const of = domain === from ? { selector } : { domain, selector };
  const ended = (result: SelectorTrial['result'], why: string, code: GuardFinding['code'], message: string) => ({
    trial: { ...of, result, why },
    found: [guardFinding(code, place, { message })],
  });
  if (file === null)
    return ended(
      'not tried',
      'no private_key',
      'guard_not_signed_here',
      `The file names no private_key for ${selector} of ${domain}, so no sample was signed with it.`,
    );
  const key = readKey(path.resolve(folder, file));
  if (typeof key === 'string')
    return ended(
      'not tried',
      key,
      'guard_key_file',
      `The private key ${file} of ${selector} (${domain}) cannot be used: ${key}.`,
    );
  const answer = await dns.ask(name, 'TXT');
  if (answer.state === 'unknown') return ended('unknown', answer.message, 'guard_unknown', answer.message);
  const raw = signMail(sampleOf(domain, now), { domain, selector, key }, now);
  const inspected = inspectSignatures(raw, readMailHeader(raw, DEFAULT_LIMITS), domain, now);
  const [signature] = inspected.signatures;
  const records = textsOf(answer).map((text) => [text]);
  const why = signature === undefined ? inspected.why : verifySignature(signature, records);
  if (why === null) return { trial: { ...of, result: 'pass', why: null }, found: [] };
  const reason = records.length === 0 ? 'no key is there' : why === 'bad signature' ? 'another key is there' : why;
  const message = `A sample signed with ${file} as ${selector} of ${domain} does not verify by ${name}: ${reason}.`;
  return ended('fail', reason, 'guard_signature', message);
}

function readKey(file: string): KeyObject | string {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    return messageOf(error);
  }
  try {
    const key = createPrivateKey(pem);
    return ['rsa', 'ed25519'].includes(key.asymmetricKeyType ?? '')
      ? key
      : `it is of the type ${key.asymmetricKeyType}, and DKIM takes rsa and ed25519`;
  } catch {
    // OpenSSL's message would not help anybody, and might quote the file.
    return 'it is no private key in PEM';
  }
}

function sampleOf(domain: string, now: Date): Buffer {
  const lines = [
    `From: sample@${domain}`,
    `To: sample@${domain}`,
    'Subject: A sample of ruawatch guard check',
    `Date: ${now.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <sample.${now.getTime()}@${domain}>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'This mail is signed and verified on the spot, and sent to nobody.',
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}

async function tryWorkload(
  { environment, domain }: GuardedDomain,
  workload: GuardedWorkload,
  { check, selectors: tried }: { check: DomainCheck; selectors: readonly SelectorTrial[] },
  { dns, now }: Trying,
): Promise<{ trial: WorkloadTrial; found: GuardFinding[] }> {
  const signers = signersAs(workload, domain);
  const envelopeFrom = workload.envelope_from ?? domain;
  const who = `${workload.name} (${environment})`;
  const place: Place = { environment, domain, name: domain, text: check.spf?.tree.root.record?.text ?? null };
  const found: GuardFinding[] = [];
  const say = (code: GuardFinding['code'], message: string) => found.push(guardFinding(code, place, { message }));
  if (signers.length === 0)
    say('guard_unsigned', `${who} sends as ${domain} and has no selector to sign with: its mail is unsigned.`);
  const keys = new Set(signers.map(trialKey));
  const dkimAligned = verified(tried.filter((trial) => keys.has(trialKey({ domain, ...trial }))));
  const egress: EgressTrial[] = [];
  for (const way of workload.egress) {
    if (way.addresses.length === 0)
      say(
        'guard_egress_unknown',
        `The addresses of the egress ${way.name} of ${who} are known in the cluster only, so SPF was not evaluated for it.`,
      );
    for (const address of way.addresses.flatMap(addressesIn)) {
      const mail = { ip: address, helo: envelopeFrom, mailFrom: `sample@${envelopeFrom}` };
      const { result: spf, reason } = await evaluateSpf(mail, dns, { now: () => now });
      egress.push({ egress: way.name, address, spf, spfAligned: spf === 'pass' && alignedBy(check).spf(envelopeFrom, domain) });
      if (spf === 'temperror') say('guard_unknown', reason ?? `SPF of ${envelopeFrom} could not be evaluated.`);
      else if (spf !== 'pass') found.push(notAdmitted(place, { who, way: way.name, address, envelopeFrom, spf, reason }));
    }
  }
  const dmarc = verdictOf(dkimAligned, egress, workload);
  if (dmarc === 'fail') {
    const way = egress.find(({ spfAligned }) => !spfAligned);
    const from = way === undefined ? '' : ` from ${way.address}`;
    say(
      'guard_dmarc',
      `Mail of ${who} as ${domain} fails DMARC${from}: no signature of ${domain} verifies, and SPF does not pass for a domain that aligns. Under p=reject it is lost.`,
    );
  }
  return {
    trial: {
      workload: workload.name,
      envelopeFrom,
      selectors: signers.map(({ selector }) => selector),
      dkimAligned,
      egress,
      dmarc,
    },
    found,
  };
}

/** Whether a receiver finds a signature that verifies; null when that was not tried. */
function verified(trials: readonly SelectorTrial[]): boolean | null {
  if (trials.some(({ result }) => result === 'pass')) return true;
  return trials.every(({ result }) => result === 'fail') ? false : null;
}

function alignedBy({ domain, dmarc }: DomainCheck): Aligner {
  const record = dmarc?.discovery.state === 'found' ? dmarc.discovery.record : null;
  return new Aligner({ domain, adkim: record?.adkim ?? 'r', aspf: record?.aspf ?? 'r', discovery_method: 'treewalk' });
}

function notAdmitted(
  place: Place,
  {
    who,
    way,
    address,
    envelopeFrom,
    spf,
    reason,
  }: {
    who: string;
    way: string;
    address: string;
    envelopeFrom: string;
    spf: SpfResult;
    reason: string | null;
  },
): GuardFinding {
  const why = reason === null ? '.' : `: ${reason}${reason.endsWith('.') ? '' : '.'}`;
  return guardFinding(
    'guard_egress',
    { ...place, name: envelopeFrom, text: envelopeFrom === place.domain ? place.text : null },
    {
      message: `Mail of ${who} that leaves by ${address} (${way}) gets ${spf} from SPF of ${envelopeFrom}${why}`,
      wanted: `${address.includes(':') ? 'ip6' : 'ip4'}:${address}`,
      published: spf,
    },
  );
}

/** What DMARC says of the mail by every way out; null where that was not tried. */
function verdictOf(
  dkimAligned: boolean | null,
  egress: readonly EgressTrial[],
  workload: GuardedWorkload,
): WorkloadTrial['dmarc'] {
  if (dkimAligned === true) return 'pass';
  const known = egress.filter(({ spf }) => spf !== 'temperror');
  if (known.length > 0 && known.length === egress.length && egress.every(({ spfAligned }) => spfAligned)) return 'pass';
  if (dkimAligned === null) return null;
  return known.some(({ spfAligned }) => !spfAligned) || workload.egress.length === 0 ? 'fail' : null;
}
