import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { textsOf } from '../dns/client/texts.ts';
import type { Dns } from '../dns/client/types.ts';
import { type GuardFinding, guardFinding, type Place } from '../dns/guard/codes.ts';
import { keyName } from '../dns/guard/dkim.ts';
import type { GuardedDomain } from '../dns/guard/file.ts';
import { type Signer, signersAs } from '../dns/guard/workloads.ts';
import { DEFAULT_LIMITS } from '../report/limits.ts';
import { inspectSignatures, verifySignature } from '../report/mail/dkim.ts';
import { readMailHeader } from '../report/mail/header.ts';
import { signMail } from '../report/mail/sign.ts';
import { codeOf, messageOf } from '../shared/errors.ts';

/** How a sample that is signed with a selector's key does. */
export interface SelectorTrial {
  /** d= of the signature, where it is not the domain itself. */
  domain?: string;
  selector: string;
  /** `not tried`: the file names no private key, or it cannot be read. */
  result: 'pass' | 'fail' | 'unknown' | 'not tried';
  why: string | null;
}

/** What trials need. */
export interface Trying {
  dns: Dns;
  /** The folder that paths in the file start from. */
  folder: string;
  now: Date;
}

/** The keys of a domain, and others that its workloads sign with; a key that several have is tried once. */
export function signersOf({ domain, wanted, workloads }: GuardedDomain): Signer[] {
  const own = Object.entries(wanted.dkim?.selectors ?? {}).flatMap(([selector, { state, private_key = null, secret = null }]) =>
    state === 'key' ? [{ domain, selector, private_key, secret }] : [],
  );
  const used = workloads.flatMap((workload) => signersAs(workload, domain));
  const once = new Map<string, Signer>();
  for (const one of [...own, ...used]) once.set(trialKey(one), one);
  // Where a workload names a key, that of the domain is none that is missing.
  const known = new Set(
    [...once.values()].flatMap((one) => (one.private_key === null ? [] : [keyName(one.domain, one.selector)])),
  );
  return [...once.values()].filter(
    (one) => one.private_key !== null || !known.has(keyName(one.domain, one.selector)) || used.includes(one),
  );
}

/** Of two trials of one selector with one file, one is enough. */
export function trialKey({ domain, selector, private_key }: Signer): string {
  return `${keyName(domain, selector)} ${private_key ?? ''}`;
}

/** Signs a sample with a key, and verifies it by the record of its selector. */
export async function trySelector(
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
  const at = path.resolve(folder, file);
  const key = readKey(at);
  if (typeof key === 'string')
    return ended(
      'not tried',
      key,
      'guard_key_file',
      `The private key ${file} of ${selector} (${domain}) cannot be used: ${key}.`,
    );
  const open = othersRead(at)
    ? [guardFinding('guard_key_readable', place, { message: readable(file, `${selector} of ${domain}`) })]
    : [];
  const answer = await dns.ask(name, 'TXT');
  const and = (end: ReturnType<typeof ended>) => ({ ...end, found: [...open, ...end.found] });
  if (answer.state === 'unknown') return and(ended('unknown', answer.message, 'guard_unknown', answer.message));
  const raw = signMail(sampleOf(domain, now), { domain, selector, key }, now);
  const inspected = inspectSignatures(raw, readMailHeader(raw, DEFAULT_LIMITS), domain, now);
  const [signature] = inspected.signatures;
  const records = textsOf(answer).map((text) => [text]);
  const why = signature === undefined ? inspected.why : (verifySignature(signature, records)?.why ?? null);
  if (why === null) return { trial: { ...of, result: 'pass', why: null }, found: open };
  const reason = records.length === 0 ? 'no key is there' : why === 'bad signature' ? 'another key is there' : why;
  const message = `A sample signed with ${file} as ${selector} of ${domain} does not verify by ${name}: ${reason}.`;
  return and(ended('fail', reason, 'guard_signature', message));
}

/** Bytes of a file with a private key: an RSA key of 8,192 bits has 6,400. */
const MOST_BYTES = 64 * 1024;

/** Whether users other than the owner and its group may read a file. */
function othersRead(file: string): boolean {
  return process.platform !== 'win32' && (statSync(file).mode & 0o004) !== 0;
}

function readable(file: string, of: string): string {
  return `Everybody on the machine can read ${file}, the private key of ${of}: chmod 600 (defaultMode: 0400 of a Secret's volume).`;
}

function readKey(file: string): KeyObject | string {
  let pem: string;
  try {
    const found = statSync(file);
    if (!found.isFile() || found.size > MOST_BYTES) return `it is no file of at most ${MOST_BYTES / 1024} KiB`;
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? `there is no file ${file}` : messageOf(error);
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
