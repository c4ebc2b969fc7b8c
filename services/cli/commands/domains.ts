import { isWithin } from '../../dns/wire/received.ts';
import { hostNameOf, ownDomains } from '../../report/hostname.ts';
import { normalDomain } from '../../report/orgdomain.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import { counted, list } from '../../shared/format.ts';
import type { Config } from '../../shared/settings/config.ts';
import * as domains from '../../store/domains/domains.ts';
import { countDomainData, type DomainData, removeDomainData } from '../../store/domains/remove.ts';
import type { OperatorNote } from '../../store/findings/operator-actions.ts';
import { timelineOf } from '../../store/timeline.ts';
import { withDatabase } from '../open.ts';
import { dateOf, limitOf, moment, type Terminal, wordOf } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

type Out = Terminal['out'];

/** `domains list`: which domains are watched, which are not, and why. */
export async function runDomainsList(
  config: Config,
  options: { state?: string; limit?: string; json?: boolean },
  out: Out,
): Promise<number> {
  const limit = limitOf(options.limit);
  const state = stateOf(options.state);
  return withDatabase(config, async (db) => {
    const rows = await domains.listDomains(db, { state, limit });
    if (options.json) {
      for (const row of rows) out(jsonText(row));
      return;
    }
    if (rows.length === 0) {
      out(
        state === undefined
          ? 'No domain is known: list yours under domains: in ruawatch.yaml, or run "ruawatch domains add example.com".'
          : `No domain is in state ${state}: "ruawatch domains list" shows all.`,
      );
      return;
    }
    const why = (row: domains.ListedDomain) =>
      [
        row.by_name === null ? null : `${row.by_name}${row.why ? `: ${row.why}` : ''}`,
        row.lost_since === null ? row.reason : `lost since ${moment(row.lost_since)}: ${row.reason}`,
      ]
        .filter(Boolean)
        .join('; ');
    out(
      table(
        ['domain', 'state', 'by', 'since', 'proven by DNS', 'why'],
        rows.map((row) => [
          row.domain,
          row.state,
          HOW[row.how] ?? row.how,
          moment(row.since),
          row.confirmed_at === null ? '' : row.lost_since === null ? moment(row.confirmed_at) : 'no longer',
          why(row),
        ]),
        { widths: [60, 8, 16, 16, 16, 160] },
      ),
    );
  });
}

const HOW: Record<string, string> = {
  listed: 'the settings',
  added: 'domains add',
  ignored: 'domains ignore',
  confirmed: 'DNS',
  imported: 'an import',
  upgrade: 'an upgrade',
  reported: 'reports',
};

/** `domains add DOMAIN…`: marks domains as ours. */
export async function runDomainsAdd(
  config: Config,
  names: string[],
  options: { why?: string; by?: string },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const wanted = named(names);
  const word = wordOfOptions(options);
  return withDatabase(config, async (db) => {
    const changed = await domains.putOwn(db, wanted, 'added', { word, now, ignored: true });
    for (const name of wanted)
      out(
        changed.includes(name)
          ? `${name} and all its subdomains are yours; stored reports about them are analyzed within seconds if the analyzer is running.`
          : `${name} was yours already.`,
      );
  });
}

/** `domains ignore DOMAIN`: makes no findings about it; nothing is deleted. */
export async function runDomainsIgnore(
  config: Config,
  name: string,
  options: { why?: string; by?: string },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const domain = hostNameOf(name.trim());
  if (domain === null) throw new PermanentError('usage', 'That is not a domain: write example.com.');
  if (config.domains.some((listed) => hostNameOf(listed) === domain)) {
    throw new PermanentError(
      'domain_listed',
      `${domain} is listed under domains: in the settings, which would make it yours again at the next start: remove it there first.`,
    );
  }
  const word = wordOfOptions(options);
  return withDatabase(config, async (db) => {
    const ended = await domains.ignoreDomain(db, domain, word, now);
    const findings = `${ended} open ${ended === 1 ? 'finding is' : 'findings are'} resolved`;
    out(`${domain} and its subdomains are ignored, except those that you added; ${findings}. Nothing is deleted.`);
  });
}

/** `domains remove DOMAIN`: deletes all that is stored about it; without --yes it says what that is. */
export async function runDomainsRemove(
  config: Config,
  name: string,
  options: { yes?: boolean; json?: boolean; why?: string; by?: string },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const domain = hostNameOf(name.trim());
  if (domain === null) throw new PermanentError('usage', 'That is not a domain: write example.com.');
  const listed = config.domains.flatMap((one) => hostNameOf(one) ?? []).find((one) => isWithin(one, domain));
  if (listed !== undefined)
    throw new PermanentError(
      'domain_listed',
      `${listed} is listed under domains: in the settings, which would make it yours again at the next start: remove it there first.`,
    );
  const word = wordOfOptions({ why: 'removed with its data', ...options });
  return withDatabase(config, async (db) => {
    const below = await domains.ownBelow(db, domain);
    if (below.length > 0)
      throw new PermanentError(
        'domain_below',
        `${escaped(below[0]!)} is below it and was added on its own: run "ruawatch domains remove" for it first.`,
      );
    if (!options.yes) {
      const data = await countDomainData(db, domain);
      if (options.json) return void out(jsonText({ domain, removed: false, ...data }));
      out(`Stored about ${domain} and the names below it: ${dataText(data)}.`);
      out('Nothing was deleted. "--yes" deletes it; nothing brings it back but a backup.');
      return;
    }
    await domains.ignoreDomain(db, domain, word, now);
    const data = await removeDomainData(db, domain);
    if (options.json) return void out(jsonText({ domain, removed: true, ...data }));
    out(`Deleted of ${domain} and the names below it: ${dataText(data)}.`);
    out(
      'Requests, decisions, rights that were lent and the audit stay as evidence, and so do mails that brought reports about other domains. Reports that still arrive are stored again: take your mailbox out of its rua= first.',
    );
  });
}

function dataText({ reports, records, failure_reports, tls_policies, findings, mails, rows }: DomainData): string {
  return list(
    [
      `${counted(reports, 'report')} with ${counted(records, 'record')}`,
      counted(failure_reports, 'failure report'),
      counted(tls_policies, 'policy of TLS reports', 'policies of TLS reports'),
      counted(findings, 'finding'),
      counted(mails, 'mail'),
      `${counted(rows, 'row')} of totals, DNS history, classes and lists`,
    ],
    6,
  );
}

function named(names: string[]): string[] {
  const { names: wanted, wrong } = ownDomains(names);
  if (wrong !== null) throw new PermanentError('usage', wrong);
  return wanted;
}

function stateOf(text: string | undefined): domains.DomainState | undefined {
  const state = domains.DOMAIN_STATES.find((one) => one === text);
  if (text !== undefined && state === undefined)
    throw new PermanentError('usage', `--state must be one of ${domains.DOMAIN_STATES.join(', ')}.`);
  return state;
}

/** Unlike other decisions, this one needs no reason. */
function wordOfOptions(options: { why?: string; by?: string }): OperatorNote {
  const { by } = wordOf({ ...options, why: 'said' });
  return { by, why: (options.why ?? '').trim() };
}

/**
 * `domains timeline DOMAIN`: findings, DNS, requests, changes, logs and reports of a domain in one order, the
 * newest first.
 */
export async function runDomainsTimeline(
  config: Config,
  domain: string,
  options: { from?: string; to?: string; limit?: string; json?: boolean },
  out: Out,
): Promise<number> {
  const [from, to] = [dateOf(options.from, '--from'), dateOf(options.to, '--to')];
  const limit = limitOf(options.limit);
  return withDatabase(config, async (db) => {
    const rows = await timelineOf(db, { domain: normalDomain(domain), from, to, limit });
    if (options.json) {
      for (const row of rows) out(jsonText(row));
      return;
    }
    if (rows.length === 0)
      return out(escaped(`Nothing is known to have happened to ${domain}: "ruawatch domains" lists the domains.`));
    out(
      table(
        ['at', 'what', '', 'about', 'by', 'request', ''],
        rows.map(({ at, what, event, subject, actor, summary, request_key }) => [
          moment(at),
          what,
          event,
          subject,
          actor ?? '',
          request_key === null ? '' : String(request_key),
          summary ?? '',
        ]),
        { widths: [16, 8, 10, 50, 30, 8, 100] },
      ),
    );
  });
}
