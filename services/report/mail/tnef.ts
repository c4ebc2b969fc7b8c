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
const LENGTH = 4;
const ATTACHMENT = 2;
/** attAttachRendData begins an attachment, the others belong to it (MS-OXTNEF section 2.1.3.3). */
const BEGINS = 0x00069002;
const TITLE = 0x00018010;
const DATA = 0x0006800f;
/** attAttachment: properties of an attachment, of which one may be a message (MS-OXTNEF section 2.1.3.4). */
const PROPERTIES = 0x00069005;
/**
 * IID_IMessage: before it stands how long the message is, it included, and behind it the message, which is a
 * stream of its own.
 */
const MESSAGE = Buffer.from('0703020000000000c000000000000046', 'hex');
/** Files that are looked for in one stream. */
const FILES = 100;

/** Whether bytes are what Exchange and Outlook call winmail.dat (MS-OXTNEF): a mail's attachments in one. */
export function isTnef(bytes: Buffer): boolean {
  return bytes.length > FIRST + HEAD && bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/**
 * The files in a TNEF stream, in their order; an attached message of Outlook's is a file that is such a
 * stream itself. They lie in it as they are, so that none is larger than the stream; one that is cut off ends
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
      if (id === PROPERTIES) file.bytes = messageIn(value) ?? file.bytes;
    }
    at += HEAD + length + CHECKSUM;
  }
  if (files.length < FILES) end();
  return files;
}

/** The message among the properties of an attachment. */
function messageIn(properties: Buffer): Buffer | null {
  const at = properties.indexOf(Buffer.concat([MESSAGE, SIGNATURE]));
  if (at < LENGTH) return null;
  return properties.subarray(at + MESSAGE.length, at + properties.readUInt32LE(at - LENGTH));
}
