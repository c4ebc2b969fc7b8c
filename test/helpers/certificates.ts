import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** One part of DER. */
export function der(tag: number, ...contents: (Uint8Array | string)[]): Buffer {
  const content = Buffer.concat(contents.map((one) => (typeof one === 'string' ? Buffer.from(one, 'latin1') : one)));
  const { length } = content;
  const octets =
    length < 0x80
      ? [length]
      : length < 0x1_0000
        ? [0x82, length >> 8, length & 0xff]
        : [0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...octets]), content]);
}

const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const name = (common: string, type?: string) =>
  sequence(
    ...[['550403', common] as const, ...(type === undefined ? [] : [['2b06010401839e5f010d', type] as const])].map(([id, text]) =>
      der(0x31, sequence(oid(id), der(0x0c, Buffer.from(text)))),
    ),
  );
const time = (at: Date) => der(0x18, `${at.toISOString().replace(/[-:T]|\.\d+/g, '')}`);
const extension = (id: string, value: Uint8Array, critical = false) =>
  sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));

export interface Authority {
  subject: string;
  key: KeyObject;
  public: KeyObject;
  pem: string;
}

interface Wanted {
  subject: string;
  type?: string | undefined;
  /** The signer; null: itself. */
  by: Authority | null;
  from?: Date;
  until?: Date;
  extensions: Uint8Array[];
}

let serial = 1;

/** Issues a certificate (X.509 v3, ECDSA on P-256). */
function issue({
  subject,
  type,
  by,
  from = new Date('2026-01-01'),
  until = new Date('2027-12-31'),
  extensions,
}: Wanted): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid('2a8648ce3d040302'));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([serial++ & 0x7f || 1])),
    algorithm,
    name(by?.subject ?? subject),
    sequence(time(from), time(until)),
    name(subject, type),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  );
  const signature = sign('sha256', body, by?.key ?? privateKey);
  const whole = sequence(body, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = whole
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n');
  const pem = `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  return { subject, key: privateKey, public: publicKey, pem };
}

/** @param by null: a root */
export function authority(subject: string, by: Authority | null = null, until?: Date): Authority {
  const mayIssue = extension('551d13', sequence(der(0x01, Buffer.from([0xff]))), true);
  return issue({ subject, by, extensions: [mayIssue], ...(until && { until }) });
}

export interface MarkWanted {
  domains?: readonly string[];
  type?: string;
  from?: Date;
  until?: Date;
  /** The logo; null: no logotype extension. */
  svg: string | Uint8Array | null;
  /** What the digest is of; the packed logo by default. */
  digestOf?: string;
  /** The whole logotype extension instead. */
  logotype?: Uint8Array;
  /** Whether the extended key usage for marks is there. */
  forMarks?: boolean;
  /** Where the logo is, instead of inside. */
  place?: string;
}

/** A mark certificate (RFC 9399, draft-fetch-validation-vmc-wchuang). */
export function markCertificate(by: Authority, { svg, ...wanted }: MarkWanted): Authority {
  const names = sequence(...(wanted.domains ?? ['example.com']).map((domain) => der(0x82, domain)));
  const extensions = [extension('551d11', names)];
  if (wanted.forMarks !== false) extensions.push(extension('551d25', sequence(oid('2b0601050507031f'))));
  if (wanted.logotype) extensions.push(extension('2b0601050507010c', wanted.logotype));
  else if (svg !== null) extensions.push(extension('2b0601050507010c', logotype(svg, wanted)));
  return issue({ subject: 'Example Brand', type: wanted.type ?? 'Registered Mark', by, extensions, ...wanted });
}

function logotype(svg: string | Uint8Array, { digestOf, place }: Pick<MarkWanted, 'digestOf' | 'place'>): Buffer {
  const packed = gzipSync(svg);
  const digest = createHash('sha256')
    .update(digestOf ?? packed)
    .digest();
  const hash = sequence(sequence(oid('608648016503040201')), der(0x04, digest));
  const uri = der(0x16, place ?? `data:image/svg+xml;base64,${packed.toString('base64')}`);
  const details = sequence(der(0x16, 'image/svg+xml'), sequence(hash), sequence(uri));
  return sequence(der(0xa2, der(0xa0, sequence(sequence(details)))));
}
