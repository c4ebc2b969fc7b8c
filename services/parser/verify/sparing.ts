import { organizationalDomain } from '../../report/orgdomain.ts';
import { isOfKnown } from '../../report/reporters/reporters.ts';
import { TransientError } from '../../shared/errors.ts';
import type { Resolver } from '../../shared/runtime/resolver.ts';

/** How long a name that nobody could say anything of is not asked about again. */
const SILENT_MS = 20_000;
/** How long a name that was answered is asked about whatever else its organization does. */
const ANSWERED_MS = 24 * 3_600_000;
/** Names of one organization that are asked about at a time, and of which nobody could say anything within SILENT_MS. */
const PER_ORGANIZATION = 8;
/** Names that are remembered. */
const REMEMBERED = 10_000;

/**
 * A resolver for keys that does not let the silent hold up the others. Whoever runs a name server that never answers can mail
 * thousands of signatures, each with a key name of its own, and each would be waited for. So a name that was silent is not asked about
 * for some seconds, and where several names of an organization were silent, neither are its others.
 *
 * A name that was answered goes on being asked about, and so do those of listed reporters: nobody is to keep a reporter's key from
 * being looked up by signing in its name with key names that lead nowhere.
 * @param now milliseconds, of a clock that only goes forward
 */
export function sparing(resolver: Resolver, now: () => number = () => performance.now()): Resolver {
  const silent = new Map<string, number>();
  const answered = new Map<string, number>();
  const organizations = new Map<string, Organization>();
  const underWay = new Map<string, Promise<string[][]>>();

  const ask = async (name: string): Promise<string[][]> => {
    try {
      const records = await resolver.txt(name);
      remember(answered, name, now());
      return records;
    } catch (error) {
      remember(silent, name, now());
      throw error;
    }
  };

  const inTurn = async (name: string, domain: string): Promise<string[][]> => {
    if (since(answered, name, now()) < ANSWERED_MS || isOfKnown(domain)) return ask(name);
    const key = organizationalDomain(domain);
    const organization = organizations.get(key) ?? { asking: 0, waiting: [], silentAt: [] };
    remember(organizations, key, organization);
    if (organization.asking >= PER_ORGANIZATION) await new Promise<void>((resolve) => organization.waiting.push(resolve));
    organization.silentAt = organization.silentAt.filter((at) => now() - at < SILENT_MS);
    organization.asking++;
    try {
      if (organization.silentAt.length >= PER_ORGANIZATION)
        throw new TransientError('dns_failed', `The name servers of ${key} were silent about other keys a moment ago.`);
      return await ask(name).catch((error: unknown) => {
        organization.silentAt.push(now());
        throw error;
      });
    } finally {
      organization.asking--;
      organization.waiting.shift()?.();
    }
  };

  return {
    async txt(name) {
      const domain = /\._domainkey\.(.+)$/i.exec(name)?.[1]?.toLowerCase() ?? name;
      if (since(silent, name, now()) < SILENT_MS)
        throw new TransientError('dns_failed', `Nobody could say what ${name} holds a moment ago.`);
      let asked = underWay.get(name);
      if (asked === undefined) {
        asked = inTurn(name, domain).finally(() => underWay.delete(name));
        underWay.set(name, asked);
      }
      return asked;
    },
  };
}

interface Organization {
  asking: number;
  waiting: (() => void)[];
  silentAt: number[];
}

const since = (at: ReadonlyMap<string, number>, name: string, now: number) => now - (at.get(name) ?? Number.NEGATIVE_INFINITY);

/** The oldest is forgotten when there are too many. */
function remember<V>(map: Map<string, V>, name: string, value: V): void {
  map.delete(name);
  map.set(name, value);
  if (map.size > REMEMBERED) map.delete(map.keys().next().value!);
}
