import { traitsOf } from '../../findings/kinds/traits-of.ts';
import { addDays, earlier, later } from '../../shared/days.ts';
import type { FindingEvent } from '../../store/alerts/outbox.ts';
import type { Item } from './plan.ts';

/** So many days between the last of one and of another, and they are of the same time. */
const SAME_DAYS = 2;
/**
 * Of two findings so large a part of the networks that one lists is the other's too; or so many, as only the
 * largest are listed.
 */
const SHARED = 0.5;
const SHARED_LISTED = 2;

/** Findings that are told in one mail, and what they have in common. */
interface Group {
  items: Item[];
  /**
   * All networks that one of them lists: of forty, each lists its ten largest, and those are not the same
   * ten.
   */
  networks: Set<string>;
  first: string;
  last: string;
}

/**
 * Puts together the findings of several domains that are due at once and tell of the same networks: who
 * forges all names of a firm in one morning is one matter for whoever reads it, and each finding keeps its
 * own number. What is alone stays alone. The order is that of the items.
 * @param events what each item reports, by its finding
 */
export function campaignsAmong(items: readonly Item[], events: ReadonlyMap<number, FindingEvent>): Item[][] {
  let groups: Group[] = [];
  for (const item of items) {
    const event = events.get(item.finding_key);
    const own: Group = { items: [item], networks: new Set(), first: '', last: '' };
    // Of what goes wrong with senders of ours, each domain is a matter of its own.
    if (event && item.step !== 'reminded' && traitsOf(event.evidence.facts?.rule).campaign) {
      own.networks = new Set(event.evidence.who.map(({ source }) => source));
      own.first = own.last = event.evidence.last_day;
    }
    groups = joined(groups, own);
  }
  const place = new Map(items.map((item, i) => [item, i]));
  return groups.map((group) => group.items.sort((a, b) => place.get(a)! - place.get(b)!));
}

/**
 * The groups with one more item: it joins the first that it belongs to, and brings the others that it belongs
 * to along.
 */
function joined(groups: readonly Group[], own: Group): Group[] {
  let all: Group | null = null;
  const kept: Group[] = [];
  for (const group of groups) {
    if (!isSame(group, own) || (all !== null && !isApart(all, group))) {
      kept.push(group);
      continue;
    }
    if (all === null) {
      all = group;
      kept.push(group);
    } else add(all, group);
  }
  if (all === null) return [...groups, own];
  add(all, own);
  return kept;
}

function add(to: Group, more: Group): void {
  to.items.push(...more.items);
  for (const network of more.networks) to.networks.add(network);
  to.first = earlier(to.first, more.first);
  to.last = later(to.last, more.last);
}

/** Each is about domains of its own, all of one time. */
function isApart(a: Group, b: Group): boolean {
  const domains = new Set(a.items.map(({ domain }) => domain));
  if (b.items.some(({ domain }) => domains.has(domain))) return false;
  return later(a.last, b.last) <= addDays(earlier(a.first, b.first), SAME_DAYS);
}

function isSame(a: Group, b: Group): boolean {
  const [fewer, more] = [a.networks, b.networks].sort((x, y) => x.size - y.size) as [Set<string>, Set<string>];
  if (fewer.size === 0 || a.items[0]!.step !== b.items[0]!.step || !isApart(a, b)) return false;
  const shared = [...fewer].filter((source) => more.has(source)).length;
  return shared >= SHARED_LISTED || shared >= SHARED * fewer.size;
}
