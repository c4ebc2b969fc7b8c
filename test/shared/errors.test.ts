import { once } from 'node:events';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { isTransient, PermanentError, TransientError } from '../../services/shared/errors.ts';

const postgres = (code: string) => Object.assign(new Error('as the server says'), { code });

test.each([
  ['08006', 'the connection failed'],
  ['08P01', 'protocol violation, as of a proxy that lost its server'],
  ['25006', 'a standby, or a database that was set read-only'],
  ['40001', 'serialization'],
  ['40P01', 'deadlock detected'],
  ['53100', 'the disk is full'],
  ['53300', 'too many connections'],
  ['55P03', 'a lock was not to be had in time'],
  ['57014', 'the statement took too long'],
  ['57P01', 'the administrator ends connections'],
  ['57P03', 'the server starts'],
  ['58030', 'an error of the disk'],
])('%s is worth waiting for: %s', (code) => {
  expect(isTransient(postgres(code))).toBe(true);
});

test.each([
  ['22003', 'a number out of range'],
  ['22P05', 'a character that the encoding has not'],
  ['23505', 'a key that is there'],
  ['42601', 'a statement that is wrong'],
  ['42501', 'a right that is missing'],
  ['54000', 'an index row that is too long'],
  ['XX000', 'an internal error'],
])('%s is not: %s', (code) => {
  expect(isTransient(postgres(code))).toBe(false);
});

test('the network is worth waiting for, by its codes and by what the driver says without one', () => {
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN']) expect(isTransient(postgres(code))).toBe(true);
  expect(isTransient(new AggregateError([postgres('ECONNREFUSED'), postgres('ECONNREFUSED')]))).toBe(true);
  expect(isTransient(new Error('Connection terminated unexpectedly'))).toBe(true);
  expect(isTransient(postgres('ENOENT'))).toBe(false);
  expect(isTransient(new Error('something else'))).toBe(false);
});

test('a socket that is away is worth waiting for, a file that is away is not', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-errors-'));
  const [refused] = (await once(connect(path.join(folder, '.s.PGSQL.5432')), 'error').catch((error: unknown) => [error])) as [
    unknown,
  ];
  expect(refused).toMatchObject({ code: 'ENOENT' });
  expect(isTransient(refused)).toBe(true);
  await expect(readFile(path.join(folder, 'nothing')).catch(isTransient)).resolves.toBe(false);
  rmdirSync(folder);
});

test('our own errors say it themselves, whatever their cause', () => {
  expect(isTransient(new TransientError('busy', 'Busy.', postgres('22003')))).toBe(true);
  expect(isTransient(new PermanentError('wrong', 'Wrong.', postgres('40P01')))).toBe(false);
});
