import { PermanentError, TransientError } from '../shared/errors.ts';
import type { Db } from '../shared/runtime/db.ts';
import type { MilterPerson } from '../shared/settings/milter.ts';
import { loadKnowledge, loadOwnNames, type StoredKnowledge } from '../store/milter/known.ts';
import type { Knowledge } from './rules.ts';

/** Milliseconds for which own domains and people are remembered. */
const REMEMBERED_MS = 30_000;
/** Milliseconds that the store has for one answer, and that it is left alone after it failed. */
const ANSWER_MS = 2_000;
const DOWN_MS = 5_000;

/** What the store knows about mails, with a limit of time: a mail never waits for a store that is away. */
export class StoredNames {
  private readonly db: Db;
  private readonly people: readonly MilterPerson[];
  private readonly now: () => number;
  private remembered: { names: Pick<Knowledge, 'own' | 'people'>; until: number } | null = null;
  private downUntil = Number.NEGATIVE_INFINITY;

  /** @param people of the settings @param now milliseconds of a monotonic clock */
  constructor(db: Db, people: readonly MilterPerson[], now: () => number = () => performance.now()) {
    this.db = db;
    this.people = people;
    this.now = now;
  }

  async own(): Promise<Pick<Knowledge, 'own' | 'people'>> {
    if (this.remembered !== null && this.now() < this.remembered.until) return this.remembered.names;
    const { domains, people } = await this.asked(() => loadOwnNames(this.db));
    // A sign-in name such as "ada.lovelace" has the name of its person in it; one word alone has not.
    const signIns = people
      .map((name) => name.replace(/@.*$/, '').replace(/[._+-]+/g, ' '))
      .filter((name) => name.trim().includes(' '))
      .map((name) => ({ name, addresses: [] }));
    const names = { own: domains, people: [...this.people, ...signIns] };
    this.remembered = { names, until: this.now() + REMEMBERED_MS };
    return names;
  }

  about(given: Parameters<typeof loadKnowledge>[1], at: Date): Promise<StoredKnowledge> {
    return this.asked(() => loadKnowledge(this.db, given, at));
  }

  /** Asks within a time; after a failure, nothing is asked for a while. */
  async asked<T>(ask: () => Promise<T>): Promise<T> {
    if (this.now() < this.downUntil) throw new TransientError('store_away', 'the database failed a moment ago');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new TransientError('store_away', `the database took longer than ${ANSWER_MS / 1000} seconds`);
      timer = setTimeout(() => reject(error), ANSWER_MS);
    });
    try {
      return await Promise.race([ask(), late]);
    } catch (error) {
      // A refusal is an answer.
      if (error instanceof PermanentError) throw error;
      this.downUntil = this.now() + DOWN_MS;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
