import { messageOf } from '../errors.ts';

/** What the tasks of a service failed at, each until it succeeds: what its `waitingFor` says. */
export class Failures {
  private readonly sentences = new Map<string, string>();
  private readonly consequence: string;

  /** @param consequence what does not work then, as the begin of a sentence */
  constructor(consequence: string) {
    this.consequence = consequence;
  }

  /**
   * Runs a task, and keeps what it throws until the same task succeeds.
   * @throws what the task throws
   */
  async noting<T>(task: string, run: () => Promise<T>): Promise<T> {
    try {
      const result = await run();
      this.sentences.delete(task);
      return result;
    } catch (error) {
      this.sentences.set(task, `${this.consequence}: ${messageOf(error)}`);
      throw error;
    }
  }

  /** The sentence about the task that has failed for the longest time; null when none fails. */
  first(): string | null {
    return [...this.sentences.values()][0] ?? null;
  }
}
