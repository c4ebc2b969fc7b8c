import { rmSync } from 'node:fs';
import { Random } from '../../demo/random.ts';
import { optionsOf, refuse } from '../helpers/options.ts';
import { chaosLoad } from './load.ts';
import { runOnce } from './run.ts';
import { differences } from './totals.ts';

const USAGE = `npm run chaos -- [options]

The same mails through an undisturbed pipeline and through one that is disturbed for N minutes; what both come to must be equal.
One line a seed; exit 1 with the differences otherwise. See docs/chaos.md.

  --minutes N         how long to disturb (default 2)
  --seed S[,S...]     seeds, one after the other (default: by the clock)
  --mails N           default: 1,000 for each minute, 500 to 2,000
  --every MS          milliseconds between two faults, on average (default 1500)
  --quiet-seconds N   how long the pipeline may take to settle (default 240)
  --verbose           tells what happens`;

const values = optionsOf(USAGE, {
  minutes: { type: 'string', default: '2' },
  seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  mails: { type: 'string' },
  every: { type: 'string', default: '1500' },
  'quiet-seconds': { type: 'string', default: '240' },
  verbose: { type: 'boolean', default: false },
});
const minutes = Number(values.minutes);
const seeds = values.seed.split(',').map(Number);
const count = values.mails === undefined ? Math.min(2000, Math.max(500, Math.round(1000 * minutes))) : Number(values.mails);
if (!(minutes > 0) || !seeds.every(Number.isSafeInteger) || !(count > 0))
  refuse('--minutes must be a positive number, --seed whole numbers with commas between them, --mails a positive number.');
const waves = minutes >= 1 ? 3 : 2;
const MOST_SHOWN = 40;
const write = (line: string) => process.stdout.write(`${line}\n`);

// What was started ends with the process only when it ends by itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

for (const seed of seeds) if (!(await exact(seed))) process.exitCode = 1;

async function exact(seed: number): Promise<boolean> {
  const random = new Random(`chaos/run/${seed}`);
  const mails = await chaosLoad(seed, count, new Date());
  const common = { mails, waves, quietSeconds: Number(values['quiet-seconds']), say: values.verbose ? write : () => undefined };
  try {
    const calm = await runOnce({ ...common, chaos: null });
    const storm = await runOnce({ ...common, chaos: { random, minutes, meanMs: Number(values.every) } });
    const wrong = [
      ...calm.totals.wrong.map((line) => `undisturbed: ${line}`),
      ...storm.totals.wrong.map((line) => `disturbed: ${line}`),
      ...differences(calm.totals, storm.totals),
    ];
    const { counts, resent } = storm.totals;
    const met = (name: string) => (storm.met.has(name) ? `, of which met ${storm.met.get(name)}` : '');
    const faults = [...storm.faults].sort().map(([name, n]) => `${name} ${n}${met(name)}`);
    const sum = [...storm.faults.values()].reduce((a, b) => a + b, 0);
    if (resent > sum) wrong.push(`${resent} mails came twice, in ${sum} faults`);
    write(
      `seed ${seed}: ${wrong.length === 0 ? 'exact' : `${wrong.length} DIFFERENCES`}; ${mails.length} mails: ${counts.message} messages (${counts.stored} stored, ${counts.ignored} ignored, ${counts.quarantined} quarantined), ${counts.report} reports (${counts.superseded} superseded, ${counts.duplicates} duplicates), ${counts.records} records, ${counts['mail counted']} mail counted, ${counts.finding} findings, ${counts.mail} alerts (${counts.refused} refused and made anew, ${resent} resent); undisturbed ${calm.seconds.toFixed(0)} s, disturbed ${storm.seconds.toFixed(0)} s, settled ${storm.settledSeconds.toFixed(0)} s after the last of ${sum} faults (${faults.join('; ')}), ${storm.restarts} restarts`,
    );
    for (const line of wrong.slice(0, MOST_SHOWN)) write(`  ${line}`);
    if (wrong.length > MOST_SHOWN) write(`  and ${wrong.length - MOST_SHOWN} more`);
    for (const { folder } of [calm, storm]) {
      if (wrong.length > 0) write(`  its logs: ${folder}`);
      else rmSync(folder, { recursive: true, force: true });
    }
    return wrong.length === 0;
  } catch (error) {
    write(`seed ${seed}: BROKEN OFF: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}
