import type { Family } from '../family.ts';
import { fiveADay, graduates, listsJoined, namesChange, prefixThenKey, sendgridToMailgun, twoBought } from './benign.ts';
import {
  campaignThenKey,
  eleventhLookup,
  keysGone,
  lettersToPay,
  moveAndForgery,
  neighbourUnsigned,
  tenantGrowsAndLeaks,
  twoAtOnce,
  wavesAfterTrickle,
} from './mixed.ts';
import { ruaOfOne, shopBelow, tenDays, yearBehind } from './starts.ts';

/**
 * Three months of several domains with few reporters each, benign changes beside incidents; written before
 * the rules were read.
 */
export const MONTHS_FAMILIES: readonly Family[] = [
  sendgridToMailgun,
  prefixThenKey,
  listsJoined,
  graduates,
  fiveADay,
  twoBought,
  namesChange,
  yearBehind,
  tenDays,
  ruaOfOne,
  shopBelow,
  tenantGrowsAndLeaks,
  campaignThenKey,
  neighbourUnsigned,
  wavesAfterTrickle,
  keysGone,
  eleventhLookup,
  twoAtOnce,
  moveAndForgery,
  lettersToPay,
];
