import { labelsOf, lowerName, nameOf } from './client/name.ts';
import type { Answer, AskOptions, Dns, RecordData, RecordType } from './client/types.ts';

/** Planned records by name and type. An empty list means that there will be none. */
export type Planned = Map<string, { [T in RecordType]?: RecordData[T][] }>;

const MOST_ALIASES = 12;

/** DNS with planned records: they replace what is published under the same name and type. */
export function withPlanned(planned: Planned, published: Dns): Dns {
  const ask = async <T extends RecordType>(
    given: string,
    type: T,
    options?: AskOptions,
    aliases: string[] = [],
  ): Promise<Answer<T>> => {
    const labels = labelsOf(given);
    const name = labels === null ? lowerName(given) : lowerName(nameOf(labels));
    const covered = await wildcard(planned, name, published, options);
    const mine = planned.get(name) ?? covered;
    const told = { name, aliases, ttl: 0, authenticated: false };
    const records = mine?.[type] as RecordData[T][] | undefined;
    if (records !== undefined && records.length > 0) return { state: 'records', records, ...told };
    const alias = mine?.CNAME?.[0];
    if (alias !== undefined) {
      if (aliases.length >= MOST_ALIASES)
        return { state: 'unknown', reason: 'cname_loop', message: `The planned CNAME records of ${given} lead on and on.` };
      return await ask(alias, type, options, [...aliases, alias]);
    }
    if (records !== undefined || covered !== undefined) return { state: 'nodata', ...told };
    const answer = await published.ask(name, type, options);
    if (answer.state === 'unknown') return answer;
    // An alias stands alone at its name (RFC 2181 section 10.1): what is planned there replaces it, or
    // withdraws it.
    if (mine !== undefined && (answer.aliases.length > 0 || (type === 'CNAME' && answer.state === 'records')))
      return { state: 'nodata', ...told };
    // A published alias may lead to a planned record.
    const turn = answer.aliases.findIndex((one) => planned.has(lowerName(one)));
    if (turn !== -1 && aliases.length + turn < MOST_ALIASES)
      return await ask(answer.aliases[turn]!, type, options, [...aliases, ...answer.aliases.slice(0, turn + 1)]);
    // A planned record makes its name exist, and all names above it.
    const exists = [...planned].some(
      ([one, types]) => (one === name || one.endsWith(`.${name}`)) && Object.values(types).some((set) => set.length > 0),
    );
    if (answer.state === 'nxdomain' && exists) return { state: 'nodata', ...told };
    return { ...answer, aliases: [...aliases, ...answer.aliases] };
  };
  return { ask: (name, type, options) => ask(name, type, options) };
}

/**
 * The records of the planned wildcard that answers for a name (RFC 4592 section 3.3.1): a name exists neither
 * in the plan nor in DNS, and neither does a name between it and the wildcard's parent.
 */
async function wildcard(
  planned: Planned,
  name: string,
  published: Dns,
  options: AskOptions | undefined,
): Promise<ReturnType<Planned['get']>> {
  const exists = (one: string) => [...planned.keys()].some((key) => key === one || key.endsWith(`.${one}`));
  if (name.startsWith('*.') || exists(name)) return undefined;
  for (let at = name.indexOf('.'); at > 0; at = name.indexOf('.', at + 1)) {
    const parent = name.slice(at + 1);
    const records = planned.get(`*.${parent}`);
    if (records !== undefined) {
      for (const one of between(name, parent))
        if ((await published.ask(one, 'TXT', options)).state !== 'nxdomain') return undefined;
      return records;
    }
    if (exists(parent)) return undefined;
  }
  return undefined;
}

/** A name, and those above it up to a parent. */
function* between(name: string, parent: string): Generator<string> {
  for (let at = name; at !== parent; at = at.slice(at.indexOf('.') + 1)) yield at;
}

/**
 * Planned records without DNS: of the names at or below the domains, and of `_dmarc` above them, those that
 * are not planned do not exist; nothing is known of all others.
 */
export function onlyPlanned(planned: Planned, domains: readonly string[]): Dns {
  const nobody: Dns = {
    async ask(given) {
      const name = lowerName(given);
      const above = name.startsWith('_dmarc.') ? name.slice('_dmarc.'.length) : null;
      if (domains.some((one) => name === one || name.endsWith(`.${one}`) || (above !== null && one.endsWith(`.${above}`))))
        return { state: 'nxdomain', name, aliases: [], ttl: 0, authenticated: false };
      const message = `${name} is not among the planned records, and nothing else was asked (--offline).`;
      return { state: 'unknown', reason: 'cancelled', message };
    },
  };
  return withPlanned(planned, nobody);
}
