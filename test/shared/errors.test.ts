import { once } from 'node:events';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  codeOf,
  connectionFailure,
  isTransient,
  messageOf,
  PermanentError,
  SettingsError,
  sentenceOf,
  TransientError,
} from '../../services/shared/errors.ts';

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
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'EPIPE', 'ENOTFOUND'])
    expect(isTransient(postgres(code))).toBe(true);
  expect(isTransient(new AggregateError([postgres('ECONNREFUSED'), postgres('ECONNREFUSED')]))).toBe(true);
  expect(isTransient(new Error('Connection terminated unexpectedly'))).toBe(true);
  expect(isTransient(postgres('ENOENT'))).toBe(false);
  expect(isTransient(new Error('lost', { cause: new Error('Connection terminated unexpectedly') }))).toBe(true);
  expect(isTransient(new Error('something else'))).toBe(false);
  // Not what Postgres says with a code of five characters.
  expect(isTransient(Object.assign(new Error('timeout expired'), { code: '22003' }))).toBe(false);
  expect(isTransient(Object.assign(new Error('timeout expired'), { code: 'ERR' }))).toBe(true);
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

test('our own errors are named after their class, and know what they say without what it is about', () => {
  const cause = new Error('why');
  const of = ({ name, code, transient, message, says, cause: why }: PermanentError | TransientError) => [
    name,
    code,
    transient,
    message,
    says,
    why,
  ];
  expect(of(new PermanentError('wrong', 'Wrong.', cause))).toEqual(['PermanentError', 'wrong', false, 'Wrong.', 'Wrong.', cause]);
  const about = { about: 'Mailbox "reports"', says: 'no answer.' };
  const said = 'Mailbox "reports": no answer.';
  expect(of(new TransientError('busy', about))).toEqual(['TransientError', 'busy', true, said, 'no answer.', undefined]);
  expect('cause' in new TransientError('busy', about)).toBe(false);
  expect(of(new SettingsError('X is wrong.', cause))).toEqual([
    'SettingsError',
    'settings',
    false,
    'X is wrong.',
    'X is wrong.',
    cause,
  ]);
});

/** Each with the next as its cause. */
const chain = (...messages: string[]): unknown =>
  messages.reduceRight<Error | undefined>((cause, message) => new Error(message, cause && { cause }), undefined);

test('a message is followed by those of its causes that add something, four at most', () => {
  const both = [new Error('first address'), new Error('second address')];
  expect(
    [
      chain('a', 'b', 'c', 'd', 'e'),
      chain('the query failed: lost', 'lost', '', 'why'),
      new Error('two  \n lines '),
      new AggregateError(both),
      new AggregateError(both, 'neither answers'),
      'a text',
      { cause: new Error('unseen') },
      new Error('with null', { cause: null }),
      undefined,
      null,
      new Error(''),
      chain('fetch failed', 'connect ECONNREFUSED 192.0.2.1:80'),
    ].map(messageOf),
  ).toEqual([
    'a: b: c: d',
    'the query failed: lost: why',
    'two lines',
    'first address',
    'neither answers',
    'a text',
    '[object Object]',
    'with null',
    'unknown error',
    'unknown error',
    'unknown error',
    'nothing listens at 192.0.2.1:80 (ECONNREFUSED)',
  ]);
});

test('a sentence of ours stands alone, others come with their causes', () => {
  expect(sentenceOf(new PermanentError('wrong', 'Wrong.', new Error('why')))).toBe('Wrong.');
  expect(sentenceOf(new Error('wrong', { cause: new Error('why') }))).toBe('wrong: why');
});

test('why a connection failed never quotes what was asked for', () => {
  const secret = 'https://user:secret@192.0.2.1/';
  const deep = (depth: number) => chain(...Array.from({ length: depth - 1 }, () => secret), 'read ECONNRESET');
  expect(
    [
      Object.assign(new Error(secret), { name: 'TimeoutError' }),
      Object.assign(new Error(secret), { code: 'EPROTO' }),
      new Error(secret),
      new Error('fetch failed', { cause: Object.assign(new Error(secret), { code: 'ERR_X' }) }),
      new AggregateError([postgres('A'), postgres('B')], secret),
      new Error(secret, { cause: new AggregateError([new Error('socket  hang up')]) }),
      deep(4),
      deep(5),
      secret,
      new Error(secret, { cause: null }),
      undefined,
    ].map(connectionFailure),
  ).toEqual([
    'it does not answer in time',
    'the connection failed (EPROTO)',
    'the connection failed',
    'the connection failed (ERR_X)',
    'the connection failed (A)',
    'the connection was cut (ECONNRESET)',
    'the connection was cut (ECONNRESET)',
    'the connection failed',
    'the connection failed',
    'the connection failed',
    'the connection failed',
  ]);
});

test('a code is a text, of an error or of the first of several', () => {
  expect(
    [postgres('57P01'), new AggregateError([postgres('A'), postgres('B')]), { code: 7 }, {}, null, 'code', undefined].map(codeOf),
  ).toEqual(['57P01', 'A', null, null, null, null, null]);
});
