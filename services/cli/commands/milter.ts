import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type Tried, tryMail } from '../../milter/index.ts';
import { messageOf, PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import type { Config } from '../../shared/settings/config.ts';
import { openContext } from '../open.ts';

export interface MilterTryOptions {
  ip: string;
  helo?: string;
  from?: string;
  json?: boolean;
}

/**
 * `milter try`: judges a mail in a file as if it arrived now, and shows what the milter would do. Holds,
 * notes and sends nothing.
 * @throws PermanentError `usage` when the file cannot be read, or the address is none
 */
export async function runMilterTry(
  config: Config,
  file: string,
  { ip, helo = 'localhost', from = '', json = false }: MilterTryOptions,
  out: (line: string) => void,
): Promise<number> {
  if (isIP(ip) === 0)
    throw new PermanentError('usage', `--ip "${ip}" is not an address: give that of the client, such as 192.0.2.1.`);
  let raw: Buffer;
  try {
    raw = readFileSync(file);
  } catch (error) {
    throw new PermanentError('usage', `${file} cannot be read: ${messageOf(error)}.`, error);
  }
  const context = await openContext(config, { say: (line) => context.log.warn(line) });
  try {
    const tried = await tryMail(context, raw, { ip, helo, mailFrom: from.replace(/^<|>$/g, '') });
    for (const line of json ? [jsonText(shown(tried))] : lines(tried)) out(line);
    return 0;
  } finally {
    await context.close();
  }
}

/** What is printed as JSON. */
function shown({ outcome, decided, dry, why, results, known, source, authentication_results }: Tried): object {
  return {
    outcome,
    rule: decided === null ? null : { when: decided.rule.when, do: decided.rule.do, match: decided.match },
    dry_run: dry.map(({ rule, match }) => ({ when: rule.when, do: rule.do, match })),
    why,
    source,
    source_class: known?.source_class ?? null,
    authentication_results,
    results,
  };
}

function lines({ outcome, decided, dry, why, source, known, authentication_results }: Tried): string[] {
  const said = [escaped(`Authentication-Results: ${authentication_results}`)];
  if (source !== null) said.push(escaped(`Source: ${source}, class ${known?.source_class ?? 'not known from reports'}`));
  for (const { rule, match } of dry) said.push(escaped(`Dry run: ${rule.do} by ${rule.when} (${factsOf(match)})`));
  const by = decided === null ? (why === null ? 'no rule holds' : why) : `${decided.rule.when} (${factsOf(decided.match)})`;
  said.push(escaped(`Outcome: ${outcome}: ${by}`));
  return said;
}

/** What a rule found, without the name of the rule. */
function factsOf(match: object): string {
  return Object.entries(match)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join(', ');
}
