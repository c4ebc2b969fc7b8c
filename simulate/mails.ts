import { mailDate } from '../demo/mime.ts';
import type { Random } from '../demo/random.ts';
import type { Dialect, ReportDescription, ReportRow } from '../demo/report.ts';
import { packReport } from '../demo/write.ts';
import type { Calendar } from './calendar.ts';
import type { Domain, Incident, Reporter, ReporterEvent, TrueClass, World } from './model.ts';
import { address } from './senders.ts';
import type { SimulatedMail } from './simulated-mail.ts';
import { policyOn, type TrueRow, trafficOf } from './traffic.ts';

export type { SimulatedMail } from './simulated-mail.ts';

/** The receiving server, as it names itself in Authentication-Results (RFC 8601 section 2.5). */
export const AUTHSERV_ID = 'mx.ruawatch-simulation.example';
const HOUR = 3600;

/** A report day, and where the chances of its mails come from. */
export interface DrawnDay {
  day: number;
  calendar: Calendar;
  random: Random;
}

/**
 * Everything that is reported of a day, as mails, whenever they arrive. Notes on the incidents how much of
 * them is really reported.
 */
export async function mailsOf(world: World, day: number, calendar: Calendar, root: Random): Promise<SimulatedMail[]> {
  const mails: SimulatedMail[] = [];
  const incidents = new Map(world.incidents.map((incident) => [incident.id, incident]));
  for (const domain of world.domains) {
    const seen = trafficOf(domain, day, calendar, root);
    for (const [i, { reporter }] of domain.mix.entries()) {
      const random = root.fork(`mail/${domain.name}/${reporter.dialect.org_name}/${day}`);
      const drawn = { day, calendar, random };
      const events = domain.events.filter((e) => e.reporter === reporter.dialect.org_name && day >= e.from && day <= e.to);
      for (const event of events) if (event.what === 'forged') mails.push(await forgedMail(domain, reporter, event, drawn));
      const silent =
        events.some((event) => event.what === 'silent') || reporter.outages.some((o) => day >= o.from && day <= o.to);
      const rows = silent ? [] : contradicted(seen[i]!, events, domain, drawn);
      if (rows.length === 0) continue;
      const copies = events.some((event) => event.what === 'doubled') ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) mails.push(...(await reportMails(domain, reporter, rows, drawn)));
      const tick = mails.at(-1)!.tick;
      if (tick > calendar.days) continue;
      note(incidents, domain, rows, { day, tick });
      noteTruth(world.truth.get(domain.name)!, rows);
    }
    for (const incident of world.incidents) noteForged(incident, domain, day);
  }
  return mails;
}

function noteTruth(truth: Map<string, TrueClass>, rows: readonly TrueRow[]): void {
  for (const { source_ip, flow } of rows) {
    const before = truth.get(source_ip);
    truth.set(source_ip, before === undefined || before === flow.truth ? flow.truth : null);
  }
}

/** A reporter whose verdicts contradict its own results: it calls everything a failure. */
function contradicted(rows: TrueRow[], events: readonly ReporterEvent[], domain: Domain, { day, random }: DrawnDay): TrueRow[] {
  const event = events.find((one) => one.what === 'contradicts');
  return rows.map((row) => {
    // Now and then every reporter does, by mistake.
    if (!event && !random.chance(0.001)) return row;
    const disposition = policyOn(domain, day).p;
    return { ...row, dkim: 'fail', spf: 'fail', disposition, incident: event?.incident ?? row.incident };
  });
}

async function reportMails(
  domain: Domain,
  reporter: Reporter,
  rows: readonly TrueRow[],
  { day, calendar, random }: DrawnDay,
): Promise<SimulatedMail[]> {
  const dialect = dialectOn(reporter, day);
  const range = dialect.range(calendar.midnight(day), random);
  const report: ReportDescription = {
    report_id: dialect.reportId(random, range, domain.name),
    domain: domain.name,
    policy: policyOn(domain, day),
    ...range,
    rows: random.shuffle(rows).map(plain),
  };
  const burst = reporter.lateBurst !== null && day >= reporter.lateBurst.from && day <= reporter.lateBurst.to;
  const late = burst ? 3 * 24 : random.chance(reporter.lateness) ? random.int(24, 96) : 0;
  const sent = range.end + (reporter.hour + late) * HOUR + random.int(60, 3000);
  const twice = random.chance(0.015);
  const mails: SimulatedMail[] = [];
  for (const when of twice ? [sent, sent + random.int(2, 9) * HOUR] : [sent]) {
    mails.push(await mailOf(dialect, report, when, { calendar, random, originOf: genuine }));
  }
  return mails;
}

/** As whom a reporter writes about a day. */
function dialectOn({ dialect, renamed }: Reporter, day: number): Dialect {
  return renamed && day >= renamed.from ? renamed.dialect : dialect;
}

/** What the report says: the truth stays behind. */
function plain({ flow: _, incident: __, ...row }: TrueRow): ReportRow {
  return row;
}

/** A report in a reporter's name that it did not write, about a flood that never was. */
async function forgedMail(
  domain: Domain,
  { dialect }: Reporter,
  event: ReporterEvent,
  { day, calendar, random }: DrawnDay,
): Promise<SimulatedMail> {
  const range = dialect.range(calendar.midnight(day), random);
  const rows = Array.from(
    { length: 5 },
    (): ReportRow => ({
      source_ip: address(random),
      count: random.int(200, 900),
      disposition: 'none',
      dkim: 'fail',
      spf: 'fail',
      reasons: [],
      header_from: domain.name,
      envelope_from: domain.name,
      envelope_to: 'example.org',
      auth: { dkim: [], spf: { domain: domain.name, result: 'fail' } },
    }),
  );
  const report = {
    report_id: dialect.reportId(random, range, domain.name),
    domain: domain.name,
    policy: policyOn(domain, day),
    ...range,
    rows,
  };
  const sent = range.end + 8 * HOUR + random.int(60, 3000);
  const originOf = event.mismatched ? mismatched : unauthenticated;
  return mailOf(dialect, report, sent, { calendar, random, originOf });
}

interface Origin {
  from: string;
  results: string;
}
/** As a reporter's own mail arrives: it passes DMARC for the domain of its From field. */
export const genuine = (org_email: string): Origin => {
  const from = org_email;
  const domain = from.slice(from.indexOf('@') + 1);
  return {
    from,
    results: `dkim=pass header.d=${domain} header.s=rpt; spf=pass smtp.mailfrom=${domain}; dmarc=pass header.from=${domain}`,
  };
};
export const unauthenticated = (org_email: string): Origin => ({
  from: org_email,
  results: `dkim=none; spf=softfail smtp.mailfrom=bulk-host.example; dmarc=fail header.from=${org_email.slice(org_email.indexOf('@') + 1)}`,
});
export const mismatched = (): Origin => ({
  from: 'noreply@dmarc-reporting.example',
  results:
    'dkim=pass header.d=dmarc-reporting.example header.s=k1; spf=pass smtp.mailfrom=dmarc-reporting.example; dmarc=pass header.from=dmarc-reporting.example',
});

/** The mail under the trace of the server that took it in. */
export async function mailOf(
  dialect: Dialect,
  report: ReportDescription,
  sent: number,
  { calendar, random, originOf }: Omit<DrawnDay, 'day'> & { originOf: (org_email: string) => Origin },
): Promise<SimulatedMail> {
  const date = new Date(sent * 1000);
  const received = new Date((sent + random.int(2, 40)) * 1000);
  const to = `dmarc@${report.domain}`;
  const { from, results } = originOf(dialect.org_email);
  const packed = await packReport(dialect, report, date);
  const mail = dialect.mail({ report, to, date, random, ...packed }).replaceAll(dialect.org_email, from);
  const host = from.slice(from.indexOf('@') + 1);
  const trace = [
    `Return-Path: <${from}>`,
    `Delivered-To: ${to}`,
    `Authentication-Results: ${AUTHSERV_ID};`,
    ...results.split('; ').map((result, i, all) => `\t${result}${i < all.length - 1 ? ';' : ''}`),
    `Received: from out.${host} (out.${host} [198.51.100.${random.int(200, 250)}])`,
    `\tby ${AUTHSERV_ID} with ESMTPS id ${random.hex(12)}`,
    `\tfor <${to}>; ${mailDate(received)}`,
  ];
  const raw = Buffer.from(`${trace.join('\r\n')}\r\n${mail}`, 'latin1');
  return { tick: calendar.tickOf(received.getTime() / 1000), received, reporter: dialect.org_name, domain: report.domain, raw };
}

/** Adds what a report says about incidents to their truth. */
function note(
  incidents: ReadonlyMap<string, Incident>,
  domain: Domain,
  rows: readonly TrueRow[],
  { day, tick }: { day: number; tick: number },
): void {
  const total = rows.reduce((n, row) => n + row.count, 0);
  for (const incident of incidents.values()) {
    if (incident.domain !== domain.name || day < incident.begin || day > incident.end) continue;
    incident.of += total;
    if (['policy_weakened', 'policy_ready'].includes(incident.type)) incident.seen = Math.min(incident.seen ?? tick, tick);
  }
  for (const row of rows) {
    const incident = row.incident === null ? undefined : incidents.get(row.incident);
    if (!incident) continue;
    incident.messages += row.count;
    if (row.disposition === 'none') incident.delivered += row.count;
    incident.addresses.add(row.source_ip);
    incident.seen = Math.min(incident.seen ?? tick, tick);
  }
}

/** Silence and forged reports are in no row of a true report. */
function noteForged(incident: Incident, domain: Domain, day: number): void {
  if (incident.domain !== domain.name || day !== incident.begin) return;
  if (['reporter_silent', 'forged_report', 'no_reports', 'forged_reports'].includes(incident.type)) incident.seen = day + 1;
}
