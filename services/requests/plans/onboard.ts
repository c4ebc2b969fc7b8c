import { lowerName } from '../../dns/client/name.ts';
import type { AskOptions, Dns } from '../../dns/client/types.ts';
import { parseZoneFile, ZoneFileError } from '../../dns/zonefile.ts';
import { PermanentError, TransientError } from '../../shared/errors.ts';
import { counted } from '../../shared/format.ts';
import { changedMembers, type DnsChange, type Plan, type SenderChange } from '../plan.ts';
import type { DnsPlanOptions, WishedRecord } from './dns.ts';
import { aliasOf, sameMembers, txtMember } from './members.ts';
import { planWish } from './wanted.ts';

/** Days after the records are published in which aligned mail has to arrive. */
const WATCH_DAYS = 30;

/** A third party that is to send as a domain, and what was agreed with it. */
export interface OnboardWish {
  domain: string;
  source: string;
  is_service: boolean;
  /** As people know it. */
  name: string;
  owner: string;
  expected_daily: number | null;
  /** YYYY-MM-DD. */
  contract_ends: string;
  /** What its instructions say to publish. Empty when somebody else publishes it. */
  records: readonly WishedRecord[];
  /** The entry of the list of senders that stands now. */
  before: SenderChange['before'];
  why: string;
}

/** Records of a service's catalogue entry for a domain. */
export const recordsFor = (
  records: readonly { name: string; type: 'TXT' | 'CNAME'; value: string }[],
  domain: string,
): WishedRecord[] =>
  records.map(({ name, type, value }) => ({
    name: name.replaceAll('{domain}', domain),
    type,
    value: value.replaceAll('{domain}', domain),
  }));

/**
 * Reads the records of a vendor's instructions, as lines of a zone file; names without a dot at the end may
 * be whole or below the domain.
 * @throws PermanentError `usage` that says which line cannot be read, and for records that no request
 *   publishes
 */
export function parseInstructions(text: string, domain: string): WishedRecord[] {
  const below = new RegExp(`(^|\\s)((?:[^\\s."]+\\.)*${domain.replaceAll('.', '\\.')})(?=\\s|$)`, 'gim');
  let planned: ReturnType<typeof parseZoneFile>;
  try {
    planned = parseZoneFile(absoluteTargets(text.replace(below, '$1$2.')), domain);
  } catch (error) {
    if (!(error instanceof ZoneFileError)) throw error;
    throw new PermanentError('usage', `Line ${error.line} of the instructions: ${error.message}.`, error);
  }
  const records: WishedRecord[] = [];
  for (const [name, types] of planned) {
    if (name !== domain && !name.endsWith(`.${domain}`))
      throw new PermanentError('usage', `${name} is not below ${domain}: its records are published elsewhere.`);
    const other = Object.keys(types).find((type) => type !== 'TXT' && type !== 'CNAME');
    if (other !== undefined)
      throw new PermanentError('usage', `${name} has a record of type ${other}: take it out, and publish it by other means.`);
    for (const strings of types.TXT ?? []) {
      const value = strings.join('');
      if (/^v=spf1(?: |$)/i.test(value) || /^v\s*=\s*DMARC1\b/i.test(value))
        throw new PermanentError(
          'usage',
          `${name}: SPF and DMARC are the domain's own and not the vendor's; take the record out, and add what it needs by a request of its own.`,
        );
      records.push({ name, type: 'TXT', value });
    }
    for (const value of types.CNAME ?? []) records.push({ name, type: 'CNAME', value });
  }
  if (records.length === 0) throw new PermanentError('usage', 'The instructions have no TXT or CNAME record.');
  return records;
}

/** A CNAME's target is a whole name, as instructions have it, whether a dot is at its end or not. */
const absoluteTargets = (text: string): string => text.replace(/(\sCNAME\s+)([^\s.]+(?:\.[^\s.]+)+)(?=\s|$)/gim, '$1$2.');

/**
 * One plan for a third party: its records, and its approval as a sender until the contract ends.
 * @throws PermanentError, TransientError for what is in its way
 */
export async function planOnboard(wish: OnboardWish, dns: Dns, options: DnsPlanOptions): Promise<Plan> {
  const { domain, name, records } = wish;
  const dnsPlan =
    records.length === 0
      ? null
      : await planWish({ kind: 'sender.onboard', domain, records, summary: name, why: [], finding: null }, dns, options).catch(
          (error: unknown) => {
            // All of it is published already.
            if (error instanceof PermanentError && error.code === 'nothing_to_do') return null;
            throw error;
          },
        );
  const { source, is_service, before, contract_ends, owner, expected_daily } = wish;
  const entry: SenderChange = {
    target: 'senders',
    domain,
    source,
    is_service,
    before,
    after: 'approved',
    until: `${contract_ends}T23:59:59Z`,
  };
  const published = dnsPlan?.changes ?? [];
  return {
    version: 1,
    kind: 'sender.onboard',
    domain,
    summary: `Let ${name} send as ${domain} until ${contract_ends}: ${published.length === 0 ? 'approve it' : `publish ${counted(published.length, 'RRset')} and approve it`}.`,
    warnings: dnsPlan?.warnings ?? [],
    why: [
      wish.why,
      `${owner} answers for it; ${expected_daily === null ? 'how much mail it sends is not known' : `about ${counted(expected_daily, 'message')} a day are expected`}.`,
      ...(dnsPlan?.why ?? []),
    ],
    risk: dnsPlan?.risk === 'high' ? 'high' : 'medium',
    risk_because: dnsPlan?.risk === 'high' ? dnsPlan.risk_because : ['Somebody else may sign and send as the domain.'],
    changes: [...published, entry],
    back: {
      watch_hours: WATCH_DAYS * 24,
      text: `If reports show no mail of it that passes DMARC within ${WATCH_DAYS} days, or own mail breaks, the previous state is restored. When the contract ends, a request to withdraw all of it opens by itself.`,
    },
    finding: null,
    reviews: null,
  };
}

/**
 * The plan that withdraws what an onboarding published: those of its records that are still there, and the
 * approval.
 * @throws TransientError `dns_unknown` when DNS does not answer
 */
export async function planOffboard(
  { plan, name, standing, why }: { plan: Plan; name: string; standing: SenderChange['before']; why: string },
  dns: Dns,
  options: AskOptions,
): Promise<Plan | null> {
  const changes: Plan['changes'] = [];
  for (const change of plan.changes) {
    if (change.target === 'dns') {
      const gone = await withdrawn(change, dns, options);
      if (gone !== null) changes.push(gone);
    } else if (change.target === 'senders' && standing === 'approved')
      changes.push({ ...change, before: 'approved', after: null, until: null });
  }
  if (changes.length === 0) return null;
  return {
    version: 1,
    kind: 'sender.offboard',
    domain: plan.domain,
    summary: `Withdraw the records and the approval of ${name} for ${plan.domain}.`,
    warnings: [],
    why: [why],
    risk: 'medium',
    risk_because: ['Mail that it still sends fails from then on.'],
    changes,
    back: {
      watch_hours: 72,
      text: 'The previous records are restored if mail of authorized senders breaks because of it within 72 hours.',
    },
    finding: null,
    reviews: null,
  };
}

/** What is left of an RRset without the records that a change brought; null when none of them is there. */
async function withdrawn(change: DnsChange, dns: Dns, options: AskOptions): Promise<DnsChange | null> {
  const name = lowerName(change.name);
  const type = change.type === 'CNAME' ? 'CNAME' : 'TXT';
  const answer = await dns.ask(name, type, options);
  if (answer.state === 'unknown') throw new TransientError('dns_unknown', `What ${name} has now is not known: ${answer.message}`);
  if (answer.state !== 'records') return null;
  const before = (answer.records as readonly (string | string[])[]).map((one) =>
    typeof one === 'string' ? aliasOf(one) : txtMember(one),
  );
  const { come } = changedMembers(change);
  const after = before.filter(({ wire }) => !come.some((one) => one.wire === wire));
  if (sameMembers(before, after)) return null;
  return { target: 'dns', name, type, ttl: { before: answer.ttl, after: after.length === 0 ? null : answer.ttl }, before, after };
}
