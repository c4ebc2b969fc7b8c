import type { SourceDay } from '../../store/analysis/window-reads.ts';
import { SOURCE_COUNTS } from '../../store/rollups/source-counts.ts';

/** Rows of several sources as those of one, `source`: added up by day and reporter. */
export function addedUp(rows: readonly SourceDay[], source: string): SourceDay[] {
  const sums = new Map<string, SourceDay>();
  for (const row of rows) {
    const key = `${row.day} ${row.reporter}`;
    const sum = sums.get(key);
    if (sum === undefined) {
      sums.set(key, { ...row, source });
      continue;
    }
    sum.messages += row.messages;
    for (const name of SOURCE_COUNTS) sum[name] += row[name];
    sum.signing_domain ??= row.signing_domain;
  }
  return [...sums.values()];
}
