import { writeFileSync } from 'node:fs';
import { newMails } from '../../poller/index.ts';
import { messageOf, PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import { counted } from '../../shared/format.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type ProbeRun, saveProbe } from '../../store/sending/probes.ts';
import { openGuardDns } from '../guard-dns.ts';
import { withDatabase } from '../open.ts';
import { type ProbeFinding, probeFinding } from '../probe/codes.ts';
import { type Expected, type Given, type GuardProbeOptions, readGiven } from '../probe/given.ts';
import { Inbox } from '../probe/inbox.ts';
import { startListener } from '../probe/listen.ts';
import { PROBE_LIMITS } from '../probe/mail.ts';
import { fromMailbox } from '../probe/mailbox.ts';
import { reportsOf } from '../probe/report.ts';
import { type Verdict, type VerdictOptions, verdictOn } from '../probe/verdict.ts';
import { junit } from '../terminal/dns-formats.ts';
import type { Terminal } from '../terminal/options.ts';
import { renderProbe } from '../terminal/probe-text.ts';
import { exitCode } from './dns.ts';

const TOOL = 'ruawatch guard probe';

type Out = Terminal & { colors?: boolean; err?: (line: string) => void; signal?: AbortSignal };

/**
 * `guard probe`: takes the mail that workloads send to it, and says of each what a receiver would.
 * @returns as `dns check`: 0, 1 with warnings and --strict, 2 with errors, 3 with unknown results and no
 *   errors
 * @throws PermanentError `usage`, `guard_file`, `records_file`, `probe_listen`, `probe_report`
 */
export async function runGuardProbe(
  config: Config,
  file: string | undefined,
  options: GuardProbeOptions,
  { out, err = () => undefined, colors = false, signal }: Out,
): Promise<number> {
  if (options.json && options.junit) throw new PermanentError('usage', '--json and --junit exclude each other: keep one.');
  const given = readGiven(config, file, options);
  const domains = (given.environments ?? []).flatMap((one) => one.domains.map(({ domain }) => domain));
  const verdictOptions: VerdictOptions = {
    dns: openGuardDns(config, [...new Set(domains)], options),
    environments: given.environments,
    peer: options.peer ?? null,
  };
  const begin = new Date();
  const { verdicts, refused } = await collect(given, verdictOptions, { err, signal });
  const end = new Date();
  const absent = missing(given.expected, verdicts);
  const findings = [...verdicts.flatMap((one) => one.findings), ...refused, ...absent];
  const environment = environmentOf(given.environments);
  const suites = suitesOf(verdicts, findings);
  if (options.json) out(jsonText({ mails: verdicts.map(jsonOf), findings }, 2));
  if (options.junit) out(junit(suites, { strict: options.strict === true, tool: TOOL }));
  // Where a program reads the output, a person reads the log.
  const forPeople = options.json || options.junit ? err : out;
  for (const line of renderProbe(verdicts, findings, colors)) forPeople(line);
  // Printed first: what cannot be written or kept loses no result.
  if (options.report !== undefined) {
    writeReports(options.report, reportsOf(verdicts, { environment, begin, end }), err);
  }
  if (options.import) await keep(config, probeRun(verdicts, { environment, begin, end, missing: absent }), err);
  return exitCode(suites, options.strict === true);
}

/** Takes mail and judges it, until the time is over or all that is expected has come. */
async function collect(
  { listen, mailbox, seconds, expected }: Given,
  verdictOptions: VerdictOptions,
  { err, signal }: { err: (line: string) => void; signal: AbortSignal | undefined },
): Promise<Inbox> {
  const done = new AbortController();
  const timer = setTimeout(() => done.abort(), seconds * 1000);
  signal?.addEventListener('abort', () => done.abort(), { once: true });
  if (signal?.aborted) done.abort();
  const inbox = new Inbox(
    (mail) => verdictOn(mail, verdictOptions),
    () => {
      if (isComplete(expected, inbox.verdicts)) done.abort();
    },
  );
  const listener =
    listen &&
    (await startListener({
      ...listen,
      onMail: (mail) => inbox.take(mail),
      onRefused: (why) => inbox.refuse(why),
      now: () => new Date(),
    }));
  if (listener !== null) err(`Listening at ${listener.at} for ${seconds} seconds.`);
  const ended = new Promise<void>((resolve) => {
    if (done.signal.aborted) resolve();
    else done.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    if (mailbox !== null)
      await newMails(mailbox, {
        signal: done.signal,
        mostBytes: PROBE_LIMITS.size,
        onOpen: () => err(`Watching the mailbox ${mailbox.name} for ${seconds} seconds.`),
        onMail: ({ raw, at }) => {
          if (raw.length > PROBE_LIMITS.size) inbox.refuse(`A mail in the mailbox is larger than ${PROBE_LIMITS.size} bytes.`);
          else inbox.take(fromMailbox(raw, at));
        },
      });
    await ended;
  } finally {
    clearTimeout(timer);
    done.abort();
    await listener?.stop();
  }
  await inbox.close();
  return inbox;
}

function isComplete({ mails, names }: Expected, verdicts: readonly Verdict[]): boolean {
  if (mails !== null) return verdicts.length >= mails;
  return names.length > 0 && names.every((name) => verdicts.some(({ sender }) => sender?.workload.name === name));
}

function missing({ mails, names }: Expected, verdicts: readonly Verdict[]): ProbeFinding[] {
  if (mails !== null && verdicts.length < mails)
    return [probeFinding('probe_missing', 'expected', `${verdicts.length} of ${mails} expected mails came.`)];
  return names
    .filter((name) => !verdicts.some(({ sender }) => sender?.workload.name === name))
    .map((name) => probeFinding('probe_missing', name, `${name} sent no mail while the probe waited for it.`));
}

/** A suite for each workload, one for strangers, one for what is missing. */
function suitesOf(verdicts: readonly Verdict[], findings: readonly ProbeFinding[]) {
  const suites = new Map<string, ProbeFinding[]>();
  const add = (name: string, list: readonly ProbeFinding[]) => suites.set(name, [...(suites.get(name) ?? []), ...list]);
  for (const { sender, from, findings: own } of verdicts)
    add(sender === null ? (from ?? 'no author') : `${sender.environment} ${sender.workload.name}`, own);
  const own = new Set(verdicts.flatMap((one) => one.findings));
  for (const one of findings) if (!own.has(one)) add(one.domain, [one]);
  return [...suites].map(([domain, list]) => ({
    domain,
    findings: [...new Map(list.map((one) => [`${one.code} ${one.message}`, one])).values()],
  }));
}

/** The environment that reports name: the one that is probed; of several, or none, "staging". */
function environmentOf(environments: Given['environments']): string {
  return environments?.length === 1 ? environments[0]!.name : 'staging';
}

/** A run as it is kept: without contents and local parts. */
function probeRun(
  verdicts: readonly Verdict[],
  { environment, begin, end, missing }: { environment: string; begin: Date; end: Date; missing: readonly ProbeFinding[] },
): ProbeRun {
  return {
    environment,
    began_at: begin,
    ended_at: end,
    missing: missing.map(({ domain }) => domain),
    mails: verdicts.map(({ at, sender, domain, mailFrom, dkim, spf, dmarc, underReject, findings }) => ({
      seen_at: at,
      environment: sender?.environment ?? environment,
      workload: sender?.workload.name ?? null,
      known_by: sender?.by ?? null,
      header_from: domain,
      envelope_from: mailFrom.slice(mailFrom.lastIndexOf('@') + 1).toLowerCase(),
      source: spf.address,
      signatures: dkim.map((one) => ({ domain: one.domain, selector: one.selector, result: one.result, aligned: one.aligned })),
      spf_result: spf.result,
      dkim_aligned: dkim.some(({ aligned, result }) => aligned && result === 'pass'),
      spf_aligned: spf.aligned,
      dmarc,
      under_reject: underReject,
      codes: [...new Set(findings.map(({ code }) => code))],
    })),
  };
}

async function keep(config: Config, run: ProbeRun, err: (line: string) => void): Promise<void> {
  await withDatabase(config, async (db) => {
    await saveProbe(db, run);
  });
  err(`Kept ${counted(run.mails.length, 'mail')} of ${run.environment}, apart from all reports (dmarc.probe_mails).`);
}

/** The first report to the file, those of further domains beside it. */
function writeReports(file: string, reports: ReturnType<typeof reportsOf>, err: (line: string) => void): void {
  for (const [n, { domain, xml }] of reports.entries()) {
    const at = n === 0 ? file : file.replace(/\.xml$/, `-${domain.replace(/[^a-z0-9.-]/g, '_')}.xml`);
    try {
      writeFileSync(at, xml);
    } catch (error) {
      throw new PermanentError('probe_report', `${at} cannot be written: ${messageOf(error)}.`, error);
    }
    err(`Wrote a report about ${domain} to ${at}.`);
  }
}

/** What --json prints of a mail: docs/guard.md. */
function jsonOf({ at, from, domain, mailFrom, sender, dkim, spf, dmarc, underReject, findings }: Verdict): unknown {
  return {
    at: at.toISOString(),
    from,
    domain,
    mail_from: mailFrom,
    sender: sender && { environment: sender.environment, workload: sender.workload.name, by: sender.by },
    dkim,
    spf,
    dmarc,
    under_reject: underReject,
    findings,
  };
}
