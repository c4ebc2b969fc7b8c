import type { HostedZone, ResourceRecordSet, Route53Client } from '@aws-sdk/client-route-53';
import type { loadSdk } from './client.ts';
import { nameOfRoute53, route53Name } from './values.ts';

export interface Route53 {
  sdk: Awaited<ReturnType<typeof loadSdk>>;
  client: Route53Client;
  signal: AbortSignal;
}

/** Zones of one name, and pages of one name's record sets, that are looked at. */
const MOST_PAGES = 20;

/** What keeps a change from being made: a sentence for a person. */
export class Route53Error extends Error {
  override readonly name = 'Route53Error';
}

/**
 * The public hosted zone that holds a name: the longest, no longer than the name and no shorter than the zone
 * of the settings. Private zones are answered inside a network alone, where no receiver of mail asks.
 * @throws Route53Error when there is none, or two of the same name
 */
export async function hostedZoneOf(
  name: string,
  { zone, hostedZone }: { zone: string; hostedZone: string | null },
  means: Route53,
): Promise<HostedZone> {
  if (hostedZone !== null) return givenZone(name, hostedZone, means);
  for (let at = name; ; at = at.slice(at.indexOf('.') + 1)) {
    const zones = await publicZones(at, means);
    if (zones.length > 1)
      throw new Route53Error(
        `There are ${zones.length} public hosted zones named ${at}: say which by hosted_zone (${zones.map(({ Id }) => idOf(Id)).join(' or ')}).`,
      );
    if (zones[0] !== undefined) return zones[0];
    if (at === zone || !at.includes('.')) break;
  }
  throw new Route53Error(`The account has no public hosted zone ${zone}: create it there, or correct zones or the credentials.`);
}

async function givenZone(name: string, id: string, { sdk, client, signal }: Route53): Promise<HostedZone> {
  const { HostedZone: found } = await client.send(new sdk.GetHostedZoneCommand({ Id: id }), { abortSignal: signal });
  const holds = nameOfRoute53(found?.Name ?? '') ?? '';
  if (found === undefined || (name !== holds && !name.endsWith(`.${holds}`)))
    throw new Route53Error(`The hosted zone ${id} is ${holds}, which does not hold ${name}: correct hosted_zone.`);
  if (found.Config?.PrivateZone === true)
    throw new Route53Error(
      `The hosted zone ${id} is private, so that no receiver of mail sees its records: correct hosted_zone.`,
    );
  return found;
}

export const idOf = (id: string | undefined): string => (id ?? '').replace(/^\/hostedzone\//, '');

async function publicZones(name: string, { sdk, client, signal }: Route53): Promise<HostedZone[]> {
  const found: HostedZone[] = [];
  let from: { DNSName: string; HostedZoneId?: string } = { DNSName: route53Name(name) };
  for (let page = 0; page < MOST_PAGES; page++) {
    const said = await client.send(new sdk.ListHostedZonesByNameCommand(from), { abortSignal: signal });
    for (const zone of said.HostedZones ?? []) {
      if (nameOfRoute53(zone.Name ?? '') !== name) return found;
      if (zone.Config?.PrivateZone !== true) found.push(zone);
    }
    if (said.IsTruncated !== true || said.NextDNSName === undefined) return found;
    from = {
      DNSName: said.NextDNSName,
      ...(said.NextHostedZoneId === undefined ? {} : { HostedZoneId: said.NextHostedZoneId }),
    };
  }
  return found;
}

interface Start {
  name: string;
  type: ResourceRecordSet['Type'];
  identifier: string | undefined;
}

/** All record sets of a name in a hosted zone. */
export async function setsAt(name: string, hostedZone: string, { sdk, client, signal }: Route53): Promise<ResourceRecordSet[]> {
  const found: ResourceRecordSet[] = [];
  let from: Start = { name: route53Name(name), type: undefined, identifier: undefined };
  for (let page = 0; page < MOST_PAGES; page++) {
    const said = await client.send(
      new sdk.ListResourceRecordSetsCommand({
        HostedZoneId: hostedZone,
        StartRecordName: from.name,
        StartRecordType: from.type,
        StartRecordIdentifier: from.identifier,
      }),
      { abortSignal: signal },
    );
    for (const set of said.ResourceRecordSets ?? []) {
      if (nameOfRoute53(set.Name ?? '') !== name) return found;
      found.push(set);
    }
    if (said.IsTruncated !== true || said.NextRecordName === undefined) return found;
    from = { name: said.NextRecordName, type: said.NextRecordType, identifier: said.NextRecordIdentifier };
  }
  throw new Route53Error(`${name} has more record sets than are read: change it by hand.`);
}
