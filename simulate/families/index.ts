import { abusedService } from './abused-service.ts';
import { acquisitionGrowth } from './acquisition-growth.ts';
import { agencySilent } from './agency-silent.ts';
import { agencySilentMany } from './agency-silent-many.ts';
import { alignmentTurnedStrict } from './alignment-turned-strict.ts';
import { arcForwarding } from './arc-forwarding.ts';
import { aspfChange } from './aspf-change.ts';
import { botnet } from './botnet.ts';
import { botnetAfterTrickle } from './botnet-after-trickle.ts';
import { botnetRefused } from './botnet-refused.ts';
import { calendarInvites } from './calendar-invites.ts';
import { crmApproved } from './crm-approved.ts';
import { cutoverByTeams } from './cutover-by-teams.ts';
import { DESK_FAMILIES } from './desk/index.ts';
import { disasterRecoveryTest } from './disaster-recovery-test.ts';
import { disclaimerAttachments } from './disclaimer-attachments.ts';
import { dkimReplay } from './dkim-replay.ts';
import { dkimTemperrorHiccup } from './dkim-temperror-hiccup.ts';
import { doubleSigning } from './double-signing.ts';
import { doubledReports } from './doubled-reports.ts';
import { ed25519BesideRsa } from './ed25519-beside-rsa.ts';
import { EVERYDAY_FAMILIES } from './everyday/index.ts';
import type { Family } from './family.ts';
import { FIELD } from './field/index.ts';
import { firstSeason } from './first-season.ts';
import { firstStartQuiet } from './first-start-quiet.ts';
import { firstStartStanding } from './first-start-standing.ts';
import { fiscalQuarter } from './fiscal-quarter.ts';
import { flattenedSpfStale } from './flattened-spf-stale.ts';
import { footerBreaksDkim } from './footer-breaks-dkim.ts';
import { footerRollout } from './footer-rollout.ts';
import { forgedReports } from './forged-reports.ts';
import { FRESH } from './fresh/index.ts';
import { gatewayAdded } from './gateway-added.ts';
import { gatewayKeyPublished } from './gateway-key-published.ts';
import { googleGroups } from './google-groups.ts';
import { googleWorkspacePool } from './google-workspace-pool.ts';
import { halfUnsigned } from './half-unsigned.ts';
import { holidays } from './holidays.ts';
import { hostedForwards } from './hosted-forwards.ts';
import { hybridToCloud } from './hybrid-to-cloud.ts';
import { includeLetGo } from './include-let-go.ts';
import { ipv6Enabled } from './ipv6-enabled.ts';
import { ipv6Renumbered } from './ipv6-renumbered.ts';
import { keyRemoved } from './key-removed.ts';
import { lateIrregularReporter } from './late-irregular-reporter.ts';
import { lateReports } from './late-reports.ts';
import { m365Pool } from './m365-pool.ts';
import { m365Takeover } from './m365-takeover.ts';
import { mailingList } from './mailing-list.ts';
import { manySelectors } from './many-selectors.ts';
import { MONTHS_FAMILIES } from './months/index.ts';
import { namelessFleet } from './nameless-fleet.ts';
import { namelessFleetTakeover } from './nameless-fleet-takeover.ts';
import { newForwarder } from './new-forwarder.ts';
import { newReporter } from './new-reporter.ts';
import { newsletterSeason } from './newsletter-season.ts';
import { noReports } from './no-reports.ts';
import { noiseOnLateDay } from './noise-on-late-day.ts';
import { noiseSwell } from './noise-swell.ts';
import { novemberDays } from './november-days.ts';
import { ODD } from './odd/index.ts';
import { outOfOffice } from './out-of-office.ts';
import { outgrownNetworks } from './outgrown-networks.ts';
import { ownBounces } from './own-bounces.ts';
import { ownHostUnsigned } from './own-host-unsigned.ts';
import { ownServerMoved } from './own-server-moved.ts';
import { parkedNoise } from './parked-noise.ts';
import { parkedOutage } from './parked-outage.ts';
import { policyTightened } from './policy-tightened.ts';
import { policyWeakened } from './policy-weakened.ts';
import { poolKeyBroken } from './pool-key-broken.ts';
import { providerRenumbered } from './provider-renumbered.ts';
import { quarterEnd } from './quarter-end.ts';
import { quietYearFirstStart } from './quiet-year-first-start.ts';
import { recipientGateway } from './recipient-gateway.ts';
import { relayOfAll } from './relay-of-all.ts';
import { relayWobble } from './relay-wobble.ts';
import { relaysUnsigned } from './relays-unsigned.ts';
import { replayedMail } from './replayed-mail.ts';
import { reporterOutage } from './reporter-outage.ts';
import { reporterRenamed } from './reporter-renamed.ts';
import { reporterSilent } from './reporter-silent.ts';
import { reporterSplit } from './reporter-split.ts';
import { seasonalCampaign } from './seasonal-campaign.ts';
import { selectorRotation } from './selector-rotation.ts';
import { serviceComesBack } from './service-comes-back.ts';
import { serviceMigration } from './service-migration.ts';
import { serviceUnalignedStanding } from './service-unaligned-standing.ts';
import { serviceUnannounced } from './service-unannounced.ts';
import { serviceUnpublished } from './service-unpublished.ts';
import { sesSharedPool } from './ses-shared-pool.ts';
import { sharedHosterAbuse } from './shared-hoster-abuse.ts';
import { sharedHostingPool } from './shared-hosting-pool.ts';
import { siteAppliances } from './site-appliances.ts';
import { sitesInSpf } from './sites-in-spf.ts';
import { smallDomainBurst } from './small-domain-burst.ts';
import { smallReporterLeaves } from './small-reporter-leaves.ts';
import { smallSenderPeaks } from './small-sender-peaks.ts';
import { smallSenderTakeover } from './small-sender-takeover.ts';
import { snowshoeSigner } from './snowshoe-signer.ts';
import { spfOnlyBroken } from './spf-only-broken.ts';
import { spfPermerror } from './spf-permerror.ts';
import { spfPermerrorAll } from './spf-permerror-all.ts';
import { spfTemperrorHiccup } from './spf-temperror-hiccup.ts';
import { spfTemperrorLasting } from './spf-temperror-lasting.ts';
import { spoofFew } from './spoof-few.ts';
import { spoofFromCloud } from './spoof-from-cloud.ts';
import { spoofParked } from './spoof-parked.ts';
import { spoofSteady } from './spoof-steady.ts';
import { srsVerpForwarders } from './srs-verp-forwarders.ts';
import { stolenKey } from './stolen-key.ts';
import { strayForwards } from './stray-forwards.ts';
import { subdomailing } from './subdomailing.ts';
import { subdomainInUse } from './subdomain-in-use.ts';
import { subdomainInvented } from './subdomain-invented.ts';
import { subdomainPolicyWeakened } from './subdomain-policy-weakened.ts';
import { sundayTakeover } from './sunday-takeover.ts';
import { takeoverOwnServer } from './takeover-own-server.ts';
import { takeoverServiceAccount } from './takeover-service-account.ts';
import { tenantDkimBroken } from './tenant-dkim-broken.ts';
import { tenantDkimHidden } from './tenant-dkim-hidden.ts';
import { verdictsContradict } from './verdicts-contradict.ts';
import { weekendShop } from './weekend-shop.ts';

/** All families. A new one is a file in this folder and a line here. */
export const FAMILIES: readonly Family[] = [
  m365Pool,
  serviceMigration,
  ownServerMoved,
  newForwarder,
  mailingList,
  reporterRenamed,
  seasonalCampaign,
  sesSharedPool,
  googleWorkspacePool,
  ipv6Enabled,
  providerRenumbered,
  doubleSigning,
  srsVerpForwarders,
  hostedForwards,
  googleGroups,
  arcForwarding,
  newsletterSeason,
  quarterEnd,
  novemberDays,
  acquisitionGrowth,
  holidays,
  reporterOutage,
  lateReports,
  doubledReports,
  reporterSplit,
  spfTemperrorHiccup,
  dkimTemperrorHiccup,
  selectorRotation,
  firstStartQuiet,
  parkedNoise,
  noiseSwell,
  aspfChange,
  crmApproved,
  policyTightened,
  gatewayAdded,
  calendarInvites,
  recipientGateway,
  smallDomainBurst,
  sharedHostingPool,
  manySelectors,
  newReporter,
  smallReporterLeaves,
  relayOfAll,
  relayWobble,
  weekendShop,
  serviceComesBack,
  lateIrregularReporter,
  noiseOnLateDay,
  firstSeason,
  m365Takeover,
  botnet,
  botnetAfterTrickle,
  tenantDkimBroken,
  noReports,
  spoofFew,
  spoofSteady,
  spoofFromCloud,
  spoofParked,
  botnetRefused,
  subdomainInvented,
  subdomainInUse,
  stolenKey,
  abusedService,
  sharedHosterAbuse,
  ownHostUnsigned,
  spfPermerror,
  spfTemperrorLasting,
  spfOnlyBroken,
  keyRemoved,
  halfUnsigned,
  alignmentTurnedStrict,
  serviceUnpublished,
  serviceUnalignedStanding,
  serviceUnannounced,
  forgedReports,
  policyWeakened,
  subdomainPolicyWeakened,
  reporterSilent,
  verdictsContradict,
  takeoverOwnServer,
  takeoverServiceAccount,
  firstStartStanding,
  snowshoeSigner,
  poolKeyBroken,
  fiscalQuarter,
  footerBreaksDkim,
  disclaimerAttachments,
  strayForwards,
  relaysUnsigned,
  smallSenderPeaks,
  smallSenderTakeover,
  siteAppliances,
  sitesInSpf,
  outOfOffice,
  ownBounces,
  parkedOutage,
  namelessFleet,
  namelessFleetTakeover,
  footerRollout,
  sundayTakeover,
  agencySilent,
  gatewayKeyPublished,
  quietYearFirstStart,
  dkimReplay,
  subdomailing,
  flattenedSpfStale,
  hybridToCloud,
  ed25519BesideRsa,
  disasterRecoveryTest,
  ipv6Renumbered,
  tenantDkimHidden,
  spfPermerrorAll,
  agencySilentMany,
  cutoverByTeams,
  includeLetGo,
  replayedMail,
  outgrownNetworks,
  ...FRESH,
  ...ODD,
  ...FIELD,
  ...MONTHS_FAMILIES,
  ...DESK_FAMILIES,
  ...EVERYDAY_FAMILIES,
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
