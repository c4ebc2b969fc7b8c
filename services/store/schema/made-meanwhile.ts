import { sleep } from '../../shared/clock.ts';
import { codeOf } from '../../shared/errors.ts';

/**
 * What Postgres answers when another session makes the same thing at the same moment: "if not exists" and "or replace" do not
 * see what is not committed yet. A table is also a type of its name, so that its twin may be refused as a type (42710).
 */
const MADE_MEANWHILE = new Set([
  '23505', // unique_violation: the key of a catalog
  '42P06', // duplicate_schema
  '42P07', // duplicate_table
  '42710', // duplicate_object
  '42723', // duplicate_function
  'XX000', // internal_error: "tuple concurrently updated"
]);
const TRIES = 40;

/**
 * Runs statements that make what is not there yet, again when another session was making the same: the next try finds it made.
 * @param make one that may be repeated, and that leaves no transaction open when it throws
 * @throws all other errors of `make`; the last one when forty tries failed
 */
export async function makeOnce(make: () => Promise<unknown>): Promise<void> {
  for (let n = 1; ; n++) {
    try {
      await make();
      return;
    } catch (error) {
      if (!MADE_MEANWHILE.has(codeOf(error) ?? '') || n >= TRIES) throw error;
      await sleep(Math.random() * 100);
    }
  }
}
