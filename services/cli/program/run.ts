import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { RuawatchError } from '../../shared/errors.ts';
import { escapedLines } from '../../shared/escape.ts';
import { programFolder } from '../../shared/program-folder.ts';
import { loadConfig } from '../../shared/settings/config.ts';
import { stackOf, unexpectedSentence } from '../../shared/unexpected.ts';

/** Prints a line without what a terminal would obey. */
export const out = (line: string) => process.stdout.write(`${escapedLines(line)}\n`);
/** For output that has colors and is escaped already. */
export const colored = (line: string) => process.stdout.write(`${line}\n`);
export const complain = (text: string) => process.stderr.write(escapedLines(text));
export const config = () => loadConfig(process.env, process.cwd());
export const { version } = JSON.parse(readFileSync(path.join(programFolder(), 'package.json'), 'utf8')) as { version: string };

/** One sentence about an error that nobody foresaw; its stack only on demand. */
export const complainOf = (error: unknown) => {
  const stack = process.env.LOG_LEVEL === 'debug' ? stackOf(error) : null;
  complain(`${unexpectedSentence(error, version)}\n${stack === null ? '' : `${stack}\n`}`);
};
/**
 * Runs a command. The number it returns is the exit code; an error becomes one sentence on stderr and exit
 * code 1.
 */
export const run =
  <A extends unknown[]>(command: (...args: A) => Promise<number>) =>
  async (...args: A): Promise<void> => {
    try {
      process.exitCode = await command(...args);
    } catch (error) {
      if (error instanceof RuawatchError) complain(`${error.message}\n`);
      else complainOf(error);
      process.exitCode = 1;
    }
  };

/** The result of `read`, or the error it threw: doctor reports both. */
export const readable = <T>(read: () => T): T | Error => {
  try {
    return read();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

/** An option that may be given several times. (A variadic option would also take the arguments after it.) */
export const oneMore = (value: string, before: string[] = []) => [...before, value];

/** The option of commands that ask DNS. */
export const RESOLVER = [
  '--resolver <server>',
  'query this name server ("address" or "address:port") instead of those in the settings',
  oneMore,
] as const;

/** The options of `dns check` and `guard check`; their type is CheckOptions. */
export const addCheckOptions = (command: Command): Command =>
  command
    .option('--records <file>', 'check planned records: a zone file or YAML that overrides what is published')
    .option('--json', 'print JSON')
    .option('--junit', 'print JUnit XML, for CI')
    .option('--sarif', 'print SARIF 2.1.0, for code scanners')
    .option(...RESOLVER)
    .option('--no-web', 'do not fetch MTA-STS policies and BIMI logos')
    .option('--private', 'also fetch policies and logos from private IP addresses')
    .option('--strict', 'exit with 1 if there are warnings');
