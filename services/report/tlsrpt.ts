import { createHash } from 'node:crypto';
import { canonicalAddress, statedAddress } from './address.ts';
import type { NameHint } from './aggregate/report-metadata.ts';
import { readJson, skipBlank } from './json.ts';
import { type Limits, Refusal } from './limits.ts';
import { MailLimits } from './mail-limits.ts';
import type { TlsFailure, TlsPolicy, TlsReport } from './model.ts';
import { normalDomain } from './orgdomain.ts';
import { Problems } from './problem-list.ts';
import { enumerated, excerpt, trimmed, wholeNumber } from './text.ts';
import { internetTime, LAST_SECOND } from './time.ts';

/** Policy types of RFC 8460 section 4.2. */
const POLICY_TYPES = new Set(['tlsa', 'sts', 'no-policy-found']);
const MARK = /"(?:policies|organization-name|date-range|policy-type)"/i;

type Fields = Record<string, unknown>;

/** Whether a JSON text claims to be a TLS report, even when it is cut off. */
export function claimsTlsReport(text: string): boolean {
  return MARK.test(text);
}

/**
 * The TLS reports (RFC 8460) in a JSON text: mostly one; several may be in an array or follow each other.
 * What is absent is null, names are matched in any letter case, and a string is taken as a list of one.
 *
 * @param hint begin and end by the file name
 * @param totals the totals of the mail that the text came in
 * @throws Refusal at a limit, and `json_damaged`, `metadata_missing`, `date_range_missing`,
 *   `date_range_invalid`
 */
export function* readTlsReports(
  text: string,
  hint: NameHint | null,
  limits: Limits,
  totals = new MailLimits(limits),
): Generator<TlsReport> {
  let at = skipBlank(text, 0);
  while (at < text.length) {
    const { value, next } = readJson(text, at, limits);
    const more = next < text.length && (text[next] === '{' || text[next] === '[');
    const trailing = next < text.length && !more;
    for (const item of Array.isArray(value) ? value : [value]) {
      totals.addDocument();
      if (isFields(item)) yield new Reader(limits, totals).report(item, hint, trailing);
    }
    at = more ? next : text.length;
  }
}

class Reader {
  private readonly limits: Limits;
  private readonly problems = new Problems();
  private readonly totals: MailLimits;

  constructor(limits: Limits, totals: MailLimits) {
    this.limits = limits;
    this.totals = totals;
  }

  report(document: Fields, hint: NameHint | null, trailing: boolean): TlsReport {
    const { problems } = this;
    const org_name = this.text(pick(document, 'organization-name'));
    const contact_info = this.text(pick(document, 'contact-info'));
    const report_id = this.text(pick(document, 'report-id'));
    if (org_name === null && contact_info === null && report_id === null) {
      throw new Refusal(
        'metadata_missing',
        'The report says neither who made it nor its id, so it cannot be told apart from others.',
      );
    }
    const { begin, end } = this.range(pick(document, 'date-range'), hint);
    const policies = this.policies(pick(document, 'policies'));
    if (trailing) problems.add('trailing_data', 'Something other than JSON follows the end of the report; it was not read.');
    if (report_id === null) problems.add('report_id_missing', 'The report has no report-id; its content is used instead.');
    const content_hash = sha256([org_name, contact_info, report_id, begin, end, policies]);
    const domains = [...new Set(policies.map((policy) => policy.policy_domain ?? ''))].sort();
    const reporter = (org_name ?? contact_info ?? '').toLowerCase();
    return {
      kind: 'tlsrpt',
      org_name,
      contact_info,
      report_id: report_id ?? '',
      begin,
      end,
      policies,
      problems: problems.list(),
      identity: sha256(['tlsrpt', reporter, domains, report_id ?? `content ${content_hash}`, begin, end]),
      content_hash,
    };
  }

  private range(value: unknown, hint: NameHint | null): { begin: number; end: number } {
    const range = isFields(value) ? value : {};
    let begin = this.time(pick(range, 'start-datetime'), 'start');
    let end = this.time(pick(range, 'end-datetime'), 'end');
    if (begin === null && end === null && hint !== null) {
      this.problems.add('date_range_from_name', 'The report has no date range; it was taken from the file name.');
      begin = hint.begin;
      end = hint.end;
    }
    if (begin === null && end === null) {
      throw new Refusal('date_range_missing', 'The report says neither when it begins nor when it ends.');
    }
    if (begin === null || end === null) {
      this.problems.add('date_range_incomplete', `The report does not say when it ${begin === null ? 'begins' : 'ends'}.`);
    }
    const first = begin ?? (end as number);
    const last = end ?? (begin as number);
    if (last < first) this.problems.add('date_range_reversed', 'The report ends before it begins.');
    return { begin: first, end: last };
  }

  private time(value: unknown, what: string): number | null {
    const text = this.text(value);
    if (text === null) return null;
    const moment = internetTime(text);
    if (moment === null) {
      this.problems.add('date_range_unreadable', `The ${what} of the report is not a time: ${excerpt(text, 80)}.`);
      return null;
    }
    if (!moment.zoned) {
      this.problems.add('time_zone_missing', 'The report does not state its time zone; it is taken as UTC.');
    }
    if (moment.seconds > LAST_SECOND || moment.seconds < 0) {
      throw new Refusal('date_range_invalid', `The ${what} of the report is not between the years 1970 and 9999.`);
    }
    return moment.seconds;
  }

  private policies(value: unknown): TlsPolicy[] {
    const items = objects(value);
    this.totals.addPolicies(items.length);
    if (items.length === 0) this.problems.add('policy_missing', 'The report names no policy, so it counts no sessions.');
    return items.map((item) => this.policy(item));
  }

  private policy(item: Fields): TlsPolicy {
    const inner = pick(item, 'policy');
    const policy = isFields(inner) ? inner : item;
    const summary = pick(item, 'summary');
    const counts = isFields(summary) ? summary : {};
    const given = this.text(pick(policy, 'policy-type'));
    const policy_type = given === null ? null : enumerated(given);
    if (policy_type !== null && !POLICY_TYPES.has(policy_type)) {
      this.problems.add(
        'policy_type_unknown',
        `The policy type ${excerpt(given as string, 80)} is not one of RFC 8460; it is kept.`,
      );
    }
    const domain = this.text(pick(policy, 'policy-domain'));
    if (domain === null) this.problems.add('policy_domain_missing', 'A policy of the report names no domain.');
    return {
      policy_type,
      policy_domain: domain === null ? null : normalDomain(domain) || null,
      policy_string: this.lines(pick(policy, 'policy-string')),
      mx_host: this.lines(pick(policy, 'mx-host') ?? pick(policy, 'mx-host-pattern')),
      successful_sessions: this.count(pick(counts, 'total-successful-session-count')),
      failed_sessions: this.count(pick(counts, 'total-failure-session-count')),
      failures: this.failures(pick(item, 'failure-details') ?? pick(policy, 'failure-details')),
    };
  }

  private failures(value: unknown): TlsFailure[] {
    const items = objects(value);
    this.totals.addDetails(items.length);
    return items.map((item) => {
      const result = this.text(pick(item, 'result-type'));
      return {
        result_type: result === null ? null : enumerated(result),
        failed_sessions: this.count(pick(item, 'failed-session-count')),
        sending_mta_ip: this.address(pick(item, 'sending-mta-ip')),
        receiving_ip: this.address(pick(item, 'receiving-ip')),
        receiving_mx_hostname: this.text(pick(item, 'receiving-mx-hostname')),
        receiving_mx_helo: this.text(pick(item, 'receiving-mx-helo')),
        failure_reason_code: this.text(pick(item, 'failure-reason-code')),
        additional_information: this.text(pick(item, 'additional-information') ?? pick(item, 'additional-info-uri')),
      };
    });
  }

  /** A number of sessions, also when written as a string; null when absent or invalid. */
  private count(value: unknown): number | null {
    const text = this.text(value);
    if (text === null) return null;
    const number = wholeNumber(text);
    if (number === null) {
      this.problems.add('session_count_invalid', `A number of sessions is invalid: ${excerpt(text, 40)}.`);
    }
    return number;
  }

  private address(value: unknown): string | null {
    const text = this.text(value);
    if (text === null) return null;
    const address = canonicalAddress(text) ?? statedAddress(text);
    if (address === null) {
      this.problems.add('address_invalid', `A failure detail has an invalid address: ${excerpt(text, 80)}.`);
    }
    return address;
  }

  /** The texts of a list; a string is a list of its lines. */
  private lines(value: unknown): string[] {
    const items = Array.isArray(value) ? value : [value];
    return items.flatMap((item) => {
      const text = this.text(item);
      return text === null ? [] : text.split(/[\r\n]+/).flatMap((line) => trimmed(line) ?? []);
    });
  }

  private text(value: unknown): string | null {
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (typeof value !== 'string') return null;
    if (value.length <= this.limits.textLength) return trimmed(value);
    this.problems.add('text_too_long', `A text of more than ${this.limits.textLength} characters was left out.`);
    return null;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objects(value: unknown): Fields[] {
  return (Array.isArray(value) ? value : [value]).filter(isFields);
}

/** The member of that name; "policyType" and "policy_type" are other spellings of "policy-type". */
function pick(fields: Fields, name: string): unknown {
  if (Object.hasOwn(fields, name)) return fields[name];
  const wanted = name.replaceAll('-', '');
  for (const key of Object.keys(fields)) {
    if (key.length < 40 && key.replace(/[-_ ]/g, '').toLowerCase() === wanted) return fields[key];
  }
  return undefined;
}

function sha256(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
