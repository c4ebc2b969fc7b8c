import {
  CLUB,
  contradicts,
  FORGED,
  FORGER,
  MORE_FLOWS,
  MORE_POLICIES,
  MORE_STARTS,
  type MoreIncident,
  PRESS,
  reportsOn,
} from './incidents.ts';
import { Random } from './random.ts';
import type { Dialect, PublishedPolicy, ReportDescription, ReportRow } from './report.ts';
import * as dialects from './reporters/index.ts';
import { BOOKS, type DemoDay, FLOWS, type Flow, INCIDENT_STARTS, type IncidentName, PAY, publishedPolicy } from './senders.ts';
import { writeReportMail } from './write.ts';

const DAY = 86_400;

/**
 * Each reporter's share of all mail, how many hours after the day it reports, and the domains of its
 * mailboxes.
 */
const REPORTERS: readonly { dialect: Dialect; share: number; hour: number; recipients: readonly string[] }[] = [
  { dialect: dialects.google, share: 0.38, hour: 7, recipients: ['gmail.com'] },
  { dialect: dialects.microsoft, share: 0.22, hour: 5, recipients: ['northfold.example', 'tessel-design.example'] },
  { dialect: dialects.yahoo, share: 0.13, hour: 4, recipients: ['yahoo.com'] },
  { dialect: dialects.gmx, share: 0.1, hour: 2, recipients: ['gmx.net'] },
  { dialect: dialects.mailru, share: 0.06, hour: 1, recipients: ['mail.ru'] },
  { dialect: dialects.fastmail, share: 0.05, hour: 3, recipients: ['fastmail.com'] },
  { dialect: dialects.gateway, share: 0.03, hour: 1, recipients: ['ashgrove-clinics.example'] },
  { dialect: dialects.university, share: 0.03, hour: 6, recipients: ['linden-university.example'] },
];

export interface DemoMail {
  /** When it arrived in the mailbox. */
  received: Date;
  /** The reporter's `org_name`. */
  reporter: string;
  domain: string;
  raw: Buffer;
}

/** A planted incident as the mails show it: the finding that a correct analysis makes, and its numbers. */
export interface DemoIncident {
  name: IncidentName | MoreIncident | 'ready_for_more';
  /** The kind of finding that should open. */
  finding: string;
  domain: string;
  /** Its first UTC day, YYYY-MM-DD. */
  since: string;
  /**
   * Records, the sum of their counts, and the reports with any of them. For a policy, all records reported
   * under it.
   */
  messages: number;
  records: number;
  reports: number;
  /** Source addresses, sorted. */
  addresses: string[];
}

export interface DemoWorld {
  domains: string[];
  /** First and last UTC day, YYYY-MM-DD. */
  firstDay: string;
  lastDay: string;
  /** Sorted by `received`. */
  mails: DemoMail[];
  incidents: DemoIncident[];
  /** Each report is counted once, though some arrive in two mails. */
  truth: { domain: string; reports: number; records: number; messages: number }[];
}

const FINDINGS: Record<IncidentName | MoreIncident, { finding: DemoIncident['finding']; domain: string }> = {
  spoofing_campaign: { finding: 'unauthorized_source', domain: BOOKS },
  misaligned_service: { finding: 'alignment_failure', domain: PAY },
  broken_dkim_key: { finding: 'authentication_regression', domain: BOOKS },
  policy_lowered: { finding: 'policy_change', domain: PAY },
  forged_subdomains: { finding: 'subdomain_abuse', domain: CLUB },
  new_service: { finding: 'new_source', domain: CLUB },
  queue_run_wild: { finding: 'volume_surge', domain: CLUB },
  silent_reporter: { finding: 'reporter_silent', domain: PRESS },
  contradicting_reporter: { finding: 'verdict_mismatch', domain: PRESS },
  forged_reports: { finding: 'forged_report', domain: PRESS },
};
const STARTS: Readonly<Record<IncidentName | MoreIncident, number>> = { ...INCIDENT_STARTS, ...MORE_STARTS };
const ALL_FLOWS = [...FLOWS, ...MORE_FLOWS];

const policyOf = (domain: string, day: DemoDay): PublishedPolicy => MORE_POLICIES[domain] ?? publishedPolicy(domain, day);

const isoDay = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);

/** A whole number near `mean`: with noise, and a fraction rounded up with its probability. */
function around(mean: number, random: Random): number {
  const noisy = mean * (0.85 + 0.3 * random.next());
  return Math.floor(noisy) + (random.chance(noisy % 1) ? 1 : 0);
}

/** Divides `total` at random into at most `parts` shares, none of them empty. */
function divide(total: number, parts: number, random: Random): number[] {
  const weights = Array.from({ length: parts }, () => 0.3 + random.next());
  const sum = weights.reduce((a, b) => a + b, 0);
  let left = total;
  return weights
    .map((weight, i) => {
      const share = i === parts - 1 ? left : Math.min(left, Math.round((total * weight) / sum));
      left -= share;
      return share;
    })
    .filter((share) => share > 0);
}

function flowRows(
  flow: Flow,
  { day, reporter, random, policyAt }: Pick<DayOfReporter, 'day' | 'reporter' | 'random' | 'policyAt'>,
): ReportRow[] {
  const messages = around(flow.volume(day) * reporter.share * (flow.seenBy?.(reporter.dialect.submitter) ?? 1), random);
  if (messages === 0) return [];
  const addresses = random.shuffle(flow.addresses).slice(0, Math.max(1, Math.ceil(messages / 2)));
  const policy = policyAt(flow.domain, day);
  const wrong = contradicts(flow.domain, reporter.dialect.submitter, day);
  const dkim = flow.dkim(day);
  return divide(messages, addresses.length, random).map((count, i) => {
    // A receiver's resolver sometimes answers too late: SPF is temperror, and the mail passes by its
    // signature.
    const slow = flow.spf.result === 'pass' && dkim.some(({ result }) => result === 'pass') && random.chance(0.01);
    const spf = slow ? { domain: flow.spf.domain, result: 'temperror' } : flow.spf;
    const dkimPass = dkim.some(({ domain, result }) => domain === flow.domain && result === 'pass');
    const spfPass = (spf.domain === flow.domain || spf.domain.endsWith(`.${flow.domain}`)) && spf.result === 'pass';
    const header_from = flow.header_from ? random.pick(flow.header_from) : flow.domain;
    const asked = header_from === flow.domain ? policy.p : (policy.sp ?? policy.p);
    const pass = dkimPass || spfPass;
    const override = pass ? undefined : flow.override?.(reporter.dialect.submitter);
    // Microsoft puts some mail that it should reject into the junk folder, and reports that.
    const spared = !pass && !override && policy.p === 'reject' && reporter.dialect === dialects.microsoft && random.chance(0.05);
    return {
      source_ip: addresses[i] as string,
      count,
      disposition: pass || override ? 'none' : spared ? 'quarantine' : asked,
      dkim: dkimPass && !wrong ? 'pass' : 'fail',
      spf: spfPass && !wrong ? 'pass' : 'fail',
      reasons: override ? [override] : spared ? [{ type: 'local_policy', comment: null }] : [],
      header_from,
      envelope_from: flow.envelope_from,
      envelope_to: random.pick(reporter.recipients),
      auth: { dkim, spf },
    };
  });
}

type AnyIncident = IncidentName | MoreIncident;

/** What was written of each incident, and of each domain. */
class Tally {
  readonly truth: Map<string, DemoWorld['truth'][number]>;
  readonly incidents = new Map<AnyIncident, { messages: number; records: number; reports: number; addresses: Set<string> }>();

  constructor(domains: readonly string[]) {
    this.truth = new Map(domains.map((domain) => [domain, { domain, reports: 0, records: 0, messages: 0 }]));
  }

  /** Counts the rows of one report that show an incident. */
  incident(name: AnyIncident, rows: readonly ReportRow[]): void {
    if (rows.length === 0) return;
    const entry = this.incidents.get(name) ?? { messages: 0, records: 0, reports: 0, addresses: new Set<string>() };
    this.incidents.set(name, entry);
    entry.reports += 1;
    entry.records += rows.length;
    for (const row of rows) {
      entry.messages += row.count;
      entry.addresses.add(row.source_ip);
    }
  }

  report(domain: string, rows: readonly ReportRow[]): void {
    const totals = this.truth.get(domain)!;
    totals.reports += 1;
    totals.records += rows.length;
    totals.messages += rows.reduce((sum, row) => sum + row.count, 0);
  }
}

/**
 * Weeks of reports about two domains (or four) from eight reporters, with a weekly rhythm, forwarders, a
 * mailing list, reports that are late, missing or sent twice, and planted incidents: four, or one for each
 * kind of finding. The same options yield the same bytes.
 *
 * @param options.today the last reported day is the UTC day before; no mail has a later date than this
 * @param options.more adds the two domains of incidents.ts
 * @param options.days number of reported days, 42 by default; fewer than 21 leave no time before the
 *   incidents
 */
export async function generateDemo(options: { seed: number; today: Date; days?: number; more?: boolean }): Promise<DemoWorld> {
  const { seed, today, days = 42, more = false } = options;
  const now = Math.floor(today.getTime() / 1000);
  const midnight = now - (now % DAY);
  const root = new Random(seed);
  const tally = new Tally([BOOKS, PAY, ...(more ? [CLUB, PRESS] : [])]);
  const mails: DemoMail[] = [];
  for (let fromEnd = days - 1; fromEnd >= 0; fromEnd--) {
    const start = midnight - (fromEnd + 1) * DAY;
    const day: DemoDay = { fromEnd, weekday: new Date(start * 1000).getUTCDay() };
    for (const domain of tally.truth.keys()) {
      for (const reporter of REPORTERS) {
        const random = root.fork(`${fromEnd}/${domain}/${reporter.dialect.submitter}`);
        const of = { domain, reporter, day, start, now, random, tally, flows: ALL_FLOWS, policyAt: policyOf };
        mails.push(...(await dayMails(of)));
      }
    }
  }
  if (more) mails.push(...(await forgedReports(root, midnight, (rows) => tally.incident('forged_reports', rows))));
  mails.sort((a, b) => a.received.getTime() - b.received.getTime());
  return {
    domains: [...tally.truth.keys()],
    firstDay: isoDay(midnight - days * DAY),
    lastDay: isoDay(midnight - DAY),
    mails,
    incidents: incidentsOf(tally, { midnight, days, more }),
    truth: [...tally.truth.values()],
  };
}

interface DayOfReporter {
  domain: string;
  reporter: (typeof REPORTERS)[number];
  day: DemoDay;
  /** Unix seconds of the day's first moment, and of the present. */
  start: number;
  now: number;
  random: Random;
  tally: Tally;
  flows: readonly Flow[];
  policyAt(domain: string, day: DemoDay): PublishedPolicy;
}

/**
 * The mails with one reporter's report about one day of a domain: usually one, none when it is missing, two
 * when it is sent twice.
 */
async function dayMails(of: DayOfReporter): Promise<DemoMail[]> {
  const { domain, reporter, day, start, now, random, tally, flows, policyAt } = of;
  const { dialect } = reporter;
  const settled = day.fromEnd >= 3;
  const missing = settled && random.chance(0.03);
  const late = settled && random.chance(0.04) ? random.int(20, 44) * 3600 : 0;
  const twice = settled && random.chance(0.015);
  const range = dialect.range(start, random);
  const parts = flows
    .filter((flow) => flow.domain === domain)
    .map((flow) => ({
      rows: flowRows(flow, of),
      incident: flow.incident?.(day) ?? null,
    }));
  const rows = random.shuffle(parts.flatMap((part) => part.rows));
  if (missing || rows.length === 0 || range.end > now || !reportsOn(domain, dialect.submitter, day)) return [];

  const report_id = dialect.reportId(random, range, domain);
  const report: ReportDescription = { report_id, domain, policy: policyAt(domain, day), ...range, rows };
  tally.report(domain, rows);
  for (const name of Object.keys(STARTS) as AnyIncident[])
    tally.incident(
      name,
      parts.flatMap((part) => (part.incident === name ? part.rows : [])),
    );
  if (domain === PAY && day.fromEnd <= INCIDENT_STARTS.policy_lowered) tally.incident('policy_lowered', rows);
  if (contradicts(domain, dialect.submitter, day)) tally.incident('contradicting_reporter', rows);

  const mails: DemoMail[] = [];
  const sent = range.end + reporter.hour * 3600 + random.int(60, 3000) + late;
  for (const when of twice ? [sent, sent + random.int(2, 9) * 3600] : [sent]) {
    const received = Math.min(when + random.int(2, 40), now);
    const raw = await writeReportMail(dialect, report, {
      to: `dmarc@${domain}`,
      date: new Date(Math.min(when, received) * 1000),
      received: new Date(received * 1000),
      random,
    });
    mails.push({ received: new Date(received * 1000), reporter: dialect.org_name, domain, raw });
  }
  return mails;
}

/**
 * The mails about one day after those of `generateDemo` with the same seed and day: what senders and policies
 * became meanwhile.
 * @param options.ahead 1 is the day that the demo is generated on
 * @param options.change gives what a sender's mail is like by then
 * @param options.policies the records that were changed
 */
export async function laterMails(options: {
  seed: number;
  today: Date;
  ahead: number;
  change: (flow: Flow) => Flow;
  policies: Readonly<Record<string, PublishedPolicy>>;
}): Promise<DemoMail[]> {
  const { seed, today, ahead, change, policies } = options;
  const today_s = Math.floor(today.getTime() / 1000);
  const start = today_s - (today_s % DAY) + (ahead - 1) * DAY;
  const day: DemoDay = { fromEnd: -ahead, weekday: new Date(start * 1000).getUTCDay() };
  const domains = [BOOKS, PAY, CLUB, PRESS];
  const tally = new Tally(domains);
  const flows = ALL_FLOWS.map(change);
  const policyAt = (domain: string, at: DemoDay) => policies[domain] ?? policyOf(domain, at);
  const mails: DemoMail[] = [];
  for (const domain of domains)
    for (const reporter of REPORTERS) {
      const random = new Random(seed).fork(`${day.fromEnd}/${domain}/${reporter.dialect.submitter}`);
      mails.push(...(await dayMails({ domain, reporter, day, start, now: start + 2 * DAY, random, tally, flows, policyAt })));
    }
  return mails.sort((a, b) => a.received.getTime() - b.received.getTime());
}

/**
 * The planted incidents, and what a correct analysis finds beside them: a reporter that stopped, a domain
 * that is ready.
 */
function incidentsOf(tally: Tally, world: { midnight: number; days: number; more: boolean }): DemoIncident[] {
  const { midnight, days, more } = world;
  const incidents = [...tally.incidents].map(
    ([name, { addresses, ...numbers }]): DemoIncident => ({
      name,
      ...FINDINGS[name],
      // A forged report counts on the day it arrives, the day after the one it is about.
      since: isoDay(midnight - (Math.min(STARTS[name], days - 1) + (name === 'forged_reports' ? 0 : 1)) * DAY),
      ...numbers,
      addresses: [...addresses].sort(),
    }),
  );
  if (!more) return incidents;
  const none = { messages: 0, records: 0, reports: 0, addresses: [] };
  const since = isoDay(midnight - (MORE_STARTS.silent_reporter + 1) * DAY);
  // What is ready is so since it was found: on the last whole day.
  const ready = isoDay(midnight - DAY);
  return [
    ...incidents,
    { name: 'silent_reporter', ...FINDINGS.silent_reporter, since, ...none },
    { name: 'ready_for_more', finding: 'policy_ready', domain: PRESS, since: ready, ...none },
  ];
}

/**
 * Forged reports in a large reporter's name, signed by the forger: they report a flood of mail that never
 * existed.
 */
async function forgedReports(root: Random, midnight: number, count: (rows: ReportRow[]) => void): Promise<DemoMail[]> {
  const dialect = dialects.DIALECTS.find(({ submitter }) => submitter === FORGED)!;
  const mails: DemoMail[] = [];
  for (let fromEnd = MORE_STARTS.forged_reports; fromEnd > 0; fromEnd--) {
    const random = root.fork(`forged/${fromEnd}`);
    const range = dialect.range(midnight - (fromEnd + 1) * DAY, random);
    const rows: ReportRow[] = Array.from({ length: 6 }, (_, i) => ({
      source_ip: `198.19.77.${20 + i}`,
      count: random.int(2000, 9000),
      disposition: 'none',
      dkim: 'fail',
      spf: 'fail',
      reasons: [],
      header_from: PRESS,
      envelope_from: PRESS,
      envelope_to: 'gmail.com',
      auth: { dkim: [], spf: { domain: PRESS, result: 'fail' } },
    }));
    const report = {
      report_id: dialect.reportId(random, range, PRESS),
      domain: PRESS,
      policy: MORE_POLICIES[PRESS]!,
      ...range,
      rows,
    };
    const received = new Date((range.end + 11 * 3600 + random.int(60, 3000)) * 1000);
    const raw = await writeReportMail(dialect, report, {
      to: `dmarc@${PRESS}`,
      date: received,
      received,
      random,
      author: FORGER,
    });
    mails.push({ received, reporter: dialect.org_name, domain: PRESS, raw });
    count(rows);
  }
  return mails;
}
