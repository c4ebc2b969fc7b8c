/**
 * The model that the reader produces and the store writes: the terms of RFC 9990 (and RFC 7489 appendix C),
 * in their spelling. What a report does not say is null. A value outside its enumeration is kept as it was
 * sent.
 */

/** What was wrong with a report, a record or a mail. `code` is stable, `message` is a sentence. */
export interface Problem {
  code: string;
  message: string;
}

/** `<dkim>` of `<auth_results>`: one signature that the reporter checked. */
export interface DkimAuth {
  domain: string | null;
  selector: string | null;
  result: string | null;
  human_result: string | null;
}

/** `<spf>` of `<auth_results>`. */
export interface SpfAuth {
  domain: string | null;
  scope: string | null;
  result: string | null;
  human_result: string | null;
}

/** `<reason>`: why the reporter did not apply the published policy. */
export interface OverrideReason {
  type: string | null;
  comment: string | null;
}

/**
 * One `<record>`: `count` messages from one address with one outcome. Enumerated values are lower case and
 * trimmed.
 */
export interface AggregateRecord {
  /**
   * Canonical text of the address (IPv4 dotted, IPv6 per RFC 5952; IPv4-mapped IPv6 as IPv4); null when
   * absent or not an address.
   */
  source_ip: string | null;
  count: number;
  /** The reporter's verdict (`policy_evaluated`). */
  disposition: string | null;
  dkim: string | null;
  spf: string | null;
  reasons: OverrideReason[];
  header_from: string | null;
  envelope_from: string | null;
  envelope_to: string | null;
  auth: { dkim: DkimAuth[]; spf: SpfAuth[] };
  /**
   * Our verdict, recomputed from `auth` and the published policy (RFC 9989 section 4.4, RFC 7489 section
   * 3.1).
   */
  dkim_aligned: boolean;
  spf_aligned: boolean;
  /** What a person would call the sender: see aggregate/source.ts. */
  source: string;
  /** The reporter says that this mail was forwarded: see aggregate/source.ts. */
  forwarded: boolean;
  /**
   * The foreign domains that authenticated this mail, else null; of several, the one that aggregate/source.ts
   * selects.
   */
  foreign_dkim: string | null;
  foreign_spf: string | null;
}

/** `<policy_published>`, with the fields of both generations of the format. */
export interface PolicyPublished {
  domain: string | null;
  adkim: string | null;
  aspf: string | null;
  p: string | null;
  sp: string | null;
  np: string | null;
  pct: string | null;
  fo: string | null;
  testing: string | null;
  discovery_method: string | null;
}

/** A whole aggregate report without its records, which are delivered separately, in batches. */
export interface AggregateReport {
  kind: 'aggregate';
  org_name: string | null;
  org_email: string | null;
  extra_contact_info: string | null;
  report_id: string;
  /**
   * Lower case, no trailing dot. The policy domain; when the report names none, the header_from that all
   * records share, else ''.
   */
  domain: string;
  /** Seconds since the epoch, UTC. */
  begin: number;
  end: number;
  version: string | null;
  generator: string | null;
  /** `<error>` of the metadata. */
  errors: string[];
  policy: PolicyPublished;
  /** What was odd, set aside or repaired. */
  problems: Problem[];
  /** The document was not well-formed: only its whole records count. */
  salvaged: boolean;
  /** The number of records, and the sum of their counts. */
  records: number;
  messages: number;
  /** SHA-256 (hex) over the identity: reporter, domain, report id, begin, end. */
  identity: string;
  /**
   * SHA-256 (hex) over everything the report says, independent of white space, encoding, and the order of
   * siblings of different names.
   */
  content_hash: string;
}

/** One of `failure-details` (RFC 8460 section 4.4): sessions that failed in the same way. */
export interface TlsFailure {
  /** Lower case and trimmed. */
  result_type: string | null;
  failed_sessions: number | null;
  /** Canonical text of the address; null when absent or not an address. */
  sending_mta_ip: string | null;
  receiving_ip: string | null;
  receiving_mx_hostname: string | null;
  receiving_mx_helo: string | null;
  failure_reason_code: string | null;
  additional_information: string | null;
}

/**
 * One of `policies` (RFC 8460 section 4.2): the policy applied, and the numbers of successful and failed
 * sessions.
 */
export interface TlsPolicy {
  /** `tlsa`, `sts`, `no-policy-found`, or what the reporter wrote; lower case and trimmed. */
  policy_type: string | null;
  /** Lower case, no trailing dot. */
  policy_domain: string | null;
  /** The lines of the policy. */
  policy_string: string[];
  /** `mx-host`, or `mx-host-pattern` as drafts and some reporters call it. */
  mx_host: string[];
  successful_sessions: number | null;
  failed_sessions: number | null;
  failures: TlsFailure[];
}

/** A whole TLS report (RFC 8460). */
export interface TlsReport {
  kind: 'tlsrpt';
  org_name: string | null;
  contact_info: string | null;
  report_id: string;
  /** Seconds since the epoch, UTC. */
  begin: number;
  end: number;
  policies: TlsPolicy[];
  problems: Problem[];
  /** SHA-256 (hex) over reporter, policy domains, report id, begin, end. */
  identity: string;
  /** SHA-256 (hex) over everything the report says. */
  content_hash: string;
}

/**
 * A report of one message that failed authentication (RFC 6591, RFC 9991), or a notice in prose that says the
 * same. Holds personal data.
 */
export interface FailureReport {
  kind: 'failure';
  /** `arf`: with a machine-readable part. `notice`: in prose only. */
  form: 'arf' | 'notice';
  /** The domain in the From field of the reporting mail; unverified. */
  reporter: string | null;
  user_agent: string | null;
  /** Lower case, no trailing dot: `Reported-Domain`, else the domain of the failed mail's author, else ''. */
  domain: string;
  /** Canonical text of the address; null when absent or not an address. */
  source_ip: string | null;
  /** Seconds since the epoch, UTC: `Arrival-Date`, or `Received-Date` as drafts call it. */
  arrived: number | null;
  incidents: number | null;
  /** `Auth-Failure`: dmarc, spf, bodyhash, …; lower case. */
  auth_failure: string[];
  identity_alignment: string | null;
  delivery_result: string | null;
  authentication_results: string[];
  dkim_domain: string | null;
  dkim_selector: string | null;
  dkim_identity: string | null;
  original_envelope_id: string | null;
  original_mail_from: string | null;
  original_rcpt_to: string[];
  /** Of the failed mail's own header. */
  header_from: string | null;
  subject: string | null;
  message_id: string | null;
  /** Local parts of addresses and the subject are hidden. */
  redacted: boolean;
  problems: Problem[];
  /** SHA-256 (hex) over everything the report says, before redaction. */
  content_hash: string;
}

/** A recipient that a bounce is about. */
export interface BouncedRecipient {
  /** Of the recipient's address; A-labels, lower case. */
  domain: string;
  action: 'failed' | 'delayed';
  /** RFC 3463, such as 5.7.26; '' when nothing says it. */
  status: string;
  /** The answer of the server that did not take it, at most 500 characters, local parts hidden. */
  words: string;
  remote_mta: string | null;
}

/** A delivery status notification (RFC 3464) about mail that was not delivered, or not yet. */
export interface Bounce {
  kind: 'bounce';
  reporting_mta: string | null;
  /** Of the mail that was not delivered, without brackets; null: nothing of it was attached. */
  message_id: string | null;
  recipients: BouncedRecipient[];
}

/** What reading one mail or file yields, in order. `part` is the number of the payload, from 0. */
export type ReadEvent =
  /**
   * A batch of one report's records; the report itself follows when its document has ended. `begin` is the
   * report's (seconds), so records are held back until the metadata AND the policy are known (within
   * limits.heldRecords). With a sink, which takes the records, an empty batch says that a document
   * begins, or that it may have taken some.
   */
  | { type: 'records'; part: number; begin: number; records: AggregateRecord[] }
  /** A report has been read to its end. Its records came before it, under the same part. */
  | {
      type: 'report';
      part: number;
      name: string | null;
      report: AggregateReport;
      /** Why what proves the mail does not prove this report; null when it does. */
      doubt: string | null;
    }
  /** A TLS report. */
  | { type: 'tlsrpt'; part: number; name: string | null; report: TlsReport; doubt: string | null }
  /** A failure report, not redacted: see failure/redact.ts. */
  | { type: 'failure'; part: number; name: string | null; report: FailureReport; doubt: string | null }
  /** A bounce: no report, but the logs of the mail that it is about know what to do with it. */
  | { type: 'bounce'; part: number; name: string | null; bounce: Bounce }
  /** A payload that cannot be read: records delivered under this part must be dropped. */
  | { type: 'refused'; part: number; name: string | null; problem: Problem }
  /** The mail holds no report of any kind. */
  | { type: 'nothing'; problem: Problem };
