import type { Catalogue } from '../../analyzer/index.ts';
import { catalogueOf, domainsOf } from '../../analyzer/index.ts';
import { networkOf } from '../../report/address.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import type { Config } from '../../shared/settings/config.ts';
import * as senders from '../../store/sources/sender-list.ts';
import { withDatabase } from '../open.ts';
import { limitOf, moment, type Terminal, untilOf, type WordOptions, wordOf } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

type Out = Terminal['out'];

/** `senders list`: what people decided about the sources of a domain, newest first. */
export async function runSendersList(
  config: Config,
  options: { all?: boolean; domain?: string; limit?: string; json?: boolean },
  out: Out,
): Promise<number> {
  const limit = limitOf(options.limit);
  const domain = options.domain === undefined ? undefined : domainOf(options.domain);
  return withDatabase(config, async (db) => {
    const rows = await senders.listSenders(db, { all: options.all === true, domain, limit });
    if (options.json) {
      for (const row of rows) out(jsonText(row));
      return;
    }
    if (rows.length === 0) out('The list of senders is empty: "ruawatch senders approve DOMAIN SOURCE --why …" adds to it.');
    else
      out(
        table(
          ['domain', 'source', 'verdict', 'since', 'until', 'who', 'why'],
          rows.map((row) => [
            row.domain,
            row.is_service ? `${row.source} (service)` : row.source,
            row.ended_at === null ? row.verdict : `was ${row.verdict}`,
            moment(row.since),
            row.ended_at !== null ? `${moment(row.ended_at)}, ended` : row.until === null ? '' : moment(row.until),
            row.by_name,
            row.ended_at === null ? row.why : `${row.why}; ${row.ended_why} (${row.ended_by})`,
          ]),
          { widths: [40, 50, 12, 16, 24, 30, 100] },
        ),
      );
  });
}

/** `senders approve|deny DOMAIN SOURCE`: a person's decision, which overrides what the reports suggest. */
export async function runSendersPut(
  config: Config,
  { verdict, domain, source }: { verdict: 'approved' | 'denied'; domain: string; source: string },
  options: WordOptions & { until?: string; for?: string; new?: boolean },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const word = wordOf(options);
  const until = untilOf(options, now);
  const subject = subjectOf(catalogueOf(config), domain, source);
  return withDatabase(config, async (db) => {
    const listed = subject.domain === '*' || options.new === true || config.domains.includes(subject.domain);
    if (!listed && !(await senders.isKnownDomain(db, subject.domain)))
      throw new PermanentError(
        'domain_unknown',
        `No report and no setting names ${subject.domain}: correct its spelling, or add --new if its reports are still to come.`,
      );
    const sources = await senders.putSender(db, subject, { verdict, word, until }, now);
    const end = until === null ? '' : ` until ${moment(until)} UTC`;
    out(`${nameOf(subject)} is ${verdict}${end}; ${consequence(sources)}`);
  });
}

/** `senders expire DOMAIN SOURCE`: ends an entry now. */
export async function runSendersExpire(
  config: Config,
  { domain, source }: { domain: string; source: string },
  options: WordOptions,
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const word = wordOf(options);
  const subject = subjectOf(catalogueOf(config), domain, source);
  return withDatabase(config, async (db) => {
    const sources = await senders.endSender(db, subject, word, now);
    if (sources === null)
      throw new PermanentError('no_entry', `${nameOf(subject)} is not on the list of senders: "ruawatch senders" shows it.`);
    out(`${nameOf(subject)} is removed from the list; ${consequence(sources)}`);
  });
}

function consequence(sources: number): string {
  return sources === 0
    ? 'no report has mentioned it yet.'
    : `${sources} ${sources === 1 ? 'source is' : 'sources are'} analyzed again within seconds if the analyzer is running.`;
}

function nameOf(subject: senders.Subject): string {
  const where = subject.domain === '*' ? 'every domain' : subject.domain;
  return escaped(`${subject.source}${subject.service ? ' (service)' : ''} as a sender of ${where}`);
}

const NAME = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

function domainOf(text: string): string {
  const domain = text.toLowerCase().replace(/\.$/, '');
  if (domain === '*' || (domain.includes('.') && NAME.test(domain))) return domain;
  throw new PermanentError('usage', `"${text}" is not a domain: write example.com, or '*' for every domain.`);
}

/**
 * A source as in dmarc.sources, an address (which means its network), or a mail service by its id or name.
 * @throws PermanentError `usage`
 */
export function subjectOf(catalogue: Catalogue, domainText: string, text: string): senders.Subject {
  const domain = domainOf(domainText);
  const wanted = text.trim().toLowerCase();
  const service = [...catalogue.senders.values()].find((s) => s.id === wanted || s.name.toLowerCase() === wanted);
  if (service) return { domain, source: service.id, service: { domains: domainsOf(catalogue, service.id) } };
  if (/^\d+\.\d+\.\d+\.0\/24$|^[0-9a-f:]+::\/48$/.test(wanted)) return { domain, source: wanted, service: null };
  if (/^\d+\.\d+\.\d+\.\d+$|^[0-9a-f]*:[0-9a-f:.]*$/.test(wanted)) return { domain, source: networkOf(wanted), service: null };
  if (wanted.includes('.') && NAME.test(wanted.replace(/\.$/, '')))
    return { domain, source: wanted.replace(/\.$/, ''), service: null };
  throw new PermanentError(
    'usage',
    `"${text}" is neither a source (a domain, a network such as 192.0.2.0/24 or an address in it) nor a mail service of the catalogue: dmarc.sources lists the sources.`,
  );
}
