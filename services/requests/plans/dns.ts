import { lowerName } from '../../dns/client/name.ts';
import { WireError } from '../../dns/client/reader.ts';
import type { AskOptions, Dns } from '../../dns/client/types.ts';
import { messageOf } from '../../shared/errors.ts';
import { changedMembers, type DnsChange, type Member, type Plan } from '../plan.ts';
import { type Effects, effectsOf, type SeenSender } from './effects.ts';
import { type LeadOptions, leadsOf, standsFor } from './leads.ts';
import { aliasOf, type PlannedType, sameMembers, txtMember, txtOf } from './members.ts';

/** A record that is to be published, replaced or taken away. */
export interface WishedRecord {
  name: string;
  /** TXT by default. */
  type?: PlannedType;
  /** The whole text of the record, or the name that a CNAME leads to; null to take it away. */
  value: string | null;
}

/** Records that are to be changed together: all of them, or none. */
export interface DnsWish {
  kind: Extract<Plan['kind'], 'dns.change' | 'policy.step' | 'dkim.rotate' | 'sender.onboard'>;
  /** The own domain that it is about. */
  domain: string;
  /** At least one. */
  records: readonly WishedRecord[];
  /** One sentence. */
  summary: string;
  why: string[];
  finding: Plan['finding'];
}

/** Why no plan can be made. */
export class PlanError extends Error {
  /** `unknown`: DNS did not answer, which a later try may do. */
  readonly code: 'unknown' | 'alias' | 'occupied' | 'nothing_to_do' | 'wrong_value';
  constructor(code: PlanError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Seconds. A change that may have to be taken back must not stay in caches for long. */
const TTL_NEW = 3600;
const TTL_POLICY = 300;
const WATCH_HOURS = 72;

/** The records that one text replaces: those of the same protocol. Other TXT records of the name stay. */
const PROTOCOLS: { at: RegExp; version: RegExp }[] = [
  { at: /^_dmarc\./, version: /^v\s*=\s*DMARC1\b/i },
  { at: /\._domainkey\./, version: /^/ },
  { at: /^_mta-sts\./, version: /^v\s*=\s*STSv1\b/i },
  { at: /^_smtp\._tls\./, version: /^v\s*=\s*TLSRPTv1\b/i },
  { at: /\._bimi\./, version: /^v\s*=\s*BIMI1\b/i },
  { at: /^/, version: /^v=spf1(?: |$)/i },
];

const versionAt = (name: string): RegExp => PROTOCOLS.find(({ at }) => at.test(name))!.version;

export interface DnsPlanOptions extends LeadOptions {
  registrable?: (name: string) => string;
  /** Who sends as the domain by the reports, for whether the change locks somebody out. */
  seen: readonly SeenSender[];
}

/**
 * A plan for records: each RRset before, member by member, the one after, and what all of it would do to the
 * domain's mail. Nobody is asked before this is known. Records that are as wished already are left out.
 * @throws PlanError `nothing_to_do` when all of them are
 */
export async function planDns(wish: DnsWish, dns: Dns, options: DnsPlanOptions): Promise<Plan> {
  const changes: DnsChange[] = [];
  const leads = await leadsOf(wish.domain, dns, options);
  let nothing: PlanError | null = null;
  for (const record of wish.records) {
    const name = lowerName(record.name);
    const stands_for = standsFor(name, leads);
    const made = await changeOf({ ...record, name, stands_for }, wish.kind, dns, options);
    if (made instanceof PlanError) nothing ??= made;
    else changes.push(made);
  }
  if (changes.length === 0) throw nothing ?? new TypeError('A plan needs a record.');
  const effects = await effectsOf(wish.domain, changes, dns, options);
  return {
    version: 1,
    kind: wish.kind,
    domain: wish.domain,
    summary: wish.summary,
    warnings: effects.warnings,
    why: [...wish.why, ...effects.gains],
    ...riskOf(wish, changes, effects),
    changes,
    back: {
      watch_hours: WATCH_HOURS,
      text: `The previous records are restored if mail of authorized senders breaks because of it within ${WATCH_HOURS} hours, unless they have changed again.${wish.kind === 'policy.step' ? ` Until then the TTL is ${TTL_POLICY} seconds at most, so that a rollback is quick; a longer one is restored at the end.` : ''}`,
    },
    finding: wish.finding,
    reviews: null,
  };
}

/** @returns the error that there is nothing to do; all others are thrown */
async function changeOf(
  { name, type = 'TXT', value, stands_for }: WishedRecord & { stands_for: string[] },
  kind: DnsWish['kind'],
  dns: Dns,
  options: AskOptions,
): Promise<DnsChange | PlanError> {
  const { before, kept, ttl } =
    type === 'TXT' ? await textsAt({ name, value, as: stands_for[0] ?? name }, dns, options) : await aliasAt(name, dns, options);
  const after: Member[] = value === null ? kept : [...kept, memberOf(name, type, value)];
  if (sameMembers(before, after))
    return new PlanError(
      'nothing_to_do',
      `${name} has ${value === null ? 'no such record' : 'this record already'}: nothing is left to do.`,
    );
  const ttlAfter = after.length === 0 ? null : kind === 'policy.step' ? TTL_POLICY : TTL_NEW;
  const ttls = { before: ttl, after: ttlAfter };
  return { target: 'dns', name, type, ttl: ttls, before, after, ...(stands_for.length > 0 && { stands_for }) };
}

/** @throws PlanError `wrong_value` for what no record can hold */
function memberOf(name: string, type: PlannedType, value: string): Member {
  try {
    return type === 'TXT' ? txtOf(value) : aliasOf(lowerName(value));
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof WireError)) throw error;
    throw new PlanError(
      'wrong_value',
      `Nothing can be published at ${name} as it was given: ${messageOf(error).replace(/\.$/, '')}.`,
    );
  }
}

interface Present {
  before: Member[];
  /** What stays beside the record that is wished. */
  kept: Member[];
  ttl: number | null;
}

const unknownAt = (name: string, message: string) => new PlanError('unknown', `What ${name} has now is not known: ${message}`);

async function textsAt(
  { name, value, as }: Pick<WishedRecord, 'name' | 'value'> & { as: string },
  dns: Dns,
  options: AskOptions,
): Promise<Present> {
  const answer = await dns.ask(name, 'TXT', options);
  if (answer.state === 'unknown') throw unknownAt(name, answer.message);
  if (answer.aliases.length > 0)
    throw new PlanError('alias', `${name} is an alias of ${answer.aliases.at(-1)}: change the record there, or the alias.`);
  const before = answer.state === 'records' ? answer.records.map(txtMember) : [];
  const version = versionAt(as);
  // A text of no protocol, such as a proof of ownership, replaces none.
  const kept =
    value !== null && !version.test(value)
      ? before.filter(({ text }) => text !== value)
      : before.filter(({ text }) => !version.test(text));
  return { before, kept, ttl: answer.state === 'records' ? answer.ttl : null };
}

/** What most often stands at a name beside texts. */
const BESIDE = ['A', 'AAAA', 'MX', 'NS'] as const;

/**
 * A name that has an alias has nothing else (RFC 1034 section 3.6.2): name servers pass over an update that
 * adds one all the same.
 */
async function aliasAt(name: string, dns: Dns, options: AskOptions): Promise<Present> {
  const answer = await dns.ask(name, 'CNAME', options);
  if (answer.state === 'unknown') throw unknownAt(name, answer.message);
  if (answer.state === 'records') return { before: answer.records.map(aliasOf), kept: [], ttl: answer.ttl };
  for (const type of ['TXT', ...BESIDE] as const) {
    const other = await dns.ask(name, type, options);
    if (other.state === 'unknown') throw unknownAt(name, other.message);
    if (other.state === 'records')
      throw new PlanError(
        'occupied',
        `${name} has ${type} records, and an alias can be beside no other record: take those away first.`,
      );
  }
  return { before: [], kept: [], ttl: null };
}

/**
 * Names whose records admit nobody: TLS reports, MTA-STS, BIMI, of a domain and not below a key or a policy.
 */
const HARMLESS = /^(?:_smtp\._tls|_mta-sts|[a-z0-9-]+\._bimi)\.(?!(?:.*\.)?_)/;

function riskOf(
  { kind, records }: DnsWish,
  changes: readonly DnsChange[],
  { warnings }: Effects,
): Pick<Plan, 'risk' | 'risk_because'> {
  if (warnings.length > 0) return { risk: 'high', risk_because: ['There is a warning.'] };
  if (kind === 'policy.step') return { risk: 'medium', risk_because: ['Receivers treat failing mail otherwise from then on.'] };
  if (records.some(({ value }) => value === null)) return { risk: 'medium', risk_because: ['A record is taken away.'] };
  if (records.some(({ value }) => /^v=spf1(?: |$)/i.test(value!)))
    return { risk: 'medium', risk_because: ['It changes who may send as the domain.'] };
  if (
    !records.every(({ name, type = 'TXT' }) => type === 'TXT' && HARMLESS.test(lowerName(name))) ||
    changes.some(({ stands_for }) => stands_for !== undefined)
  )
    return {
      risk: 'medium',
      risk_because: ['The record at that name decides who may send or sign as the domain, or prove to own it.'],
    };
  if (changes.some((change) => changedMembers(change).gone.length > 0))
    return { risk: 'medium', risk_because: ['A record that is there is replaced.'] };
  return { risk: 'low', risk_because: ['Such a record admits nobody: it asks for reports, or for encryption.'] };
}
