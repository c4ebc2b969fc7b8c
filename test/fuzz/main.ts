import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { optionsOf, refuse } from '../helpers/options.ts';
import { limitsFrom, loadCorpus, makeCase } from './cases.ts';
import { type Finding, type FuzzOptions, fuzz } from './fuzz.ts';

const USAGE = `npm run fuzz -- [options]

Mutated fixtures through the reader. Ends with 1 when something was found.

  --seconds N     how long (default 30)
  --cases N       at most this many cases
  --findings N    ends after this many findings (default 10)
  --seed S        default: by the clock
  --case N        only this case of the seed
  --input FILE    one file, read as the fuzzer would
  --limits JSON   limits for --input
  --out FOLDER    where the input of each finding is written (default: the temporary folder)`;

const values = optionsOf(USAGE, {
  seconds: { type: 'string', default: '30' },
  seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  cases: { type: 'string' },
  findings: { type: 'string' },
  case: { type: 'string' },
  input: { type: 'string' },
  limits: { type: 'string', default: '{}' },
  out: { type: 'string', default: tmpdir() },
  // The tests of the fuzzer give it a reader with known faults.
  reader: { type: 'string' },
});
const seed = Number(values.seed);
const seconds = Number(values.seconds);
if (!Number.isSafeInteger(seed) || !(seconds > 0)) refuse('--seed must be a whole number and --seconds a positive one.');

const corpus = loadCorpus();
const options: FuzzOptions = { seed, seconds };
if (values.cases) options.cases = count('cases', values.cases);
if (values.findings) options.most = count('findings', values.findings);
if (values.reader) options.reader = values.reader;
if (values.input) options.one = { raw: readFileSync(values.input), limits: limitsFrom(values.limits) };
else if (values.case) options.one = makeCase(corpus, seed, Number(values.case));
const say = (line: string) => process.stdout.write(`${line}\n`);

say(options.one ? 'Fuzzing one input' : `Fuzzing for ${seconds} s over ${corpus.length} fixtures with --seed ${seed}`);
const result = await fuzz(options);
const mib = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;
say(`${result.cases} cases in ${result.seconds.toFixed(1)} s (${Math.round(result.cases / result.seconds)}/s), seed ${seed}`);
say(
  `outcomes: ${
    Object.entries(result.outcomes)
      .sort()
      .map(([name, n]) => `${name} ${n}`)
      .join(', ') || 'none'
  }`,
);
say(
  `live memory ${mib(result.live.first)} after the first round, ${mib(result.live.last)} after the last; peak resident ${mib(result.peakRss)}`,
);
for (const finding of result.findings) say(describe(finding));
process.exitCode = result.findings.length > 0 ? 1 : 0;

function count(option: string, value: string): number {
  const n = Number(value);
  if (!Number.isSafeInteger(n) || n < 1) refuse(`--${option} must be a whole number above 0.`);
  return n;
}

function describe({ n, kind, what }: Finding): string {
  if (n < 0) return `${kind.toUpperCase()}: ${what}`;
  if (values.input) return `${kind.toUpperCase()}: ${what}`;
  const { raw, limits } = options.one ?? makeCase(corpus, seed, n);
  const file = path.join(values.out, `ruawatch-fuzz-${seed}-${n}.bin`);
  writeFileSync(file, raw);
  const lowered = Object.keys(limits).length > 0 ? ` --limits '${JSON.stringify(limits)}'` : '';
  return `${kind.toUpperCase()} in case ${n} (${raw.length} bytes): ${what}\n  again with: npm run fuzz -- --input ${file}${lowered}`;
}
