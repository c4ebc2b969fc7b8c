import type { Family } from '../family.ts';
import {
  accountBesideOurs,
  floodOverTrickle,
  forgerInTheCloud,
  historyAndKey,
  oneSignerWrong,
  ruaRunsOut,
  secondRecord,
  weekendMailbox,
} from './incidents.ts';
import { letterChangesService, listHostMoves, newLine, poolInBothFamilies, shutForHolidays, sixWeekInvoices } from './quiet.ts';

/** One story for each of the kinds of issue 12, in a form that no other family has. */
export const EVERYDAY_FAMILIES: readonly Family[] = [
  letterChangesService,
  newLine,
  shutForHolidays,
  listHostMoves,
  sixWeekInvoices,
  poolInBothFamilies,
  forgerInTheCloud,
  weekendMailbox,
  ruaRunsOut,
  historyAndKey,
  secondRecord,
  oneSignerWrong,
  floodOverTrickle,
  accountBesideOurs,
];
