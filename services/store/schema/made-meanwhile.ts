import { sleep } from '../../shared/clock.ts';
import { codeOf } from '../../shared/errors.ts';

/**
 * What Postgres answers when another session creates the same object at the same moment: "if not exists" and
 * "or replace" do not see what is not committed. A table is also a type of its name, so the second one may be
 * refused as a type (42710).
 */
const CREATED_MEANWHILE = new Set([
  '23505', // unique_violation: the key of a catalog
  '42P06', // duplicate_schema
  '42P07', // duplicate_table
  '42710', // duplicate_object
  '42723', // duplicate_function
  'XX000', // internal_error: "tuple concurrently updated"
]);
const TRIES = 40;

/**
 * Runs statements that create what does not exist yet, and repeats them when another session was creating the
 * same: the next attempt finds it.
 * @param make can be repeated, and leaves no transaction open when it throws
 * @throws all other errors of `make`; the last one when forty attempts failed
 */
export async function makeOnce(make: () => Promise<unknown>): Promise<void> {
  for (let n = 1; ; n++) {
    try {
      await make();
      return;
    } catch (error) {
      if (!CREATED_MEANWHILE.has(codeOf(error) ?? '') || n >= TRIES) throw error;
      await sleep(Math.random() * 100);
    }
  }
}
