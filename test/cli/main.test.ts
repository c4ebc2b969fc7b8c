import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { generateDemo } from '../../demo/world.ts';

const MAIN = path.resolve(import.meta.dirname, '../../dist/services/cli/main.js');
const run = promisify(execFile);
const helpOf = async (command: string[]) => (await run(process.execPath, [MAIN, ...command, '--help'])).stdout;

/** The lines of a part of the help, wrapped lines joined. */
function entries(help: string, part: 'Commands' | 'Options'): string[] {
  const [, text = ''] = help.split(`${part}:\n`);
  const lines = text.split('\n\n')[0]!.split('\n');
  const joined: string[] = [];
  for (const line of lines.filter(Boolean)) {
    if (/^ {2}\S/.test(line)) joined.push(line.trim());
    else joined[joined.length - 1] += ` ${line.trim()}`;
  }
  return joined;
}

async function* allCommands(parents: string[] = []): AsyncGenerator<{ command: string[]; help: string }> {
  const help = await helpOf(parents);
  yield { command: parents, help };
  for (const entry of entries(help, 'Commands')) {
    const name = /^[a-z]+/.exec(entry)![0];
    if (name !== 'help') yield* allCommands([...parents, name]);
  }
}

test('every command and option has a description', async () => {
  let commands = 0;
  for await (const { command, help } of allCommands()) {
    commands++;
    const where = ['ruawatch', ...command].join(' ');
    for (const entry of [...entries(help, 'Commands'), ...entries(help, 'Options')])
      expect(entry, `${where}: ${entry}`).toMatch(/\S {2,}\S/);
    expect(help, where).not.toMatch(/\b(?:tells?|told|mends?|so many|stands for)\b/i);
  }
  expect(commands).toBeGreaterThan(25);
});

test('the demo has, as its help says, one incident of each kind', async () => {
  expect((await helpOf(['demo'])).replace(/\s+/g, ' ')).toContain('six weeks of reports and one incident of each kind');
  const { incidents, firstDay, lastDay } = await generateDemo({ seed: 7, today: new Date('2026-11-22T12:00:00Z'), more: true });
  const kinds = incidents.map((incident) => incident.finding);
  expect(new Set(kinds).size).toBe(kinds.length);
  expect((Date.parse(lastDay) - Date.parse(firstDay)) / 86_400_000 + 1).toBe(42);
});
