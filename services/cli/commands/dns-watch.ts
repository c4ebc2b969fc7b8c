import { normalDomain } from '../../report/orgdomain.ts';
import { PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import { counted, list } from '../../shared/format.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { openDns } from '../../shared/runtime/resolver.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type Look, type LookedAt, lookNow } from '../../watcher/index.ts';
import { openContext } from '../open.ts';
import { table } from '../terminal/table.ts';

/** Columns of a value before it is cut; --json has all of it. */
const VALUE_WIDTH = 80;
const LISTED = 5;

interface Change extends LookedAt {
  change: 'new' | 'gone' | 'missing';
  domain: string;
}

/**
 * `dns watch`: one round of the watcher about all own domains, or those named, now. Prints what changed since
 * its last round.
 * @returns 0; 3 when no name server answers for any of them
 * @throws PermanentError `usage` for a domain that is not own
 */
export async function runDnsWatch(
  config: Config,
  given: readonly string[],
  options: { json?: boolean },
  out: (line: string) => void,
): Promise<number> {
  const names = given.map(normalDomain);
  // What changed is printed: the lines of the log that say so would be in its way.
  const log = createLog(config.logLevel === 'info' ? 'warn' : config.logLevel);
  const context = await openContext(config, { log });
  const dns = openDns(config.dnsServers);
  let looks: Look[];
  try {
    looks = await lookNow(context, names.length === 0 ? null : names, { dns });
  } finally {
    dns.cancel();
    await context.close();
  }
  const foreign = names.find((name) => !looks.some(({ domain }) => domain === name));
  if (foreign !== undefined)
    throw new PermanentError('usage', `${foreign} is not one of your domains: add it with "ruawatch domains add ${foreign}".`);
  const changes = looks.flatMap(changesOf);
  const silent = looks.filter((one) => one.unanswered).map(({ domain }) => domain);
  const first = looks.filter((one) => one.first && !one.unanswered).map(({ domain }) => domain);
  if (options.json)
    out(jsonText({ domains: looks.map(({ domain }) => domain), first_looks: first, unanswered: silent, changes }, 2));
  else for (const line of linesOf(looks, changes, { silent, first })) out(line);
  return looks.length > 0 && silent.length === looks.length ? 3 : 0;
}

function changesOf({ domain, first, added, gone, missed }: Look): Change[] {
  const rows = (change: Change['change'], records: readonly LookedAt[]) =>
    records.map(({ name, type, value }) => ({ change, domain, name, type, value }));
  const all = [...rows('gone', gone), ...rows('missing', missed), ...(first ? [] : rows('new', added))];
  return all.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function* linesOf(
  looks: readonly Look[],
  changes: readonly Change[],
  { silent, first }: { silent: readonly string[]; first: readonly string[] },
): Generator<string> {
  if (looks.length === 0) {
    yield 'There are no own domains yet: add one with "ruawatch domains add DOMAIN".';
    return;
  }
  if (changes.length > 0) {
    const rows = changes.map(({ change, name, type, value }) => [change, name, type, value]);
    yield* table(['change', 'name', 'type', 'value'], rows, { widths: [7, 60, 5, VALUE_WIDTH] }).split('\n');
    yield '';
  }
  const changed = changes.filter(({ change }) => change !== 'missing').length;
  yield `${counted(changed, 'change')} in the records of ${counted(looks.length, 'domain')}.`;
  if (changed < changes.length) yield 'What is missing counts as gone when the next answer, in five minutes, lacks it as well.';
  for (const { domain, added } of looks.filter((one) => one.first && !one.unanswered))
    yield `${domain}: first look, ${counted(added.length, 'record')} ("ruawatch dns history ${domain}" lists them).`;
  if (first.length > 0) yield `The next step of each domain: "ruawatch policy status".`;
  if (silent.length > 0)
    yield `No name server could say what ${list(silent.slice(0, LISTED), LISTED, silent.length)} ${silent.length === 1 ? 'publishes' : 'publish'}: "ruawatch dns check ${silent[0]}" says why.`;
}
