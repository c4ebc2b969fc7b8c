import { botnet } from './botnet.ts';
import { botnetAfterTrickle } from './botnet-after-trickle.ts';
import type { Family } from './family.ts';
import { m365Pool } from './m365-pool.ts';
import { m365Takeover } from './m365-takeover.ts';
import { mailingList } from './mailing-list.ts';
import { newForwarder } from './new-forwarder.ts';
import { noReports } from './no-reports.ts';
import { ownServerMoved } from './own-server-moved.ts';
import { reporterRenamed } from './reporter-renamed.ts';
import { seasonalCampaign } from './seasonal-campaign.ts';
import { serviceMigration } from './service-migration.ts';
import { tenantDkimBroken } from './tenant-dkim-broken.ts';

/** All families. A new one is a file in this folder and a line here. */
export const FAMILIES: readonly Family[] = [
  m365Pool,
  serviceMigration,
  m365Takeover,
  ownServerMoved,
  botnet,
  botnetAfterTrickle,
  tenantDkimBroken,
  newForwarder,
  mailingList,
  noReports,
  reporterRenamed,
  seasonalCampaign,
];

/**
 * The families that the command line names.
 * @param names separated by commas; `tuning`, `reported`, `benign`, `incidents` and `all` are groups
 * @throws Error that lists the names there are
 */
export function familiesOf(names: string): Family[] {
  const chosen = names.split(',').flatMap((name) => {
    const wanted = name.trim();
    const of = FAMILIES.filter(
      (one) =>
        wanted === 'all' ||
        wanted === one.name ||
        wanted === one.group ||
        (wanted === 'benign' && one.benign) ||
        (wanted === 'incidents' && !one.benign),
    );
    if (of.length > 0) return of;
    throw new Error(`There is no family ${wanted}: choose of ${FAMILIES.map((one) => one.name).join(', ')}, or a group.`);
  });
  return [...new Set(chosen)];
}
