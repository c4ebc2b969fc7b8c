/** A file in a TNEF stream. */
export interface TnefFile {
  name: string | null;
  bytes: Buffer;
}

const SIGNATURE = Buffer.from([0x78, 0x9f, 0x3e, 0x22]);
/** Behind the signature and a key of two octets. */
const FIRST = 6;
/** Level, identifier, length. */
const HEAD = 9;
const CHECKSUM = 2;
const ATTACHMENT = 2;
/** attAttachRendData begins an attachment, the others belong to it (MS-OXTNEF section 2.1.3.3). */
const BEGINS = 0x00069002;
const TITLE = 0x00018010;
const DATA = 0x0006800f;
/** Files that are looked for in one stream. */
const FILES = 100;

/** Whether bytes are what Exchange and Outlook call winmail.dat (MS-OXTNEF): a mail's attachments in one. */
export function isTnef(bytes: Buffer): boolean {
  return bytes.length > FIRST + HEAD && bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/**
 * The files in a TNEF stream, in their order. They lie in it as they are, so that none is larger than the stream; one that is cut off ends
 * where the stream does. Checksums are not looked at: what was damaged is for whoever reads the file to say.
 */
export function tnefFiles(bytes: Buffer): TnefFile[] {
  const files: TnefFile[] = [];
  let file: { name: string | null; bytes: Buffer | null } = { name: null, bytes: null };
  const end = () => {
    if (file.bytes !== null && file.bytes.length > 0) files.push({ name: file.name, bytes: file.bytes });
    file = { name: null, bytes: null };
  };
  for (let at = FIRST; at + HEAD <= bytes.length && files.length < FILES; ) {
    const id = bytes.readUInt32LE(at + 1);
    const length = bytes.readUInt32LE(at + 5);
    const value = bytes.subarray(at + HEAD, at + HEAD + length);
    if (bytes[at] === ATTACHMENT) {
      if (id === BEGINS) end();
      if (id === TITLE) file.name = value.toString('latin1').replace(/\0.*$/s, '').slice(0, 255) || null;
      if (id === DATA) file.bytes = value;
    }
    at += HEAD + length + CHECKSUM;
  }
  if (files.length < FILES) end();
  return files;
}
