import { labelsOf } from '../../dns/client/name.ts';
import { normalDomain, organizationalDomain } from '../../report/orgdomain.ts';
import { KINDS, type Plan, readPlan } from '../../requests/plan.ts';
import type { DnsWish } from '../../requests/plans/dns.ts';
import { planSender } from '../../requests/plans/sender.ts';
import { comingLines } from '../../requests/plans/text.ts';
import { POLICIES, planWish, policyWish, recordWish } from '../../requests/plans/wanted.ts';
import type { State } from '../../requests/states.ts';
import { consideredLines, planLines, STATE_WORDS } from '../../requests/words.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import type { Db } from '../../shared/runtime/db.ts';
import { openDns } from '../../shared/runtime/resolver.ts';
import type { Config } from '../../shared/settings/config.ts';
import { withdraw } from '../../store/requests/decide.ts';
import { knowsTesting } from '../../store/requests/knows-testing.ts';
import { explain, openRequest } from '../../store/requests/open.ts';
import { decisionsOn, listRequests, loadRequest, type Request } from '../../store/requests/requests.ts';
import { seenMail, seenSource, standingEntry } from '../../store/requests/seen.ts';
import { serversOf } from '../check-options.ts';
import { withDatabase } from '../open.ts';
import { keyOf, limitOf, moment, type Terminal, untilOf, type WordOptions, wordOf } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

type Out = Terminal['out'];

const OPEN: State[] = ['draft', 'pending', 'approved', 'applying', 'active', 'handed_over'];
const PER_SECOND = 100;

/** `requests list`: open ones, the newest first. */
export async function runRequestsList(
  config: Config,
  options: { all?: boolean; domain?: string; limit?: string; json?: boolean },
  out: Out,
): Promise<number> {
  const limit = limitOf(options.limit);
  return withDatabase(config, async (db) => {
    const rows = await listRequests(db, {
      ...(options.all === true ? {} : { states: OPEN }),
      domain: options.domain === undefined ? null : normalDomain(options.domain),
      limit,
    });
    if (options.json) {
      for (const row of rows) out(jsonText(row));
      return;
    }
    if (rows.length === 0) return out(options.all ? 'There are no requests.' : 'No request is open.');
    out(
      table(
        ['key', 'state', 'until', 'asked by', 'what'],
        rows.map((row) => [
          String(row.request_key),
          shortState(row),
          row.expires_at === null ? '' : moment(row.expires_at),
          row.requester,
          row.summary,
        ]),
        { widths: [8, 60, 16, 40, 120] },
      ),
    );
  });
}

function shortState({ state, stage, rule, emergency }: Request): string {
  const where = state === 'pending' && rule.stages.length > 1 ? ` (stage ${stage + 1} of ${rule.stages.length})` : '';
  return `${STATE_WORDS[state]}${where}${emergency ? ', by break-glass' : ''}`;
}

/** `requests show KEY`: the plan, exactly as it is approved, and what was decided. */
export async function runRequestsShow(config: Config, key: string, options: { json?: boolean }, out: Out): Promise<number> {
  const number = keyOf(key, 'request');
  return withDatabase(config, async (db) => {
    const request = await loadRequest(db, number);
    const decisions = await decisionsOn(db, number);
    if (options.json) return out(jsonText({ ...request, plan: JSON.parse(request.plan), decisions }, 2));
    const line = (text: string) => out(escaped(text));
    const plan = readPlan({ text: request.plan, digest: request.digest });
    line(`Request ${number}: ${request.summary}`);
    line(`${request.kind} of ${request.domain}, ${shortState(request)}${request.outcome === null ? '' : `. ${request.outcome}`}`);
    line(
      `Requested by ${request.requester_kind === 'person' ? '' : `${request.requester_kind} `}${request.requester} at ${moment(request.created_at)} UTC: ${request.why}`,
    );
    for (const text of planLines(plan)) line(text);
    line(whoDecides(request));
    for (const one of decisions) line(`${moment(one.at)} ${one.person}: ${one.decision} (${one.via}): ${one.why}`);
    line(`Digest: ${request.digest}`);
  });
}

function whoDecides({ rule, stage, state }: Request): string {
  if (rule.decide === 'automatic') return `Decided by the rule "${rule.rule}".`;
  const stages = rule.stages.map(
    ({ group, need }, at) => `${need} of ${group}${at === stage && state === 'pending' ? ' (now)' : ''}`,
  );
  return `Rule "${rule.rule}": ${stages.join(', then ')}.`;
}

export interface OpenOptions extends WordOptions {
  source?: string;
  name?: string;
  type?: string;
  value?: string;
  remove?: boolean;
  to?: string;
  half?: boolean;
  until?: string;
  for?: string;
  resolver?: string[];
  json?: boolean;
}

/**
 * `requests open KIND DOMAIN`: makes the plan, shows it, and opens a request, or prints what is to be
 * published where no rules are set. `requests explain` shows it, and who would decide, and opens nothing.
 * @throws PermanentError `usage`, `no_rule`, `nobody_can_approve`; TransientError when DNS does not answer
 */
export async function runRequestsOpen(
  config: Config,
  { kind, domain, only }: { kind: string; domain: string; only: boolean },
  options: OpenOptions,
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const word = wordOf(options);
  return withDatabase(config, async (db) => {
    const plan = await planOf({ config, db, now }, { kind, domain: domainOf(domain) }, { ...options, ...word });
    const line = (text: string) => out(escaped(text));
    line(plan.summary);
    for (const text of planLines(plan)) line(text);
    const { rules } = config.approvals;
    const given = { plan, requester: word.by.toLowerCase(), requester_kind: 'person' as const, why: word.why };
    if (only) {
      for (const text of consideredLines(await explain(db, rules, given, now))) line(text);
      if (rules.length === 0) line('approvals has no rules: nothing can be requested (docs/approvals.md).');
      return;
    }
    if (rules.length === 0) {
      line('approvals has no rules, so nothing was requested. To publish it yourself:');
      for (const text of comingLines(plan)) line(`  ${text}`);
      return;
    }
    const key = await openRequest(db, rules, given);
    const { state } = await loadRequest(db, key!);
    line(`Request ${key} is open: ${STATE_WORDS[state]}.`);
  });
}

interface Making {
  config: Config;
  db: Db;
  now: Date;
}

async function planOf(making: Making, { kind, domain }: { kind: string; domain: string }, options: OpenOptions): Promise<Plan> {
  switch (kind) {
    case 'sender.approve':
    case 'sender.deny':
      return senderPlan(making, kind === 'sender.approve' ? 'approved' : 'denied', domain, options);
    case 'dns.change':
      return dnsPlan(making, domain, options);
    case 'policy.step':
      return policyPlan(making, domain, options);
    default:
      throw new PermanentError(
        'usage',
        `"${kind}" is no kind of request: ${KINDS.filter((one) => one !== 'review' && one !== 'dkim.rotate').join(', ')}.`,
      );
  }
}

async function senderPlan(
  { config, db, now }: Making,
  after: 'approved' | 'denied',
  domain: string,
  options: OpenOptions,
): Promise<Plan> {
  if (options.source === undefined) throw new PermanentError('usage', 'Name the sender: --source mailer.example.');
  // The analyzer is half of the program; the other kinds of requests, and lists, do without it.
  const { catalogueOf } = await import('../../analyzer/index.ts');
  const { subjectOf } = await import('./senders.ts');
  const subject = subjectOf(catalogueOf(config), domain, options.source);
  const what = { domain: subject.domain, source: subject.source, is_service: subject.service !== null };
  const seen = await seenSource(db, what, now);
  return planSender({
    ...what,
    before: (await standingEntry(db, what, now))?.verdict ?? null,
    after,
    until: untilOf(options, now)?.toISOString() ?? null,
    seen,
    finding: null,
  });
}

async function dnsPlan(making: Making, domain: string, options: OpenOptions): Promise<Plan> {
  const name = options.name === undefined ? domain : domainOf(options.name);
  if ((options.value === undefined) === (options.remove !== true))
    throw new PermanentError('usage', 'Give what is to be published with --value, or --remove.');
  const value = options.value ?? null;
  const type = (options.type ?? 'TXT').toUpperCase();
  if (type !== 'TXT' && type !== 'CNAME') throw new PermanentError('usage', '--type is TXT or CNAME.');
  return recordPlan(making, recordWish({ domain, name, type, value, why: options.why }), options);
}

async function policyPlan(making: Making, domain: string, options: OpenOptions): Promise<Plan> {
  const to = POLICIES.find((policy) => policy === options.to);
  if (to === undefined) throw new PermanentError('usage', `Name the policy: --to ${POLICIES.join(', --to ')}.`);
  const dns = openDns(serversOf(making.config, options), { perSecond: PER_SECOND });
  const { config, db, now } = making;
  const half =
    options.half === true ? { known: await knowsTesting(db, domain, now), share: config.approvals.half_step_share } : null;
  return recordPlan(making, await policyWish({ domain, to, why: options.why, half }, dns), options);
}

async function recordPlan({ config, db, now }: Making, wish: DnsWish, options: OpenOptions): Promise<Plan> {
  const dns = openDns(serversOf(config, options), { perSecond: PER_SECOND });
  return planWish(wish, dns, { ...(await seenMail(db, wish.domain, now)), registrable: organizationalDomain });
}

/** `requests withdraw KEY`. */
export async function runRequestsWithdraw(config: Config, key: string, options: WordOptions, { out }: Terminal): Promise<number> {
  const number = keyOf(key, 'request');
  const word = wordOf(options);
  return withDatabase(config, async (db) => {
    await withdraw(db, number, { person: word.by.toLowerCase(), why: word.why });
    out(`Request ${number} is withdrawn.`);
  });
}

function domainOf(text: string): string {
  const domain = normalDomain(text);
  if (text === '*') return text;
  if (labelsOf(domain) === null || !domain.includes('.')) throw new PermanentError('usage', `"${text}" is not a domain.`);
  return domain;
}
