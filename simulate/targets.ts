import type { Draw } from './family-run.ts';
import { scoreOf } from './family-score.ts';

export interface Target {
  what: string;
  wanted: string;
  is: string;
  /** Null when there is nothing to measure it by. */
  met: boolean | null;
}

/** What issue 12 asks of reported families, and what these draws come to. */
export function targetsOf(draws: readonly Draw[]): Target[] {
  const all = scoreOf('all', draws);
  const own = all.systems[0]!;
  const benign = draws.filter((draw) => draw.benign);
  const quiet = benign.length === 0 ? null : scoreOf('benign', benign).systems[0]!.false_per_domain_month.rate;
  const least = (what: string, wanted: number, is: number | null) => target(what, `≥ ${wanted}`, is, (n) => n >= wanted);
  const most = (what: string, wanted: number, is: number | null) => target(what, `≤ ${wanted}`, is, (n) => n <= wanted);
  return [
    least('precision', 0.9, own.precision.share),
    least('recall, 50 messages and more', 0.95, own.recall_strong.share),
    least('recall, under 50 messages', 0.85, own.recall_faint.share),
    most('false alarms a domain and month, benign worlds', 0.05, quiet),
    most('mails a true incident', 1.5, own.mails_per_incident),
    least('class right, of messages', 0.97, all.classes.messages_right),
    least('class right, of senders', 0.95, all.classes.senders_right),
  ];
}

function target(what: string, wanted: string, is: number | null, met: (is: number) => boolean): Target {
  return { what, wanted, is: is === null ? '-' : is.toFixed(3), met: is === null ? null : met(is) };
}
