import { setMaxListeners } from 'node:events';
import type { AskOptions, Dns } from '../dns/client/types.ts';
import { lookalikesOf } from '../dns/lookalikes/lookalikes.ts';
import { lookUp, MOST_QUESTIONS, mailHostsOf, serversOf } from '../dns/lookalikes/registered.ts';
import { organizationalDomain } from '../report/orgdomain.ts';
import { DAY_MS, dayOf } from '../shared/days.ts';
import { groupBy } from '../shared/group-by.ts';
import type { Context } from '../shared/runtime/service.ts';
import {
  type Candidate,
  countDueLookalikes,
  type DueLookalike,
  ownNames,
  returnQuestions,
  storeCandidates,
  storeLookalike,
  takeLookalikes,
  takeQuestions,
  unlistedDomains,
} from '../store/dns/lookalikes.ts';
import { afterAnswer, type OwnPlaces } from './lookalike-change.ts';

/**
 * Domains whose candidates are listed, and names that are asked about, between two looks at what else is due.
 */
const DOMAINS = 20;
const NAMES = 100;
const AT_ONCE = 16;
/** Questions about the domain itself, once for its names of a batch. */
const OWN_QUESTIONS = 2;
/** How long a batch may take, and how long its names are leased. */
const BATCH_MS = 60_000;
const LEASE_MS = 10 * 60_000;
/** When a name is asked about again that nobody answered for. */
const AGAIN_MS = 6 * 3_600_000;

type Parts = Pick<Context, 'db' | 'clock' | 'config' | 'log'>;

/**
 * Asks about some of the names that may be mistaken for own domains, as long as the day's budget lasts, and
 * keeps what it finds.
 * @returns how many names were asked about; 0: nothing is due, or the budget is spent
 */
export async function watchLookalikes(context: Parts, dns: Dns, signal: AbortSignal): Promise<number> {
  const { db, clock, config } = context;
  const { questions_a_day: budget, names } = config.watcher.lookalikes;
  if (budget === 0) return 0;
  const own = await ownNames(db);
  for (const domain of await unlistedDomains(db, clock.now(), DOMAINS))
    await storeCandidates(db, domain, candidatesOf(domain, own, names), clock.now());
  const day = dayOf(clock.now());
  const waiting = await countDueLookalikes(db, clock.now(), NAMES);
  if (waiting === 0) return 0;
  // Each may be of another domain.
  const given = await takeQuestions(db, day, waiting * (MOST_QUESTIONS + OWN_QUESTIONS), budget);
  let left = given;
  let asked = 0;
  try {
    const most = Math.min(waiting, Math.floor((given - OWN_QUESTIONS) / MOST_QUESTIONS));
    const due = most < 1 ? [] : await takeLookalikes(db, clock.now(), new Date(clock.now().getTime() + LEASE_MS), most);
    const ask: AskOptions = { signal: AbortSignal.any([signal, AbortSignal.timeout(BATCH_MS)]) };
    setMaxListeners(0, ask.signal!);
    for (const [domain, some] of groupBy(due, ({ domain }) => domain)) {
      // What is left must do for the questions about the domain itself.
      if (left < OWN_QUESTIONS + MOST_QUESTIONS) break;
      left -= OWN_QUESTIONS;
      const places = await placesOf(domain, own, dns, ask);
      if (places === null) continue;
      const worker = async () => {
        for (let one = some.shift(); one !== undefined && !ask.signal!.aborted; one = some.shift()) {
          if (left < MOST_QUESTIONS) return;
          left -= MOST_QUESTIONS;
          const questions = await askOne(context, one, places, { dns, ask });
          left += MOST_QUESTIONS - questions;
          asked++;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    }
  } finally {
    await returnQuestions(db, day, left);
  }
  return asked;
}

/** The names that may be mistaken for a domain, but for own ones; none for a domain below one that is own. */
function candidatesOf(domain: string, own: ReadonlySet<string>, most: number): Candidate[] {
  const base = organizationalDomain(domain);
  const first = [...own]
    .filter((one) => organizationalDomain(one) === base)
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1))[0];
  if (first !== domain || !base.includes('.')) return [];
  const dot = base.indexOf('.');
  const isOwn = (name: string) => [...own].some((one) => name === one || name.endsWith(`.${one}`));
  const owned = new Set([...own].map(organizationalDomain));
  return lookalikesOf({ label: base.slice(0, dot), suffix: base.slice(dot + 1) })
    .filter(({ name }) => !owned.has(organizationalDomain(name)) && !isOwn(name))
    .slice(0, most)
    .map(({ name, shown, kind, rank }) => ({ name, shown, kind, rank }));
}

/**
 * The name servers and mail hosts of the domain; null when nobody answers for it: then nothing can be
 * compared.
 */
async function placesOf(domain: string, domains: ReadonlySet<string>, dns: Dns, ask: AskOptions): Promise<OwnPlaces | null> {
  const base = organizationalDomain(domain);
  const servers = await dns.ask(base, 'NS', ask);
  const mail = await dns.ask(base, 'MX', ask);
  if (servers.state === 'unknown' || mail.state === 'unknown') return null;
  return { servers: serversOf(servers), mailHosts: mailHostsOf(mail), domains };
}

/** @returns how many questions were asked */
async function askOne(
  { db, clock }: Parts,
  { domain, ...before }: DueLookalike,
  places: OwnPlaces,
  { dns, ask }: { dns: Dns; ask: AskOptions },
): Promise<number> {
  const found = await lookUp(before.name, dns, { ...ask, dmarc: true });
  // What was interrupted is asked again when its lease ends.
  if (ask.signal?.aborted) return found.questions;
  const now = clock.now();
  const { after, news } = afterAnswer(before, found, places, now);
  const wait = found.state === 'unknown' ? AGAIN_MS : DAY_MS;
  await storeLookalike(db, domain, after, { due: new Date(now.getTime() + wait), news });
  return found.questions;
}
