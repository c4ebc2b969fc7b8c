import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ReadEvent } from '../../services/report/model.ts';
import { readMessage } from '../../services/report/read-mail.ts';

/** Reports of many sources, beside the checkout; not part of the repository. */
const samples = path.resolve(import.meta.dirname, '../../../shared/samples');
const present = existsSync(path.join(samples, 'expected.tsv'));
if (!present) console.log(`The folder of samples is absent (${samples}): its tests are skipped.`);

const lines = present
  ? readFileSync(path.join(samples, 'expected.tsv'), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'))
  : [];

async function eventsOf(file: string): Promise<ReadEvent[]> {
  const events: ReadEvent[] = [];
  for await (const event of readMessage(readFileSync(path.join(samples, file)), { name: path.basename(file) }))
    events.push(event);
  return events;
}

describe.skipIf(!present)('samples', () => {
  test('every report is read as the independent count says', async () => {
    const got: string[][] = [];
    const wanted: string[][] = [];
    for (const [file, kind, records, messages, org_name, report_id, domain, begin, end] of lines) {
      if (kind !== 'report') continue;
      wanted.push([file, records, messages, org_name, report_id, domain, `${Number(begin)}`, `${Number(end)}`] as string[]);
      const events = await eventsOf(file as string);
      const found = events.flatMap((event) => (event.type === 'report' ? [event.report] : []));
      const rows = events.flatMap((event) => (event.type === 'records' ? event.records : []));
      for (const report of found) {
        expect(rows).toHaveLength(report.records);
        got.push([
          file as string,
          `${rows.length}`,
          `${rows.reduce((sum, row) => sum + row.count, 0)}`,
          report.org_name ?? '',
          report.report_id,
          report.policy.domain ?? '',
          `${report.begin}`,
          `${report.end}`,
        ]);
      }
    }
    expect(got).toEqual(wanted);
    expect(got.length).toBeGreaterThan(200);
  });

  test('what is not well-formed is salvaged or refused with a code', async () => {
    const outcome: string[] = [];
    for (const [file, kind] of lines) {
      if (kind !== 'unreadable') continue;
      for (const event of await eventsOf(file as string)) {
        if (event.type === 'report') outcome.push(`salvaged ${event.report.salvaged}, ${event.report.records} records`);
        else if ('problem' in event) outcome.push(`${event.type} ${event.problem.code}`);
      }
    }
    expect(outcome).toEqual([
      'salvaged true, 0 records',
      'salvaged true, 1 records',
      'salvaged true, 1 records',
      'salvaged true, 1 records',
      'salvaged true, 1 records',
      'salvaged true, 1 records',
      'refused date_range_missing',
      'refused date_range_missing',
      'salvaged true, 3 records',
    ]);
  });

  test('no file is passed over in silence', async () => {
    const index = readFileSync(path.join(samples, 'INDEX.tsv'), 'utf8').trimEnd().split('\n').slice(1);
    for (const line of index) {
      const [file, , , kind] = line.split('\t') as [string, string, string, string];
      const events = (await eventsOf(file)).filter((event) => event.type !== 'records');
      expect(events, file).not.toHaveLength(0);
      const kinds = events.map((event) => event.type);
      if (kind === 'tlsrpt' || kind === 'failure') expect(kinds, file).toEqual([kind]);
      if (kind === 'other') expect(['nothing', 'refused'], file).toContain(kinds[0]);
    }
  });
});
