import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Approvals, approvalsSchema } from '../../requests/rules.ts';
import { DIFFERENCES, type Difference, type Past, type Simulated, simulate } from '../../requests/simulate.ts';
import { STATE_WORDS } from '../../requests/words.ts';
import { messageOf, PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import { counted } from '../../shared/format.ts';
import type { Config } from '../../shared/settings/config.ts';
import { yamlOf } from '../../shared/settings/yaml-file.ts';
import { pastRequests } from '../../store/requests/history.ts';
import { withDatabase } from '../open.ts';
import { dateOf, limitOf, moment, type Terminal } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

export interface SimulateOptions {
  from?: string;
  to?: string;
  limit?: string;
  json?: boolean;
}

const WORDS: Record<Difference, string> = {
  denied_by_people: 'would be approved by a rule, and people denied it',
  undone: 'would be approved by a rule, and what people approved was rolled back or failed',
  not_decided: 'would be approved by a rule, and nobody approved it',
  unreachable: 'could not be decided: the groups have too few people beside whoever asked',
  no_rule: 'no rule is for it',
  asked_now: 'people would be asked, and a rule decided it',
  saved: 'would be approved by a rule, and people approved it or have it to decide',
};

/**
 * `requests simulate RULES.yaml`: what these rules would have decided about the stored requests. Nothing is
 * changed.
 * @returns 0, or 2 when a rule would have approved what people denied or what had to be taken back
 * @throws PermanentError `usage`, `rules_file`
 */
export async function runRequestsSimulate(
  config: Config,
  file: string,
  options: SimulateOptions,
  { out }: Terminal,
): Promise<number> {
  const approvals = readRules(file);
  const [from, to] = [dateOf(options.from, '--from'), dateOf(options.to, '--to')];
  const limit = limitOf(options.limit);
  let grave = false;
  await withDatabase(config, async (db) => {
    const { past, unread } = await pastRequests(db, { from, to });
    const results = simulate(approvals, past);
    const differing = sorted(results.filter(({ differs }) => differs !== null));
    grave = differing.some(({ differs }) => differs === 'denied_by_people' || differs === 'undone');
    if (options.json)
      return out(jsonText({ ...countsOf(past, results), unread, cases: differing.map((one) => caseOf(past, one)) }, 2));
    for (const line of textOf({ past, results, differing: differing.slice(0, limit), more: differing.length - limit, unread }))
      out(escaped(line));
    if (differing.length > 0) out(tableOf(past, differing.slice(0, limit)));
  });
  return grave ? 2 : 0;
}

const sorted = (results: readonly Simulated[]) =>
  [...results].sort((a, b) => DIFFERENCES.indexOf(a.differs!) - DIFFERENCES.indexOf(b.differs!) || a.request_key - b.request_key);

/**
 * The rules of a file: `approvals:` of ruawatch.yaml, or its content alone. @throws PermanentError
 * `rules_file`
 */
export function readRules(file: string): Approvals {
  const name = path.basename(file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new PermanentError('rules_file', `${name} cannot be read: ${messageOf(error)}`, error);
  }
  const mistakes: string[] = [];
  const content = yamlOf(text, name, mistakes);
  const given = typeof content === 'object' && content !== null && 'approvals' in content ? content.approvals : content;
  const read = approvalsSchema.safeParse(given);
  if (mistakes.length === 0 && !read.success)
    mistakes.push(...read.error.issues.map(({ path: at, message }) => `${name}: ${at.join('.') || 'the rules'}: ${message}.`));
  if (mistakes.length === 0 && read.data!.rules.length === 0)
    mistakes.push(`${name} has no rules: it needs "rules:" and "groups:".`);
  if (mistakes.length > 0) throw new PermanentError('rules_file', mistakes.join('\n'));
  return read.data!;
}

const count = (results: readonly Simulated[], of: (one: Simulated) => boolean) => results.filter(of).length;

function countsOf(past: readonly Past[], results: readonly Simulated[]) {
  const rules = [...new Set(results.flatMap(({ rule }) => (rule === null ? [] : [rule])))].sort();
  return {
    requests: past.length,
    approved_by_rule: count(results, ({ would }) => would === 'approve'),
    asked: count(results, ({ would }) => would === 'ask'),
    unreachable: count(results, ({ would }) => would === 'unreachable'),
    no_rule: count(results, ({ would }) => would === 'no_rule'),
    rules: Object.fromEntries(rules.map((name) => [name, count(results, ({ rule }) => rule === name)])),
    differences: Object.fromEntries(DIFFERENCES.map((one) => [one, count(results, ({ differs }) => differs === one)])),
  };
}

const pastOf = (past: readonly Past[], { request_key }: Simulated) => past.find((one) => one.request_key === request_key)!;

function caseOf(past: readonly Past[], one: Simulated) {
  const { plan, created_at, state, by, decision, rule } = pastOf(past, one);
  return {
    ...one,
    kind: plan.kind,
    domain: plan.domain,
    summary: plan.summary,
    risk: plan.risk,
    created_at,
    was: { state, by, decision, rule },
  };
}

function textOf({
  past,
  results,
  differing,
  more,
  unread,
}: {
  past: readonly Past[];
  results: readonly Simulated[];
  differing: readonly Simulated[];
  more: number;
  unread: number;
}): string[] {
  if (past.length === 0) return ['No request is stored for this time: there is nothing to hold the rules against.'];
  const { approved_by_rule, asked, unreachable, no_rule, rules, differences } = countsOf(past, results);
  const was = (by: Past['by']) => past.filter((one) => one.by === by).length;
  return [
    `${counted(past.length, 'request')} from ${moment(past[0]!.created_at)} to ${moment(past.at(-1)!.created_at)} UTC.`,
    `What happened: rules decided ${was('rule')}, people ${was('people')}, break-glass ${was('emergency')}, nobody ${was('nobody')}.`,
    `With these rules: rules would decide ${approved_by_rule}, people would be asked about ${asked}${unreachable > 0 ? `, ${unreachable} could not be decided by the groups' people` : ''}${no_rule > 0 ? `, no rule is for ${no_rule}` : ''}.`,
    ...Object.entries(rules).map(([name, n]) => `  ${name}: ${n}`),
    ...(unread > 0 ? [`${counted(unread, 'plan')} could not be read: "ruawatch audit verify" shows what was changed.`] : []),
    ...DIFFERENCES.filter((one) => differences[one]! > 0).map((one) => `${differences[one]}: ${WORDS[one]}`),
    ...(differing.length === 0 ? ['No case differs.'] : []),
    ...(more > 0 ? [`${counted(more, 'more case')}: --limit or --json.`] : []),
  ];
}

function tableOf(past: readonly Past[], differing: readonly Simulated[]): string {
  return table(
    ['key', 'asked at', 'rule', 'difference', 'what happened', 'what'],
    differing.map((one) => {
      const { plan, created_at, state } = pastOf(past, one);
      return [String(one.request_key), moment(created_at), one.rule ?? '', one.differs!, STATE_WORDS[state], plan.summary];
    }),
    { widths: [8, 16, 24, 20, 40, 100] },
  );
}
