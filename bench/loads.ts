import { eighthLoad } from './eighth.ts';
import { generateLoad, type LoadMail, type Spread } from './load.ts';
import { MAKES } from './makes.ts';
import { seventhLoad } from './seventh.ts';
import { sixthLoad } from './sixth.ts';

/** How the mails of a load are made. */
export type LoadWriter = (options: { seed: number; mails: number; sources: Spread }) => AsyncGenerator<LoadMail>;

/**
 * The loads by name: the demo's reporters in their dialects, the same sizes in each make with random
 * addresses, and three loads of receivers, each by an author who had not seen how reports are read.
 */
export const LOADS: Record<string, LoadWriter> = {
  reporters: generateLoad,
  ...Object.fromEntries(
    Object.entries(MAKES).map(([name, make]): [string, LoadWriter] => [
      name,
      ({ seed, mails }) => generateLoad({ seed, mails, make }),
    ]),
  ),
  sixth: sixthLoad,
  seventh: seventhLoad,
  eighth: eighthLoad,
};
