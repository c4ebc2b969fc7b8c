import { readEvidence } from '../../findings/evidence.ts';
import { type Review, reviewOf } from '../../findings/review.ts';
import { actionsOn } from '../../findings/sentences/commands.ts';
import { begunWords, wordsOf } from '../../findings/sentences/finding.ts';
import { reporterName } from '../../findings/sentences/reporter-name.ts';
import { DAY_MS } from '../../shared/days.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, escapedLines, jsonText } from '../../shared/escape.ts';
import { counted, list, percent } from '../../shared/format.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Config } from '../../shared/settings/config.ts';
import { unverifiedSentence } from '../../shared/unverified.ts';
import { refusedAlerts, type Unmailed, unmailedFindings } from '../../store/alerts/refusals.ts';
import {
  countWatched,
  type Expected,
  loadExpected,
  loadExpectedSources,
  loadVerdicts,
  VERDICTS,
  type Verdict,
} from '../../store/findings/feedback.ts';
import { type ListedFinding, listFindings, showFinding } from '../../store/findings/list.ts';
import type { OperatorNote } from '../../store/findings/operator-actions.ts';
import * as actions from '../../store/findings/operator-actions.ts';
import { VERIFIED_DAYS, verifiedShare } from '../../store/reports/verified-share.ts';
import { withDatabase } from '../open.ts';
import { keyOf, limitOf, moment, type Terminal, untilOf, type WordOptions, wordOf } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

type Out = Terminal['out'];

/** `findings list`: the most severe first. */
export async function runFindingsList(
  config: Config,
  options: { all?: boolean; domain?: string; limit?: string; json?: boolean },
  out: Out,
): Promise<number> {
  const limit = limitOf(options.limit);
  return withDatabase(config, async (db) => {
    const rows = await listFindings(db, { resolved: options.all === true, domain: options.domain?.toLowerCase(), limit });
    if (options.json) {
      for (const row of rows) out(jsonText(row));
      return;
    }
    const unmailed = await unmailedFindings(db);
    if (rows.length === 0) out(options.all ? 'No findings match.' : await noneOpen(db));
    else
      out(
        table(
          ['key', 'severity', 'state', 'since', 'domain', 'summary'],
          rows.map((row) => [
            String(row.finding_key),
            row.severity,
            `${standing(row)}${notMailed(unmailed.get(row.finding_key))}`,
            row.since,
            row.domain,
            row.summary,
          ]),
          { widths: [8, 8, 60, 10, 40, 160] },
        ),
      );
    const waiting = await refusedAlerts(db);
    // The alerter is loaded, with all that sends mail, when there is something to say.
    const refused = waiting.next === null ? null : (await import('../../alerter/index.ts')).refusedSentence(waiting);
    if (refused !== null) {
      out('');
      out(escaped(refused));
    }
  });
}

/** ", not mailed to a@example.org" where the mail server refuses a recipient. */
function notMailed(unmailed: Unmailed | undefined): string {
  if (unmailed === undefined) return '';
  return `, not mailed${unmailed.recipients.length > 0 ? ` to ${list(unmailed.recipients)}` : ''}`;
}

/** That none is open, and, where that may be for want of reports that count, why. */
async function noneOpen(db: Db): Promise<string> {
  const sentence = unverifiedSentence(await verifiedShare(db, new Date(Date.now() - VERIFIED_DAYS * DAY_MS)));
  return sentence === null ? 'There are no open findings.' : `No finding is open: ${sentence}`;
}

/** `findings show KEY`: the evidence and the whole history. */
export async function runFindingsShow(config: Config, key: string, options: { json?: boolean }, out: Out): Promise<number> {
  const number = keyOf(key, 'finding');
  return withDatabase(config, async (db) => {
    const finding = await showFinding(db, number);
    if (!finding) throw new PermanentError('no_finding', `There is no finding ${key}: "ruawatch findings" lists the open ones.`);
    if (options.json) {
      out(jsonText(finding, 2));
      return;
    }
    const evidence = readEvidence(finding.evidence);
    const words = wordsOf({ ...finding, evidence });
    const line = (text: unknown) => out(escaped(String(text)));
    line(`Finding ${key}: ${words.summary}`);
    line(`${finding.severity} ${finding.kind} of ${finding.domain}, ${standing(finding)}`);
    line(`Since ${begunWords({ ...evidence, since: finding.since })}, found on ${finding.opened_at.toISOString().slice(0, 10)}.`);
    const unmailed = (await unmailedFindings(db)).get(number);
    if (unmailed !== undefined)
      line(`${list(unmailed.recipients) || 'Nobody'} could not be mailed about it: ${unmailed.refusal}`);
    if (words.what) line(words.what);
    if (evidence.reporters.length > 0) {
      const named = evidence.reporters.map((key) => reporterName(key, evidence));
      line(`Reported by ${named.slice(0, 10).join(', ')}${named.length > 10 ? ` and ${named.length - 10} more` : ''}.`);
    }
    for (const sentence of words.advice) line(`- ${sentence}`);
    if (finding.state === 'open')
      for (const { when, command } of actionsOn(finding, words).slice(0, -1)) line(`${when}: ${command}`);
    out('');
    if (evidence.broken !== undefined && evidence.broken.length > 1) {
      out(
        table(
          ['sender', 'since', 'failed', 'of', 'does not pass'],
          evidence.broken.map((one) => [
            one.source,
            one.since,
            String(one.messages),
            String(one.of),
            (one.names ?? []).join(', '),
          ]),
          { widths: [60, 10, 12, 12, 120] },
        ),
      );
      out('');
    }
    out(
      table(
        ['when (UTC)', 'what', 'who', 'severity', 'why'],
        finding.events.map((event) => [
          moment(event.at),
          event.until === null ? event.event : `${event.event} until ${moment(event.until)}`,
          event.by_name ?? 'ruawatch',
          event.severity,
          event.why ?? '',
        ]),
        { widths: [16, 40, 30, 8, 100] },
      ),
    );
    if (evidence.query) out(`\nThe rows, in psql:\n${escapedLines(evidence.query)}`);
  });
}

export type FindingAct = 'ack' | 'unack' | 'snooze' | 'unsnooze' | 'resolve';

/** `findings ack|unack|snooze|unsnooze|resolve KEY`: what a person decides about a finding. */
export async function runFindingsAct(
  config: Config,
  { act, key }: { act: FindingAct; key: string },
  options: WordOptions & { until?: string; for?: string; as?: string },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const number = keyOf(key, 'finding');
  const word = wordOf(options);
  const until = untilOf(options, now);
  const as = verdictOf(options.as);
  if (act === 'snooze' && until === null)
    throw new PermanentError('usage', 'Specify the end of the snooze: --until 2026-12-01, or --for 7d.');
  if (act === 'resolve' && until !== null && as !== 'expected')
    throw new PermanentError('usage', '--until and --for say how long something is expected: add --as expected.');
  return withDatabase(config, async (db) => {
    switch (act) {
      case 'ack':
        await actions.acknowledge(db, number, { ...word, until }, now);
        return out(
          `Finding ${key} is acknowledged: no more mails about it ${until === null ? 'for half a year' : `until ${moment(until)} UTC`}, unless it gets materially worse.`,
        );
      case 'unack':
        await actions.unacknowledge(db, number, word, now);
        return out(`Finding ${key} is no longer acknowledged.`);
      case 'snooze':
        await actions.snooze(db, number, until!, { ...word, now });
        return out(`Finding ${key} is snoozed until ${moment(until!)} UTC; if it is still open then, you are alerted again.`);
      case 'unsnooze':
        await actions.unsnooze(db, number, word, now);
        return out(`Finding ${key} is no longer snoozed; you are alerted again now.`);
      case 'resolve':
        return out(await resolve(db, { key: number, word, now, judgement: as === null ? undefined : { as, until } }));
    }
  });
}

/** A verdict on the command line; null for none. @throws PermanentError `usage` */
function verdictOf(text: string | undefined): Verdict | null {
  if (text === undefined) return null;
  const verdict = VERDICTS.find((one) => one === text);
  if (!verdict) throw new PermanentError('usage', `--as "${text}" is no verdict: write ${VERDICTS.join(', ')}.`);
  return verdict;
}

/** Resolves a finding, or adds a verdict to one that is resolved. @returns what was done, in a sentence */
async function resolve(
  db: Db,
  { key, word, now, judgement }: { key: number; word: OperatorNote; now: Date; judgement: actions.GivenVerdict | undefined },
): Promise<string> {
  const kept = judgement ? ` Your verdict is kept: ${judgement.as}.` : '';
  try {
    await actions.close(db, key, { ...word, ...(judgement && { verdict: judgement }) }, now);
  } catch (error) {
    if (judgement === undefined || !(error instanceof PermanentError) || error.code !== 'finding_resolved') throw error;
    await actions.addVerdict(db, key, { ...word, verdict: judgement }, now);
    return `Finding ${key} was resolved already.${kept}`;
  }
  const again = judgement?.as === 'expected' ? 'It is not mailed again while it is expected.' : 'Newer evidence opens it again.';
  return `Finding ${key} is resolved. ${again}${kept}`;
}

const MONTH_DAYS = 30;

/** `findings review`: how often each kind was right, as people saw it, and what that suggests. */
export async function runFindingsReview(
  config: Config,
  options: { days?: string; json?: boolean },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const days = limitOf(options.days ?? '90', '--days');
  const since = new Date(now.getTime() - days * DAY_MS);
  return withDatabase(config, async (db) => {
    const review = reviewOf(await loadVerdicts(db, since), await loadExpectedSources(db, since), {
      budget: config.analyzer.false_alarms_per_month,
      domains: await countWatched(db),
      months: days / MONTH_DAYS,
    });
    const expected = await loadExpected(db, now);
    if (options.json) return out(jsonText({ ...review, expected }, 2));
    if (review.kinds.length === 0) return out(`No finding was mailed in the last ${counted(days, 'day')}.`);
    out(
      table(
        ['kind', 'mailed', 'right', 'expected', 'false', 'no verdict', 'precision'],
        review.kinds.map((one) => [
          one.kind,
          ...[one.mailed, one.right, one.expected, one.false, one.unjudged].map(String),
          one.precision === null ? '' : percent(one.precision),
        ]),
        { widths: [30, 8, 8, 8, 8, 10, 9] },
      ),
    );
    for (const sentence of proposals(review, expected)) out(escaped(sentence));
  });
}

function proposals(review: Review, expected: readonly Expected[]): string[] {
  const { budget, approvals } = review;
  return [
    ...(budget === null
      ? []
      : [
          `Proposed: analyzer.false_alarms_per_month: ${budget.proposed} (now ${budget.now}; ${budget.seen.toPrecision(2)} were false for each domain and month).`,
        ]),
    ...approvals.map(
      ({ domain, source, why }) => `Proposed: ruawatch senders approve ${domain} ${source} --why ${JSON.stringify(why)}`,
    ),
    ...expected.map(
      ({ domain, kind, subject, until, by_name }) =>
        `Expected until ${moment(until).slice(0, 10)}, said ${by_name}: ${kind} of ${subject === domain ? domain : `${subject} on ${domain}`}.`,
    ),
  ];
}

/** "open", "reopened, acknowledged by Ada", "changed, snoozed until 2026-12-01 08:00 by Ada" */
function standing(finding: ListedFinding): string {
  if (finding.acknowledged_at !== null) return `${finding.phase}, acknowledged by ${finding.acknowledged_by}`;
  if (finding.snoozed_until !== null)
    return `${finding.phase}, snoozed until ${moment(finding.snoozed_until)} by ${finding.snoozed_by}`;
  return finding.phase;
}
