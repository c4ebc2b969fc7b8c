import type { HostedZone, ResourceRecordSet } from '@aws-sdk/client-route-53';
import type { Member } from '../../../requests/plan.ts';
import { sameMembers } from '../../../requests/plans/members.ts';
import { messageOf } from '../../../shared/errors.ts';
import type { Route53Zones } from '../../../shared/settings/dns-servers.ts';
import type { Applied, RecordChange } from '../target.ts';
import { clientOf, loadSdk } from './client.ts';
import { endOf } from './errors.ts';
import { waitInSync } from './in-sync.ts';
import { memberOfValue, route53Name, valueOfMember } from './values.ts';
import { hostedZoneOf, idOf, type Route53, Route53Error, setsAt } from './zone.ts';

/** Characters of all values of one batch (Route 53's quota). */
const MOST_CHARACTERS = 32_000;

export interface Route53Means {
  signal?: AbortSignal;
  /** Milliseconds for which the servers of Route 53 are waited for, and between two looks. */
  waitMs?: number;
  everyMs?: number;
}

type Typed = RecordChange & { type: 'TXT' | 'CNAME' };

/**
 * Makes a change of a hosted zone: DELETE of exactly what is there and CREATE of what is to be, in one batch,
 * which Route 53 carries out whole or not at all. So another's change in between is never overwritten, as
 * UPSERT would do.
 */
export async function applyByRoute53(
  target: Route53Zones,
  zone: string,
  change: RecordChange,
  { signal = new AbortController().signal, ...waits }: Route53Means = {},
): Promise<Applied> {
  if (change.type !== 'TXT' && change.type !== 'CNAME')
    return { state: 'failed', answer: `Records of type ${change.type} are not changed in Route 53.` };
  let route53: Route53;
  try {
    const sdk = await loadSdk();
    route53 = { sdk, client: clientOf(sdk, target), signal };
  } catch (error) {
    return { state: 'later', answer: messageOf(error) };
  }
  try {
    return await make({ ...change, type: change.type }, { target, zone }, { route53, waits });
  } catch (error) {
    return endOf(error, target.name);
  } finally {
    route53.client.destroy();
  }
}

interface Means {
  route53: Route53;
  waits: Omit<Route53Means, 'signal'>;
}

async function make(
  change: Typed,
  { target, zone }: { target: Route53Zones; zone: string },
  { route53, waits }: Means,
): Promise<Applied> {
  const hosted = await hostedZoneOf(change.name, { zone, hostedZone: target.hostedZone }, route53);
  const now = await present(change, hosted, route53);
  if (sameMembers(now.members, change.after)) return { state: 'applied', answer: 'It is there already.' };
  if (!sameMembers(now.members, change.before)) return STALE;
  let changeId: string | undefined;
  try {
    const sent = await route53.client.send(
      new route53.sdk.ChangeResourceRecordSetsCommand({ HostedZoneId: idOf(hosted.Id), ChangeBatch: batchOf(change, now.set) }),
      { abortSignal: route53.signal },
    );
    changeId = sent.ChangeInfo?.Id;
  } catch (error) {
    return afterError(error, { change, hosted, target }, route53);
  }
  const there = await present(change, hosted, route53);
  if (!sameMembers(there.members, change.after))
    return { state: 'later', answer: 'What answered for Route 53 said that it was made, and it is not there.' };
  return waitInSync(changeId, route53, waits);
}

const STALE: Applied = {
  state: 'stale',
  answer: 'The records are not what they were when the change was planned. Read them again and plan anew.',
};

/**
 * What an error proves nothing about is read: an answer that was lost may have been a success, which a second
 * try is refused for.
 */
async function afterError(
  error: unknown,
  { change, hosted, target }: { change: Typed; hosted: HostedZone; target: Route53Zones },
  route53: Route53,
): Promise<Applied> {
  const end = endOf(error, target.name);
  try {
    const now = await present(change, hosted, route53);
    if (sameMembers(now.members, change.after)) return { state: 'applied', answer: 'It is there already.' };
    return sameMembers(now.members, change.before) ? end : STALE;
  } catch (again) {
    // What is there is not known either: the first error says more, unless the name has become one that is
    // not changed.
    return again instanceof Route53Error ? endOf(again, target.name) : { state: 'later', answer: end.answer };
  }
}

/** The record set of a change as it is now. @throws Route53Error for sets that are more than records */
async function present(
  { name, type }: Typed,
  hosted: HostedZone,
  route53: Route53,
): Promise<{ members: Member[]; set: ResourceRecordSet | null }> {
  const sets = await setsAt(name, idOf(hosted.Id), route53);
  const beside = sets.find((one) => one.Type !== type && (one.Type === 'CNAME' || type === 'CNAME'));
  if (beside !== undefined)
    throw new Route53Error(
      `${name} has ${beside.Type} records, and an alias can be beside no other record: change the record where the alias leads, or take it away first.`,
    );
  const same = sets.filter((one) => one.Type === type);
  const set = same[0] ?? null;
  if (set === null) return { members: [], set };
  if (set.AliasTarget !== undefined)
    throw new Route53Error(`${name} is an alias of Route 53 to ${set.AliasTarget.DNSName}: change the record there.`);
  if (set.SetIdentifier !== undefined || same.length > 1)
    throw new Route53Error(
      `${name} has ${same.length === 1 ? 'a record set' : `${same.length} record sets`} of its own for some who ask (by weight, place or health): which of them is meant cannot be said, so change it by hand.`,
    );
  if (set.TrafficPolicyInstanceId !== undefined)
    throw new Route53Error(`${name} is made by a traffic policy of Route 53: change the policy.`);
  const members = (set.ResourceRecords ?? []).map(({ Value }) => memberOfValue(type, Value ?? ''));
  const unreadable = members.indexOf(null);
  if (unreadable >= 0)
    throw new Route53Error(`${name} has a value that cannot be read: ${set.ResourceRecords![unreadable]!.Value}`);
  return { members: members as Member[], set };
}

function batchOf({ name, type, ttl, after }: Typed, set: ResourceRecordSet | null) {
  const values = after.map((member) => ({ Value: valueOfMember(type, member) }));
  const characters = [...values, ...(set?.ResourceRecords ?? [])].reduce((sum, { Value }) => sum + (Value ?? '').length, 0);
  if (characters > MOST_CHARACTERS)
    throw new Route53Error(
      `The values have ${characters} characters, and Route 53 takes ${MOST_CHARACTERS} in one batch: make them shorter.`,
    );
  return {
    Comment: 'ruawatch',
    Changes: [
      // The values and the TTL as they were read: any other are not deleted.
      ...(set === null ? [] : [{ Action: 'DELETE' as const, ResourceRecordSet: set }]),
      ...(values.length === 0
        ? []
        : [
            {
              Action: 'CREATE' as const,
              // Null only where nothing is left.
              ResourceRecordSet: { Name: route53Name(name), Type: type, TTL: ttl.after!, ResourceRecords: values },
            },
          ]),
    ],
  };
}
