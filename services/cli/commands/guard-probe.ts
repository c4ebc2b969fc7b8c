import { writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { GuardedEnvironment } from '../../dns/guard/file.ts';
import { newMails } from '../../poller/index.ts';
import { messageOf, PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type Mailbox, toMailbox } from '../../shared/settings/mailbox.ts';
import { openGuardDns } from '../guard-dns.ts';
import { readGuardFile } from '../guard-file.ts';
import { type ProbeFinding, probeFinding } from '../probe/codes.ts';
import { type Judging, judgeMail, type Verdict } from '../probe/judge.ts';
import { startListener } from '../probe/listen.ts';
import { PROBE_LIMITS, type ProbeMail } from '../probe/mail.ts';
import { fromMailbox } from '../probe/mailbox.ts';
import { reportsOf } from '../probe/report.ts';
import { junit } from '../terminal/dns-formats.ts';
import type { Terminal } from '../terminal/options.ts';
import { renderProbe } from '../terminal/probe-text.ts';
import { exitCode } from './dns.ts';

export interface GuardProbeOptions {
  listen?: string;
  mailbox?: string;
  expect?: string;
  seconds?: string;
  environment?: string[];
  records?: string;
  offline?: boolean;
  resolver?: string[];
  peer?: string;
  report?: string;
  json?: boolean;
  junit?: boolean;
  strict?: boolean;
}

const SECONDS = 60;
const LISTEN = '127.0.0.1:2525';
const AT_ONCE = 4;
const TOOL = 'ruawatch guard probe';

/** What the run waits for. */
interface Expected {
  /** Mails; null: as many as come. */
  mails: number | null;
  /** Workloads that are to write; empty: none is named. */
  names: readonly string[];
}

interface Given {
  environments: readonly GuardedEnvironment[] | null;
  expected: Expected;
  seconds: number;
  listen: { address: string; port: number } | null;
  mailbox: Mailbox | null;
}

type Out = Terminal & { colors?: boolean; version?: string; err?: (line: string) => void; signal?: AbortSignal };

/**
 * `guard probe`: takes the mail that workloads send to it, and says of each what a receiver would.
 * @returns as `dns check`: 0, 1 with warnings and --strict, 2 with errors, 3 with unknown results and no errors
 * @throws PermanentError `usage`, `guard_file`, `records_file`, `probe_listen`, `probe_report`
 */
export async function runGuardProbe(
  config: Config,
  file: string | undefined,
  options: GuardProbeOptions,
  { out, err = () => undefined, colors = false, version = '0.0.0', signal }: Out,
): Promise<number> {
  if (options.json && options.junit) throw new PermanentError('usage', '--json and --junit exclude each other: keep one.');
  const given = readGiven(config, file, options);
  const domains = (given.environments ?? []).flatMap((one) => one.domains.map(({ domain }) => domain));
  const judging: Judging = {
    dns: openGuardDns(config, [...new Set(domains)], options),
    environments: given.environments,
    peer: options.peer ?? null,
  };
  const begin = new Date();
  const { verdicts, refused } = await collect(given, judging, { err, signal });
  const findings = [...verdicts.flatMap((one) => one.findings), ...refused, ...missing(given.expected, verdicts)];
  if (options.report !== undefined) {
    const environment = environmentOf(given.environments);
    writeReports(options.report, reportsOf(verdicts, { environment, begin, end: new Date(), version }), err);
  }
  const suites = suitesOf(verdicts, findings);
  if (options.json) out(jsonText({ mails: verdicts.map(jsonOf), findings }, 2));
  if (options.junit) out(junit(suites, { strict: options.strict === true, tool: TOOL }));
  // Where a program reads the output, a person reads the log.
  const forPeople = options.json || options.junit ? err : out;
  for (const line of renderProbe(verdicts, findings, colors)) forPeople(line);
  return exitCode(suites, options.strict === true);
}

function readGiven(config: Config, file: string | undefined, options: GuardProbeOptions): Given {
  const usage = (sentence: string) => new PermanentError('usage', sentence);
  const all = file === undefined ? null : readGuardFile(file).environments;
  const chosen = options.environment ?? [];
  if (all === null && chosen.length > 0) throw usage('--environment needs the file that declares it: give mail-guard.yaml.');
  const unknown = chosen.find((name) => !(all ?? []).some((one) => one.name === name));
  if (unknown !== undefined)
    throw usage(`--environment "${unknown}" is not in the file: it has ${all!.map(({ name }) => name).join(', ')}.`);
  const environments = all?.filter(({ name }) => chosen.length === 0 || chosen.includes(name)) ?? null;
  const seconds = options.seconds === undefined ? SECONDS : Number(options.seconds);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > PROBE_LIMITS.seconds)
    throw usage(`--seconds "${options.seconds}" must be a whole number from 1 to ${PROBE_LIMITS.seconds}.`);
  if (options.peer !== undefined && isIP(options.peer) === 0) throw usage(`--peer "${options.peer}" must be an IP address.`);
  if (options.report !== undefined && !options.report.endsWith('.xml'))
    throw usage(`--report "${options.report}" must be a file that ends in .xml.`);
  const expected = expectedOf(options.expect, environments);
  const mailbox = options.mailbox === undefined ? null : mailboxOf(config, options.mailbox);
  const listen = options.listen === undefined && mailbox !== null ? null : listenOf(options.listen ?? LISTEN);
  return { environments, expected, seconds, listen, mailbox };
}

/** "3", "shop,newsletter", "all"; without it, all workloads of the file. */
function expectedOf(text: string | undefined, environments: Given['environments']): Expected {
  const names = [...new Set((environments ?? []).flatMap(({ workloads }) => workloads.map(({ name }) => name)))];
  if (text === undefined || text === 'all') {
    if (text === 'all' && environments === null)
      throw new PermanentError('usage', '--expect all needs the file that declares them: give mail-guard.yaml.');
    return { mails: null, names };
  }
  if (/^\d{1,6}$/.test(text)) return { mails: Math.min(Number(text), PROBE_LIMITS.mails), names: [] };
  const wanted = text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  const unknown = wanted.find((name) => !names.includes(name));
  if (wanted.length === 0 || unknown !== undefined)
    throw new PermanentError(
      'usage',
      `--expect "${text}" must be a number of mails, "all", or names of workloads that mail-guard.yaml declares${names.length === 0 ? '' : `: ${names.join(', ')}`}.`,
    );
  return { mails: null, names: wanted };
}

function listenOf(text: string): { address: string; port: number } {
  const [, six, four, port] = /^(?:\[([0-9a-f:.]+)\]|([^[\]:]*)):(\d{1,5})$/i.exec(text) ?? [];
  const address = six ?? (four === 'localhost' ? '127.0.0.1' : four === '*' || four === '' ? '0.0.0.0' : (four ?? ''));
  if (isIP(address) === 0 || Number(port) > 65_535)
    throw new PermanentError('usage', `--listen "${text}" must be address:port, such as 127.0.0.1:2525 or [::1]:2525.`);
  return { address, port: Number(port) };
}

/** A mailbox of the settings by its name, or a URL. */
function mailboxOf(config: Config, text: string): Mailbox {
  const named = config.mailboxes.find(({ name }) => name === text);
  if (named !== undefined) return named;
  if (!/^imaps?:\/\//i.test(text)) {
    const names = config.mailboxes.map(({ name }) => name).join(', ') || 'none';
    throw new PermanentError('usage', `--mailbox "${text}" must be a mailbox of the settings (${names}) or an IMAP URL.`);
  }
  try {
    return toMailbox({ url: text }, process.cwd());
  } catch (error) {
    throw new PermanentError('usage', `--mailbox ${messageOf(error)}.`, error);
  }
}

/** Takes mail and judges it, until the time is over or all that is expected has come. */
async function collect(
  { listen, mailbox, seconds, expected }: Given,
  judging: Judging,
  { err, signal }: { err: (line: string) => void; signal: AbortSignal | undefined },
): Promise<{ verdicts: Verdict[]; refused: ProbeFinding[] }> {
  const verdicts: Verdict[] = [];
  const refused: ProbeFinding[] = [];
  const waiting: ProbeMail[] = [];
  const done = new AbortController();
  const timer = setTimeout(() => done.abort(), seconds * 1000);
  signal?.addEventListener('abort', () => done.abort(), { once: true });
  if (signal?.aborted) done.abort();
  let taken = 0;
  let working = 0;
  let idle: () => void = () => undefined;
  const refuse = (why: string) => {
    if (refused.length < 20) refused.push(probeFinding('probe_refused', 'refused', why));
  };
  const work = async () => {
    working++;
    for (let mail = waiting.shift(); mail !== undefined; mail = waiting.shift()) {
      try {
        verdicts.push(await judgeMail(mail, judging));
      } catch (error) {
        refuse(`A mail from ${mail.peer ?? 'an unknown address'} could not be judged: ${messageOf(error)}.`);
      }
      if (isComplete(expected, verdicts)) done.abort();
    }
    working--;
    if (working === 0) idle();
  };
  const take = (mail: ProbeMail) => {
    if (taken >= PROBE_LIMITS.mails || done.signal.aborted) {
      refuse(`More mails came than ${PROBE_LIMITS.mails}, or after the last that was expected.`);
      return false;
    }
    taken++;
    waiting.push(mail);
    if (working < AT_ONCE) void work();
    return true;
  };
  const listener = listen && (await startListener({ ...listen, onMail: take, onRefused: refuse, now: () => new Date() }));
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
          if (raw.length > PROBE_LIMITS.size) refuse(`A mail in the mailbox is larger than ${PROBE_LIMITS.size} bytes.`);
          else take(fromMailbox(raw, at));
        },
      });
    await ended;
  } finally {
    clearTimeout(timer);
    done.abort();
    await listener?.stop();
  }
  if (working > 0) await new Promise<void>((resolve) => (idle = resolve));
  return { verdicts, refused };
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
