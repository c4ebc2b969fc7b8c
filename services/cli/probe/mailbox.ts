import { isIP } from 'node:net';
import { DEFAULT_LIMITS, Refusal } from '../../report/limits.ts';
import type { Header } from '../../report/mail/header.ts';
import { readMailHeader } from '../../report/mail/header.ts';
import type { ProbeMail } from './mail.ts';

/**
 * A mail out of a mailbox, with what its server wrote above it: the uppermost Received field says where it
 * came from (RFC 5321 section 4.4), Return-Path what MAIL FROM was. Fields below are the sender's, and say
 * nothing.
 */
export function fromMailbox(raw: Buffer, at: Date): ProbeMail {
  const fields = fieldsOf(raw);
  const received = fields.find(({ name }) => name === 'received')?.value ?? '';
  const returnPath = fields.find(({ name }) => name === 'return-path')?.value ?? '';
  // "from helo.example (name [192.0.2.1])", "[IPv6:2001:db8::1]".
  const from = /^\s*from\s+(\S{1,255})/i.exec(received)?.[1] ?? null;
  const client = received.replace(/(?:^|\s)by\s.*/is, '');
  const address = /\[(?:IPv6:)?([0-9a-f.:]{2,45})\]/i.exec(client)?.[1] ?? '';
  return {
    raw,
    at,
    peer: isIP(address) === 0 ? null : address,
    helo: from,
    mailFrom: /<([^<>\s]{0,320})>/.exec(returnPath)?.[1] ?? '',
    recipients: [],
    user: null,
  };
}

function fieldsOf(raw: Buffer): Header['fields'] {
  try {
    return readMailHeader(raw, DEFAULT_LIMITS).fields;
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}
