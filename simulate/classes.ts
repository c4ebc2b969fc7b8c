import type { Db } from '../services/shared/runtime/db.ts';
import type { World } from './model.ts';

/** A source with fewer messages may rightly be called unknown, and does not count among the sources. */
const LEAST_MESSAGES = 10;

/** What things truly are to what they were found to be, in numbers. */
type Matrix = Record<string, Record<string, number>>;

/** How right the classes are; the parts that are right are null when there is nothing. */
export interface Confusion {
  messages: Matrix;
  messages_right: number | null;
  /**
   * Of each domain's messages by themselves, and the mean over domains: a large one does not hide the others.
   */
  by_domain: number[];
  domains_right: number | null;
  /** Sources with LEAST_MESSAGES and more. */
  sources: Matrix;
  sources_right: number | null;
  /** The same of senders, as the program puts sources together: a botnet is one. */
  senders: Matrix;
  senders_right: number | null;
  /** Sources with fewer messages, and how many of these are right or unknown. */
  small: number;
  small_right: number;
}

/**
 * Compares the class of each source with what its messages truly were. Every address of the model belongs to
 * one stream of a domain, so the truth does not depend on how the pipeline groups addresses into sources: a
 * source counts as what most of its messages are.
 */
export async function confusion(db: Db, world: World): Promise<Confusion> {
  const { rows } = await db.query<{
    domain: string;
    source: string;
    ip: string;
    class: string;
    messages: number;
    sender: string;
    sender_class: string;
  }>(
    `select r.domain, r.source, host(r.source_ip) as ip, coalesce(s.class, 'unknown') as class, sum(r.count) as messages,
            coalesce(s.grouped_as, r.source) as sender, coalesce(g.class, 'unknown') as sender_class
       from dmarc.records r
       left join dmarc.sources s on s.domain = r.domain and s.source = r.source
       left join dmarc.sender_groups g on g.domain = r.domain and g.grouped_as = coalesce(s.grouped_as, r.source)
      where r.domain = any($1::text[]) and r.trust = 'ok'
      group by 1, 2, 3, 4, 6, 7`,
    [world.domains.map((domain) => domain.name)],
  );
  const sources = new Map<string, Known>();
  const senders = new Map<string, Known>();
  for (const { domain, source, ip, class: found, messages, sender, sender_class } of rows) {
    const truth = world.truth.get(domain)?.get(ip);
    if (truth === undefined || truth === null) continue;
    count(sources, { domain, name: source, found }, truth, messages);
    count(senders, { domain, name: sender, found: sender_class }, truth, messages);
  }
  const result = empty();
  const domains = new Map<string, Matrix>();
  for (const known of sources.values()) {
    const own = domains.get(known.domain) ?? {};
    domains.set(known.domain, own);
    for (const [truth, n] of known.truths) {
      add(result.messages, truth, known.found, n);
      add(own, truth, known.found, n);
    }
    const { main, total } = mainOf(known);
    if (total >= LEAST_MESSAGES) add(result.sources, main, known.found, 1);
    else {
      result.small++;
      if (known.found === main || known.found === 'unknown') result.small_right++;
    }
  }
  for (const known of senders.values()) {
    const { main, total } = mainOf(known);
    if (total >= LEAST_MESSAGES) add(result.senders, main, known.found, 1);
  }
  result.by_domain = [...domains.values()].flatMap((matrix) => right(matrix) ?? []);
  return finished(result);
}

/** A source or sender: what it was found to be, and what its messages are. */
interface Known {
  domain: string;
  found: string;
  truths: Map<string, number>;
}

function count(
  all: Map<string, Known>,
  { domain, name, found }: { domain: string; name: string; found: string },
  truth: string,
  messages: number,
): void {
  const key = `${domain} ${name}`;
  const known = all.get(key) ?? { domain, found, truths: new Map<string, number>() };
  known.truths.set(truth, (known.truths.get(truth) ?? 0) + messages);
  all.set(key, known);
}

function mainOf({ truths }: Known): { main: string; total: number } {
  const [main] = [...truths].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]!;
  return { main, total: [...truths.values()].reduce((a, b) => a + b, 0) };
}

function empty(): Confusion {
  const rights = { messages_right: null, domains_right: null, sources_right: null, senders_right: null };
  return { messages: {}, sources: {}, senders: {}, by_domain: [], small: 0, small_right: 0, ...rights };
}

export function merged(list: readonly Confusion[]): Confusion {
  const result = empty();
  for (const one of list) {
    for (const what of ['messages', 'sources', 'senders'] as const) {
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
  return {
    ...result,
    domains_right,
    messages_right: right(result.messages),
    sources_right: right(result.sources),
    senders_right: right(result.senders),
  };
}

function add(matrix: Matrix, truth: string, found: string, n: number): void {
  matrix[truth] ??= {};
  matrix[truth][found] = (matrix[truth][found] ?? 0) + n;
}

function right(matrix: Matrix): number | null {
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
