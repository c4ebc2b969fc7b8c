import type { Dns } from '../dns/client/types.ts';
import { spfOver } from '../dns/guard/egress.ts';
import { networkContains } from '../dns/guard/spf-terms.ts';
import { withPlanned } from '../dns/planned.ts';
import { ownNetworks } from '../dns/spf/edit.ts';
import { evaluateSpf } from '../dns/spf/evaluate.ts';
import { isSpf, parseSpf } from '../dns/spf/record.ts';
import { spfTree } from '../dns/spf/tree.ts';
import { type Decided, decide, type LastRequest, type Limits, type Way } from './decide.ts';
import type { WatchedRecord } from './declared.ts';

/** DNS is asked until the service stops. */
interface Asking {
  signal: AbortSignal;
}

/** What is in the way before anything can be decided. */
export interface Blocked {
  code: 'no_record' | 'several' | 'syntax' | 'alias';
  message: string;
}

/** What DNS says of a record, and what is to be done about it. */
export type Looked =
  | { state: 'decided'; text: string; decided: Decided; admitted: (address: string) => Promise<string | null> }
  | { state: 'blocked'; problem: Blocked }
  /** Nobody could say. */
  | { state: 'waits'; why: string };

export interface LookOptions {
  record: WatchedRecord;
  ways: readonly Way[];
  sending: ReadonlySet<string>;
  last: LastRequest | null;
  limits: Limits;
  now: Date;
  asking: Asking;
}

/** Reads an SPF record as it is published, and decides what it should be. */
export async function lookAtRecord(dns: Dns, given: LookOptions): Promise<Looked> {
  const { record, ways, asking } = given;
  const { name } = record;
  const answer = await dns.ask(name, 'TXT', asking);
  if (answer.state === 'unknown') return { state: 'waits', why: answer.message };
  const blocked = (code: Blocked['code'], message: string): Looked => ({ state: 'blocked', problem: { code, message } });
  if (answer.aliases.length > 0)
    return blocked('alias', `${name} is an alias of ${answer.aliases.at(-1)}: the record there is not followed.`);
  const texts = answer.state === 'records' ? answer.records.map((strings) => strings.join('')).filter(isSpf) : [];
  const [text] = texts;
  if (text === undefined)
    return blocked('no_record', `${name} has no SPF record: publish the first one by hand, with all who send as ${name}.`);
  if (texts.length > 1) return blocked('several', `${name} has ${texts.length} SPF records: keep one.`);
  const [error] = parseSpf(text).errors;
  if (error !== undefined)
    return blocked('syntax', `The SPF record of ${name} has an error, and none of it counts: ${error.message}.`);
  const ttl = answer.state === 'records' ? answer.ttl : 0;
  const { lookups } = await spfTree(name, dns, asking);
  const there = ways.flatMap(({ seen }) => seen.filter(({ gone_at }) => gone_at === null).map(({ address }) => address));
  const admits = new Map<string, boolean>();
  for (const address of there) {
    const result = await admitted({ name, text }, address, dns, asking);
    if (result === 'unknown')
      return { state: 'waits', why: `Whether SPF of ${name} admits ${address} is not known: DNS does not answer.` };
    admits.set(address, result === 'pass');
  }
  const decided = decide(
    {
      ...given,
      text,
      ttl,
      lookups,
      ways,
      admits: (address) => admits.get(address) === true,
      keep: record.declared,
      pinned: record.pinned,
    },
    given.limits,
    given.now,
  );
  return { state: 'decided', text, decided, admitted: (address) => termThatAdmits(name, address, dns, asking) };
}

/** Whether SPF admits an address, or all of a network. */
async function admitted(
  { name, text }: { name: string; text: string },
  address: string,
  dns: Dns,
  asking: Asking,
): Promise<'pass' | 'no' | 'unknown'> {
  // Most are in the record itself, and need no question; not where a term denies something.
  const plain = parseSpf(text).mechanisms.every(({ qualifier, kind }) => qualifier === '+' || kind === 'all');
  if (plain && ownNetworks(text).some((network) => networkContains(network, address))) return 'pass';
  const parts = await spfOver(address, { helo: name, mailFrom: `postmaster@${name}` }, dns, asking);
  if (parts.some(({ spf }) => spf === 'temperror')) return 'unknown';
  return parts.every(({ spf }) => spf === 'pass') ? 'pass' : 'no';
}

/** The address of all that come which a planned record would still not admit; null when it admits all. */
export async function notAdmitted(
  record: { name: string; text: string },
  addresses: readonly string[],
  dns: Dns,
  asking: Asking,
): Promise<string | null> {
  const planned = withPlanned(new Map([[record.name, { TXT: [[record.text]] }]]), dns);
  for (const address of addresses) if ((await admitted(record, address, planned, asking)) === 'no') return address;
  return null;
}

/** The term of the published record by which an address passes; null when it does not. */
async function termThatAdmits(name: string, address: string, dns: Dns, asking: Asking): Promise<string | null> {
  const mail = { ip: address, helo: name, mailFrom: `postmaster@${name}` };
  const { result, decidedBy } = await evaluateSpf(mail, dns, asking);
  return result === 'pass' ? decidedBy : null;
}
