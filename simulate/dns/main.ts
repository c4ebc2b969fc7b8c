import type { Db } from '../../services/shared/runtime/db.ts';
import { share } from '../family-score.ts';
import { withDatabase, withServer } from '../run.ts';
import { DNS_EVENTS, type DnsEvent } from './events.ts';
import { type DnsDraw, dnsDrawOf } from './run.ts';

/** Worlds at once. */
const AT_ONCE = 2;

/** All events × draws, each world run with the watcher and without, and what came of them. */
export async function runDnsEvents(options: { draws: number; seed: number; json: boolean; signal: AbortSignal }): Promise<void> {
  const { draws, seed, signal } = options;
  const done: DnsDraw[] = [];
  await withServer(process.env.DATABASE_URL, async (url) => {
    const fresh = <T>(work: (db: Db) => Promise<T>) => withDatabase(url, work);
    const waiting = Array.from({ length: draws }, (_, i) => DNS_EVENTS.map((event): [DnsEvent, number] => [event, i + 1])).flat();
    const worker = async () => {
      for (let one = waiting.shift(); one !== undefined && !signal.aborted; one = waiting.shift()) {
        const result = await dnsDrawOf(fresh, one[0], { seed, draw: one[1], signal });
        done.push(result);
        if (options.json) console.log(JSON.stringify(result));
        else console.error(`${result.event} ${result.draw}: ${result.mailed?.length ?? 0} mailed`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  });
  for (const line of dnsFigures(done)) console.log(line);
}

const median = (list: readonly (number | null)[]) => {
  const sorted = list.filter((one) => one !== null).sort((a, b) => a - b);
  return sorted.length === 0 ? '–' : sorted[Math.floor(sorted.length / 2)];
};

/** The figures of docs/simulator.md, as a table and the sum of it. */
export function dnsFigures(draws: readonly DnsDraw[]): string[] {
  const incidents = draws.filter(({ benign }) => !benign);
  const both = incidents.filter(({ byDns, byReports }) => byDns && byReports);
  const one = (list: readonly DnsDraw[]) => list.filter(({ mailed }) => mailed!.length === 1);
  const names = [...new Set(draws.map(({ event }) => event))];
  const rows = names.map((name) => {
    const of = draws.filter(({ event }) => event === name);
    const told = of[0]!.benign ? '' : `${of.filter(({ mailed }) => mailed!.length > 0).length} of ${of.length}`;
    const single = of[0]!.benign ? '' : `${one(of).length} of ${of.length}`;
    const days = of[0]!.benign
      ? ''
      : `${median(of.map(({ delay }) => delay))}, ${median(of.map(({ delayWithout }) => delayWithout))}`;
    return `| ${name} | ${of.length} | ${told} | ${single} | ${days} | ${of.flatMap(({ newFalse }) => newFalse).length} |`;
  });
  const of = share(one(both).length, both.length);
  const percent = (n: number | null) => (n === null ? '–' : `${Math.round(1000 * n) / 10} %`);
  return [
    '| event | worlds | mailed | as one | days with DNS, without | new false alarms |',
    '|---|---|---|---|---|---|',
    ...rows,
    `One incident where both DNS and reports show it: ${of.part} of ${of.of} (${percent(of.share)}, 95 % interval ${percent(of.low)} to ${percent(of.high)}).`,
    `New false alarms: ${draws.flatMap(({ newFalse }) => newFalse).length} in ${draws.length} worlds.`,
  ];
}
