import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from '../shared/errors.ts';

/** In the folder of a demo, while it runs: where its console is reached. */
const fileIn = (home: string) => path.join(home, 'console-address');

/** The folder of a demo that runs where the data of ruawatch are by default. */
export const demoBelow = (dataDir: string): string => path.join(dataDir, 'demo');

/** Notes where the console of a demo is reached, so that commands find the demo. */
export function noteConsole(home: string, address: string): void {
  writeFileSync(fileIn(home), `${address}\n`);
}

/** Forgets it when the demo ends. */
export function forgetConsole(home: string): void {
  rmSync(fileIn(home), { force: true });
}

/** Where the console of a demo is reached; null where none runs, or it was killed and did not say so. */
export function notedConsole(home: string): string | null {
  try {
    return readFileSync(fileIn(home), 'utf8').trim();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return null;
    throw error;
  }
}
