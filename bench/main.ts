import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { openPool } from '../services/shared/runtime/db.ts';
import { putOwn } from '../services/store/domains/domains.ts';
import { adminUrl, openEmbedded } from '../services/store/schema/embedded.ts';
import { migrate } from '../services/store/schema/migrate.ts';
import { optionsOf, refuse } from '../test/helpers/options.ts';
import type { StageInput } from './input.ts';
import { largeReport, spreadOf } from './load.ts';
import { LOADS } from './loads.ts';
import type { Measure } from './measure.ts';
import { LONG_STAGES, PEER_STAGES, STAGES } from './stages.ts';
import { type Line, median, ratioToFloor, table } from './table.ts';

const USAGE = `npm run bench -- [options]

JSON lines on standard output, a table on standard error. docs/performance.md says what each stage measures, and what it came to.

  --only STAGE,...   some stages; "large" and "scale" are all that begin so
  --full             the long ones as well
  --peers            beside them parsedmarc, as found in PATH, on the same load
  --load NAME        how the mails are made: reporters (default), varied, minified, crlf, prefixed, odd, plain,
                     sixth, seventh, eighth
  --mails N          mails of the load (default 5000)
  --seed S           of the load (default 1)
  --sources KIND     addresses of the load: pool or random (default pool)
  --runs N           runs of each stage; the median is reported (default 3)
  --large N,...      records of the large reports (default 200000,1000000)
  --records N        records that the queries are asked over (default 10000000)
  --history N,...    records' worth of rollups that the analyzer has behind it, in millions
  --domains N        domains that dns checks (default 1000)
  --backlog N        mails of the backlog (default 100000)
  --flood-sources N  sources that a stranger names in flood (default 500000)
  --queue KIND       auto, redis or postgres (default auto)
  --trust KIND       authserv or off (default authserv)
  --compare FILE     shows the change against the JSON lines of an earlier run
  --cpu-prof FOLDER  writes profiles of the processes`;

const values = optionsOf(USAGE, {
  peers: { type: 'boolean', default: false },
  load: { type: 'string', default: 'reporters' },
  mails: { type: 'string', default: '5000' },
  seed: { type: 'string', default: '1' },
  sources: { type: 'string', default: 'pool' },
  runs: { type: 'string', default: '3' },
  only: { type: 'string' },
  full: { type: 'boolean', default: false },
  queue: { type: 'string', default: 'auto' },
  trust: { type: 'string', default: 'authserv' },
  history: { type: 'string' },
  records: { type: 'string', default: '10000000' },
  domains: { type: 'string', default: '1000' },
  backlog: { type: 'string', default: '100000' },
  'flood-sources': { type: 'string', default: '500000' },
  large: { type: 'string', default: '200000,1000000' },
  compare: { type: 'string' },
  'cpu-prof': { type: 'string' },
});
const seed = Number(values.seed);
const spread = spreadOf(values.sources);
const write = LOADS[values.load] ?? refuse(`There is no load "${values.load}": ${Object.keys(LOADS).join(', ')}.`);
const only = chosenStages();
const queue = values.queue as 'auto' | 'redis' | 'postgres';
if (!['auto', 'redis', 'postgres'].includes(queue)) refuse('--queue is auto, redis or postgres.');
const trust = values.trust as 'authserv' | 'off';
if (!['authserv', 'off'].includes(trust)) refuse('--trust is authserv or off.');
const earlier = values.compare ? linesOf(readFileSync(values.compare, 'utf8')) : null;

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-bench-'));
chmodSync(folder, 0o755); // the server's own user must be able to enter
try {
  const server = await openEmbedded(path.join(folder, 'data'));
  try {
    const lines = await runStages(adminUrl(server, 'ruawatch'), await writeLoad());
    process.stderr.write(`\n${table(lines, earlier)}\n`);
  } finally {
    await server.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** `--only large,scale` names all stages that begin so. */
function chosenStages(): string[] {
  const all = Object.keys(STAGES);
  const own = all.filter((stage) => !PEER_STAGES.includes(stage));
  const peers = values.peers ? PEER_STAGES : [];
  if (values.only === undefined) return [...own.filter((stage) => values.full || !LONG_STAGES.includes(stage)), ...peers];
  const chosen = values.only.split(',').flatMap((name) => {
    const named = name in STAGES ? [name] : own.filter((stage) => stage.startsWith(`${name}_`));
    if (named.length === 0) refuse(`There is no stage "${name}": ${all.join(', ')}.`);
    return named;
  });
  return [...new Set([...chosen, ...peers])];
}

/** Whether a stage reads the mails of the load. */
function readsMails(stage: string): boolean {
  return (
    !stage.startsWith('large_') &&
    !['makes_read', 'analyze', 'queries', 'pages', 'readers', 'backlog', 'flood', 'logs', 'milter', 'dns'].includes(stage)
  );
}

/** Writes the load to files. @returns where, by the kind of stage that reads it */
async function writeLoad(): Promise<{ mails: string; large: string[] }> {
  const mails = path.join(folder, 'mails');
  mkdirSync(mails);
  if (only.some(readsMails)) {
    let n = 0;
    for await (const { raw } of write({ seed, mails: Number(values.mails), sources: spread })) {
      writeFileSync(path.join(mails, `${String(++n).padStart(7, '0')}.eml`), raw);
    }
  }
  const large: string[] = [];
  for (const records of only.some((stage) => stage.startsWith('large_')) ? values.large.split(',') : []) {
    const file = path.join(folder, `large-${records}.xml.gz`);
    await pipeline(largeReport({ seed, records: Number(records), sources: spread }), createWriteStream(file));
    large.push(file);
  }
  return { mails, large };
}

async function runStages(url: string, load: { mails: string; large: string[] }): Promise<Line[]> {
  const taken = {
    runs: Number(values.runs),
    node: process.version,
    commit: spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout?.trim() || null,
    load: values.load,
    cpu: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
  };
  const lines: Line[] = [];
  const keep = (measured: Measure, runs: number) => {
    const line = { ...measured, ratio_to_floor: ratioToFloor(measured, lines), ...taken, runs };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    lines.push(line);
  };
  for (const stage of only) {
    for (const { runs, input } of workOf(stage, load)) {
      const measured: Measure[][] = [];
      for (let run = 0; run < runs; run++) measured.push(await onFreshDatabase(url, stage, input));
      if (runs > 1) keep(median(measured.flat()), runs);
      else for (const one of measured.flat()) keep(one, input.runs ?? 1);
    }
  }
  return lines;
}

type Input = Omit<StageInput, 'databaseUrl' | 'postmaster'>;

/**
 * The inputs of a stage, each with how often it is run; a stage that repeats what it prepared is run once.
 */
function workOf(stage: string, load: { mails: string; large: string[] }): { runs: number; input: Input }[] {
  const runs = Number(values.runs);
  const history = values.history ?? (values.full ? '1,10,100' : '1');
  if (stage.startsWith('large_')) return load.large.map((file) => ({ runs, input: { path: file } }));
  if (stage === 'makes_read') return [{ runs: 1, input: { path: load.mails } }];
  if (stage === 'queries' || stage === 'pages')
    return [{ runs: 1, input: { path: load.mails, records: Number(values.records), runs } }];
  if (stage === 'readers')
    return [
      { runs: 1, input: { path: load.mails, records: Number(values.records), mails: Number(values.backlog), seed, queue } },
    ];
  if (stage === 'backlog') return [{ runs: 1, input: { path: load.mails, mails: Number(values.backlog), seed, queue, trust } }];
  // Twice, four times as many: memory is to be the same.
  if (stage === 'logs') return [20_000, 80_000].map((mails) => ({ runs, input: { path: load.mails, mails } }));
  if (stage === 'milter') return [{ runs, input: { path: load.mails, mails: 3000 } }];
  if (stage === 'dns') return [{ runs, input: { path: load.mails, records: Number(values.domains) } }];
  if (stage === 'flood') return [{ runs: 1, input: { path: load.mails, records: Number(values['flood-sources']), queue } }];
  if (stage === 'analyze')
    return history
      .split(',')
      .map((millions) => ({ runs: 1, input: { path: load.mails, records: Number(millions) * 1e6, runs } }));
  return [{ runs, input: { path: load.mails, queue, trust } }];
}

async function onFreshDatabase(url: string, stage: string, input: Input): Promise<Measure[]> {
  if (/read$|^dns$/.test(stage)) return inChild(stage, { ...input, databaseUrl: null, postmaster: null });
  const admin = openPool(url, { max: 1 });
  const fresh = new URL(url);
  fresh.pathname = '/bench';
  try {
    await admin.query('drop database if exists bench with (force)');
    await admin.query('create database bench');
    const db = openPool(fresh.href, { max: 1 });
    await migrate(db);
    // What it reports on is ours.
    await putOwn(db, ['example', 'test', 'com', 'net', 'org'], 'listed', { now: new Date(), ignored: true });
    await db.end();
    const pid = Number(readFileSync(path.join(folder, 'data', 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
    return await inChild(stage, { ...input, databaseUrl: fresh.href, postmaster: pid });
  } finally {
    await admin.end();
  }
}

async function inChild(stage: string, input: StageInput): Promise<Measure[]> {
  const profile = values['cpu-prof']
    ? ['--cpu-prof', `--cpu-prof-dir=${values['cpu-prof']}`, `--cpu-prof-name=${stage}.cpuprofile`]
    : [];
  const script = path.join(import.meta.dirname, 'child.js');
  const child = spawn(process.execPath, ['--expose-gc', ...profile, script, stage, JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = () => child.kill('SIGTERM');
  // The stage ends, this throws, and what was made is removed.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const out = await text(child.stdout);
  const code = await ended;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  if (code !== 0) throw new Error(`The stage ${stage} ended with code ${code}.`);
  return JSON.parse(out) as Measure[];
}

function linesOf(jsonLines: string): Line[] {
  return jsonLines
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}
