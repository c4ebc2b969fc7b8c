import { organizationalDomain } from '../../report/orgdomain.ts';
import { isOfKnown } from '../../report/reporters/reporters.ts';
import { sleep } from '../../shared/clock.ts';
import { TransientError } from '../../shared/errors.ts';
import type { Resolver } from '../../shared/runtime/resolver.ts';

/** How long a name that nobody could say anything of is not asked about again. */
const SILENT_MS = 20_000;
/** How long a name that was answered is asked about whatever else happens: whoever reports once a week is to be no stranger. */
const ANSWERED_MS = 8 * 24 * 3_600_000;
/** Names of one organization that are asked about at a time, and of which nobody could say anything within SILENT_MS. */
const PER_ORGANIZATION = 8;
/** Names that are remembered. */
const REMEMBERED = 10_000;
/** Names of strangers that are asked about at a time, whatever their organizations: the name service takes more, so that others have room. */
export const STRANGERS = 160;
/** Where so many names were silent within SILENT_MS, no stranger's is waited for longer than PATIENCE_MS. */
const STRAINED = 16;
const PATIENCE_MS = 500;

/**
 * A resolver for keys that does not let the silent hold up the others. Whoever runs a name server that never answers can mail
 * thousands of signatures, each with a key name of its own, and each would be waited for. So a name that was silent is not asked about
 * for some seconds, and where several names of an organization were silent, neither are its others. Organizations cost nothing either: there
 * are millions of domains whose name servers are gone. So where many names were silent, a stranger's is waited for but a moment, by then it is
 * tried again later; and all strangers together never have more than a part of what is asked at a time.
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
  let silences: number[] = [];
  const strained = () => {
    silences = silences.filter((at) => now() - at < SILENT_MS);
    return silences.length >= STRAINED;
  };
  const line = new Line(STRANGERS);

  const ask = async (name: string): Promise<string[][]> => {
    try {
      const records = await resolver.txt(name);
      remember(answered, name, now());
      return records;
    } catch (error) {
      remember(silent, name, now());
      if (silences.length < STRAINED) silences.push(now());
      else silences.splice(0, 1, now());
      throw error;
    }
  };

  const isFamiliar = (name: string, domain: string) => since(answered, name, now()) < ANSWERED_MS || isOfKnown(domain);

  const inLine = async (name: string, organization: Organization): Promise<string[][]> => {
    if (!(await line.enter(strained() ? PATIENCE_MS : null))) throw hurried(name);
    try {
      return await ask(name);
    } catch (error) {
      organization.silentAt.push(now());
      throw error;
    } finally {
      line.leave();
    }
  };

  const inTurn = async (name: string, domain: string): Promise<string[][]> => {
    if (isFamiliar(name, domain)) return ask(name);
    const key = organizationalDomain(domain);
    const organization = organizations.get(key) ?? { asking: 0, waiting: [], silentAt: [] };
    remember(organizations, key, organization);
    if (organization.asking >= PER_ORGANIZATION) await new Promise<void>((resolve) => organization.waiting.push(resolve));
    organization.silentAt = organization.silentAt.filter((at) => now() - at < SILENT_MS);
    organization.asking++;
    try {
      if (organization.silentAt.length >= PER_ORGANIZATION)
        throw new TransientError('dns_failed', `The name servers of ${key} were silent about other keys a moment ago.`);
      return await inLine(name, organization);
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
      if (isFamiliar(name, domain) || !strained()) return asked;
      // What comes of it later is remembered, and there when the name is asked for again.
      return Promise.race([asked, sleep(PATIENCE_MS).then(() => Promise.reject(hurried(name)))]);
    },
  };
}

function hurried(name: string): TransientError {
  return new TransientError(
    'dns_failed',
    `Many name servers are silent, and ${name} was waited for only a moment; it is asked for again.`,
  );
}

/** A number of places, and those who wait for one in the order they came. */
class Line {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(places: number) {
    this.free = places;
  }

  /** @param patienceMs null: without end. @returns false when no place was free in time */
  async enter(patienceMs: number | null): Promise<boolean> {
    if (this.free > 0) {
      this.free--;
      return true;
    }
    return new Promise((resolve) => {
      const timer =
        patienceMs === null
          ? undefined
          : setTimeout(() => {
              this.waiting.splice(this.waiting.indexOf(come), 1);
              resolve(false);
            }, patienceMs);
      const come = () => {
        clearTimeout(timer);
        resolve(true);
      };
      this.waiting.push(come);
    });
  }

  /** Gives the place to the one who waits for the longest. */
  leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free++;
  }
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
