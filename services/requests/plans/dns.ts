import { lowerName } from '../../dns/client/name.ts';
import type { AskOptions, Dns } from '../../dns/client/types.ts';
import type { DnsChange, Member, Plan } from '../plan.ts';
import { type Effects, effectsOf, type SeenSender } from './effects.ts';
import { sameMembers, txtMember, txtOf } from './members.ts';

/** A record that is to be published, replaced or taken away. */
export interface DnsWish {
  kind: Extract<Plan['kind'], 'dns.change' | 'policy.step' | 'dkim.rotate'>;
  /** The own domain that it is about. */
  domain: string;
  name: string;
  /** The whole text of the record; null to take it away. */
  value: string | null;
  /** One sentence. */
  summary: string;
  why: string[];
  finding: Plan['finding'];
}

/** Why no plan can be made. */
export class PlanError extends Error {
  /** `unknown`: DNS did not answer, which a later try may do. */
  readonly code: 'unknown' | 'alias' | 'nothing_to_do';
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

export interface DnsPlanOptions extends AskOptions {
  registrable?: (name: string) => string;
  /** Who sends as the domain by the reports, for whether the change locks somebody out. */
  seen: readonly SeenSender[];
  /** Messages of the last week by key, `selector._domainkey.domain`. */
  keys: ReadonlyMap<string, number>;
}

/**
 * A plan for one TXT record: the RRset before, member by member, the one after, and what that would do to the domain's
 * mail. Nobody is asked before this is known.
 * @throws PlanError
 */
export async function planDns(wish: DnsWish, dns: Dns, options: DnsPlanOptions): Promise<Plan> {
  const name = lowerName(wish.name);
  const change = await changeOf({ ...wish, name }, dns, options);
  const effects = await effectsOf(wish.domain, change, dns, options);
  return {
    version: 1,
    kind: wish.kind,
    domain: wish.domain,
    summary: wish.summary,
    warnings: effects.warnings,
    why: [...wish.why, ...effects.gains],
    ...riskOf(wish, effects),
    changes: [change],
    back: {
      watch_hours: WATCH_HOURS,
      text: `The records before it are put back if mail of authorized senders breaks because of it within ${WATCH_HOURS} hours, unless they have changed again.`,
    },
    finding: wish.finding,
    reviews: null,
  };
}

async function changeOf({ name, value, kind }: DnsWish, dns: Dns, options: AskOptions): Promise<DnsChange> {
  const answer = await dns.ask(name, 'TXT', options);
  if (answer.state === 'unknown') throw new PlanError('unknown', `What ${name} has now is not known: ${answer.message}`);
  if (answer.aliases.length > 0)
    throw new PlanError('alias', `${name} is an alias of ${answer.aliases.at(-1)}: change the record there, or the alias.`);
  const before = answer.state === 'records' ? answer.records.map(txtMember) : [];
  const version = versionAt(name);
  const kept = before.filter(({ text }) => !version.test(text));
  const after: Member[] = value === null ? kept : [...kept, txtOf(value)];
  if (sameMembers(before, after))
    throw new PlanError(
      'nothing_to_do',
      `${name} has ${value === null ? 'no such record' : 'this record already'}: nothing is left to do.`,
    );
  const ttl = {
    before: answer.state === 'records' ? answer.ttl : null,
    after: after.length === 0 ? null : kind === 'policy.step' ? TTL_POLICY : TTL_NEW,
  };
  return { target: 'dns', name, type: 'TXT', ttl, before, after };
}

function riskOf({ kind, value }: DnsWish, { warnings }: Effects): Pick<Plan, 'risk' | 'risk_because'> {
  if (warnings.length > 0) return { risk: 'high', risk_because: ['There is a warning.'] };
  if (kind === 'policy.step') return { risk: 'medium', risk_because: ['Receivers treat failing mail otherwise from then on.'] };
  if (value === null) return { risk: 'medium', risk_because: ['A record is taken away.'] };
  if (/^v=spf1(?: |$)/i.test(value)) return { risk: 'medium', risk_because: ['It changes who may send as the domain.'] };
  return { risk: 'low', risk_because: ['A record is published that admits no other sender.'] };
}
