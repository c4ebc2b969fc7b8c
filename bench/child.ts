import { STAGES, type StageInput } from './stages.ts';

/** One stage in a process of its own: `child.js STAGE INPUT-AS-JSON`; prints its measure as one JSON line. */
const [stage, input] = process.argv.slice(2);
const run = STAGES[stage!];
if (!run) throw new Error(`There is no stage ${stage}.`);
process.stdout.write(`${JSON.stringify(await run(stage!, JSON.parse(input!) as StageInput))}\n`);
