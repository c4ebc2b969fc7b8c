import { createHash } from 'node:crypto';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { Rendered } from '../../mails/render-finding.ts';

export interface MailParts {
  from: string;
  to: string[];
  message_id: string;
  /** The Message-ID of the mail this one follows, and the start of its thread; null begins one. */
  inReplyTo: string | null;
  date: Date;
  /** Asks the mail program to mark it. */
  urgent: boolean;
  content: Rendered;
}

/** `<name.installation@domain of the sender>` */
export function messageIdOf(name: string, installation: string, from: string): string {
  return `<${name}.${installation}@${domainOf(from)}>`;
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/**
 * The whole mail as bytes, rendered once: every attempt sends the same.
 *
 * Auto-Submitted (RFC 3834) and List-Id (RFC 2919) keep well-behaved responders silent,
 * X-Auto-Response-Suppress keeps Exchange so. `Precedence` is left out: it is not standard, and some filters
 * take it for bulk mail.
 */
export function composeMail(parts: MailParts): Promise<Buffer> {
  const { content } = parts;
  const message = new MailComposer({
    from: { name: 'ruawatch', address: parts.from },
    to: parts.to.map((address) => ({ name: '', address })),
    subject: content.subject,
    messageId: parts.message_id,
    inReplyTo: parts.inReplyTo ?? undefined,
    references: parts.inReplyTo ?? undefined,
    date: parts.date,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'List-Id': `ruawatch alerts <alerts.${domainOf(parts.from)}>`,
      ...(parts.urgent ? { Importance: 'high' } : {}),
    },
    text: content.text,
    html: content.html,
    // Exact in every mail program; format=flowed would break the query's lines.
    encoding: 'quoted-printable',
    baseBoundary: createHash('sha256').update(parts.message_id).digest('hex').slice(0, 24),
    newline: 'win',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return message.compile().build();
}
