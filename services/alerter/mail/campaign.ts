import { traitsOf } from '../../findings/kinds/traits.ts';
import { addDays, earlier, later } from '../../shared/days.ts';
import type { FindingEvent } from '../../store/alerts/outbox.ts';
import type { Item } from './plan.ts';

/** So many days between the last of one and of another, and they are of the same time. */
const SAME_DAYS = 2;
/** Of two findings so large a part of the networks that one lists is the other's too; or so many, as only the largest are listed. */
const SHARED = 0.5;
const SHARED_LISTED = 2;

/**
 * Puts together the findings of several domains that are due at once and tell of the same networks: who forges all names
 * of a firm in one morning is one matter for whoever reads it, and each finding keeps its own number. What is alone stays
 * alone. The order is that of the items.
 * @param events what each item reports, by its finding
 */
export function campaignsAmong(items: readonly Item[], events: ReadonlyMap<number, FindingEvent>): Item[][] {
  const groups: Item[][] = [];
  for (const item of items) {
    const event = events.get(item.finding_key);
    const group = groups.find(([lead, ...more]) => {
      const first = events.get(lead!.finding_key);
      const others = [lead!, ...more].every(({ domain }) => domain !== item.domain);
      return first && event && others && lead!.step === item.step && item.step !== 'reminded' && isSame(first, event);
    });
    if (group) group.push(item);
    else groups.push([item]);
  }
  return groups;
}

function isSame(a: FindingEvent, b: FindingEvent): boolean {
  // Of what goes wrong with senders of ours, each domain is a matter of its own.
  if (![a, b].every(({ evidence: { facts } }) => traitsOf(facts?.rule).campaign)) return false;
  const [first, last] = [a, b].map(({ evidence }) => evidence.last_day).sort() as [string, string];
  if (later(first, last) > addDays(earlier(first, last), SAME_DAYS)) return false;
  const [fewer, more] = [a, b]
    .map(({ evidence }) => evidence.who.map(({ source }) => source))
    .sort((x, y) => x.length - y.length);
  const shared = fewer!.filter((source) => more!.includes(source)).length;
  return shared > 0 && (shared >= SHARED_LISTED || shared >= SHARED * fewer!.length);
}
