import { share } from '../family-score.ts';
import { withDatabase, withServer } from '../run.ts';
import type { LogFamily } from './families.ts';
import { LOG_FAMILIES } from './index.ts';
import { type LogDraw, logDrawOf } from './run.ts';
import { HOUR } from './world.ts';

/** Worlds at once. */
const AT_ONCE = 2;

/**
 * All families × draws, and what came of them.
 * @param options.families part of the names of those that are run; all without it
 */
export async function runLogFamilies(options: {
  draws: number;
  seed: number;
  json: boolean;
  families?: string | undefined;
  signal: AbortSignal;
}): Promise<void> {
  const { draws, seed, families = '', signal } = options;
  const chosen = LOG_FAMILIES.filter(({ name }) => name.includes(families));
  const done: LogDraw[] = [];
  await withServer(process.env.DATABASE_URL, async (url) => {
    const waiting = Array.from({ length: draws }, (_, i) => chosen.map((family): [LogFamily, number] => [family, i + 1])).flat();
    const worker = async () => {
      for (let one = waiting.shift(); one !== undefined && !signal.aborted; one = waiting.shift()) {
        const [family, draw] = one;
        const result = await withDatabase(url, (db) => logDrawOf(db, family, { seed, draw, signal }));
        done.push(result);
        if (options.json) console.log(JSON.stringify(result));
        else
          console.error(
            `${result.family} ${draw}: ${result.alarms.map(({ kind, subject }) => `${kind} ${subject}`).join(', ') || 'nothing'}`,
          );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  });
  for (const line of logFigures(done)) console.log(line);
}

interface Score {
  found: number;
  expected: number;
  right: number;
  wrong: number;
  hours: number[];
}

/**
 * An alarm is right when it has the kind and the subject of something expected, and is no earlier; what is
 * mailed again of the same counts once. All others are wrong.
 */
export function scoreOf({ expected, alarms }: Pick<LogDraw, 'expected' | 'alarms'>): Score {
  const is = (one: LogDraw['expected'][number], alarm: LogDraw['alarms'][number]) =>
    one.kind === alarm.kind && one.subject === alarm.subject && alarm.at >= one.from;
  const first = expected.map((one) => alarms.find((alarm) => is(one, alarm)));
  const hours = first.flatMap((alarm, n) => (alarm === undefined ? [] : [(alarm.at - expected[n]!.from) / HOUR]));
  const wrong = alarms.filter((alarm) => !expected.some((one) => is(one, alarm)));
  return { found: hours.length, expected: expected.length, right: hours.length, wrong: wrong.length, hours };
}

/** The figures of docs/simulator.md: a row for each family, and the sums of both groups. */
export function logFigures(draws: readonly LogDraw[]): string[] {
  const sum = (of: readonly LogDraw[]): Score =>
    of.map(scoreOf).reduce(
      (a, b) => ({
        found: a.found + b.found,
        expected: a.expected + b.expected,
        right: a.right + b.right,
        wrong: a.wrong + b.wrong,
        hours: [...a.hours, ...b.hours],
      }),
      { found: 0, expected: 0, right: 0, wrong: 0, hours: [] },
    );
  const median = (all: readonly number[]) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];
  const rows = [...new Set(draws.map(({ family }) => family))].map((family) => {
    const of = draws.filter((one) => one.family === family);
    const { found, expected, wrong, hours } = sum(of);
    const detected = expected === 0 ? '' : `${found} of ${expected}`;
    return `| ${family} | ${of[0]!.group} | ${of.length} | ${detected} | ${hours.length === 0 ? '' : median(hours)!.toFixed(1)} | ${wrong} |`;
  });
  const sums = (['tuning', 'held out'] as const).map((group) => {
    const of = draws.filter((one) => one.group === group);
    const { right, wrong, found, expected } = sum(of);
    const [precision, recall] = [share(right, right + wrong), share(found, expected)];
    return `${group}: precision ${text(precision)}, recall ${text(recall)}, ${of.length} worlds.`;
  });
  return ['| family | group | worlds | detected | median hours | false alarms |', '|---|---|--:|--:|--:|--:|', ...rows, ...sums];
}

function text({ part, of, share: value, low, high }: ReturnType<typeof share>): string {
  const percent = (n: number | null) => (n === null ? '–' : `${Math.round(1000 * n) / 10} %`);
  return `${part} of ${of} (${percent(value)}, 95 % interval ${percent(low)} to ${percent(high)})`;
}
