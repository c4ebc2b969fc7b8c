import type { Random } from '../demo/random.ts';
import type { PublishedPolicy, ReportRow } from '../demo/report.ts';
import type { Calendar } from './calendar.ts';
import { binomial, multinomial, negativeBinomial } from './draws.ts';
import type { Break, Domain, Flow, Reporter } from './model.ts';
import { address } from './senders.ts';

/** A row of a report and what it truly is. */
export interface TrueRow extends ReportRow {
  flow: Flow;
  incident: string | null;
}

/**
 * Part of a rightful sender's mail that fails a mechanism on any day: a resolver's time-out, a list nobody
 * knows of.
 */
const ORDINARY: readonly Break[] = [
  { from: 0, to: Number.POSITIVE_INFINITY, share: 0.003, mechanism: 'spf', incident: null },
  { from: 0, to: Number.POSITIVE_INFINITY, share: 0.002, mechanism: 'dkim', incident: null },
];
/** Addresses of one sender that one reporter reports on a day, at most. */
const MOST_ROWS = 400;

export function policyOn(domain: Domain, day: number): PublishedPolicy {
  const change = domain.policyChanges.find((one) => day >= one.from && day <= one.to);
  if (!change) return domain.policy;
  const { p, sp, adkim, aspf } = { ...domain.policy, ...change };
  return { p, sp, adkim, aspf };
}

/** What each reporter sees of a domain on a day, in the order of `domain.mix`. */
export function trafficOf(domain: Domain, day: number, calendar: Calendar, root: Random): TrueRow[][] {
  const rows: TrueRow[][] = domain.mix.map(() => []);
  const policy = policyOn(domain, day);
  const on = { domain, day, policy };
  for (const flow of domain.flows) {
    const mean = flow.mean * (calendar.isWeekend(day) ? flow.weekend : 1) * (1 + flow.growth) ** day * flow.active(day);
    if (mean <= 0) continue;
    const random = root.fork(`${domain.name}/${flow.id}/${day}`);
    const count = negativeBinomial(random, mean, flow.k);
    const weights = domain.mix.map(({ reporter, share }) => share * (flow.reporters.get(reporter.dialect.org_name) ?? 1));
    for (const [i, n] of multinomial(random, count, weights).entries()) {
      if (n > 0) rows[i]!.push(...rowsOf(flow, n, { ...on, reporter: domain.mix[i]!.reporter }, random));
    }
  }
  return rows;
}

/** What one reporter says of a domain and a day. */
interface Reported {
  domain: Domain;
  day: number;
  policy: PublishedPolicy;
  reporter: Reporter;
}

function rowsOf(flow: Flow, messages: number, report: Reported, random: Random): TrueRow[] {
  const { day } = report;
  const breaks = flow.truth === 'authorized' ? [...flow.breaks, ...ORDINARY] : flow.breaks;
  const active = breaks.filter((one) => day >= one.from && day <= one.to);
  const all = flow.incident && day >= flow.incident.from && day <= flow.incident.to ? flow.incident.id : null;
  const rows: TrueRow[] = [];
  for (const [source_ip, count] of spread(flow, messages, random)) {
    let left = count;
    for (const one of active) {
      const failing = binomial(random, left, one.share);
      if (failing === 0) continue;
      left -= failing;
      const row = rowOf(flow, report, random, { source_ip, count: failing, broken: one });
      rows.push({ ...row, flow, incident: one.incident ?? all });
    }
    if (left > 0) {
      const row = rowOf(flow, report, random, { source_ip, count: left, broken: null });
      rows.push({ ...row, flow, incident: all });
    }
  }
  return rows;
}

function spread(flow: Flow, messages: number, random: Random): [string, number][] {
  if (flow.addresses.length === 0) return Array.from({ length: Math.min(messages, MOST_ROWS) }, () => [address(random), 1]);
  if (flow.addresses.length > 20) {
    const counts = new Map<string, number>();
    for (let i = 0; i < messages; i++) {
      const one = random.pick(flow.addresses);
      counts.set(one, (counts.get(one) ?? 0) + 1);
    }
    return [...counts];
  }
  const counts = multinomial(
    random,
    messages,
    flow.addresses.map((_, i) => 1 / (i + 1)),
  );
  return flow.addresses.map((one, i): [string, number] => [one, counts[i]!]).filter(([, n]) => n > 0);
}

function rowOf(
  flow: Flow,
  { domain, policy, reporter }: Reported,
  random: Random,
  given: { source_ip: string; count: number; broken: Break | null },
): ReportRow {
  const { source_ip, count, broken } = given;
  const noDkim = broken !== null && broken.mechanism !== 'spf';
  const noSpf = broken !== null && broken.mechanism !== 'dkim';
  const failure = broken?.result ?? 'fail';
  // A service's own signature beside ours survives what breaks ours.
  const dkim = flow.dkim.map((one) => (noDkim && isOf(one.domain, domain.name) ? { ...one, result: failure } : one));
  const spf = noSpf ? { ...flow.spf, result: failure } : flow.spf;
  const author = flow.header_from;
  const dkimPass = dkim.some((one) => one.result === 'pass' && aligned(one.domain, author, domain.name, policy.adkim));
  const spfPass = spf.result === 'pass' && aligned(spf.domain, author, domain.name, policy.aspf);
  const pass = dkimPass || spfPass;
  const asked = author === domain.name ? policy.p : (policy.sp ?? policy.p);
  const override = pass
    ? null
    : flow.what === 'mailing_list'
      ? reporter.onList
      : flow.what === 'forwarder'
        ? reporter.onForwarder
        : null;
  // Microsoft puts some of what it should refuse into the junk folder, and says so.
  const spared =
    !pass && !override && asked === 'reject' && reporter.dialect.org_name === 'Enterprise Outlook' && random.chance(0.05);
  return {
    source_ip,
    count,
    disposition: pass || override ? 'none' : spared ? 'quarantine' : asked,
    dkim: dkimPass ? 'pass' : 'fail',
    spf: spfPass ? 'pass' : 'fail',
    reasons: override ? [override] : spared ? [{ type: 'local_policy', comment: null }] : [],
    header_from: author,
    envelope_from: flow.envelope_from,
    envelope_to: random.pick(reporter.recipients),
    auth: { dkim: dkim.map((one) => ({ ...one })), spf },
  };
}

/** RFC 9989 section 4.4, for names that all lie at or below the domain or are somebody else's. */
function aligned(name: string, author: string, domain: string, mode: 'r' | 's'): boolean {
  return mode === 's' ? name === author : isOf(name, domain);
}

const isOf = (name: string, domain: string) => name === domain || name.endsWith(`.${domain}`);
