import type { Context } from '../shared/runtime/service.ts';
import { backlogExists } from '../store/analysis/work.ts';

/** A look that the clock wakes and no report does: once an hour of the clock. */
export class HourlyLook {
  readonly #context: Context;
  readonly #find: (context: Context) => Promise<unknown>;
  readonly #mayLook: (context: Context) => Promise<boolean>;
  #looked = '';

  /**
   * @param find what is done in the hour; it is tried again in the same hour when it fails
   * @param mayLook whether this is a time to look, beside that no mail is being processed
   */
  constructor(
    context: Context,
    find: (context: Context) => Promise<unknown>,
    mayLook: (context: Context) => Promise<boolean> = async () => true,
  ) {
    this.#context = context;
    this.#find = find;
    this.#mayLook = mayLook;
  }

  /** Does nothing while mails are still being processed. */
  async look(): Promise<void> {
    const { db, clock } = this.#context;
    const hour = clock.now().toISOString().slice(0, 13);
    if (hour === this.#looked || (await backlogExists(db)) || !(await this.#mayLook(this.#context))) return;
    await this.#find(this.#context);
    this.#looked = hour;
  }
}
