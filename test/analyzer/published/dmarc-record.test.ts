import { expect, test } from 'vitest';
import { dmarcRecordOf } from '../../../services/analyzer/published/dmarc-record.ts';
import type { Published, PublishedRecord } from '../../../services/store/dns/published.ts';

const SILENT = '2026-05-20';
const record = (
  value: string,
  first: string,
  gone: string | null = null,
  more: Partial<PublishedRecord> = {},
): PublishedRecord => ({
  name: '_dmarc.example.com',
  type: 'TXT',
  purpose: 'dmarc',
  value,
  first_seen: new Date(`${first}T12:00:00Z`),
  gone_at: gone === null ? null : new Date(`${gone}T12:00:00Z`),
  ...more,
});
const seen = (...records: PublishedRecord[]) =>
  dmarcRecordOf({ records, questions: [], servers: [] } satisfies Published, 'example.com', SILENT);

test('what the watcher does not know is not claimed', () => {
  expect(dmarcRecordOf(null, 'example.com', SILENT)).toBeNull();
  expect(seen()).toBeNull();
  expect(seen(record('v=DMARC1; p=none', '2026-05-01', null, { name: '_dmarc.other.example' }))).toBeNull();
});

test('a record that is as it was, one that changed near the silence, one that changed long before, one that is gone', () => {
  expect(seen(record('new', '2026-03-01'))).toEqual({ value: 'new', since: '2026-03-01', changed: false });
  expect(seen(record('old', '2026-01-01', '2026-05-18'), record('new', '2026-05-18'))).toEqual({
    value: 'new',
    since: '2026-05-18',
    changed: true,
  });
  expect(seen(record('old', '2026-01-01', '2026-04-01'), record('new', '2026-04-01'))).toMatchObject({ changed: false });
  expect(seen(record('old', '2026-01-01', '2026-05-21'))).toEqual({ value: null, since: '2026-05-21', changed: true });
});

test('what is gone is gone since the last of it was, in whatever order it is listed; three days before is near', () => {
  const [early, late] = [record('a', '2026-01-01', '2026-05-01'), record('b', '2026-01-01', '2026-05-17')];
  for (const of of [
    [early, late],
    [late, early],
  ])
    expect(seen(...of)).toEqual({ value: null, since: '2026-05-17', changed: true });
  expect(seen(record('b', '2026-01-01', '2026-05-16'))).toEqual({ value: null, since: '2026-05-16', changed: false });
  expect(seen(record('v=spf1', '2026-01-01', null, { purpose: 'spf' }))).toBeNull();
});
