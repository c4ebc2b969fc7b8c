import { createHash } from 'node:crypto';
import type { NewHeld } from '../../../services/requests/held/facts.ts';

export const KEY = Buffer.from('k'.repeat(44));
export const RAW = Buffer.from(
  'From: "Ada" <ada@example.com>\r\nTo: ben@example.com\r\nSubject: Pay this\r\n\r\nhttps://evil.example/\r\n',
);
export const digest = (raw: Buffer) => createHash('sha256').update(raw).digest('hex');

/** A forged mail of an own domain, as the milter hands it over. */
export const heldOf = (part: Partial<NewHeld> = {}): NewHeld => {
  const raw = part.raw ?? RAW;
  return {
    kept_in: 'postfix',
    queue_id: '4Xabc',
    envelope_from: 'bounce@evil.example',
    recipients: ['ben@example.com'],
    header_from: 'ada@example.com',
    header_from_domain: 'example.com',
    display_name: 'Ada',
    subject: 'Pay this',
    message_id: '<1@evil.example>',
    peer_ip: '192.0.2.7',
    peer_name: 'mail.evil.example',
    helo: 'mail.evil.example',
    results: {
      version: 1,
      spf: { result: 'pass', domain: 'evil.example' },
      dkim: [{ result: 'pass', domain: 'evil.example', selector: 's1', aligned: false }],
      arc: { result: 'none', by: null },
      dmarc: { result: 'fail', policy: 'none', domain: 'example.com' },
    },
    domain: 'example.com',
    source: 'evil.example',
    source_class: 'unauthorized',
    rule: 'own_domain',
    reason: 'own_domain',
    size: raw.length,
    sha256: digest(raw),
    attachments: [],
    raw,
    ...part,
  };
};
