import { codeOf, PermanentError, TransientError } from '../shared/errors.ts';
import { type Db, type Queryable, within } from '../shared/runtime/db.ts';
import type { MilterPerson } from '../shared/settings/milter.ts';
import { loadKnowledge, loadOwnNames, type StoredKnowledge } from '../store/milter/known.ts';
import type { Knowledge } from './rules.ts';

/** Milliseconds for which own domains and people are remembered. */
const REMEMBERED_MS = 30_000;
/** Milliseconds that the store has for one answer, and that it is left alone after it failed. */
const TIMES = { answerMs: 2_000, downMs: 5_000 };

/** What the store knows about mails, with a limit of time: a mail never waits for a store that is away. */
export class StoredNames {
  private readonly db: Db;
  private readonly people: readonly MilterPerson[];
  private readonly now: () => number;
  private readonly times: typeof TIMES;
  private answeredAt = Number.NEGATIVE_INFINITY;
  private remembered: { names: Pick<Knowledge, 'own' | 'people'>; until: number } | null = null;
  private downUntil = Number.NEGATIVE_INFINITY;

  /** @param people of the settings @param now milliseconds of a monotonic clock */
  constructor(db: Db, people: readonly MilterPerson[], now: () => number = () => performance.now(), times = TIMES) {
    this.db = db;
    this.people = people;
    this.now = now;
    this.times = times;
  }

  async own(): Promise<Pick<Knowledge, 'own' | 'people'>> {
    if (this.remembered !== null && this.now() < this.remembered.until) return this.remembered.names;
    const { domains, people } = await this.asked(loadOwnNames);
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
    return this.asked((q) => loadKnowledge(q, given, at));
  }

  /**
   * Asks within a time. After a failure nothing is asked for a while, unless the store answers others
   * meanwhile: then it is not away, and whoever sends more mails at once than it answers in time must not get
   * his own through by that.
   * @throws TransientError `store_busy` in that case, `store_away` otherwise
   */
  async asked<T>(ask: (q: Queryable) => Promise<T>): Promise<T> {
    const { answerMs, downMs } = this.times;
    if (this.now() < this.downUntil) throw new TransientError('store_away', 'the database failed a moment ago');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const busy = this.now() - this.answeredAt < answerMs;
        reject(
          new TransientError(busy ? 'store_busy' : 'store_away', `the database took longer than ${answerMs / 1000} seconds`),
        );
      }, answerMs);
    });
    try {
      const answer = await Promise.race([within(this.db, answerMs, ask), late]);
      this.answeredAt = this.now();
      return answer;
    } catch (error) {
      // A refusal is an answer.
      if (error instanceof PermanentError || codeOf(error) === 'store_busy') throw error;
      this.downUntil = this.now() + downMs;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
