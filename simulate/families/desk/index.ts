import type { Family } from '../family.ts';
import { agencyLetter, crmSpreads, hostsBreakInTurn, movedBeforeSpf, signerFlaps } from './causes.ts';
import { departments, saleSplit, secondTenant, ticketLoop } from './quiet.ts';
import { groupForged, policyFlaps, sixForger, waveInTheSale, weeklyOnParked } from './strangers.ts';

/**
 * What lands on the desk of whoever runs the mail: causes that grow, come back, or touch many domains;
 * written before the rules were read.
 */
export const DESK_FAMILIES: readonly Family[] = [
  hostsBreakInTurn,
  crmSpreads,
  signerFlaps,
  agencyLetter,
  movedBeforeSpf,
  groupForged,
  waveInTheSale,
  policyFlaps,
  sixForger,
  weeklyOnParked,
  departments,
  secondTenant,
  ticketLoop,
  saleSplit,
];
