import '../services/shared/runtime/semi-spaces.ts';
import type { StageInput } from './input.ts';
import { STAGES } from './stages.ts';

/**
 * One stage in a process of its own: `child.js STAGE INPUT-AS-JSON`; prints its measures as one line, a JSON
 * array.
 */
// Ends by itself then, and with it the services and servers it started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const [stage, input] = process.argv.slice(2);
const run = STAGES[stage!];
if (!run) throw new Error(`There is no stage ${stage}.`);
process.stdout.write(`${JSON.stringify([await run(stage!, JSON.parse(input!) as StageInput)].flat())}\n`);
