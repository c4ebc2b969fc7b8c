import { randomBytes } from 'node:crypto';
import { escaped } from '../../shared/escape.ts';
import type { HeldRow } from '../../store/held/held.ts';

const domainOf = (address: string) => address.slice(address.lastIndexOf('@') + 1).toLowerCase();

/**
 * Whether the envelope's sender is shown to be the sender: by SPF for that domain, or by a signature of it or
 * of one above. A mail to anybody else would go to whom somebody else named (RFC 5321 section 6.2, RFC 3834
 * section 4).
 */
export function isProven({ envelope_from, results }: Pick<HeldRow, 'envelope_from' | 'results'>): boolean {
  if (!/^[^\s@<>]+@[^\s@<>]+$/.test(envelope_from)) return false;
  const domain = domainOf(envelope_from);
  const { spf, dkim } = results;
  if (spf.result === 'pass' && spf.domain?.toLowerCase() === domain) return true;
  return dkim.some(({ result, domain: signer }) => {
    const by = signer?.toLowerCase();
    return result === 'pass' && by !== undefined && by.includes('.') && (domain === by || domain.endsWith(`.${by}`));
  });
}

const line = (text: string) =>
  escaped(text)
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 500);

/**
 * The mail that informs a sender that a mail was not delivered (RFC 3464). It quotes no more than two fields
 * of his own.
 */
export function bounceOf(
  held: HeldRow,
  { from, host, why, now }: { from: string; host: string; why: string; now: Date },
): Buffer {
  const boundary = `ruawatch-${randomBytes(12).toString('hex')}`;
  const id = `<held-${held.held_key}-${held.release_token}@${host.replace(/[^A-Za-z0-9.-]/g, '') || 'localhost'}>`;
  const quoted = [
    ...(held.message_id === null ? [] : [`Message-ID: ${line(held.message_id)}`]),
    ...(held.subject === null ? [] : [`Subject: ${line(held.subject)}`]),
  ];
  const lines = [
    `From: Mail Delivery System <${from}>`,
    `To: <${line(held.envelope_from)}>`,
    'Subject: Your mail was not delivered',
    `Date: ${now.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: ${id}`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    `Your mail to ${held.recipients.length === 1 ? line(held.recipients[0]!) : `${held.recipients.length} recipients`} was not delivered.`,
    why,
    '',
    `--${boundary}`,
    'Content-Type: message/delivery-status',
    '',
    `Reporting-MTA: dns; ${line(host)}`,
    ...held.recipients
      .slice(0, 100)
      .flatMap((one) => ['', `Final-Recipient: rfc822; ${line(one)}`, 'Action: failed', 'Status: 5.7.1']),
    '',
    `--${boundary}`,
    'Content-Type: text/rfc822-headers',
    '',
    ...quoted,
    '',
    `--${boundary}--`,
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}
