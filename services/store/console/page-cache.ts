/**
 * An answer is kept for so many times what it took, so that one question keeps Postgres busy for a twentieth
 * of the time at most.
 */
const TIMES = 20;
/** For no longer than this, however long it took: people see what has come meanwhile. */
const LONGEST_MS = 10_000;
/** What is answered as fast is asked each time. */
const SHORT_MS = 5;
/** Rows of all kept answers together; what was kept first goes first. */
const MOST_ROWS = 50_000;

interface Answer {
  rows: Promise<unknown[]>;
  /** Null while Postgres works on it. */
  until: number | null;
  size: number;
}

/**
 * Answers of Postgres that several people get who ask the same at about the same time. A key is the whole
 * question, with the domains that its rows are of: whoever may see other domains asks another one.
 */
export class Kept {
  private answers = new Map<string, Answer>();
  private readonly shortMs: number;

  /** @param given.shortMs what is answered as fast is asked each time */
  constructor({ shortMs = SHORT_MS } = {}) {
    this.shortMs = shortMs;
  }

  /** @param key everything that the answer depends on @param ask is called where no answer is kept */
  async of<Row>(key: string, ask: () => Promise<Row[]>): Promise<Row[]> {
    const known = this.answers.get(key);
    if (known !== undefined && (known.until === null || known.until > performance.now())) return known.rows as Promise<Row[]>;
    const begun = performance.now();
    const answer: Answer = { rows: ask(), until: null, size: 0 };
    const { answers } = this;
    answers.delete(key);
    answers.set(key, answer);
    try {
      const rows = (await answer.rows) as Row[];
      const took = performance.now() - begun;
      if (took < this.shortMs) answers.delete(key);
      answer.until = performance.now() + Math.min(LONGEST_MS, TIMES * took);
      answer.size = rows.length;
      forgetSome(answers);
      return rows;
    } catch (error) {
      answers.delete(key);
      throw error;
    }
  }

  /** Forgets everything, also what is being asked: somebody has changed something, and looks at it next. */
  forget(): void {
    this.answers = new Map();
  }
}

function forgetSome(answers: Map<string, Answer>): void {
  const now = performance.now();
  let rows = 0;
  for (const [key, { until, size }] of answers) {
    if (until !== null && until <= now) answers.delete(key);
    else rows += size + 1;
  }
  for (const [key, { until, size }] of answers) {
    if (rows <= MOST_ROWS) return;
    if (until !== null && answers.delete(key)) rows -= size + 1;
  }
}
