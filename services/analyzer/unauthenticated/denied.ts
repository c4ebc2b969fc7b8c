import type { Ending } from '../../findings/end-reasons.ts';
import type { DeniedNetworks } from '../../findings/kinds/networks.ts';
import { dayOf } from '../../shared/days.ts';
import { strength } from '../../shared/policy.ts';
import type { KnownFinding } from '../../store/findings/findings.ts';
import { OTHER_SOURCES } from '../../store/rollups/allowance.ts';
import type { DomainWindow } from '../rules/window.ts';
import { namedRiseOf } from './named-rise.ts';
import { sumOf } from './networks.ts';
import { KIND_OF, type Part } from './part.ts';
import type { Rise } from './rise.ts';

/** What people said of the networks of a rise, the newest word for all; null where nobody denied one. */
export function deniedOf(
  { denied = new Map() }: DomainWindow,
  { told, others }: Pick<Rise, 'told' | 'others'>,
  who: readonly { source: string }[],
): DeniedNetworks | null {
  const named = new Set([...told, ...who].map(({ source }) => source));
  const entries = [...named].flatMap((source) => denied.get(source) ?? []);
  const [newest] = entries.sort((a, b) => b.since.getTime() - a.since.getTime());
  if (newest === undefined) return null;
  const all = others.networks === 0 && !named.has(OTHER_SOURCES) && entries.length === named.size;
  return {
    by: newest.by_name,
    on: dayOf(newest.since),
    why: newest.why,
    sources: entries.map(({ source }) => source).sort(),
    all,
  };
}

/**
 * Whether nothing is left to do about a rise: all its networks are denied, and the policy had receivers keep
 * all that they sent in the days looked at out of the inbox.
 */
export function isKeptOut(denied: DeniedNetworks | null, { told, others }: Rise, policy: string | null): boolean {
  const { delivered } = sumOf([...told.flatMap((one) => one.days), ...others.days]);
  return denied?.all === true && delivered === 0 && (strength('p', policy) ?? 0) > 0;
}

/** The end of an open finding for that reason; null where it is not over for it. */
export function endedByDenial(finding: KnownFinding, window: DomainWindow, part: Part, policy: string | null): Ending | null {
  const rise = finding.kind === KIND_OF[part] ? namedRiseOf(window, part) : null;
  if (rise === null || !isKeptOut(deniedOf(window, rise, finding.evidence.who), rise, policy)) return null;
  return { reason: 'denied_kept_out', p: policy! };
}
