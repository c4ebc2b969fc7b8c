/** Who sends, as the logs have it; '' where no source of logs says. */
export interface Sender {
  cluster: string;
  environment: string;
  workload: string;
}

/** What a workload sent to the outside on one day (UTC) as one domain, with one key or none. */
export interface SentDay extends Sender {
  domain: string;
  /** Both '' of mail without a signature that is aligned with the domain. */
  selector: string;
  signing_domain: string;
  /** YYYY-MM-DD */
  day: string;
  /** Messages, taken or refused. Bounces (MAIL FROM:<>) are not among them. */
  messages: number;
  /** Signed messages that a receiver refused with words about DMARC, SPF or DKIM. */
  refused_dmarc: number;
  /** When the first and the last of them began. */
  first_at: Date;
  last_at: Date;
}

/** Mail of our own that our own verifier looked at on one day, by the key that it was signed with. */
export interface VerifiedDay extends Sender {
  selector: string;
  signing_domain: string;
  day: string;
  passed: number;
  failed: number;
  /** The first and the last that failed; null when none did. */
  first_failed_at: Date | null;
  last_failed_at: Date | null;
}

/** What one reporter's mailboxes got by the logs, and what it reports. */
export interface ReceiverDays {
  reporter: string;
  /** Recipient domains, the largest first. */
  mailboxes: readonly string[];
  days: readonly { day: string; delivered: number }[];
  /** Its newest report day on this domain, and on any other own domain, within the window. */
  last_here: string | null;
  last_elsewhere: string | null;
  /** Days after a report day within which it reports, nineteen times of twenty. */
  usual_delay: number;
}

/** What reports and logs say of one address of an own network on one day. */
export interface EgressDay {
  address: string;
  network: string;
  /** The log sources that send through the network. */
  log_sources: readonly string[];
  day: string;
  /** Messages as the domain that reports count, and those of them that pass DMARC. */
  reported: number;
  passed: number;
  /**
   * Deliveries of the day and its neighbours that those sources logged, as the domain or as one that no log
   * names.
   */
  logged: number;
  /** The logs of all of these sources have no gap around the day. */
  complete: boolean;
}

/** What the logs show of a domain and the names below it. */
export interface Sending {
  days: readonly SentDay[];
  verified: readonly VerifiedDay[];
  /** What a receiver said when it refused a signed message of a sender, the newest, by `senderKey`. */
  refusals: ReadonlyMap<string, { receivers: readonly string[]; words: string | null }>;
  receivers: readonly ReceiverDays[];
  egress: readonly EgressDay[];
}

/**
 * The name of a sender as findings have it: `cluster/environment/workload`, the cluster only where there is
 * one.
 */
export function senderKey({ cluster, environment, workload }: Sender): string {
  const part = (text: string) => text.replaceAll('%', '%25').replaceAll('/', '%2F') || '-';
  return [...(cluster === '' ? [] : [cluster]), environment, workload].map(part).join('/');
}
