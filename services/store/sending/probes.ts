import type { Db } from '../../shared/runtime/db.ts';
import { transaction } from '../../shared/runtime/db.ts';
import { rowsJson } from '../sql-text.ts';

/** Days that runs of the probe are kept. */
export const PROBE_DAYS = 365;

/** A mail that the probe judged, without its content and local parts. */
export interface ProbedMail {
  seen_at: Date;
  environment: string;
  workload: string | null;
  /** What said so: user, address, from. */
  known_by: string | null;
  header_from: string | null;
  envelope_from: string;
  /** An address, or a part of a declared network. */
  source: string | null;
  signatures: readonly { domain: string | null; selector: string | null; result: string; aligned: boolean }[];
  spf_result: string;
  dkim_aligned: boolean;
  spf_aligned: boolean;
  dmarc: string;
  under_reject: string | null;
  codes: readonly string[];
}

export interface ProbeRun {
  environment: string;
  /** Of the report that it was read from; absent: the probe itself keeps it. */
  report_id?: string;
  began_at: Date;
  ended_at: Date;
  missing: readonly string[];
  mails: readonly ProbedMail[];
}

/**
 * Keeps what a run of the probe saw, apart from all reports; runs that are older than PROBE_DAYS go.
 * @returns its key; null when its report was kept before
 */
export async function saveProbe(db: Db, run: ProbeRun): Promise<number | null> {
  const { environment, report_id = null, began_at, ended_at, missing, mails } = run;
  return await transaction(db, async (tx) => {
    await tx.query(`delete from ruawatch.probe_runs where began_at < $1::timestamptz - make_interval(days => $2)`, [
      began_at,
      PROBE_DAYS,
    ]);
    const { rows } = await tx.query<{ run_key: number }>(
      // The probe itself may have kept what it then wrote into reports, whose times are whole seconds.
      `insert into ruawatch.probe_runs (environment, began_at, ended_at, missing, report_id)
       select $1, $2::timestamptz, $3, $4, $5
        where $5::text is null or not exists (
                select from ruawatch.probe_runs
                 where report_id is null and environment = $1 and date_trunc('second', began_at) = $2)
       on conflict (report_id) do nothing returning run_key`,
      [environment, began_at, ended_at, missing, report_id],
    );
    if (rows.length === 0) return null;
    const { run_key } = rows[0]!;
    const list = mails.map((mail, n) => ({ ...mail, n: n + 1 }));
    await tx.query(
      `insert into ruawatch.probe_mails
       select $1, n, seen_at, environment, workload, known_by, header_from, envelope_from, source, signatures, spf_result,
              dkim_aligned, spf_aligned, dmarc, under_reject, codes
         from jsonb_to_recordset($2::jsonb) as mail (n integer, seen_at timestamptz, environment text, workload text, known_by text,
              header_from text, envelope_from text, source text, signatures jsonb, spf_result text, dkim_aligned boolean,
              spf_aligned boolean, dmarc text, under_reject text, codes text[])`,
      [run_key, rowsJson(list)],
    );
    return run_key;
  });
}
