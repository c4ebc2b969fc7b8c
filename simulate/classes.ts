import type { Db } from '../services/shared/db.ts';
import type { World } from './model.ts';

/** A source with fewer messages may rightly be called unknown, and does not count among the sources. */
export const LEAST_MESSAGES = 10;

/** Truth to what was found, in messages and in sources. */
export interface Confusion {
  messages: Record<string, Record<string, number>>;
  sources: Record<string, Record<string, number>>;
  /** Part that is right. Of sources with LEAST_MESSAGES and more. */
  messages_right: number | null;
  /** The same of each domain by itself, and the mean over domains: a large one does not hide the others. */
  by_domain: number[];
  domains_right: number | null;
  sources_right: number | null;
  /** Sources with fewer messages, and how many of these are right or unknown. */
  small: number;
  small_right: number;
}

/**
 * Compares the class of each source with what its messages truly were. Every address of the model belongs to one stream of a domain, so
 * the truth does not depend on how the pipeline groups addresses into sources: a source counts as what most of its messages are.
 */
export async function confusion(db: Db, world: World): Promise<Confusion> {
  const { rows } = await db.query<{ domain: string; source: string; ip: string; class: string; messages: number }>(
    `select r.domain, r.source, host(r.source_ip) as ip, coalesce(s.class, 'unknown') as class, sum(r.count) as messages
       from dmarc.records r left join dmarc.sources s on s.domain = r.domain and s.source = r.source
      where r.domain = any($1::text[]) and r.trust = 'ok'
      group by 1, 2, 3, 4`,
    [world.domains.map((domain) => domain.name)],
  );
  const sources = new Map<string, { found: string; truths: Map<string, number> }>();
  for (const { domain, source, ip, class: found, messages } of rows) {
    const truth = world.truth.get(domain)?.get(ip);
    if (truth === undefined || truth === null) continue;
    const key = `${domain} ${source}`;
    const entry = sources.get(key) ?? { found: found === 'aligned' ? 'authorized' : found, truths: new Map<string, number>() };
    entry.truths.set(truth, (entry.truths.get(truth) ?? 0) + Number(messages));
    sources.set(key, entry);
  }
  const result: Confusion = {
    messages: {},
    sources: {},
    messages_right: null,
    by_domain: [],
    domains_right: null,
    sources_right: null,
    small: 0,
    small_right: 0,
  };
  const domains = new Map<string, Record<string, Record<string, number>>>();
  for (const [key, { found, truths }] of sources) {
    const domain = key.slice(0, key.indexOf(' '));
    const own = domains.get(domain) ?? {};
    domains.set(domain, own);
    const total = [...truths.values()].reduce((a, b) => a + b, 0);
    const [main] = [...truths].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]!;
    for (const [truth, n] of truths) {
      add(result.messages, truth, found, n);
      add(own, truth, found, n);
    }
    if (total >= LEAST_MESSAGES) add(result.sources, main, found, 1);
    else {
      result.small++;
      if (found === main || found === 'unknown') result.small_right++;
    }
  }
  result.by_domain = [...domains.values()].flatMap((matrix) => right(matrix) ?? []);
  return finished(result);
}

export function merged(list: readonly Confusion[]): Confusion {
  const result: Confusion = {
    messages: {},
    sources: {},
    messages_right: null,
    by_domain: [],
    domains_right: null,
    sources_right: null,
    small: 0,
    small_right: 0,
  };
  for (const one of list) {
    for (const what of ['messages', 'sources'] as const) {
      for (const [truth, founds] of Object.entries(one[what]))
        for (const [found, n] of Object.entries(founds)) add(result[what], truth, found, n);
    }
    result.by_domain.push(...one.by_domain);
    result.small += one.small;
    result.small_right += one.small_right;
  }
  return finished(result);
}

function finished(result: Confusion): Confusion {
  const { by_domain } = result;
  const domains_right = by_domain.length === 0 ? null : by_domain.reduce((a, b) => a + b, 0) / by_domain.length;
  return { ...result, domains_right, messages_right: right(result.messages), sources_right: right(result.sources) };
}

function add(matrix: Record<string, Record<string, number>>, truth: string, found: string, n: number): void {
  matrix[truth] ??= {};
  matrix[truth][found] = (matrix[truth][found] ?? 0) + n;
}

function right(matrix: Record<string, Record<string, number>>): number | null {
  let good = 0;
  let all = 0;
  for (const [truth, founds] of Object.entries(matrix)) {
    for (const [found, n] of Object.entries(founds)) {
      all += n;
      if (truth === found) good += n;
    }
  }
  return all === 0 ? null : good / all;
}
