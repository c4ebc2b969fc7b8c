/** What a recipient's delivery came to. `expired`: the queue gave up, as the remote never took it. */
export type DeliveryStatus = 'sent' | 'deferred' | 'bounced' | 'expired';

/** How a message fared with one recipient, by the newest line about it. */
export interface Recipient {
  domain: string;
  /** HMAC of the local part. */
  hash: string;
  /** The host that took it, or was asked; null for local deliveries. */
  relay: string | null;
  relay_ip: string | null;
  status: DeliveryStatus;
  /** RFC 3463, such as "5.7.26". */
  dsn: string | null;
  /** The remote's answer speaks of DMARC, SPF or DKIM. */
  dmarc_words: boolean;
  /** The remote's answer, at most 500 characters, local parts hashed; null when it was taken. */
  words: string | null;
  /** Milliseconds since the epoch. */
  at: number;
  /** The relay is outside of the networks of `collector.inside_networks`, so this is where the mail left. */
  outside: boolean;
  /** The queue id that the relay gave it. */
  queued_as: string | null;
}

/** A signature that a signer says it added. */
export interface Signature {
  domain: string;
  selector: string;
}

/** What a verifier of ours found. */
export interface Verdict {
  program: string;
  method: 'dkim' | 'spf' | 'dmarc' | 'arc';
  /** As in RFC 8601: pass, fail, softfail, none, temperror, … */
  result: string;
  domain: string | null;
  selector: string | null;
}

/** A message as one server saw it: a row of `sent_messages`, without what only the judge reads. */
export interface SentMessage {
  message_key: number;
  source_id: number;
  cluster: string;
  environment: string;
  workload: string;
  host: string;
  queue_id: string;
  message_id: string | null;
  started_at: Date;
  last_at: Date;
  judged_at: Date;
  ended: boolean;
  /** out: it left; in: it came from outside; internal: neither; unknown: no delivery was seen. */
  direction: 'out' | 'in' | 'internal' | 'unknown';
  client_name: string | null;
  client_ip: string | null;
  /** Hashed like a local part. */
  sasl_username: string | null;
  envelope_domain: string | null;
  header_domain: string | null;
  sender_hash: string | null;
  signatures: Signature[];
  /** Codes with what they are about, such as "no_signing_table_match", "key_unreadable s1 example.com". */
  sign_fault: string[];
  verify: Verdict[];
  recipients: Recipient[];
  queued_as: string[];
  /** The same mail on the next server that it was handed to; only the last one is in the rollups. */
  leads_to: number | null;
}

/** What the rollups contain of a message. */
export interface Counted {
  cluster: string;
  environment: string;
  workload: string;
  domain: string;
  selector: string;
  /** d= of the signature that the selector is of; '' of unsigned mail. */
  signing_domain: string;
  /** YYYY-MM-DD, UTC. */
  day: string;
  /** When it began, in milliseconds since the epoch. */
  at: number;
  sent: number;
  signed: number;
  unsigned: number;
  aligned: number;
  deferred: number;
  refused: number;
  refused_dmarc: number;
  /** By the domain of recipients: sent, refused. */
  recipients: Record<string, [sent: number, refused: number]>;
}

/** A row with what only the judge reads. */
export interface StoredMessage extends SentMessage {
  counted: Counted | null;
  /** What the judge keeps beside the columns. */
  draft: unknown;
  line_hashes: string[];
}
