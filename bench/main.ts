import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { openPool } from '../services/shared/db.ts';
import { openEmbedded } from '../services/shared/embedded.ts';
import { migrate } from '../services/store/migrate.ts';
import { generateLoad, largeReport, spreadOf } from './load.ts';
import type { Measure } from './measure.ts';
import { STAGES, type StageInput } from './stages.ts';
import { type Line, median, ratioToFloor, table } from './table.ts';

const { values } = parseArgs({
  options: {
    mails: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
    sources: { type: 'string', default: 'pool' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
    large: { type: 'string', default: '200000,1000000' },
    compare: { type: 'string' },
    'cpu-prof': { type: 'string' },
  },
});
const seed = Number(values.seed);
const spread = spreadOf(values.sources);
const only = values.only?.split(',') ?? Object.keys(STAGES);
for (const stage of only)
  if (!(stage in STAGES)) throw new Error(`There is no stage "${stage}": ${Object.keys(STAGES).join(', ')}.`);
const earlier = values.compare ? linesOf(readFileSync(values.compare, 'utf8')) : null;

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-bench-'));
chmodSync(folder, 0o755); // the server's own user must be able to enter
try {
  const server = await openEmbedded(path.join(folder, 'data'));
  try {
    const lines = await runStages(server.url, await writeLoad());
    process.stderr.write(`\n${table(lines, earlier)}\n`);
  } finally {
    await server.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Writes the load to files. @returns where, by the kind of stage that reads it */
async function writeLoad(): Promise<{ mails: string; large: string[] }> {
  const mails = path.join(folder, 'mails');
  mkdirSync(mails);
  if (only.some((stage) => !stage.startsWith('large_'))) {
    let n = 0;
    for await (const { raw } of generateLoad({ seed, mails: Number(values.mails), sources: spread })) {
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
    cpu: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
  };
  const lines: Line[] = [];
  for (const stage of only) {
    for (const at of stage.startsWith('large_') ? load.large : [load.mails]) {
      const runs: Measure[] = [];
      for (let run = 0; run < taken.runs; run++) runs.push(await onFreshDatabase(url, stage, at));
      const measured = median(runs);
      const line = { ...measured, ratio_to_floor: ratioToFloor(measured, lines), ...taken };
      process.stdout.write(`${JSON.stringify(line)}\n`);
      lines.push(line);
    }
  }
  return lines;
}

async function onFreshDatabase(url: string, stage: string, at: string): Promise<Measure> {
  if (/read$/.test(stage)) return inChild(stage, { path: at, databaseUrl: null, postmaster: null });
  const admin = openPool(url, { max: 1 });
  const fresh = new URL(url);
  fresh.pathname = '/bench';
  try {
    await admin.query('drop database if exists bench with (force)');
    await admin.query('create database bench');
    const db = openPool(fresh.href, { max: 1 });
    await migrate(db);
    await db.end();
    const pid = Number(readFileSync(path.join(folder, 'data', 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
    return await inChild(stage, { path: at, databaseUrl: fresh.href, postmaster: pid });
  } finally {
    await admin.end();
  }
}

async function inChild(stage: string, input: StageInput): Promise<Measure> {
  const profile = values['cpu-prof']
    ? ['--cpu-prof', `--cpu-prof-dir=${values['cpu-prof']}`, `--cpu-prof-name=${stage}.cpuprofile`]
    : [];
  const script = path.join(import.meta.dirname, 'child.js');
  const child = spawn(process.execPath, ['--expose-gc', ...profile, script, stage, JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const out = await text(child.stdout);
  const code = await ended;
  if (code !== 0) throw new Error(`The stage ${stage} ended with code ${code}.`);
  return JSON.parse(out) as Measure;
}

function linesOf(jsonLines: string): Line[] {
  return jsonLines
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}
