import { PermanentError } from '../../shared/errors.ts';
import type { Queryable } from '../../shared/runtime/db.ts';
import { countSuccess, signInSecrets } from '../../store/console/people.ts';
import { stepOf } from './totp.ts';

/**
 * Uses a code of a person's generator up, as what decides in their name needs.
 * @param code as it was typed; undefined where none was
 * @throws PermanentError `no_second_factor`, `code_wrong`
 */
export async function useCode(
  db: Queryable,
  { name, person_key }: { name: string; person_key: number },
  code: string | undefined,
  now: Date,
): Promise<void> {
  const secrets = await signInSecrets(db, name);
  if (secrets === null || secrets.totp_secret === null || secrets.totp_since === null)
    throw new PermanentError(
      'no_second_factor',
      `A token that decides needs a second factor: ${name} sets up a code generator first, on their page of the console.`,
    );
  const step = code === undefined ? null : stepOf(code, secrets.totp_secret, secrets.totp_step, now);
  if (step === null || !(await countSuccess(db, person_key, step)))
    throw new PermanentError(
      'code_wrong',
      'Give the code that the generator shows now (on the command line: --code 123456). Each works once.',
    );
}
