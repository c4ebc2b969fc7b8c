import type { Family } from '../family.ts';
import { backscatter, hugeBotnet, newsForged, nightAccount, slowRamp } from './attacks.ts';
import { reporterGoesMonthly, reporterGoesWeekly, reporterMiscounts } from './reporters.ts';
import {
  cloudEgress,
  countryOffice,
  crmTrial,
  domainAdded,
  hosterRelaysMoved,
  hostsTakeTurns,
  parkedComesAlive,
  phishingTest,
  roadWarriors,
  subdomainBursts,
  tenantMoved,
  tinyAndHuge,
  vendorRollover,
  warmupMigration,
} from './senders.ts';

/** Odd things that happen to ordinary domains, several a file: rules may be tuned on them. */
export const ODD: readonly Family[] = [
  warmupMigration,
  tenantMoved,
  hosterRelaysMoved,
  subdomainBursts,
  countryOffice,
  parkedComesAlive,
  crmTrial,
  vendorRollover,
  cloudEgress,
  tinyAndHuge,
  domainAdded,
  phishingTest,
  hostsTakeTurns,
  roadWarriors,
  reporterGoesWeekly,
  reporterGoesMonthly,
  reporterMiscounts,
  hugeBotnet,
  slowRamp,
  nightAccount,
  newsForged,
  backscatter,
];
