import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Checks } from '../../services/cli/doctor-checks.ts';
import { PermanentError } from '../../services/shared/errors.ts';

function deferred(): { promise: Promise<string>; resolve: (text: string) => void } {
  let resolve: (text: string) => void = () => undefined;
  const promise = new Promise<string>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('groups of checks', () => {
  test('run at the same time, and their lines come in order, each as soon as those before it are printed', async () => {
    const lines: string[] = [];
    const checks = new Checks((line) => lines.push(line));
    const [silent, after] = [deferred(), deferred()];
    const all = checks.beside(
      async (part) => {
        await part.run('database', () => silent.promise);
        await part.run('archive', () => after.promise);
      },
      async (part) => {
        await part.run('mailbox', () => 'read');
        part.note('mailbox', 'is large');
        // Would wait for ever if it began after the first group.
        silent.resolve('answers');
      },
    );
    await silent.promise;
    await new Promise(setImmediate);
    expect(lines).toEqual(['ok    database: answers']);
    after.resolve('small');
    await all;
    expect(lines).toEqual(['ok    database: answers', 'ok    archive: small', 'ok    mailbox: read', '--    mailbox: is large']);
    expect(checks.failed).toBe(false);
  });

  test('print also what comes after their turn has begun, and in order what comes at once', async () => {
    const lines: string[] = [];
    const late = deferred();
    const all = new Checks((line) => lines.push(line)).beside(
      async (part) => part.note('first', 'at once'),
      async (part) => {
        part.note('second', 'at once');
        part.note('second', await late.promise);
      },
    );
    await new Promise(setImmediate);
    late.resolve('later');
    await all;
    expect(lines).toEqual(['--    first: at once', '--    second: at once', '--    second: later']);
  });

  test('fail when one of them does, also inside another group', async () => {
    const lines: string[] = [];
    const checks = new Checks((line) => lines.push(line));
    const refused = () => {
      throw new Error('refused');
    };
    await checks.beside(
      (part) =>
        part.beside(
          (inner) => inner.run('one', () => 'fine'),
          (inner) => inner.run('two', refused),
        ),
      (part) => part.run('three', () => 'fine'),
    );
    expect(lines).toEqual(['ok    one: fine', 'FAIL  two: refused', 'ok    three: fine']);
    expect(checks.failed).toBe(true);
  });

  test('end before an error of one of them is thrown', async () => {
    const ended: string[] = [];
    const broken = new Checks(() => undefined).beside(
      async () => {
        throw new Error('broken');
      },
      async () => {
        await new Promise(setImmediate);
        ended.push('second');
      },
    );
    await expect(broken).rejects.toThrow('broken');
    expect(ended).toEqual(['second']);
  });
});

test('a failure names what it is about once', async () => {
  const lines: string[] = [];
  const checks = new Checks((line) => lines.push(line));
  const failing = (error: Error) => () => {
    throw error;
  };
  const wrong = new PermanentError('imap_login', { about: 'Mailbox "a: b"', says: 'wrong password.' });
  expect(wrong.message).toBe('Mailbox "a: b": wrong password.');
  await checks.run('mailbox a: b', failing(wrong));
  await checks.run('mailbox a', failing(new PermanentError('database', 'Mailbox "a" waits for Postgres.')));
  await checks.run('mailbox a', failing(new Error('Mailbox "a": broken.')));
  expect(lines).toEqual([
    'FAIL  mailbox a: b: wrong password.',
    'FAIL  mailbox a: Mailbox "a" waits for Postgres.',
    'FAIL  mailbox a: Mailbox "a": broken.',
  ]);
});

test('a note is no failure, and hostile letters of each line are escaped', async () => {
  const lines: string[] = [];
  const checks = new Checks((line) => lines.push(line));
  await checks.run('dns', () => ({ note: 'is off\u001b' }));
  await checks.run('disk\u001b', async () => 'free');
  expect([lines, checks.failed]).toEqual([['--    dns: is off\\u001b', 'ok    disk\\u001b: free'], false]);
});

describe('a check that is silent', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('fails after ten seconds, and what it throws later is nobody’s', async () => {
    const lines: string[] = [];
    const checks = new Checks((line) => lines.push(line));
    let fail: (error: Error) => void = () => undefined;
    const running = checks.run('redis', () => new Promise<string>((_, reject) => (fail = reject)));
    await vi.advanceTimersByTimeAsync(9_999);
    expect(lines).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await running;
    fail(new Error('late'));
    expect([lines, checks.failed]).toEqual([['FAIL  redis: There was no answer within 10 seconds.'], true]);
  });

  test('leaves no timer behind when it answers', async () => {
    await new Checks(() => undefined).run('redis', () => 'answers');
    expect(vi.getTimerCount()).toBe(0);
  });
});
