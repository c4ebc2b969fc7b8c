import { expect, test } from 'vitest';
import { commandLine } from '../../../services/cli/program/index.ts';

/** Every command, with the words that call it. */
function* allCommands(command = commandLine(), words: string[] = []): Generator<{ words: string[]; command: typeof command }> {
  yield { words, command };
  for (const below of command.commands) yield* allCommands(below, [...words, below.name()]);
}

test('every command, argument and option is described, in plain words', () => {
  let commands = 0;
  for (const { words, command } of allCommands()) {
    commands++;
    const where = ['ruawatch', ...words].join(' ');
    expect(command.description(), where).toMatch(/\S/);
    for (const option of command.options) expect(option.description, `${where} ${option.flags}`).toMatch(/\S/);
    expect(command.helpInformation(), where).not.toMatch(/\b(?:tells?|told|mends?|so many|stands for|lent|lends?)\b/i);
  }
  expect(commands).toBeGreaterThan(60);
});

test('no two options of a command have the same flag', () => {
  for (const { words, command } of allCommands()) {
    const flags = command.options.map((option) => option.long);
    expect(new Set(flags).size, words.join(' ')).toBe(flags.length);
  }
});
