import { type Reader, read } from './scope.ts';

interface Page {
  domain?: string | undefined;
  limit: number;
  offset: number;
}

/** A policy of a TLS report (RFC 8460). */
export interface TlsLine {
  tls_report_key: number;
  n: number | null;
  message_key: number;
  org_name: string | null;
  report_id: string;
  begin_at: Date;
  end_at: Date;
  policy_domain: string | null;
  policy_type: string | null;
  successful_sessions: number | null;
  failed_sessions: number | null;
  failures: number;
  trust: string;
  trust_reason: string | null;
  received_at: Date;
  policy_string: string[];
  problems: { code: string; message: string }[];
}

const TLS = `tls_report_key, n, message_key, org_name, report_id, begin_at, end_at, policy_domain, policy_type, successful_sessions,
            failed_sessions, failures, trust, trust_reason, received_at, policy_string, problems`;

/** The policies of TLS reports that a person may see, the newest first. */
export async function tlsLines(reader: Reader, { domain, limit, offset }: Page): Promise<TlsLine[]> {
  return read<TlsLine>(
    reader,
    ['tls_reports'],
    `select ${TLS} from tls_reports where $1::text is null or policy_domain = $1
      order by begin_at desc, tls_report_key desc, n limit $2 offset $3`,
    [domain ?? null, limit, offset],
  );
}

/** A failure detail of a TLS report. */
export interface TlsFailure {
  policy_n: number;
  n: number;
  result_type: string | null;
  failed_sessions: number | null;
  sending_mta_ip: string | null;
  receiving_mx_hostname: string | null;
  receiving_ip: string | null;
  failure_reason_code: string | null;
}

/** The policies of one TLS report that the person may see, with their failures; null when there are none. */
export async function tlsReport(reader: Reader, key: number): Promise<{ policies: TlsLine[]; failures: TlsFailure[] } | null> {
  const policies = await read<TlsLine>(
    reader,
    ['tls_reports'],
    `select ${TLS} from tls_reports where tls_report_key = $1 order by n`,
    [key],
  );
  if (policies.length === 0) return null;
  const failures = await read<TlsFailure>(
    reader,
    ['tls_failures'],
    `select policy_n, n, result_type, failed_sessions, host(sending_mta_ip) as sending_mta_ip, receiving_mx_hostname, host(receiving_ip) as receiving_ip,
            failure_reason_code
       from tls_failures where tls_report_key = $1 order by policy_n, n limit 500`,
    [key],
  );
  return { policies, failures };
}

/** A report of one mail that failed (RFC 6591). */
export interface FailureLine {
  failure_key: number;
  message_key: number;
  received_at: Date;
  reporter: string | null;
  domain: string;
  source_ip: string | null;
  arrived_at: Date | null;
  auth_failure: string[];
  delivery_result: string | null;
  header_from: string | null;
  subject: string | null;
  message_id: string | null;
  dkim_domain: string | null;
  dkim_selector: string | null;
  original_mail_from: string | null;
  authentication_results: string[];
  user_agent: string | null;
  incidents: number | null;
  redacted: boolean;
  trust: string;
  trust_reason: string | null;
  problems: { code: string; message: string }[];
}

const FAILURE = `failure_key, message_key, received_at, reporter, domain, host(source_ip) as source_ip, arrived_at, auth_failure, delivery_result, header_from, subject,
            message_id, dkim_domain, dkim_selector, original_mail_from, authentication_results, user_agent, incidents, redacted, trust, trust_reason, problems`;

/** The failure reports that a person may see, the newest first. */
export async function failureLines(reader: Reader, { domain, limit, offset }: Page): Promise<FailureLine[]> {
  return read<FailureLine>(
    reader,
    ['failure_reports'],
    `select ${FAILURE} from failure_reports where $1::text is null or domain = $1
      order by received_at desc, failure_key desc limit $2 offset $3`,
    [domain ?? null, limit, offset],
  );
}

/** One failure report; null when there is none that the person may see. */
export async function failureReport(reader: Reader, key: number): Promise<FailureLine | null> {
  const [found] = await read<FailureLine>(
    reader,
    ['failure_reports'],
    `select ${FAILURE} from failure_reports where failure_key = $1`,
    [key],
  );
  return found ?? null;
}
