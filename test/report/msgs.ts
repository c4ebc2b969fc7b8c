import { burn, type Entry } from '@kenjiuno/msgreader/lib/Burner.js';
import { TypeEnum } from '@kenjiuno/msgreader/lib/Reader.js';

/**
 * A message as Outlook saves it: storages and streams, named by the properties they hold (MS-OXMSG section
 * 2).
 */
export interface Message {
  subject?: string;
  headers?: string;
  body?: string;
  attachments?: Array<{ name: string; mime?: string; data: Uint8Array } | Message>;
}

const SUBJECT = '0037001F';
const HEADERS = '007D001F';
const BODY = '1000001F';
const FILE_NAME = '3707001F';
const MIME_TAG = '370E001F';
const DATA = '37010102';
const EMBEDDED = '3701000D';

/** A message in Outlook's format. */
export function msgOf(message: Message): Buffer {
  const entries: Entry[] = [{ name: 'Root Entry', type: TypeEnum.ROOT, length: 0, children: [] }];
  fill(entries, 0, message, 32);
  return Buffer.from(burn(entries));
}

function add(entries: Entry[], parent: number, entry: Entry): number {
  (entries[parent] as Entry).children?.push(entries.length);
  return entries.push(entry) - 1;
}

function stream(entries: Entry[], parent: number, name: string, data: Uint8Array): void {
  // The writer takes the whole of the buffer underneath.
  const own = new Uint8Array(data);
  add(entries, parent, { name, type: TypeEnum.DOCUMENT, length: own.length, binaryProvider: () => own });
}

function fill(entries: Entry[], at: number, message: Message, headerLength: number): void {
  const text = (property: string, value: string | undefined, parent = at): void => {
    if (value !== undefined) stream(entries, parent, `__substg1.0_${property}`, Buffer.from(value, 'utf16le'));
  };
  stream(entries, at, '__properties_version1.0', new Uint8Array(headerLength));
  text(SUBJECT, message.subject);
  text(HEADERS, message.headers);
  text(BODY, message.body);
  for (const [i, attachment] of (message.attachments ?? []).entries()) {
    const name = `__attach_version1.0_#${i.toString(16).padStart(8, '0')}`;
    const folder = add(entries, at, { name, type: TypeEnum.DIRECTORY, length: 0, children: [] });
    stream(entries, folder, '__properties_version1.0', new Uint8Array(8));
    if ('data' in attachment) {
      text(FILE_NAME, attachment.name, folder);
      text(MIME_TAG, attachment.mime, folder);
      stream(entries, folder, `__substg1.0_${DATA}`, attachment.data);
    } else {
      const inner = { name: `__substg1.0_${EMBEDDED}`, type: TypeEnum.DIRECTORY, length: 0, children: [] };
      fill(entries, add(entries, folder, inner), attachment, 24);
    }
  }
}
