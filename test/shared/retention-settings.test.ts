import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../services/shared/settings/config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-retention-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const load = (yaml: string) => {
  writeFileSync(path.join(folder, 'ruawatch.yaml'), yaml);
  return loadConfig({}, folder).retention;
};

const MAILS = { ignored_days: 30, raw_total_gb: 20 };

test('raw mails are kept for a time and within a total, all else for ever, unless a setting says otherwise', () => {
  expect(loadConfig({}, folder).retention).toEqual({ ...MAILS, raw_days: 400, records_days: null, rollups_days: null });
  expect(load('retention:\n  raw_days: 90\n  records_days: null')).toEqual({
    ...MAILS,
    raw_days: 90,
    records_days: null,
    rollups_days: null,
  });
});

test('daily totals are kept as long as findings look back', () => {
  expect(load('retention:\n  rollups_days: 42')).toMatchObject({ rollups_days: 42 });
  expect(() => load('retention:\n  rollups_days: 41')).toThrow(/retention\.rollups_days is 41, but findings look back 42 days/);
  expect(() => load('retention:\n  rollups_days: 90\nanalyzer:\n  window_days: 100')).toThrow(/analyzer\.window_days/);
});

test('what is no number of days is refused', () => {
  expect(() => load('retention:\n  raw_days: 0')).toThrow(/retention\.raw_days/);
  expect(() => load('retention:\n  raw_days: 1 year')).toThrow(/retention\.raw_days/);
  expect(() => load('retention:\n  mails_days: 1')).toThrow(/Unknown setting "retention\.mails_days"/);
});
