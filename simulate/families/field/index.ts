import type { Family } from '../family.ts';
import { bossFraud, echoThroughGateway, forgerReturns, formAbused, inventedEachTime, residentialCampaign } from './attacks.ts';
import {
  gatewayFooter,
  keyLateInDns,
  listStartsMunging,
  nameServerBehind,
  poolAndEnvelope,
  printersDirect,
  rejectOverNight,
  serverBeforeDns,
  toSubdomain,
} from './changes.ts';
import { arcGrows, mailboxFull, receiverMerged, universities, verifierBroken, weekInOneReport } from './receivers.ts';
import { backlogSent, blackFriday, christmas, domainBought, groupCampaign, sundayJob } from './seasons.ts';

/**
 * What an administrator meets in a year, by one who had not read the rules then; looked at since, and so for
 * tuning.
 */
export const FIELD: readonly Family[] = [
  domainBought,
  christmas,
  blackFriday,
  backlogSent,
  sundayJob,
  groupCampaign,
  poolAndEnvelope,
  keyLateInDns,
  nameServerBehind,
  gatewayFooter,
  listStartsMunging,
  rejectOverNight,
  serverBeforeDns,
  toSubdomain,
  printersDirect,
  residentialCampaign,
  inventedEachTime,
  echoThroughGateway,
  bossFraud,
  forgerReturns,
  formAbused,
  verifierBroken,
  receiverMerged,
  mailboxFull,
  arcGrows,
  universities,
  weekInOneReport,
];
