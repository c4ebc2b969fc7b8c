import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AggregateReport } from '../../../services/report/model.ts';
import { readMessage } from '../../../services/report/read-mail.ts';
import { isReadAgain, MOST_CHARACTERS, sameReading } from '../../../services/report/xml/second-reader.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../fixtures/aggregate');
const SAMPLES = path.resolve(import.meta.dirname, '../../../../shared/samples');

async function reportsIn(bytes: Buffer, name: string, again: (report: AggregateReport) => boolean): Promise<AggregateReport[]> {
  const reports: AggregateReport[] = [];
  for await (const event of readMessage(bytes, { name, again }))
    if (event.type === 'report' && event.report.kind === 'aggregate') reports.push(event.report);
  return reports;
}

const differs = ({ problems }: AggregateReport) => problems.some(({ code }) => code === 'readers_differ');

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

describe('the second reader', () => {
  test.each([
    ['fixtures', FIXTURES],
    ['samples', SAMPLES],
  ])(`reads the same in all %s${existsSync(SAMPLES) ? '' : ' (SKIPPED: ../shared/samples is not there)'}`, async (_, folder) => {
    let compared = 0;
    if (!existsSync(folder)) return;
    for (const file of filesBelow(folder)) {
      const asked = (report: AggregateReport) => !report.salvaged && ++compared > 0;
      for (const report of await reportsIn(readFileSync(file), path.basename(file), asked))
        expect(differs(report) ? file : null).toBeNull();
    }
    expect(compared).toBeGreaterThan(20);
  });

  const sample = () => readFileSync(path.join(FIXTURES, readdirSync(FIXTURES).find((name) => name.endsWith('.xml'))!));

  test.each<[string, (report: AggregateReport) => void]>([
    ['a record', (report) => (report.records += 1)],
    ['a count', (report) => (report.messages += 1)],
    ['the policy', (report) => (report.policy.p = 'other')],
    ['the content', (report) => (report.content_hash = 'ff')],
  ])('finds that the first one had %s otherwise, and notes it on the report', async (_, spoil) => {
    const spoiled = (report: AggregateReport) => {
      spoil(report);
      return true;
    };
    expect((await reportsIn(sample(), 'a.xml', spoiled)).map(differs)).toEqual([true]);
    expect((await reportsIn(sample(), 'a.xml', () => true)).map(differs)).toEqual([false]);
  });

  test('takes no document above its limit', async () => {
    const long = sample()
      .toString()
      .replace('</feedback>', `<!--${' -'.repeat(MOST_CHARACTERS / 2)}--></feedback>`);
    const spoiled = (report: AggregateReport) => ++report.records > 0;
    const short = long.replace(/<!--[^>]*-->(?=<\/feedback>)/, '');
    expect((await reportsIn(Buffer.from(short), 'a.xml', spoiled)).map(differs)).toEqual([true]);
    for (const report of await reportsIn(Buffer.from(long), 'a.xml', spoiled)) expect(differs(report)).toBe(false);
  });

  test('reads one report in a hundred, always the same ones', () => {
    const hashes = Array.from({ length: 20_000 }, (_, i) => ({ content_hash: (i * 214_747).toString(16).padStart(8, '0') }));
    const chosen = hashes.filter(isReadAgain);
    expect(chosen.length).toBeGreaterThan(100);
    expect(chosen.length).toBeLessThan(300);
    expect(hashes.filter(isReadAgain)).toEqual(chosen);
  });

  test('two readings differ in what they say, and not in the words about it', () => {
    const report = { records: 1, problems: [{ code: 'a', message: 'b' }] } as unknown as AggregateReport;
    expect(sameReading(report, { ...report, problems: [] })).toBe(true);
    expect(sameReading(report, { ...report, records: 2 })).toBe(false);
  });
});
