import type { Dns } from '../dns/client/types.ts';
import { networkContains } from '../dns/guard/spf-terms.ts';
import { organizationalDomain } from '../report/orgdomain.ts';
import { PlanError, planDns } from '../requests/plans/dns.ts';
import type { Rule } from '../requests/rules.ts';
import { codeOf, messageOf, PermanentError } from '../shared/errors.ts';
import { counted } from '../shared/format.ts';
import type { Db, Tx } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Cluster } from '../shared/settings/cluster.ts';
import {
  type EgressRecord,
  keepEgressRecord,
  noteEgressRequest,
  ownAddresses,
  type StoredProblem,
  sendingSince,
} from '../store/cluster/records.ts';
import type { StoredWay } from '../store/cluster/ways.ts';
import { ownDomainOf } from '../store/domains/domains.ts';
import { openRequest } from '../store/requests/open.ts';
import { seenMail } from '../store/requests/seen.ts';
import type { Decided, LastRequest, Way } from './decide.ts';
import type { WatchedRecord } from './declared.ts';
import { lookAtRecord, notAdmitted } from './follow-record.ts';
import { canonical } from './observe.ts';

/** Its name in requests and in the audit chain. */
const REQUESTER = 'cluster';
/** What nobody has observed for so long is not known any more. */
const STALE_MS = 10 * 60_000;
/** Days of reports that are looked through for addresses that no egress has. */
const SEEN_MS = 7 * 86_400_000;
/** Of those, how many are named. */
const MOST_NAMED = 5;

/** Why a request cannot be opened: settings and people decide that. */
const NOT_ASKED = new Set(['no_rule', 'nobody_can_approve', 'wrong_domain']);

export interface RoundMeans {
  db: Db;
  dns: Dns;
  log: Log;
  rules: readonly Rule[];
  settings: Cluster;
  now: Date;
  /** The clock that requests go by; null for the database's. */
  at: Date | null;
  asking: { signal: AbortSignal };
}

/**
 * Brings one SPF record nearer to what the cluster's mail needs. @returns the request that was opened; null
 * without one
 */
export async function followRecord(
  record: WatchedRecord,
  stored: readonly StoredWay[],
  before: EgressRecord | null,
  means: RoundMeans,
): Promise<number | null> {
  const { db, now } = means;
  const domain = await ownDomainOf(db, record.name);
  const keep = async (waits: string | null, problems: readonly StoredProblem[]) => {
    await keepEgressRecord(db, { name: record.name, domain: domain ?? record.name, waits, problems, now });
    return null;
  };
  if (domain === null) {
    const message = `${record.name} is below no domain of yours: nothing is asked for it (ruawatch domains add).`;
    return keep(null, [{ code: 'not_own', message, addresses: [] }]);
  }
  const ways = record.ways.map(({ environment, egress, way }): Way => {
    const known = stored.find((one) => one.environment === environment && one.egress === egress);
    return {
      name: `${environment}/${egress}`,
      seen: known?.addresses ?? [],
      unknown: unknownNow(known, now),
      declared: [...way.addresses.flatMap((text) => canonical(text) ?? []), ...record.declared].filter((one) =>
        one.includes('/'),
      ),
      confirmed_at: known?.confirmed_at ?? null,
    };
  });
  const sending = new Set(await sendingSince(db, [...record.domains, domain], new Date(now.getTime() - means.settings.queueMs)));
  const looked = await lookAtRecord(means.dns, {
    record,
    ways,
    sending,
    last: lastOf(before),
    limits: limitsOf(means.settings),
    now,
    asking: means.asking,
  });
  if (looked.state === 'waits') return keep(looked.why, []);
  if (looked.state === 'blocked') return keep(null, [{ ...looked.problem, addresses: [] }]);
  const { decided, text } = looked;
  if (decided.change === null) return keep(decided.waits, decided.problems);
  const shut = await shadowed(record, decided.change, ways, means);
  if (shut !== null) return keep(null, [...decided.problems, shut]);
  await keep(null, decided.problems);
  const strangers = await unknownSenders({ record, domain, ways }, looked.admitted, means);
  try {
    return await ask({ record, domain, text, decided, strangers, after: before?.request_key ?? null }, means);
  } catch (error) {
    if (error instanceof PlanError && (error.code === 'unknown' || error.code === 'nothing_to_do'))
      return keep(error.message, decided.problems);
    const code = error instanceof PlanError ? error.code : codeOf(error);
    if (code === 'asked_meanwhile') return null;
    if (code === null || !(error instanceof PlanError || NOT_ASKED.has(code))) throw error;
    return keep(null, [...decided.problems, { code, message: messageOf(error), addresses: decided.change.come }]);
  }
}

const limitsOf = ({ debounceMs, queueMs, everyMs, mostLoss }: Cluster) => ({
  debounce_ms: debounceMs,
  queue_ms: queueMs,
  every_ms: everyMs,
  most_loss: mostLoss,
});

function unknownNow(way: StoredWay | undefined, now: Date): string | null {
  if (way === undefined || way.observed_at === null) return way?.unknown ?? 'Nothing has observed it yet.';
  if (way.unknown !== null) return way.unknown;
  return now.getTime() - way.observed_at.getTime() > STALE_MS ? 'Nothing observes it any more.' : null;
}

function lastOf(before: EgressRecord | null): LastRequest | null {
  if (before === null || before.request_key === null || before.state === null) return null;
  const { request_key, state, asked_at, before: text, value } = before;
  return { request_key, state, at: asked_at!, before: text!, value: value! };
}

/** Whether the planned record would still not admit what it is changed for. */
async function shadowed(
  { name }: WatchedRecord,
  { value, come }: NonNullable<Decided['change']>,
  ways: readonly Way[],
  { dns, asking }: RoundMeans,
): Promise<StoredProblem | null> {
  const coming = ways
    .flatMap(({ seen }) => seen.filter(({ gone_at }) => gone_at === null).map(({ address }) => address))
    .filter((address) => come.some((network) => networkContains(network, address)));
  const address = await notAdmitted({ name, text: value }, coming, dns, asking);
  if (address === null) return null;
  const message = `A term of the record denies ${address} before the one that would admit it: change the record by hand.`;
  return { code: 'shadowed', message, addresses: [address] };
}

/**
 * Addresses that reports show of the domain's own mail, and that neither the cluster nor mail-guard.yaml has.
 */
async function unknownSenders(
  { record, domain, ways }: { record: WatchedRecord; domain: string; ways: readonly Way[] },
  admitted: (address: string) => Promise<string | null>,
  { db, now }: RoundMeans,
): Promise<string[]> {
  const known = [...record.declared, ...ways.flatMap(({ seen }) => seen.map(({ address }) => address))];
  const since = new Date(now.getTime() - SEEN_MS);
  const found: string[] = [];
  for (const { address, messages } of await ownAddresses(db, [...record.domains, domain], since)) {
    if (found.length >= MOST_NAMED) break;
    if (known.some((network) => networkContains(network, address))) continue;
    // What an include admits is somebody else's service.
    const term = await admitted(address);
    if (term !== null && !/^\+?(?:ip4|ip6|a|mx)(?:[:/]|$)/i.test(term)) continue;
    const by = term === null ? 'SPF does not admit it' : `${term} admits it`;
    found.push(`Reports of the last week show ${counted(messages, 'message')} from ${address}, which no egress has; ${by}.`);
  }
  return found;
}

interface Asked {
  record: WatchedRecord;
  domain: string;
  /** The record as the decision saw it. */
  text: string;
  decided: Decided;
  strangers: readonly string[];
  /** The request that the decision rests on. */
  after: number | null;
}

async function ask({ record, domain, text, decided, strangers, after }: Asked, means: RoundMeans): Promise<number | null> {
  const { db, dns, rules, now, at, asking, log } = means;
  const { value, come, gone } = decided.change!;
  const { name } = record;
  const what = [
    ...(come.length > 0 ? [`admit ${come.join(', ')}`] : []),
    ...(gone.length > 0 ? [`admit ${gone.join(', ')} no longer`] : []),
  ].join(', and ');
  const days = means.settings.queueMs / 86_400_000;
  const why = [
    ...(come.length > 0 ? [`Mail of ${record.workloads.join(', ')} leaves by ${come.join(', ')}.`] : []),
    ...(gone.length > 0
      ? [`${gone.join(', ')} left the cluster at least ${counted(days, 'day')} ago, and no report shows mail from there since.`]
      : []),
    ...strangers,
  ];
  const summary = `Let SPF of ${name} ${what}.`;
  const mail = await seenMail(db, domain, now);
  const wish = { kind: 'dns.change' as const, domain, records: [{ name, value }], summary, why, finding: null };
  const plan = await planDns(wish, dns, { ...asking, ...mail, registrable: organizationalDomain });
  const [change] = plan.changes;
  // DNS may have answered otherwise meanwhile: then the next round decides.
  if (change?.target !== 'dns' || !change.before.some((member) => member.text === text)) return null;
  const also = async (tx: Tx, request_key: number) => {
    if (!(await noteEgressRequest(tx, { name, after, request_key, before: text, value, now })))
      throw new PermanentError('asked_meanwhile', `Another process has asked for ${name} meanwhile.`);
  };
  const given = {
    plan,
    requester: REQUESTER,
    requester_kind: 'service' as const,
    why: why[0]!,
    playbook: `cluster ${name}`,
    also,
  };
  const key = await openRequest(db, rules, given, at);
  log.info({ request: key, name, come, gone }, 'a request to change SPF is open');
  return key;
}
