import { createPrivateKey, generateKeyPair, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

/** As many as most files need; each takes a tenth of a second to make. */
const COUNT = 12;

/** Makes the keys of a run. Called once, before all suites. */
export async function makeKeys(folder: string): Promise<void> {
  const pairs = await Promise.all(
    Array.from({ length: COUNT }, () => promisify(generateKeyPair)('rsa', { modulusLength: 2048 })),
  );
  const file = path.join(folder, 'rsa-keys.json');
  writeFileSync(file, JSON.stringify(pairs.map(({ privateKey }) => privateKey.export({ type: 'pkcs8', format: 'pem' }))));
  process.env.TEST_RSA_KEYS = file;
}

let left: string[] | null = null;

/**
 * An RSA key of 2,048 bits that no other call in this file gets; one of the run while there are any. A bench
 * has no run of tests around it.
 */
export function rsaKey(): KeyObject {
  const { TEST_RSA_KEYS: file } = process.env;
  left ??= file === undefined ? [] : (JSON.parse(readFileSync(file, 'utf8')) as string[]);
  const pem = left.pop();
  return pem === undefined ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey : createPrivateKey(pem);
}
