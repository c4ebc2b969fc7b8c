import { ERRORS_KEPT, Refusal } from '../limits.ts';
import type { AggregateReport, PolicyPublished } from '../model.ts';
import type { Problems } from '../problem-list.ts';
import { enumerated, excerpt, trimmed } from '../text.ts';
import { LAST_SECOND } from '../time.ts';
import * as el from '../xml/report-elements.ts';

/** The date range in the file name of a report (RFC 7489 section 7.2.1.1), for a report without one. */
export interface NameHint {
  begin: number;
  end: number;
}

/** A value that occurs twice: the first one counts, and a second one that differs is listed as a problem. */
export function firstOf(problems: Problems, known: string | null, value: string | null, what: string): string | null {
  if (known === null) return value;
  if (value !== null && value !== known) {
    problems.add('repeated_element', `A second ${what} was ignored: ${excerpt(value, 120)}.`);
  }
  return known;
}

/**
 * The generator of reports that `guard probe` writes about an environment that is no production. They are
 * never read as reports of mail that people got: nothing in production may change by them.
 */
export const PROBE_GENERATOR = 'ruawatch guard probe';

/** What a report says apart from its records: metadata and published policy, as they are read. */
export class ReportMetadata {
  version: string | null = null;
  org_name: string | null = null;
  org_email: string | null = null;
  extra_contact_info: string | null = null;
  report_id: string | null = null;
  generator: string | null = null;
  readonly errors: string[] = [];
  begin: string | null = null;
  end: string | null = null;
  readonly policy: PolicyPublished = {
    domain: null,
    adkim: null,
    aspf: null,
    p: null,
    sp: null,
    np: null,
    pct: null,
    fo: null,
    testing: null,
    discovery_method: null,
  };

  private readonly problems: Problems;

  constructor(problems: Problems) {
    this.problems = problems;
  }

  /** The part of the report that it describes, with what was concluded from it. */
  described<Concluded extends Pick<AggregateReport, 'domain' | 'begin' | 'end'>>(concluded: Concluded) {
    const { org_name, org_email, extra_contact_info, version, generator, errors, policy } = this;
    const report_id = this.report_id ?? '';
    return { org_name, org_email, extra_contact_info, report_id, ...concluded, version, generator, errors, policy };
  }

  /**
   * What the content hash covers beside the records, in an order that never changes: what is added, at its
   * end or elsewhere, gives every report another hash than the same report had when it was stored before.
   */
  hashed(begin: number, end: number): (string | number | null | readonly string[])[] {
    const { version, org_name, org_email, extra_contact_info, report_id, generator, errors, policy } = this;
    const { domain, adkim, aspf, p, sp, np, pct, fo, testing, discovery_method } = policy;
    const said = [version, org_name, org_email, extra_contact_info, report_id, generator, errors, begin, end];
    return [...said, domain, adkim, aspf, p, sp, np, pct, fo, testing, discovery_method];
  }

  /** The report says nothing by which it can be distinguished from others. */
  get anonymous(): boolean {
    return this.report_id === null && this.org_name === null && this.org_email === null;
  }

  /** Sets the value of one element of the metadata or the policy. */
  set(what: number, value: string): void {
    switch (what) {
      case el.VERSION:
        this.version ??= trimmed(value);
        break;
      case el.ORG_NAME:
        this.org_name = this.first(this.org_name, trimmed(value), 'org_name');
        break;
      case el.EMAIL:
        this.org_email ??= trimmed(value);
        break;
      case el.EXTRA_CONTACT:
        this.extra_contact_info ??= trimmed(value);
        break;
      case el.REPORT_ID:
        this.report_id = this.first(this.report_id, trimmed(value), 'report_id');
        break;
      case el.GENERATOR:
        this.generator ??= trimmed(value);
        break;
      case el.ERROR: {
        const error = trimmed(value);
        if (error !== null && this.errors.length < ERRORS_KEPT) this.errors.push(error);
        break;
      }
      case el.BEGIN:
        this.begin = this.first(this.begin, trimmed(value), 'begin');
        break;
      case el.END:
        this.end = this.first(this.end, trimmed(value), 'end');
        break;
      default:
        this.setPolicy(what, value);
    }
  }

  private setPolicy(what: number, value: string): void {
    const { policy } = this;
    switch (what) {
      case el.P_DOMAIN:
        policy.domain = this.first(policy.domain, trimmed(value), 'policy domain');
        break;
      case el.P_ADKIM:
        policy.adkim ??= enumerated(value);
        break;
      case el.P_ASPF:
        policy.aspf ??= enumerated(value);
        break;
      case el.P_P:
        policy.p = this.first(policy.p, enumerated(value), 'policy');
        break;
      case el.P_SP:
        policy.sp ??= enumerated(value);
        break;
      case el.P_NP:
        policy.np ??= enumerated(value);
        break;
      case el.P_PCT:
        policy.pct ??= trimmed(value);
        break;
      case el.P_FO:
        policy.fo ??= enumerated(value);
        break;
      case el.P_TESTING:
        policy.testing ??= enumerated(value);
        break;
      case el.P_DISCOVERY:
        policy.discovery_method ??= enumerated(value);
        break;
    }
  }

  /** When the report begins and ends; null when neither the report nor its file name says. */
  range(hint: NameHint | null): { begin: number; end: number } | null {
    let begin = this.second(this.begin, 'begin');
    let end = this.second(this.end, 'end');
    if (begin === null && end === null && hint !== null) {
      this.problems.add('date_range_from_name', 'The report has no date range; it was taken from the file name.');
      begin = hint.begin;
      end = hint.end;
    }
    if (begin === null && end === null) return null;
    if (begin === null || end === null) {
      this.problems.add('date_range_incomplete', `The report does not say when it ${begin === null ? 'begins' : 'ends'}.`);
    }
    const first = begin ?? (end as number);
    const last = end ?? (begin as number);
    if (last < first) this.problems.add('date_range_reversed', 'The report ends before it begins.');
    return { begin: first, end: last };
  }

  /** Seconds since the epoch, without their sign and fraction ("+1337270400.0"). */
  private second(text: string | null, what: string): number | null {
    if (text === null) return null;
    const match = /^\+?(\d{1,15})(?:\.\d*)?$/.exec(text);
    if (match === null) {
      this.problems.add('date_range_unreadable', `The ${what} of the report is not a time: ${excerpt(text, 80)}.`);
      return null;
    }
    const value = Number(match[1]);
    if (value > LAST_SECOND) {
      throw new Refusal('date_range_invalid', `The ${what} of the report is beyond the year 9999: ${value}.`);
    }
    return value;
  }

  private first(known: string | null, value: string | null, what: string): string | null {
    return firstOf(this.problems, known, value, what);
  }
}
