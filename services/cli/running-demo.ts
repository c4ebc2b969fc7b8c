import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from '../shared/errors.ts';
import type { Config } from '../shared/settings/config.ts';

/** Where a demo that runs is reached. */
export interface NotedDemo {
  /** The address of its console. */
  console: string;
  /** Its name server, as address:port: the demo's domains are not in the DNS of others. */
  dns: string;
}

/** In the folder of a demo, while it runs: a line each. */
const fileIn = (home: string) => path.join(home, 'addresses');

/** The folder of a demo that runs where the data of ruawatch are by default. */
export const demoBelow = (dataDir: string): string => path.join(dataDir, 'demo');

/** Notes where a demo is reached, so that commands find it. */
export function noteDemo(home: string, { console, dns }: NotedDemo): void {
  writeFileSync(fileIn(home), `${console}\n${dns}\n`);
}

/** Forgets it when the demo ends. */
export function forgetDemo(home: string): void {
  rmSync(fileIn(home), { force: true });
}

/** Where a demo is reached; null where none runs, or it was killed and did not say so. */
export function notedDemo(home: string): NotedDemo | null {
  try {
    const [console = '', dns = ''] = readFileSync(fileIn(home), 'utf8').split('\n');
    return { console, dns };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return null;
    throw error;
  }
}

/**
 * The demo that a command means which is run beside it; null where there is none, or the settings name other
 * data.
 */
export function demoBeside({ databaseUrl, dataDirChosen, dataDir }: DataSettings): (NotedDemo & { home: string }) | null {
  const home = demoBelow(dataDir);
  const noted = databaseUrl !== null || dataDirChosen ? null : notedDemo(home);
  return noted && { ...noted, home };
}

type DataSettings = Pick<Config, 'databaseUrl' | 'dataDirChosen' | 'dataDir'>;
