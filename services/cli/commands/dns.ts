import { isIP } from 'node:net';
import { checkDomain, correctedRecords, type DomainCheck } from '../../dns/check/check.ts';
import { type Publication, webForm, zoneLine } from '../../dns/check/finding.ts';
import { MOST_ADDRESSES, SEEN_DAYS, type SeenMail } from '../../dns/check/seen.ts';
import { labelsOf } from '../../dns/client/name.ts';
import type { Dns } from '../../dns/client/types.ts';
import { withPlanned } from '../../dns/planned.ts';
import { normalDomain, organizationalDomain } from '../../report/orgdomain.ts';
import { PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import { markTrust } from '../../shared/mark-authorities.ts';
import { openDns } from '../../shared/runtime/resolver.ts';
import { openWeb } from '../../shared/runtime/web.ts';
import type { Config } from '../../shared/settings/config.ts';
import { loadSeenMail } from '../../store/analysis/seen-mail.ts';
import { loadSelectors, type SeenSelector } from '../../store/analysis/signatures.ts';
import { type CheckOptions, checkForm, serversOf } from '../check-options.ts';
import { withDatabase } from '../open.ts';
import { readRecords } from '../records-file.ts';
import { junit, sarif } from '../terminal/dns-formats.ts';
import { renderCheck } from '../terminal/dns-text.ts';
import type { Terminal } from '../terminal/options.ts';

export interface DnsCheckOptions extends CheckOptions {
  selector?: string[];
  reports?: boolean;
}

/** Queries a second: a thousand domains take about three minutes, and no resolver will object. */
const PER_SECOND = 100;
/** How many days of reports are searched for selectors. */
const REPORT_DAYS = 35;
/**
 * Domains checked at once, and queries in flight: one whose name server is silent takes half a minute, and
 * the others go on meanwhile. The rate is what is polite, not these.
 */
const AT_ONCE = 32;
const QUERIES_AT_ONCE = 256;

/**
 * `dns check`: checks the records about mail of domains, as published or as planned.
 * @returns 0; 1 with warnings and --strict; 2 with errors; 3 when something could not be looked up and
 *   nothing is wrong
 * @throws PermanentError `usage`, `records_file`
 */
export async function runDnsCheck(
  config: Config,
  domains: readonly string[],
  options: DnsCheckOptions,
  { out, now = new Date(), colors = false, version = '0.0.0' }: Terminal & { colors?: boolean; version?: string },
): Promise<number> {
  checkForm(options);
  const names = [...new Set(domains.map(domainOf))];
  let dns: Dns = openDns(serversOf(config, options), { perSecond: PER_SECOND, atOnce: QUERIES_AT_ONCE });
  // Relative names in a file for one domain are names below that domain.
  if (options.records !== undefined) dns = withPlanned(readRecords(options.records, names.length === 1 ? names[0]! : null), dns);
  const web = options.web === false ? undefined : openWeb(dns, { allowPrivate: options.private === true });
  const selectors = (options.selector ?? []).flatMap((text) => text.split(',')).map(selectorOf);
  const seen = options.reports ? await seenInReports(config, names, now) : new Map<string, Reported>();
  const mailboxes = config.mailboxes.flatMap(({ addresses }) => addresses);
  const checks: Checked[] = [];
  const waiting = [...names.entries()];
  const work = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const { signed = [], mail } = seen.get(one[1]) ?? {};
      const known = [...new Set([...selectors, ...signed.map(({ selector }) => selector)])];
      const asked = {
        selectors: known,
        seen: mail,
        registrable: organizationalDomain,
        mailboxes,
        ...(web === undefined ? {} : { web, marks: markTrust(now) }),
      };
      const check = await checkDomain(one[1], dns, asked);
      checks[one[0]] = { check, corrected: await correctedRecords(check, dns, asked), signed };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const bare = checks.map(({ check }) => check);
  if (options.json) out(jsonText(checks.map(jsonOf), 2));
  else if (options.junit) out(junit(bare, { strict: options.strict === true, tool: 'ruawatch dns check' }));
  else if (options.sarif) out(jsonText(sarif(bare, { version, tool: 'ruawatch dns check' }), 2));
  else
    for (const { check, corrected, signed } of checks)
      for (const line of renderCheck(check, corrected, signed, colors)) out(line);
  return exitCode(bare, options.strict === true);
}

/** The exit code of a check: 2 errors, 3 unknown and no errors, 1 warnings that count, 0 none of these. */
export function exitCode(checks: readonly { findings: readonly { severity: string }[] }[], strict: boolean): number {
  const has = (severity: string) => checks.some(({ findings }) => findings.some((one) => one.severity === severity));
  if (has('error')) return 2;
  if (has('unknown')) return 3;
  return strict && has('warning') ? 1 : 0;
}

interface Checked {
  check: DomainCheck;
  corrected: Publication[];
  /** What reports say about its selectors; empty without --reports. */
  signed: SeenSelector[];
}

interface Reported {
  /** The selectors in trusted reports of the last weeks. */
  signed: SeenSelector[];
  mail: SeenMail;
}

/** What reports say, by domain. */
async function seenInReports(config: Config, names: readonly string[], now: Date): Promise<Map<string, Reported>> {
  const seen = new Map<string, Reported>();
  const since = new Date(now.getTime() - SEEN_DAYS * 86_400_000);
  const from = new Date(now.getTime() - REPORT_DAYS * 86_400_000).toISOString().slice(0, 10);
  await withDatabase(config, async (db) => {
    for (const name of names) {
      const mail = await loadSeenMail(db, name, { since, now, most: MOST_ADDRESSES });
      seen.set(name, { signed: await loadSelectors(db, name, from), mail });
    }
  });
  return seen;
}

/** What --json prints for a domain: docs/dns.md. */
function jsonOf({
  check: { domain, findings, spf, dkim, dmarc, mx, mtaSts, tlsRpt, bimi, ptr, dnssec },
  corrected,
  signed,
}: Checked): unknown {
  const discovery = dmarc?.discovery;
  return {
    domain,
    findings,
    publish: corrected.flatMap(({ name, value }) =>
      value === null ? [] : [{ name, value, zone_file: zoneLine({ name, value }), web_form: webForm({ name, value }, domain) }],
    ),
    spf: spf && { record: spf.tree.root.record?.text ?? null, lookups: spf.tree.lookups, voids: spf.tree.voids },
    dkim: dkim?.selectors.map(({ selector, name, aliases, state, key }) => ({
      selector,
      name,
      aliases,
      state,
      type: key?.type ?? null,
      bits: key?.bits ?? null,
      reports: signed.find((one) => one.selector === selector) ?? null,
    })),
    dmarc:
      discovery === undefined
        ? null
        : discovery.state === 'found'
          ? { state: 'found', at: discovery.at, record: discovery.record.text, policy: discovery.policy, tag: discovery.tag }
          : { state: discovery.state },
    mx: mx && { state: mx.state, hosts: mx.hosts },
    mta_sts: mtaSts && {
      record: mtaSts.record?.text ?? null,
      policy: mtaSts.policy && { mode: mtaSts.policy.mode, max_age: mtaSts.policy.maxAge, mx: mtaSts.policy.mx },
    },
    tls_rpt: tlsRpt && { record: tlsRpt.record?.text ?? null, rua: tlsRpt.record?.rua.map(({ text }) => text) ?? [] },
    ptr: ptr?.addresses ?? null,
    dnssec: dnssec?.state ?? null,
    bimi: bimi && {
      record: bimi.record?.text ?? null,
      logo: bimi.record?.location ?? null,
      certificate: bimi.record?.authority ?? null,
      mark: bimi.mark && { type: bimi.mark.type, issuer: bimi.mark.issuer, domains: bimi.mark.domains, until: bimi.mark.until },
    },
  };
}

function domainOf(text: string): string {
  const domain = normalDomain(text);
  if (!/^[a-z0-9._-]+$/.test(domain) || labelsOf(domain) === null || !domain.includes('.') || isIP(domain) !== 0)
    throw new PermanentError('usage', `"${text}" is not a domain.`);
  return domain;
}

function selectorOf(text: string): string {
  const selector = text.trim().toLowerCase();
  if (!/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(selector))
    throw new PermanentError('usage', `--selector "${text}" is not a selector.`);
  return selector;
}
