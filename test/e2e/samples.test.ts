import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { testDatabase } from '../helpers/database.ts';
import { ruawatch } from '../helpers/process.ts';

const SAMPLES = path.resolve(import.meta.dirname, '../../../shared/samples');
const present = existsSync(path.join(SAMPLES, 'expected.tsv'));
const PEAK_MB = 300;

/**
 * Runs the command over the samples, bombs included. @returns the most memory it had resident, in MiB, and
 * what it printed
 */
async function peakOf(args: string[], env: Record<string, string> = {}): Promise<{ peak: number; lines: string[] }> {
  const run = ruawatch([...args, SAMPLES], env);
  let peak = 0;
  let over = false;
  void run.ended.then(() => {
    over = true;
  });
  while (!over) {
    const file = `/proc/${run.child.pid}/status`;
    const status = existsSync(file) ? readFileSync(file, 'utf8') : '';
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024);
    await wait(20);
  }
  expect((await run.ended).code).toBe(0);
  return { peak, lines: run.stdout().trimEnd().split('\n') };
}

describe.skipIf(!present)(`memory over the samples${present ? '' : ' (SKIPPED: ../shared/samples is not there)'}`, () => {
  test('parse', async () => {
    const { peak, lines } = await peakOf(['parse']);
    expect(lines.length).toBeGreaterThan(200);
    expect(peak).toBeGreaterThan(40);
    expect(peak).toBeLessThan(PEAK_MB);
  });

  test('import', async () => {
    const database = await testDatabase();
    try {
      const { peak, lines } = await peakOf(['import', '--json'], { DATABASE_URL: database.url });
      expect(JSON.parse(lines[0]!)).toMatchObject({ failed: [] });
      expect(peak).toBeGreaterThan(40);
      expect(peak).toBeLessThan(PEAK_MB);
    } finally {
      await database.drop();
    }
  });
});
