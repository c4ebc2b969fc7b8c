import { Memory } from '../../services/milter/memory.ts';
import { messageOf, type WholeMessage } from '../../services/milter/message.ts';

/** A mail for tests: `lines` of the header, then the body. */
export function mail(header: Record<string, string | readonly string[]>, body = 'Hello.\r\n'): Buffer {
  const lines = Object.entries(header).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one) => `${name}: ${one}\r\n`),
  );
  return Buffer.from(`${lines.join('')}\r\n${body}`, 'latin1');
}

/** What most mails have, beside their From field. */
export const usual = (from: string): Record<string, string> => ({
  From: from,
  To: 'grace@own.example',
  Subject: 'Lunch',
  Date: 'Fri, 27 Nov 2026 12:00:00 +0000',
  'Message-ID': '<1@mail.example>',
});

/** A mail as it arrived. */
export const arrived = (raw: Buffer): WholeMessage => messageOf(raw, new Memory()).end();
