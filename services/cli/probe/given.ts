import { isIP } from 'node:net';
import type { GuardedEnvironment } from '../../dns/guard/file.ts';
import { messageOf, PermanentError } from '../../shared/errors.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type Mailbox, toMailbox } from '../../shared/settings/mailbox.ts';
import { readGuardFile } from '../guard-file.ts';
import { PROBE_LIMITS } from './mail.ts';

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
  import?: boolean;
  json?: boolean;
  junit?: boolean;
  strict?: boolean;
}

const SECONDS = 60;
const LISTEN = '127.0.0.1:2525';

/** What the run waits for. */
export interface Expected {
  /** Mails; null: as many as come. */
  mails: number | null;
  /** Workloads that are to write; empty: none is named. */
  names: readonly string[];
}

/** What the options and the file say. */
export interface Given {
  environments: readonly GuardedEnvironment[] | null;
  expected: Expected;
  seconds: number;
  listen: { address: string; port: number } | null;
  mailbox: Mailbox | null;
}

/**
 * Reads the options and mail-guard.yaml.
 * @throws PermanentError `usage`, `guard_file`
 */
export function readGiven(config: Config, file: string | undefined, options: GuardProbeOptions): Given {
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
