import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { codeOf, messageOf, PermanentError } from '../errors.ts';

/** The logins of the embedded Postgres. Only the first is a superuser; it is used to set up the others. */
export const ADMIN = 'ruawatch_admin';
export const SERVICES = 'ruawatch';
export const READER = 'ruawatch_reader';

const password = z.string().min(32);
const schema = z.strictObject({
  [ADMIN]: password,
  [SERVICES]: password,
  [READER]: password,
  /** Whether the logins and their rights have been set up with these passwords. */
  ready: z.boolean(),
});

export type Secrets = z.infer<typeof schema>;

const fileOf = (dataDir: string) => path.join(dataDir, 'postgres.passwords.json');

/** The file with the passwords, for messages. */
export const passwordFile = fileOf;

export function newSecrets(): Secrets {
  const random = () => randomBytes(24).toString('base64url');
  return { [ADMIN]: random(), [SERVICES]: random(), [READER]: random(), ready: false };
}

/**
 * @returns null when there is no such file
 * @throws PermanentError `embedded_password` when it exists and cannot be read
 */
export function readSecrets(dataDir: string): Secrets | null {
  const file = fileOf(dataDir);
  try {
    const secrets = schema.parse(JSON.parse(readFileSync(file, 'utf8')));
    // A restored backup may have other permissions.
    chmodSync(file, 0o600);
    return secrets;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    const why = error instanceof z.ZodError || error instanceof SyntaxError ? 'its content is not valid' : messageOf(error);
    throw new PermanentError(
      'embedded_password',
      `The passwords of the embedded Postgres in ${file} cannot be read (${why}): run ruawatch as the user that first ran it, or remove the file while no ruawatch is running: new passwords are then created, and no data is lost.`,
      error,
    );
  }
}

/** Written as a whole or not at all, and never readable by others. */
export function writeSecrets(dataDir: string, secrets: Secrets): void {
  const file = fileOf(dataDir);
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify(secrets, null, 2)}\n`, { flag: 'wx', mode: 0o600, flush: true });
  renameSync(draft, file);
}

const ITERATIONS = 4096;

/**
 * What Postgres stores for a password (RFC 5803), so that the password itself appears in no statement and no
 * log. The passwords are random ASCII, which SASLprep (RFC 4013) does not change.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const key = (name: string) => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
}
