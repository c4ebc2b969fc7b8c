import { gunzipSync, inflateRawSync } from 'node:zlib';
import { SNIFF_LENGTH, sniff } from '../services/report/container/sniff.ts';
import { DEFAULT_LIMITS } from '../services/report/limits.ts';
import { decodeBody, readMail } from '../services/report/mail/mime.ts';

/** The attachment of one report mail, out of its MIME and transfer encoding. */
export interface Packed {
  kind: 'gzip' | 'zip' | 'xml';
  bytes: Buffer;
}

/**
 * The report attachments of a mail. @throws Error when there is none: the load is not what the bench thinks
 * it is
 */
export function attachmentsOf(raw: Buffer): Packed[] {
  const found: Packed[] = [];
  for (const part of readMail(raw, DEFAULT_LIMITS)?.parts ?? []) {
    const bytes = decodeBody(part.bytes, part.encoding);
    const kind = sniff(bytes.subarray(0, SNIFF_LENGTH));
    if (kind === 'gzip' || kind === 'zip' || kind === 'xml') found.push({ kind, bytes });
  }
  if (found.length === 0) throw new Error('A mail of the load holds no report.');
  return found;
}

/** Opens and decodes an attachment the shortest way there is, checking nothing: the floor of reading. */
export function unpack({ kind, bytes }: Packed): { text: string; size: number } {
  const xml = kind === 'gzip' ? gunzipSync(bytes, { chunkSize: 256 * 1024 }) : kind === 'zip' ? firstMember(bytes) : bytes;
  return { text: xml.toString('utf8'), size: xml.length };
}

/** The first member of a zip (APPNOTE 4.3.7): the load's archives hold one, deflated or stored. */
function firstMember(zip: Buffer): Buffer {
  const central = zip.readUInt32LE(zip.lastIndexOf('PK\x05\x06', undefined, 'latin1') + 16);
  const size = zip.readUInt32LE(central + 20);
  const from = 30 + zip.readUInt16LE(26) + zip.readUInt16LE(28);
  const data = zip.subarray(from, from + size);
  return zip.readUInt16LE(8) === 0 ? data : inflateRawSync(data, { chunkSize: 256 * 1024 });
}
