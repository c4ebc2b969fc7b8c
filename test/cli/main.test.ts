import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { generateDemo } from '../../demo/world.ts';

const MAIN = path.resolve(import.meta.dirname, '../../dist/services/cli/main.js');
const run = promisify(execFile);
const helpOf = async (command: string[]) => (await run(process.execPath, [MAIN, ...command, '--help'])).stdout;

test('the demo has, as its help says, one incident of each kind', async () => {
  expect((await helpOf(['demo'])).replace(/\s+/g, ' ')).toContain('six weeks of reports and one incident of each kind');
  const { incidents, firstDay, lastDay } = await generateDemo({ seed: 7, today: new Date('2026-11-22T12:00:00Z'), more: true });
  const kinds = incidents.map((incident) => incident.finding);
  expect(new Set(kinds).size).toBe(kinds.length);
  expect((Date.parse(lastDay) - Date.parse(firstDay)) / 86_400_000 + 1).toBe(42);
});
