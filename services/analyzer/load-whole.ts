import { addDays, later } from '../shared/days.ts';
import type { Tx } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import type { Counted } from '../store/analysis/counted.ts';
import { loadLateness, loadSpread } from '../store/analysis/silences.ts';
import type { ReporterDay } from '../store/analysis/window-reads.ts';
import { loadCheck } from '../store/dns/checks.ts';
import { loadDrifts } from '../store/dns/drifts.ts';
import { loadChangedLookalikes } from '../store/dns/lookalikes.ts';
import { loadKeyMail, loadPublished, loadSpfMail } from '../store/dns/published.ts';
import type { DomainData } from './domain-data.ts';
import { lostSpf } from './published/losses.ts';
import { LOST_DAYS } from './rules/lost.ts';
import { SILENT_DAYS } from './rules/reporter_silent.ts';
import { loadLogs } from './sending/load.ts';

/** Of the reporters that fell silent: how far their silence goes, and how late they used to report. */
async function loadSilentReporters(
  tx: Tx,
  domain: string,
  { reporterDays, from, today }: { reporterDays: readonly ReporterDay[]; from: string; today: string },
): Promise<Pick<DomainData, 'spread' | 'lateness'>> {
  const silent = silentSince(reporterDays, addDays(today, -SILENT_DAYS));
  const names = silent.map(({ reporter }) => reporter);
  return { spread: await loadSpread(tx, domain, silent), lateness: await loadLateness(tx, domain, names, { from, to: today }) };
}

/** Of the domain as a whole: its records, its mail in own servers' logs, and who no longer reports on it. */
export async function loadWhole(
  tx: Tx,
  context: Context,
  domain: string,
  { from, today, counted, reporterDays }: Pick<DomainData, 'from' | 'today' | 'reporterDays'> & { counted: Counted },
) {
  const now = context.clock.now();
  const reporters = counted.votes > 1 ? [] : counted.reporters;
  const records = await loadRecords(tx, domain, now, { from, reporters });
  const { published = null } = records;
  const { subjects: inLogs, ...logs } = await loadLogs(tx, context, domain, { now, reporters, published });
  return { ...records, ...logs, ...(await loadSilentReporters(tx, domain, { reporterDays, from, today })), inLogs };
}

/** What the watcher saw of the domain's records of late, and the mail of the keys that are gone. */
async function loadRecords(
  tx: Tx,
  domain: string,
  now: Date,
  mail: { from: string; reporters: readonly string[] },
): Promise<Pick<DomainData, 'published' | 'keyMail' | 'spfMail' | 'check' | 'drift' | 'lookalikes'>> {
  const published = await loadPublished(tx, domain, new Date(now.getTime() - (LOST_DAYS + 1) * 86_400_000));
  const gone = published?.records.filter(({ purpose, gone_at }) => purpose === 'dkim' && gone_at !== null) ?? [];
  const absent =
    published?.questions.filter(({ purpose, type, state }) => purpose === 'dkim' && type === 'TXT' && state === 'absent') ?? [];
  const keys = [...new Set([...gone, ...absent].map(({ name }) => name))];
  return {
    published,
    keyMail: await loadKeyMail(tx, domain, keys, mail),
    spfMail: published && lostSpf(domain, published) ? await loadSpfMail(tx, domain, mail) : [],
    check: await loadCheck(tx, domain),
    drift: await loadDrifts(tx, domain),
    lookalikes: await loadChangedLookalikes(tx, domain),
  };
}

/** The names of records and of name servers, which are subjects of findings. */
export function namesIn({
  published,
  check,
  drift,
  lookalikes = [],
}: Pick<DomainData, 'published' | 'check' | 'drift' | 'lookalikes'>): string[] {
  const records = published?.records.filter(({ purpose }) => ['spf', 'dkim', 'dmarc'].includes(purpose)) ?? [];
  const keys = published?.questions.filter(({ purpose }) => purpose === 'dkim') ?? [];
  const drifts = drift?.drifts ?? [];
  const names = [...records, ...keys, ...(check?.findings ?? []), ...drifts, ...lookalikes].map(({ name }) => name);
  names.push(...drifts.map((one) => one.domain));
  return [...new Set([...names, ...(published?.servers ?? []).map(({ server }) => server)])];
}

/** The reporters that reported, but not after a day, and when each did last. */
function silentSince(reporterDays: readonly ReporterDay[], day: string): { reporter: string; last: string }[] {
  const last = new Map<string, string>();
  for (const row of reporterDays) last.set(row.reporter, later(row.day, last.get(row.reporter) ?? ''));
  return [...last].filter(([, on]) => on <= day).map(([reporter, on]) => ({ reporter, last: on }));
}
