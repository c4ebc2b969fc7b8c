import { words } from './page-words/en.ts';
import { Refusal } from './routes.ts';

/**
 * Lets so much work run at once; the rest waits in order, so that readers leave the database to the other
 * services.
 */
export class Gate {
  private free: number;
  private readonly mostWaiting: number;
  private readonly waiting: (() => void)[] = [];

  /** @param atOnce how much runs at once @param mostWaiting how much may wait */
  constructor(atOnce: number, mostWaiting: number) {
    this.free = atOnce;
    this.mostWaiting = mostWaiting;
  }

  /** @throws Refusal `busy` when too much waits already, and what `work` throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else if (this.waiting.length >= this.mostWaiting) throw new Refusal(503, 'busy', words.problems.busy);
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }
}

/** Requests that ask the database at once, of the eight connections of a process, and those that may wait. */
const AT_ONCE = 4;
const MOST_WAITING = 400;

/**
 * The places of the console. What waits for something else than the database has places of its own, so that
 * whoever makes it slow (servers that do not answer, passwords that are tried) keeps nobody from the pages.
 * Of what waits for other servers, a person has one at once: names of a silent name server cost half a minute
 * each.
 */
export class Gates {
  private readonly pages = new Gate(AT_ONCE, MOST_WAITING);
  /** Plans and checks: what they ask is bounded, and takes a connection of the database for moments. */
  private readonly servers = new Gate(16, 100);
  /** As many as are hashed at once. */
  private readonly passwords = new Gate(2, 200);
  /** Whoever is confirmed by the company's provider keeps a connection meanwhile. */
  private readonly provider = new Gate(3, MOST_WAITING);
  private readonly own = new Map<number, { gate: Gate; users: number }>();

  /**
   * @param waitsFor as the route says; undefined for the database alone
   * @param person whose request it is; null for nobody's
   * @throws Refusal `busy`
   */
  run<T>(
    { waitsFor, person }: { waitsFor?: 'servers' | 'passwords' | 'provider' | undefined; person: number | null },
    work: () => Promise<T>,
  ) {
    if (waitsFor === undefined) return this.pages.run(work);
    if (waitsFor !== 'servers' || person === null) return this[waitsFor].run(work);
    return this.ofPerson(person, () => this.servers.run(work));
  }

  private async ofPerson<T>(person: number, work: () => Promise<T>): Promise<T> {
    const one = this.own.get(person) ?? { gate: new Gate(1, 3), users: 0 };
    this.own.set(person, one);
    one.users++;
    try {
      return await one.gate.run(work);
    } finally {
      one.users--;
      if (one.users === 0) this.own.delete(person);
    }
  }
}
