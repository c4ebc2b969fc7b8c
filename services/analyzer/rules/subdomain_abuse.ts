import type { Ending } from '../../findings/end-reasons.ts';
import { publishedTag } from '../../shared/policy.ts';
import { rankOf, type Severity } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { subdomainQuery } from '../../store/findings/kind-queries.ts';
import { deniedOf, endedByDenial, isKeptOut } from '../unauthenticated/denied.ts';
import { namedRiseOf } from '../unauthenticated/named-rise.ts';
import { numbersOf, severityOf } from '../unauthenticated/numbers.ts';
import { UNAUTHORIZED_DAYS } from '../unauthenticated/part.ts';
import type { Rise } from '../unauthenticated/rise.ts';
import type { DomainRule } from './rule.ts';
import { isOwnAfterAll, silent } from './silence.ts';
import { coveredDays, type DomainWindow } from './window.ts';

const KIND = 'subdomain_abuse';
/** Names that the evidence lists. */
const NAMES = 10;
/** Names in use that are listed. */
const USED = 3;

/**
 * Unauthenticated mail under names below the domain that rises above habit, by the test of
 * unauthorized_source. Names need not exist to be forged: what applies to one that does not is `np`, else
 * `sp`, else `p` (RFC 9989 section 4.7), and nobody notices, as nobody sends there.
 *
 * Reports do not say whether a name exists, and nothing is looked up: what is said of a name is whether mail
 * was ever seen passing under it.
 */
export const subdomainAbuse: DomainRule = {
  kind: KIND,
  scope: 'domain',
  severity: ['low', 'medium', 'high', 'critical'],
  tested: true,
  find,
  over,
};

function find(window: DomainWindow): Candidate[] {
  const rise = namedRiseOf(window, 'below');
  if (rise === null) return [];
  const { confidence, first_day, evidence } = numbersOf(window, rise);
  const { last_day } = evidence;
  const { names } = window;
  const used = names.largest.filter((one) => one.used);
  const published = publishedOf(window);
  const denied = deniedOf(window, rise, evidence.who);
  if (isKeptOut(denied, rise, milderOf(published))) return [];
  return [
    {
      kind: KIND,
      subject: window.domain,
      severity: graver(milder(severityOf(rise.harm), used.length > 0), severityOf(asDomainItself(rise))),
      confidence,
      first_day,
      last_day,
      evidence: {
        ...evidence,
        names: names.largest.slice(0, NAMES),
        names_in_all: names.names,
        ...(published === null ? {} : { policy: policyOf(published, used.length < names.largest.length) }),
        facts: {
          rule: KIND,
          published,
          used: used.slice(0, USED).map(({ name }) => name),
          used_in_all: used.length,
          looked_at: names.largest.length,
          ...(denied && { denied }),
        },
        query: subdomainQuery(window.domain, evidence.since, last_day),
      },
    },
  ];
}

/** Resolved as unauthorized_source is. */
function over(finding: KnownFinding, window: DomainWindow): Ending | null {
  if (isOwnAfterAll(finding, window)) return { reason: 'own_sender' };
  const denied = endedByDenial(finding, window, 'below', milderOf(publishedOf(window)));
  if (denied !== null) return denied;
  return silent(finding, coveredDays(window), UNAUTHORIZED_DAYS)
    ? { reason: 'no_such_mail', days: UNAUTHORIZED_DAYS, unusual: true }
    : null;
}

interface Published {
  p: string | null;
  sp: string;
  np: string;
  testing: boolean;
}

/** The policy that receivers find for these names; null when it is not known. */
function publishedOf({ policy }: DomainWindow): Published | null {
  const [p, sp, np] = (['p', 'sp', 'np'] as const).map((tag) => publishedTag(policy, tag));
  return sp && np ? { p: p ?? null, sp, np, testing: publishedTag(policy, 't') === 'y' } : null;
}

/** The milder of what applies to names that exist and to those that do not; null where neither is known. */
function milderOf(published: Published | null): string | null {
  if (published === null || published.testing) return null;
  return published.np === 'reject' ? published.sp : published.sp === 'none' ? 'none' : published.np;
}

/** @param unused some of the names were never used, so `np` may apply to them */
function policyOf({ p, sp, np }: Published, unused: boolean): string {
  if (np !== sp && unused) return `sp=${sp}; np=${np}`;
  // Some reporters write p where no sp is published: both say the same.
  return sp === p ? `p=${p}` : `sp=${sp}`;
}

/** Nobody knows a name that was never used: it deceives fewer people than the domain or a name in use. */
function milder(severity: Severity, inUse: boolean): Severity {
  if (inUse) return severity;
  return severity === 'critical' ? 'high' : severity === 'high' ? 'medium' : severity;
}

function graver(a: Severity, b: Severity): Severity {
  return rankOf(a) >= rankOf(b) ? a : b;
}

/**
 * What the same networks may have had delivered as the domain itself: it is no milder because they forge
 * names below it as well.
 */
function asDomainItself({ told }: Rise): { messages: number; delivered: number } {
  const sum = { messages: 0, delivered: 0 };
  for (const { failed, below, delivered } of told.flatMap((one) => one.days)) {
    sum.messages += failed - below;
    sum.delivered += Math.min(failed - below, delivered);
  }
  return sum;
}
