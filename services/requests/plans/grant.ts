import { durationText } from '../../shared/format.ts';
import { digestOf } from '../canonical.ts';
import { grantWords } from '../grants/index.ts';
import type { GrantChange, Plan, Risk } from '../plan.ts';

export interface GrantWish extends Omit<GrantChange, 'target' | 'credential'> {
  domain: string;
  /** What the target verifies the holder by; null where it has none. */
  credential: string | null;
  /** How bad it would be in wrong hands, as the settings say of the target. */
  risk: Risk;
}

const DAY = 86_400;

/** A plan for a right that is lent. */
export function planGrant({ domain, credential, risk, ...wish }: GrantWish): Plan {
  const change: GrantChange = { target: 'grant', ...wish, credential: credential === null ? null : digestOf(credential) };
  const long = wish.seconds > DAY;
  const length = durationText(wish.seconds);
  return {
    version: 1,
    kind: wish.kind,
    domain,
    summary: `Lend ${wish.holder} ${grantWords(change)} for ${length}.`,
    warnings: long ? [`It is lent for ${length}: what is lent longer than a day is seldom watched.`] : [],
    why: [],
    risk: long ? 'high' : risk,
    risk_because: [
      long ? 'It is lent for longer than a day.' : `The settings call what ${wish.server} lends of ${risk} risk.`,
      'It ends by itself.',
    ],
    changes: [change],
    back: {
      watch_hours: 0,
      text: `It ends ${length} after it is applied at the latest, or at once with "ruawatch access end".`,
    },
    finding: null,
    reviews: null,
  };
}
