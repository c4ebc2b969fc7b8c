import fc from 'fast-check';
import { Attendance } from '../../services/analyzer/statistics/habit.ts';
import { daysBetween } from '../../services/shared/days.ts';
import type { ReporterDay, SourceDay } from '../../services/store/analysis/window-reads.ts';
import { ago, domainDays } from './rows.ts';

/** Who tells of a day as if nothing else came: rows and reporter-days of the reports that are in. */
export type Report = { day: string; reporter: string };
const isIn = (reports: readonly Report[]) => (r: Report) => reports.some((x) => x.day === r.day && x.reporter === r.reporter);

export const [LARGE, MIDDLE, SMALL] = ['large.example', 'middle.example', 'small.example'] as const;
export const USUAL: Record<string, number> = { [LARGE]: 600, [MIDDLE]: 300, [SMALL]: 100 };

/** What the reporters told but for some reports: so many of all mail each, of which the rows are a part. */
export function heard(rows: readonly SourceDay[], late: readonly Report[]) {
  const missing = isIn(late);
  const reporterDays: ReporterDay[] = daysBetween(ago(41), ago(0)).flatMap((day) =>
    Object.keys(USUAL)
      .filter((reporter) => !missing({ day, reporter }))
      .map((reporter) => {
        const own = rows.filter((r) => r.day === day && r.reporter === reporter);
        const background = own.reduce((n, r) => n + r.failed_unauthenticated, 0);
        const networks = own.filter((r) => r.failed_unauthenticated > 0).length;
        const messages = USUAL[reporter]! + own.reduce((n, r) => n + r.messages, 0);
        return {
          day,
          reporter,
          messages,
          background,
          networks,
          background_below: 0,
          networks_below: 0,
          contradicted: 0,
          dkim_aligned: 0,
          spf_aligned: 0,
        };
      }),
  );
  const there = rows.filter((r) => !missing(r));
  const attendance = new Attendance(reporterDays);
  const days = domainDays(there, 1000).map((day) => ({
    ...day,
    reporters: Object.keys(USUAL).filter((reporter) => attendance.spoke(reporter, day.day)),
  }));
  return { there, given: { reporterDays, attendance, domainDays: days } };
}

/** The report days that may be late, and any part of their reports; somebody has told of the newest day. */
const recent: Report[] = daysBetween(ago(2), ago(0)).flatMap((day) => Object.keys(USUAL).map((reporter) => ({ day, reporter })));
export const late = fc.subarray(recent.filter(({ day, reporter }) => !(day === ago(0) && reporter === MIDDLE)));
