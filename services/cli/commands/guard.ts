import path from 'node:path';
import type { Severity } from '../../dns/check/codes.ts';
import type { Finding } from '../../dns/check/finding.ts';
import { GuardChecker } from '../../dns/guard/check.ts';
import type { Guard, GuardedDomain } from '../../dns/guard/file.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import { markTrust } from '../../shared/mark-authorities.ts';
import { openWeb } from '../../shared/runtime/web.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type CheckOptions, checkForm } from '../check-options.ts';
import { openGuardDns } from '../guard-dns.ts';
import { readGuardFile } from '../guard-file.ts';
import { tryDomain } from '../guard-sample.ts';
import { junit, sarif } from '../terminal/dns-formats.ts';
import { type GuardResult, renderGuard, summaryOf } from '../terminal/guard-text.ts';
import type { Terminal } from '../terminal/options.ts';
import { exitCode } from './dns.ts';

export interface GuardCheckOptions extends CheckOptions {
  environment?: string[];
  offline?: boolean;
}

const AT_ONCE = 4;
const TOOL = 'ruawatch guard check';

/**
 * `guard check`: compares what is published or planned with what mail-guard.yaml declares, the environments
 * with each other, and tries how mail of the declared workloads would do.
 * @returns as `dns check`: 0, 1 with warnings and --strict, 2 with errors, 3 with unknown results and no
 *   errors
 * @throws PermanentError `usage`, `guard_file`, `records_file`
 */
export async function runGuardCheck(
  config: Config,
  file: string,
  options: GuardCheckOptions,
  {
    out,
    err = () => undefined,
    now = new Date(),
    colors = false,
    version = '0.0.0',
  }: Terminal & { err?: (line: string) => void; colors?: boolean; version?: string },
): Promise<number> {
  checkForm(options);
  const guard = readGuardFile(file);
  const domains = domainsOf(guard, options.environment ?? []);
  const names = [...new Set(guard.environments.flatMap(({ domains }) => domains.map(({ domain }) => domain)))];
  const dns = openGuardDns(config, names, options);
  const web = options.web === false || options.offline ? undefined : openWeb(dns, { allowPrivate: options.private === true });
  const checker = new GuardChecker(guard, dns, {
    registrable: organizationalDomain,
    ...(web === undefined ? {} : { web, marks: markTrust(now) }),
  });
  const results: GuardResult[] = [];
  const waiting = [...domains.entries()];
  const work = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const found = await checker.of(one[1]);
      const trials = await tryDomain(one[1], found.check, { dns, folder: path.dirname(path.resolve(file)), now });
      results[one[0]] = {
        ...found,
        trials,
        all: inOrder([
          ...found.findings,
          ...trials.findings,
          ...withoutRivals(checked(found.check.findings, options.offline === true), found.findings),
        ]),
      };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const strict = options.strict === true;
  const suites = results.map(({ guarded, all }) => ({ domain: `${guarded.environment} ${guarded.domain}`, findings: all }));
  if (options.json) out(jsonText(results.map(jsonOf), 2));
  else if (options.junit) out(junit(suites, { strict, tool: TOOL }));
  else if (options.sarif) out(jsonText(sarif(suites, { version, tool: TOOL }), 2));
  if (!options.json) {
    // Where a program reads the output, a person reads the log of the pipeline.
    const forPeople = options.junit || options.sarif ? err : out;
    for (const line of [...renderGuard(guard, results, colors), summaryOf(results)]) forPeople(line);
  }
  return exitCode(suites, strict);
}

function domainsOf({ environments }: Guard, chosen: readonly string[]): GuardedDomain[] {
  const names = environments.map(({ name }) => name);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new PermanentError('usage', `--environment "${unknown}" is not in the file: it has ${names.join(', ')}.`);
  return environments.filter(({ name }) => chosen.length === 0 || chosen.includes(name)).flatMap(({ domains }) => domains);
}

/** What cannot be in a file of planned records: the reverse names of addresses. */
const LIVE_ONLY = new Set<string>(['ptr_unknown']);

function checked(findings: readonly Finding[], offline: boolean): readonly Finding[] {
  return offline ? findings.filter(({ code }) => !LIVE_ONLY.has(code)) : findings;
}

/**
 * Findings without the corrections of records for which what is declared asks for another: two for one record
 * contradict each other.
 */
function withoutRivals(findings: readonly Finding[], declared: readonly Finding<string>[]): Finding[] {
  const corrected = new Set(declared.flatMap(({ publish }) => publish?.name ?? []));
  return findings.map((one) => (one.publish !== null && corrected.has(one.publish.name) ? { ...one, publish: null } : one));
}

const ORDER: readonly Severity[] = ['error', 'unknown', 'warning', 'hint'];

function inOrder(findings: readonly Finding<string>[]): Finding<string>[] {
  return [...findings].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

/** What --json prints for a domain of an environment: docs/guard.md. */
function jsonOf({ guarded, all, pair, trials }: GuardResult): unknown {
  return {
    environment: guarded.environment,
    domain: guarded.domain,
    findings: all,
    compared: pair && { with: pair.like, aspects: pair.comparisons },
    samples: trials.selectors,
    workloads: trials.workloads.map(({ envelopeFrom, dkimAligned, egress, ...rest }) => ({
      ...rest,
      envelope_from: envelopeFrom,
      dkim_aligned: dkimAligned,
      egress: egress.map(({ spfAligned, ...way }) => ({ ...way, spf_aligned: spfAligned })),
    })),
  };
}
