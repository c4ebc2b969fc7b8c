import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { XMLParser } from 'fast-xml-parser';

// A strict stand-in for Amazon Route 53, made from the API reference of 2013-04-01: what the vendor refuses,
// it refuses.

export interface StandInSet {
  name: string;
  type: string;
  ttl?: number;
  values?: string[];
  identifier?: string;
  weight?: number;
  alias?: string;
}

interface StandInZone {
  id: string;
  name: string;
  private?: boolean;
  sets: StandInSet[];
}

/** What happens to the next batch, before it is looked at, or (`lost`) after it was carried out. */
export type Fault = 'throttling' | 'prior' | 'unavailable' | 'denied' | 'expired' | 'reset' | 'lost' | 'html';

export interface StandIn {
  endpoint: string;
  zones: StandInZone[];
  faults: Fault[];
  /** Batches that were carried out. */
  effects: number;
  /** Calls of GetChange that still answer PENDING. */
  pending: number;
  /**
   * Whether refusals of batches have the form of the API reference's example, not that of all other errors.
   */
  bareRefusals: boolean;
  /** Called before a batch is looked at. */
  before: () => void;
  stop(): Promise<void>;
}

const NS = 'xmlns="https://route53.amazonaws.com/doc/2013-04-01/"';
const MOST_PAGE = 2;
export const ACCESS_KEY = 'AKIDEXAMPLE';

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const xml = (text: string | number) =>
  String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
const order = (name: string) => name.replace(/\.$/, '').split('.').reverse().join('\u0000');
/**
 * As the service keeps names: lower case, all but letters, digits, hyphen and underscore as octal digits, a
 * final dot.
 */
const keptName = (name: string) =>
  `${name.replace(/\.$/, '').toLowerCase()}.`.replace(/\\([0-7]{3})|[^a-z0-9_.\\-]/g, (all, digits) =>
    digits === undefined
      ? `\\${all.charCodeAt(0).toString(8).padStart(3, '0')}`
      : /[a-z0-9_-]/.test(String.fromCharCode(Number.parseInt(digits, 8)))
        ? String.fromCharCode(Number.parseInt(digits, 8))
        : all,
  );

function checkTxt(value: string): void {
  const fatal = (problem: string) =>
    new Refusal(400, 'InvalidChangeBatch', `[Invalid Resource Record: 'FATAL problem: ${problem} encountered with '${value}'']`);
  if (value.length > 4000) throw fatal('TXTRDATATooLong');
  if (!/^"(?:[^"\\]|\\.)*"(?:[ \t]+"(?:[^"\\]|\\.)*")*$/s.test(value)) throw fatal('InvalidCharacterString');
  if (/[^ -~\t]/.test(value)) throw fatal('UnsupportedCharacter (Value contains unsupported characters)');
  for (const [, text] of value.matchAll(/"((?:[^"\\]|\\.)*)"/gs))
    if (text!.replace(/\\[0-7]{3}|\\./g, '.').length > 255) throw fatal('CharacterStringTooLong (Value is too long)');
}

interface GivenSet {
  Name: string;
  Type: string;
  TTL?: string;
  SetIdentifier?: string;
  ResourceRecords?: { ResourceRecord: { Value: string }[] };
}

const parser = new XMLParser({
  isArray: (name) => name === 'Change' || name === 'ResourceRecord',
  parseTagValue: false,
  trimValues: false,
});

function changed(zone: StandInZone, changes: { Action: string; ResourceRecordSet: GivenSet }[]): StandInSet[] {
  const refuse = (message: string) => new Refusal(400, 'InvalidChangeBatch', `[${message}]`);
  let sets = [...zone.sets];
  const seen = new Set<string>();
  for (const { Action: action, ResourceRecordSet: given } of changes) {
    const name = keptName(given.Name);
    const { Type: type, SetIdentifier: identifier } = given;
    const said = `[name='${name}', type='${type}'${identifier ? `, set-identifier='${identifier}'` : ''}]`;
    const zoneName = keptName(zone.name);
    if (name !== zoneName && !name.endsWith(`.${zoneName}`))
      throw refuse(`RRSet with DNS name ${name} is not permitted in zone ${zoneName}`);
    const values = (given.ResourceRecords?.ResourceRecord ?? []).map(({ Value }) => Value);
    if (values.length === 0 || given.TTL === undefined) throw new Refusal(400, 'InvalidInput', 'Missing field in Change');
    if (type === 'TXT') for (const value of values) checkTxt(value);
    if (new Set(values).size < values.length) throw refuse(`Duplicate Resource Record: '${values[0]}'`);
    const key = `${action} ${said}`;
    if (seen.has(key)) throw refuse(`The request contains an invalid set of changes for a resource record set ${said}`);
    seen.add(key);
    const found = sets.find((one) => keptName(one.name) === name && one.type === type && one.identifier === identifier);
    if (action === 'DELETE') {
      if (found === undefined) throw refuse(`Tried to delete resource record set ${said} but it was not found`);
      const same =
        found.alias === undefined &&
        found.ttl === Number(given.TTL) &&
        [...found.values!].sort().join('\n') === [...values].sort().join('\n');
      if (!same)
        throw refuse(`Tried to delete resource record set ${said} but the values provided do not match the current values`);
      sets = sets.filter((one) => one !== found);
    } else if (action === 'CREATE') {
      if (found !== undefined || sets.some((one) => keptName(one.name) === name && one.type === type))
        throw refuse(`Tried to create resource record set ${said} but it already exists`);
      if (sets.some((one) => keptName(one.name) === name && (one.type === 'CNAME' || type === 'CNAME')))
        throw refuse(
          `RRSet of type ${type} with DNS name ${name} is not permitted as it conflicts with other records with the same DNS name in zone ${zoneName}`,
        );
      sets.push({ name, type, ttl: Number(given.TTL), values });
    } else throw refuse(`${action} is no compare-and-swap`);
  }
  return sets;
}

const setXml = (one: StandInSet) =>
  `<ResourceRecordSet><Name>${xml(keptName(one.name))}</Name><Type>${one.type}</Type>${one.identifier ? `<SetIdentifier>${xml(one.identifier)}</SetIdentifier><Weight>${one.weight ?? 1}</Weight>` : ''}${
    one.alias
      ? `<AliasTarget><HostedZoneId>Z1</HostedZoneId><DNSName>${xml(one.alias)}</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>`
      : `<TTL>${one.ttl}</TTL><ResourceRecords>${one.values!.map((value) => `<ResourceRecord><Value>${xml(value)}</Value></ResourceRecord>`).join('')}</ResourceRecords>`
  }</ResourceRecordSet>`;
const zoneXml = (zone: StandInZone) =>
  `<HostedZone><Id>/hostedzone/${zone.id}</Id><Name>${xml(keptName(zone.name))}</Name><CallerReference>c</CallerReference><Config><PrivateZone>${zone.private === true}</PrivateZone></Config><ResourceRecordSetCount>${zone.sets.length}</ResourceRecordSetCount></HostedZone>`;

/** Starts one on loopback, on a port the system picks. */
export async function startRoute53(zones: StandInZone[]): Promise<StandIn> {
  const busy = new Set<string>();
  const standIn = {
    zones,
    faults: [] as Fault[],
    effects: 0,
    pending: 0,
    bareRefusals: false,
    before: () => undefined,
  } as unknown as StandIn;
  const zoneOf = (id: string) => {
    const zone = standIn.zones.find((one) => one.id === id);
    if (zone === undefined) throw new Refusal(404, 'NoSuchHostedZone', `No hosted zone found with ID: ${id}`);
    return zone;
  };

  function zonesByName({ searchParams: asked }: URL): string {
    const sorted = [...standIn.zones].sort((a, b) =>
      order(a.name) < order(b.name) ? -1 : order(a.name) > order(b.name) ? 1 : a.id < b.id ? -1 : 1,
    );
    const name = asked.get('dnsname');
    const id = asked.get('hostedzoneid');
    const from = sorted.findIndex(
      (one) =>
        name === null || order(one.name) > order(name) || (order(one.name) === order(name) && (id === null || one.id >= id)),
    );
    const page = from < 0 ? [] : sorted.slice(from, from + MOST_PAGE);
    const next = from < 0 ? undefined : sorted[from + MOST_PAGE];
    return `<ListHostedZonesByNameResponse ${NS}><HostedZones>${page.map(zoneXml).join('')}</HostedZones><IsTruncated>${next !== undefined}</IsTruncated>${next ? `<NextDNSName>${xml(keptName(next.name))}</NextDNSName><NextHostedZoneId>${next.id}</NextHostedZoneId>` : ''}<MaxItems>${MOST_PAGE}</MaxItems></ListHostedZonesByNameResponse>`;
  }

  function sets(zone: StandInZone, { searchParams: asked }: URL): string {
    const key = (one: { name: string; type?: string | null; identifier?: string | null }) =>
      `${order(keptName(one.name))}\u0001${one.type ?? ''}\u0001${one.identifier ?? ''}`;
    const sorted = [...zone.sets].sort((a, b) => (key(a) < key(b) ? -1 : 1));
    const start = key({ name: asked.get('name')!, type: asked.get('type'), identifier: asked.get('identifier') });
    const rest = sorted.filter((one) => key(one) >= start);
    const next = rest[MOST_PAGE];
    return `<ListResourceRecordSetsResponse ${NS}><ResourceRecordSets>${rest.slice(0, MOST_PAGE).map(setXml).join('')}</ResourceRecordSets><IsTruncated>${next !== undefined}</IsTruncated>${next ? `<NextRecordName>${xml(keptName(next.name))}</NextRecordName><NextRecordType>${next.type}</NextRecordType>${next.identifier ? `<NextRecordIdentifier>${next.identifier}</NextRecordIdentifier>` : ''}` : ''}<MaxItems>${MOST_PAGE}</MaxItems></ListResourceRecordSetsResponse>`;
  }

  async function batch(zone: StandInZone, body: string, fault: Fault | undefined): Promise<string> {
    if (fault === 'throttling') throw new Refusal(400, 'Throttling', 'Rate exceeded');
    if (fault === 'unavailable') throw new Refusal(503, 'ServiceUnavailable', 'Service is unavailable.');
    if (fault === 'denied')
      throw new Refusal(
        403,
        'AccessDenied',
        'User: arn:aws:iam::1:user/x is not authorized to perform: route53:ChangeResourceRecordSets',
      );
    if (fault === 'expired') throw new Refusal(403, 'ExpiredToken', 'The security token included in the request is expired');
    if (fault === 'prior' || busy.has(zone.id))
      throw new Refusal(
        400,
        'PriorRequestNotComplete',
        'The request was rejected because Route 53 was still processing a prior request.',
      );
    busy.add(zone.id);
    try {
      const read = parser.parse(body).ChangeResourceRecordSetsRequest.ChangeBatch.Changes.Change;
      await wait(5);
      zone.sets = changed(zone, read);
      standIn.effects++;
    } finally {
      busy.delete(zone.id);
    }
    return `<ChangeResourceRecordSetsResponse ${NS}><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-07-01T08:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>`;
  }

  async function answer(request: IncomingMessage, body: string, fault: Fault | undefined): Promise<string> {
    const url = new URL(request.url!, 'http://localhost');
    const signed =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/us-east-1\/route53\/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$/.exec(
        request.headers.authorization ?? '',
      );
    if (signed === null) throw new Refusal(403, 'MissingAuthenticationToken', 'Missing Authentication Token');
    if (signed[1] !== ACCESS_KEY)
      throw new Refusal(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.');
    const [, version, ...path] = url.pathname.replace(/\/$/, '').split('/');
    if (version !== '2013-04-01') throw new Refusal(404, 'UnknownOperation', url.pathname);
    if (path[0] === 'hostedzonesbyname') return zonesByName(url);
    if (path[0] === 'change') {
      const status = standIn.pending-- > 0 ? 'PENDING' : 'INSYNC';
      return `<GetChangeResponse ${NS}><ChangeInfo><Id>/change/${path[1]}</Id><Status>${status}</Status><SubmittedAt>2026-07-01T08:00:00Z</SubmittedAt></ChangeInfo></GetChangeResponse>`;
    }
    const zone = zoneOf(path[1]!);
    if (path[2] === undefined) return `<GetHostedZoneResponse ${NS}>${zoneXml(zone)}</GetHostedZoneResponse>`;
    if (request.method === 'GET') return sets(zone, url);
    return batch(zone, body, fault);
  }

  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    const fault = request.method === 'POST' ? standIn.faults.shift() : undefined;
    if (request.method === 'POST') standIn.before();
    if (fault === 'reset') return void request.socket.destroy();
    if (fault === 'html') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>a proxy says</html>');
    try {
      const text = await answer(request, body, fault);
      if (fault === 'lost') return void request.socket.destroy();
      response.writeHead(200, { 'content-type': 'text/xml' }).end(`<?xml version="1.0"?>\n${text}`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, code, message } = error;
      const text =
        code === 'InvalidChangeBatch' && standIn.bareRefusals
          ? `<InvalidChangeBatch ${NS}><Messages><Message>${xml(message)}</Message></Messages><RequestId>r</RequestId></InvalidChangeBatch>`
          : `<ErrorResponse ${NS}><Error><Type>Sender</Type><Code>${code}</Code><Message>${xml(message)}</Message></Error><RequestId>r</RequestId></ErrorResponse>`;
      response.writeHead(status, { 'content-type': 'text/xml' }).end(`<?xml version="1.0"?>\n${text}`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  standIn.endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  standIn.stop = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return standIn;
}
