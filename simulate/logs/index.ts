import { type LogFamily, TUNING } from './families.ts';
import { HELD_OUT } from './held-out.ts';

/** All families of worlds with logs. */
export const LOG_FAMILIES: LogFamily[] = [...TUNING, ...HELD_OUT];
