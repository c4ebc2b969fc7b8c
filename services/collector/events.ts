import { toALabels } from '../report/orgdomain.ts';

/**
 * An address as a line has it. Lines are read after their local parts were replaced by hashes (privacy.ts).
 */
export interface Address {
  local: string;
  /** Lower case, without a final dot; '' when the line has none. */
  domain: string;
}

/** What one line says of a message, or of the zone of a name server. */
export type LogEvent =
  /** Who handed the message in. */
  | { kind: 'client'; name: string | null; ip: string | null; sasl: string | null }
  /** It was made on the host itself. */
  | { kind: 'local' }
  | { kind: 'message_id'; id: string }
  /** MAIL FROM; null: `<>`, a bounce. */
  | { kind: 'envelope'; from: Address | null }
  /** The domain of the From header. */
  | { kind: 'author'; domain: string }
  | {
      kind: 'delivery';
      to: Address;
      /** Whether it went over SMTP to another server, or into a mailbox or program of this one. */
      by: 'smtp' | 'local';
      relay: string | null;
      ip: string | null;
      status: 'sent' | 'deferred' | 'bounced' | 'expired';
      dsn: string | null;
      words: string | null;
      /** The queue id that the other server gave it. */
      queuedAs: string | null;
    }
  /** The queue gave up: what was deferred has expired. */
  | { kind: 'expired' }
  /** The server is done with it. */
  | { kind: 'ended' }
  /** A verifier or a rule refused it before it was queued. */
  | { kind: 'rejected'; words: string }
  | { kind: 'signed'; domain: string; selector: string }
  /** Why it was not signed: a code, and what that is about. */
  | { kind: 'fault'; code: FaultCode; about: string | null }
  | {
      kind: 'verdict';
      method: 'dkim' | 'spf' | 'dmarc' | 'arc';
      result: string;
      domain: string | null;
      selector: string | null;
    }
  | {
      kind: 'dns_change';
      zone: string;
      name: string | null;
      type: string | null;
      action: 'added' | 'deleted' | 'changed' | 'refused';
      client: string | null;
    };

export type FaultCode =
  | 'no_signing_table_match'
  | 'no_signature_data'
  | 'key_unreadable'
  | 'key_missing'
  | 'key_retrieval_failed'
  | 'signing_failed';

/**
 * What a line says. Without a queue id it speaks of no single message; without events it is known, and says
 * nothing of use.
 */
export interface Reading {
  queueId: string | null;
  events: LogEvent[];
}

/** A known line that says nothing of a message. */
export const SILENT: Reading = { queueId: null, events: [] };

const MOST_WORDS = 500;
const MOST_ID = 255;

/** Splits an address at its last @; angle brackets may be there. */
export function addressOf(text: string): Address {
  const bare = text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text;
  const at = bare.lastIndexOf('@');
  if (at === -1) return { local: bare, domain: '' };
  return { local: bare.slice(0, at), domain: domainOf(bare.slice(at + 1)) };
}

/**
 * A domain in lower case, with A-labels (SMTPUTF8), without a final dot, and no longer than a name can be
 * (RFC 1035 section 2.3.4).
 */
export const domainOf = (text: string): string => toALabels(text).toLowerCase().replace(/\.$/, '').slice(0, 253);

/** A Message-ID, bounded: it is a key of an index. */
export const idOf = (text: string): string => text.slice(0, MOST_ID);

/** A remote's answer, bounded. */
export const wordsOf = (text: string): string => text.slice(0, MOST_WORDS);
