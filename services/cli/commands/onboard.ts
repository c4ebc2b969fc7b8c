import { catalogueOf } from '../../analyzer/index.ts';
import { normalDomain, organizationalDomain } from '../../report/orgdomain.ts';
import { parseInstructions, planOnboard, recordsFor } from '../../requests/plans/onboard.ts';
import { planLines, STATE_WORDS } from '../../requests/words.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import { openDns } from '../../shared/runtime/resolver.ts';
import type { Config } from '../../shared/settings/config.ts';
import { readTextFile } from '../../shared/text-file.ts';
import { insertOnboarding, listOnboardings, type OnboardingState } from '../../store/requests/onboardings.ts';
import { openRequest } from '../../store/requests/open.ts';
import { loadRequest } from '../../store/requests/requests.ts';
import { seenMail, standingEntry } from '../../store/requests/seen.ts';
import { withDatabase } from '../open.ts';
import { limitOf, moment, type Terminal, untilOf, type WordOptions, wordOf } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';
import { runAccessRequest } from './access.ts';
import { subjectOf } from './senders.ts';

export interface OnboardOptions extends WordOptions {
  domain: string;
  owner: string;
  until?: string;
  volume?: string;
  records?: string;
  window?: string;
}

const PER_SECOND = 100;

/**
 * `senders onboard SOURCE --domain D`: one request for a third party: its records, its approval, and when
 * both end. With `--window`, a DNS window for those records is asked for instead of publishing them.
 * @throws PermanentError `usage`, `no_rule`, `nobody_can_approve`
 */
export async function runSendersOnboard(
  config: Config,
  source: string,
  options: OnboardOptions,
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const word = wordOf(options);
  const { what, name, until, records } = thirdParty(config, source, options, now);
  const { domain } = what;
  const { rules } = config.approvals;
  if (rules.length === 0)
    throw new PermanentError(
      'no_rule',
      'approvals has no rules, so nothing can be requested: say who decides (docs/approvals.md).',
    );
  const line = (text: string) => out(escaped(text));
  await withDatabase(config, async (db) => {
    const agreed = {
      ...what,
      owner: options.owner,
      expected_daily: options.volume === undefined ? null : limitOf(options.volume, '--volume'),
      contract_ends: until.toISOString().slice(0, 10),
    };
    const plan = await planOnboard(
      {
        ...agreed,
        name,
        records: options.window === undefined ? records : [],
        before: (await standingEntry(db, what, now))?.verdict ?? null,
        why: word.why,
      },
      openDns(config.dnsServers, { perSecond: PER_SECOND }),
      { ...(await seenMail(db, domain, now)), registrable: organizationalDomain },
    );
    line(plan.summary);
    for (const text of planLines(plan)) line(text);
    const key = await openRequest(db, rules, {
      plan,
      requester: word.by,
      requester_kind: 'person',
      why: word.why,
      also: (tx, request_key) => insertOnboarding(tx, request_key, agreed),
    });
    line(`Request ${key} is open: ${STATE_WORDS[(await loadRequest(db, key!)).state]}.`);
  });
  if (options.window === undefined) return 0;
  const names = [...new Set(records.map((record) => record.name))];
  const types = [...new Set(records.map((record) => record.type ?? 'TXT'))];
  return runAccessRequest(config, 'access.dns', { ...word, for: options.window, name: names, type: types }, { out, now });
}

/**
 * Who is meant, until when, and the records that it needs: those of its instructions, else of the catalogue.
 * @throws PermanentError `usage`
 */
function thirdParty(config: Config, source: string, options: OnboardOptions, now: Date) {
  const catalogue = catalogueOf(config);
  const { domain, source: id, service } = subjectOf(catalogue, options.domain, source);
  if (domain === '*') throw new PermanentError('usage', 'A third party is for one domain: name it.');
  const until = untilOf({ ...(options.until === undefined ? {} : { until: options.until }) }, now);
  if (until === null) throw new PermanentError('usage', 'Say when the contract ends: --until 2027-12-31.');
  const party = service === null ? undefined : catalogue.senders.get(id);
  const records =
    options.records === undefined
      ? recordsFor(party?.records ?? [], domain)
      : parseInstructions(readTextFile(options.records), domain);
  if (records.length === 0)
    throw new PermanentError(
      'usage',
      `The catalogue has no records of ${id}: write those of its instructions into a file, as lines of a zone file, and give it with --records.`,
    );
  return { what: { domain, source: id, is_service: service !== null }, name: party?.name ?? id, until, records };
}

const STATES: Record<OnboardingState, string> = {
  asked: 'waits for a decision',
  publishing: 'being published',
  watched: 'watched: no mail of it that passes yet',
  adopted: 'adopted',
  taken_back: 'rolled back',
  leaving: 'its end is requested',
  left: 'withdrawn',
  refused: 'refused, or failed',
};

/** `senders onboarded`: third parties with their states, the newest first. */
export async function runSendersOnboarded(
  config: Config,
  options: { domain?: string; limit?: string; json?: boolean },
  out: Terminal['out'],
): Promise<number> {
  const limit = limitOf(options.limit);
  return withDatabase(config, async (db) => {
    const rows = await listOnboardings(db, options.domain === undefined ? null : normalDomain(options.domain), limit);
    if (options.json) {
      for (const row of rows) out(jsonText(row));
      return;
    }
    if (rows.length === 0)
      return out('No third party was onboarded: "ruawatch senders onboard SOURCE --domain DOMAIN" asks for one.');
    out(
      table(
        ['request', 'domain', 'sender', 'state', 'owner', 'adopted', 'contract ends'],
        rows.map((row) => [
          String(row.request_key),
          row.domain,
          row.source,
          STATES[row.state],
          row.owner,
          row.adopted_at === null ? '' : moment(row.adopted_at),
          row.contract_ends,
        ]),
        { widths: [8, 40, 40, 40, 30, 16, 13] },
      ),
    );
  });
}
