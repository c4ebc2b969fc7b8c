import { createRequire } from 'node:module';
import type { FieldsData } from '@kenjiuno/msgreader';
import { type Limits, Refusal } from '../limits.ts';
import { MailLimits } from '../mail-limits.ts';
import { printable } from '../text.ts';
import { damaged, guardCompoundFile, tooDeep } from './compound.ts';
import { firstFields, readHeader } from './header.ts';
import { headOf, type Mail, type MailHead, type MimePart } from './mime.ts';

// A CommonJS module whose default export is not its exports. Loaded on first use, since it is rarely needed.
const library = (): typeof import('@kenjiuno/msgreader') => createRequire(import.meta.url)('@kenjiuno/msgreader');

/**
 * A mail that Outlook saved as .msg (MS-OXMSG), in the form of any other mail: its text and attachments as
 * parts, with those of the messages attached to it. Outlook keeps no MIME structure, so reports are found in
 * attachments only.
 *
 * @param totals the totals of the delivered mail that this one is inside of
 * @param depth the multiparts and mails around it
 * @throws Refusal `msg_damaged`, `mime_too_deep`, `too_many_parts`, `header_too_long`
 */
export function readMsg(bytes: Buffer, limits: Limits, totals = new MailLimits(limits), depth = 0): Mail {
  if (depth > limits.mimeDepth) throw tooDeep(limits.mimeDepth);
  // A message in a message is two storages: the attachment, and what is attached.
  guardCompoundFile(bytes, 2 * (limits.mimeDepth - depth) + 2);
  const parts: MimePart[] = [];
  const mails: Mail['mails'] = [];
  try {
    const reader = new (library().default)(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
    const take = (fields: FieldsData, within: readonly number[]): MailHead => {
      const part = (more: Pick<MimePart, 'type' | 'name' | 'bytes'>): void => {
        totals.addParts(1);
        parts.push({ ...more, charset: null, encoding: '', within, depth: depth + within.length, whole: false });
      };
      if (typeof fields.body === 'string') part({ type: 'text/plain', name: null, bytes: Buffer.from(fields.body) });
      for (const attachment of fields.attachments ?? []) {
        if (attachment.innerMsgContentFields !== undefined) {
          const inside = [...within, mails.length];
          const head = { from: null, subject: null, message_id: null, within: inside };
          mails.push(head);
          Object.assign(head, take(attachment.innerMsgContentFields, inside));
        } else if (attachment.dataId !== undefined) {
          const { content } = reader.getAttachment(attachment);
          part({
            type: (textOf(attachment.attachMimeTag) ?? 'application/octet-stream').toLowerCase(),
            name: textOf(attachment.fileName) ?? textOf(attachment.fileNameShort) ?? textOf(attachment.name),
            bytes: Buffer.from(content.buffer, content.byteOffset, content.byteLength),
          });
        }
      }
      return headOfMsg(fields, limits);
    };
    const head = take(reader.getFileData(), []);
    return { ...head, parts, mails };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    // The library throws arbitrary errors for files that it cannot read.
    throw damaged(error);
  }
}

/** The head as it was received, when Outlook kept it; else Outlook's own fields. */
function headOfMsg(fields: FieldsData, limits: Limits): MailHead {
  const raw = Buffer.from(typeof fields.headers === 'string' ? fields.headers : '', 'latin1');
  const wire = headOf(firstFields(readHeader(raw, 0, raw.length, limits).fields));
  return {
    from: wire.from ?? textOf(fields.senderSmtpAddress) ?? textOf(fields.senderEmail),
    subject: wire.subject ?? textOf(fields.subject),
    message_id: wire.message_id ?? textOf(fields.messageId),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? printable(value) : null;
}
