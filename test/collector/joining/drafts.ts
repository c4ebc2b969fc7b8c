import { type Draft, newDraft } from '../../../services/collector/joining/draft.ts';
import type { Recipient } from '../../../services/store/sending/types.ts';

export const START = Date.parse('2026-05-29T23:59:00Z');

/** A recipient that got the mail from this server directly. */
export const to = (domain: string, given: Partial<Recipient> = {}): Recipient => ({
  domain,
  hash: 'h',
  relay: 'mx',
  relay_ip: '198.51.100.1',
  status: 'sent',
  dsn: null,
  dmarc_words: false,
  words: null,
  at: START,
  outside: true,
  queued_as: null,
  ...given,
});

/** What one server saw of a message. */
export const seen = (queue_id: string, given: Partial<Draft> = {}): Draft => ({
  ...newDraft({ source_id: 1, host: 'mx1', queue_id }, START),
  message_id: 'm@example.com',
  programs: ['postfix'],
  envelope_domain: 'example.com',
  ...given,
});
