import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { openPool } from '../services/shared/runtime/db.ts';
import { files, type StageInput } from './input.ts';
import { endedCpu, type Measure, rates, residentWithChildren, round, serverCpu } from './measure.ts';

/** Processes that parsedmarc reads with, on as many cores as the bench is meant for. */
const PROCESSES = 2;

/**
 * parsedmarc, as it is found in PATH (activate its virtual environment), from the files of the load to its
 * own tables in Postgres, offline: without names of hosts and without rollups, verdicts or archive, which it
 * does not keep. Its start is part of the time.
 * @throws where it is not installed, fails, or leaves out a report
 */
export async function parsedmarc(stage: string, input: StageInput): Promise<Measure> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-bench-peer-'));
  const db = openPool(input.databaseUrl!, { max: 1 });
  try {
    const settings = path.join(folder, 'parsedmarc.ini');
    writeFileSync(
      settings,
      `[general]
save_aggregate = True
offline = True
warnings = True
n_procs = ${PROCESSES}

[postgresql]
connection_string = ${input.databaseUrl}
`,
    );
    await db.query('checkpoint');
    const server = serverCpu(input.postmaster!);
    const cpu = endedCpu();
    const start = process.hrtime.bigint();
    const { peakMb } = await run('parsedmarc', ['-c', settings, input.path]);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const cpuAfter = endedCpu();
    const serverAfter = serverCpu(input.postmaster!);
    const { rows } = await db.query<{ reports: number; records: number }>(
      `select (select count(*) from dmarc_aggregate_report) as reports, (select count(*) from dmarc_aggregate_record) as records`,
    );
    const { reports, records } = rows[0]!;
    const mails = files(input.path).length;
    return {
      stage,
      mails,
      reports,
      records,
      ...rates(seconds, { mails, records }),
      cpu_s: cpu === null || cpuAfter === null ? 0 : round(cpuAfter - cpu, 2),
      server_cpu_s: server === null || serverAfter === null ? null : round(serverAfter - server, 2),
      peak_rss_mb: peakMb,
      note: `${await version()}, ${PROCESSES} processes, offline; ${mails - reports} reports were not stored`,
    };
  } finally {
    await db.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Runs a program to its end, and looks at its memory meanwhile: what it and its child processes hold
 * together, in MB (2^20 bytes).
 * @throws with what it said, where it is missing or fails
 */
async function run(program: string, args: readonly string[]): Promise<{ out: string; peakMb: number }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let peakMb = 0;
  const look = setInterval(() => {
    peakMb = Math.max(peakMb, Math.round(residentWithChildren(child.pid!)));
  }, 100);
  try {
    const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
    const [code, out, problems] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    if (code !== 0) throw new Error(`${program} ended with code ${code}: ${problems.slice(-500)}`);
    return { out, peakMb };
  } finally {
    clearInterval(look);
  }
}

const version = async () => `parsedmarc ${(await run('parsedmarc', ['--version'])).out.trim()}`;
