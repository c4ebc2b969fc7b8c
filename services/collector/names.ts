import { messageOf, SettingsError } from '../shared/errors.ts';
import type { Context } from '../shared/runtime/service.ts';
import { readSecretFile } from '../shared/settings/secret-file.ts';
import { storedHashKey } from '../store/sending/sources.ts';
import { type HashName, hashWith } from './privacy.ts';

/** The hash of names, with the key of the settings or of the database. @throws SettingsError */
export async function hashOfNames({ config, db }: Pick<Context, 'config' | 'db'>): Promise<HashName> {
  const { keyFile } = config.collector;
  if (keyFile === null) return hashWith(await storedHashKey(db));
  try {
    return hashWith(readSecretFile(keyFile, '/'));
  } catch (error) {
    throw new SettingsError(`collector.key_file ${messageOf(error)}: correct the path, or leave it out.`, error);
  }
}
