import { lowerName } from '../../dns/client/name.ts';
import type { AskOptions, Dns } from '../../dns/client/types.ts';

/** Keys in use that are asked whether they are aliases. */
const MOST_KEYS = 40;
const MOST_LEADS = 20;

/** A name that is an alias, and the names that it leads to. */
export interface Lead {
  name: string;
  aliases: readonly string[];
}

export interface LeadOptions extends AskOptions {
  /** Messages of the last week by key, `selector._domainkey.domain`. */
  keys: ReadonlyMap<string, number>;
  /**
   * Names of own domains that are aliases, each with the names that it leads to, as the watcher saw them
   * last.
   */
  aliases?: readonly Lead[];
}

/**
 * Names of policies and keys that are aliases, by the watcher and by DNS now: whoever changes what they lead
 * to changes them.
 */
export async function leadsOf(domain: string, dns: Dns, { keys, aliases = [], ...asking }: LeadOptions): Promise<Lead[]> {
  const found = new Map(aliases.map((one) => [one.name, one.aliases.map(lowerName)]));
  const asked = [`_dmarc.${domain}`, ...[...keys.keys()].filter((one) => one.endsWith(`.${domain}`)).slice(0, MOST_KEYS)];
  const answers = await Promise.all(asked.map(async (name) => ({ name, answer: await dns.ask(name, 'TXT', asking) })));
  for (const { name, answer } of answers)
    if (answer.state !== 'unknown' && answer.aliases.length > 0) found.set(name, answer.aliases.map(lowerName));
  return [...found].map(([name, one]) => ({ name, aliases: one }));
}

/** The policies and keys whose record is the one at a name. */
export const standsFor = (name: string, leads: readonly Lead[]): string[] =>
  leads.flatMap((one) => (one.aliases.includes(name) ? [one.name] : [])).slice(0, MOST_LEADS);
