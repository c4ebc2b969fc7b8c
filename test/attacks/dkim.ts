import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto';
import { rsaKey } from '../helpers/rsa-keys.ts';

/** A key pair of a signer, and the record that publishes it. */
export interface DkimKey {
  algorithm: 'rsa-sha256' | 'ed25519-sha256';
  privateKey: KeyObject;
  /** The value of the TXT record (RFC 6376 section 3.6.1). */
  record: string;
}

/** @param options.tags put before `p=`, such as `t=y` or `h=sha1`; @param options.bits of an RSA key */
export function dkimKey(options: { bits?: number; ed25519?: boolean; tags?: string } = {}): DkimKey {
  const tags = options.tags ? `${options.tags}; ` : '';
  if (options.ed25519) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const p = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
    return { algorithm: 'ed25519-sha256', privateKey, record: `v=DKIM1; k=ed25519; ${tags}p=${p}` };
  }
  const { bits = 2048 } = options;
  const privateKey = bits === 2048 ? rsaKey() : generateKeyPairSync('rsa', { modulusLength: bits }).privateKey;
  const p = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64');
  return { algorithm: 'rsa-sha256', privateKey, record: `v=DKIM1; k=rsa; ${tags}p=${p}` };
}

/** A second name for the same key, with other tags in its record. */
export function withTags(key: DkimKey, tags: string): DkimKey {
  return { ...key, record: key.record.replace(/; p=/, `; ${tags}; p=`) };
}

export interface SignOptions {
  /** d= */
  domain: string;
  key: DkimKey;
  /** s=, `s1` when not given. */
  selector?: string;
  /** h=, in order. A name said once more than the mail has it is oversigned (RFC 6376 section 5.4.2). */
  headers?: readonly string[];
  /** c=, `relaxed/relaxed` when not given. */
  canonicalization?: `${'simple' | 'relaxed'}/${'simple' | 'relaxed'}`;
  /** l=: signs only so many bytes of the canonical body, and says so. */
  length?: number;
  /** More tags, or others: `{ t: '1', x: '2', i: '@sub.example' }`; null leaves one out. They are signed. */
  tags?: Record<string, string | null>;
  /** The name of the field that is written, `DKIM-Signature` when not given. */
  field?: string;
}

/** What Google, Microsoft and most others sign of a report mail. */
export const USUAL_HEADERS = ['from', 'to', 'subject', 'date', 'message-id', 'mime-version', 'content-type'] as const;
/** Every field that steers reading, each once more than it is there: nothing can be added unseen. */
export const OVERSIGNED = [...USUAL_HEADERS, ...USUAL_HEADERS, 'content-transfer-encoding', 'content-disposition', 'sender'];

/**
 * Signs a mail (CRLF line ends, an honest header) as the owner of `domain` would, by the letter of RFC 6376
 * section 3.7: written apart from the verifier, so that neither hides the other's mistakes.
 * @returns the mail under its new signature; sign again for several
 */
export function dkimSigned(mail: Buffer, options: SignOptions): Buffer {
  const text = mail.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const head = end < 0 ? text : text.slice(0, end);
  const [headerForm, bodyForm] = (options.canonicalization ?? 'relaxed/relaxed').split('/');
  let body = canonicalBody(end < 0 ? '' : text.slice(end + 4), bodyForm === 'relaxed');
  if (options.length !== undefined) body = body.slice(0, options.length);
  const names = options.headers ?? USUAL_HEADERS;
  const tags: Record<string, string | null> = {
    v: '1',
    a: options.key.algorithm,
    c: options.canonicalization ?? 'relaxed/relaxed',
    d: options.domain,
    s: options.selector ?? 's1',
    ...(options.length === undefined ? {} : { l: String(options.length) }),
    h: names.join(':'),
    bh: createHash('sha256').update(body, 'latin1').digest('base64'),
    ...options.tags,
  };
  const said = Object.entries(tags)
    .filter(([, value]) => value !== null)
    .map(([tag, value]) => `${tag}=${value}`);
  const signature = `${options.field ?? 'DKIM-Signature'}: ${said.join(';\r\n ')};\r\n b=`;
  const form = headerForm === 'relaxed' ? relaxedField : (field: string) => field;
  const data = `${signedFields(head, names)
    .map((field) => `${form(field)}\r\n`)
    .join('')}${form(signature)}`;
  const bytes = Buffer.from(data, 'latin1');
  const b =
    options.key.algorithm === 'rsa-sha256'
      ? signBytes('sha256', bytes, options.key.privateKey)
      : signBytes(null, createHash('sha256').update(bytes).digest(), options.key.privateKey);
  return Buffer.concat([Buffer.from(`${signature}${b.toString('base64')}\r\n`, 'latin1'), mail]);
}

/** The fields that `h=` names: of equals the last not yet taken (RFC 6376 section 5.4.2). */
function signedFields(head: string, names: readonly string[]): string[] {
  const left = head.split(/\r\n(?![ \t])/).reverse();
  return names.flatMap((name) => {
    const at = left.findIndex((field) => field.slice(0, field.indexOf(':')).trim().toLowerCase() === name.toLowerCase());
    return at < 0 ? [] : left.splice(at, 1);
  });
}

function relaxedField(field: string): string {
  const colon = field.indexOf(':');
  const value = field
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .trim();
  return `${field.slice(0, colon).trimEnd().toLowerCase()}:${value}`;
}

function canonicalBody(body: string, relaxed: boolean): string {
  const form = relaxed ? body.replace(/[ \t]+(?=\r\n|$)/g, '').replace(/[ \t]+/g, ' ') : body;
  const trimmed = form.replace(/(?:\r\n)+$/, '');
  if (trimmed === '') return relaxed ? '' : '\r\n';
  return `${trimmed}\r\n`;
}
