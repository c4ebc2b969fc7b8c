import { expect, test } from 'vitest';
import { openPatiently } from '../../services/cli/wait-for-servers.ts';
import { PermanentError, TransientError } from '../../services/shared/errors.ts';
import { createLog } from '../../services/shared/runtime/log.ts';

const options = (stopping = new AbortController().signal) => {
  const said: (string | null)[] = [];
  return { said, log: createLog('silent'), stopping, waiting: (sentence: string | null) => void said.push(sentence) };
};

test('what no time can change is thrown at once', async () => {
  for (const error of [new PermanentError('database_newer', 'The database is of a later version.'), new TypeError('a bug')]) {
    const with_ = options();
    await expect(openPatiently(() => Promise.reject(error), with_)).rejects.toBe(error);
    expect(with_.said).toEqual([]);
  }
});

test('what may pass is tried again, and said meanwhile', async () => {
  const failures = [
    new TransientError('database_unavailable', 'Nothing listens there.'),
    new PermanentError('database_older', 'The schema is older: run "ruawatch migrate".'),
  ];
  const with_ = options();
  const opened = openPatiently(() => {
    const failure = failures.shift();
    return failure ? Promise.reject(failure) : Promise.resolve('open');
  }, with_);
  expect(await opened).toBe('open');
  expect(with_.said).toEqual(['Nothing listens there.', 'The schema is older: run "ruawatch migrate".', null]);
}, 20_000);

test('stopped meanwhile, it opens nothing', async () => {
  const stop = new AbortController();
  const with_ = options(stop.signal);
  const opened = openPatiently(() => {
    stop.abort();
    return Promise.reject(new TransientError('database_unavailable', 'Nothing listens there.'));
  }, with_);
  expect(await opened).toBeNull();
});
