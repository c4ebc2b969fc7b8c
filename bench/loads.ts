import { generateLoad, type LoadMail, type Spread } from './load.ts';
import { MAKES } from './makes.ts';

/** How the mails of a load are made. */
export type LoadWriter = (options: { seed: number; mails: number; sources: Spread }) => AsyncGenerator<LoadMail>;

/**
 * The loads by name: the demo's reporters in their dialects, and the same sizes in each make, with random addresses.
 */
export const LOADS: Record<string, LoadWriter> = {
  reporters: generateLoad,
  ...Object.fromEntries(
    Object.entries(MAKES).map(([name, make]): [string, LoadWriter] => [
      name,
      ({ seed, mails }) => generateLoad({ seed, mails, make }),
    ]),
  ),
};
