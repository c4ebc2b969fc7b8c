import { readdirSync, readFileSync } from 'node:fs';

/** What one run of a stage found: one JSON line of `npm run bench`. */
export interface Measure {
  stage: string;
  mails: number;
  reports: number;
  records: number;
  /** Wall clock of the timed part. */
  seconds: number;
  mails_per_s: number;
  records_per_s: number;
  /** Megabytes (10^6 bytes) of XML a second, where the stage reads. */
  mb_per_s: number | null;
  /** CPU of this process over the timed part, user and system, all threads. */
  cpu_s: number;
  /** CPU of the Postgres server over the timed part; null where /proc does not say. */
  server_cpu_s: number | null;
  /**
   * Peak resident memory of the process since it began, in MB (2^20 bytes): what was prepared before the
   * timed part included.
   */
  peak_rss_mb: number;
  /**
   * The processes of a stage that has several, by name. `peak_rss_mb` is then the greatest, `cpu_s` the sum.
   */
  processes?: Record<string, { cpu_s: number | null; peak_rss_mb: number | null }>;
  /** The same until the reports were verified as well; `processes` counts to then. */
  verified?: { seconds: number; cpu_s: number; server_cpu_s: number | null };
  /**
   * MB (2^20 bytes) of tables with their indexes afterwards, by what is in them, where a stage writes through
   * the whole pipeline.
   */
  disk_mb?: Record<string, number>;
  /** What else one should know: the servers used, the size of an answer. */
  note?: string;
}

/** What a stage reports about its timed part. */
export interface Work {
  mails: number;
  reports: number;
  records: number;
  /** Bytes of XML read. */
  bytes?: number;
}

/**
 * Times `work`.
 * @param postmaster process id of the Postgres server, whose CPU is read beside
 */
export async function measure(stage: string, postmaster: number | null, work: () => Promise<Work>): Promise<Measure> {
  globalThis.gc?.();
  const server = postmaster === null ? null : serverCpu(postmaster);
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const { mails, reports, records, bytes } = await work();
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  const after = postmaster === null ? null : serverCpu(postmaster);
  return {
    stage,
    mails,
    reports,
    records,
    ...rates(seconds, { mails, records, bytes }),
    cpu_s: round((user + system) / 1e6, 2),
    server_cpu_s: server === null || after === null ? null : round(after - server, 2),
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

/** What was done in a second. */
export function rates(
  seconds: number,
  { mails, records, bytes }: { mails: number; records: number; bytes?: number | undefined },
) {
  return {
    seconds: round(seconds, 3),
    mails_per_s: Math.round(mails / seconds),
    records_per_s: Math.round(records / seconds),
    mb_per_s: bytes === undefined ? null : round(bytes / 1e6 / seconds, 1),
  };
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Ticks a second of /proc: 100 on every Linux that Node runs on. */
const TICKS = 100;
/** Octets of a page of memory, in which /proc counts what is resident. */
const PAGE = 4096;

/**
 * CPU seconds (user and system) that a Postgres server has used: the postmaster, its children that have
 * ended, and those that run. Null where there is no /proc.
 */
export function serverCpu(postmaster: number): number | null {
  const own = statOf(postmaster);
  if (own === null) return null;
  let ticks = own.self + own.ended;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const child = statOf(Number(name));
    if (child?.parent === postmaster) ticks += child.self + child.ended;
  }
  return ticks / TICKS;
}

/** CPU seconds (user and system, all threads) that a process has used; null where /proc does not say. */
export function cpuOf(pid: number): number | null {
  const stat = statOf(pid);
  return stat === null ? null : stat.self / TICKS;
}

/**
 * CPU seconds (user and system) of the child processes that this one has waited for; null where /proc does
 * not tell.
 */
export function endedCpu(): number | null {
  const stat = statOf(process.pid);
  return stat === null ? null : stat.ended / TICKS;
}

/** Resident memory of a process and of its children, in MB (2^20 bytes); 0 where /proc does not say. */
export function residentWithChildren(pid: number): number {
  if (statOf(pid) === null) return 0;
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(Number(name))?.parent === pid);
  return [pid, ...children.map(Number)].reduce((sum, one) => sum + (statOf(one)?.residentMb ?? 0), 0);
}

function statOf(pid: number): { parent: number; self: number; ended: number; residentMb: number } | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // Ended since it was listed, or no Linux.
    return null;
  }
  // The name of the program, in brackets, may hold spaces: fields are counted from behind it (proc(5): 3 is
  // the state).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const at = (field: number) => Number(fields[field - 3]);
  return { parent: at(4), self: at(14) + at(15), ended: at(16) + at(17), residentMb: (at(24) * PAGE) / 2 ** 20 };
}
