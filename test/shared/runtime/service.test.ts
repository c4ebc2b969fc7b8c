import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PermanentError } from '../../../services/shared/errors.ts';
import type { Log } from '../../../services/shared/runtime/log.ts';
import { firstStuck, Heartbeat, repeat, sweepMs } from '../../../services/shared/runtime/service.ts';

const MINUTE = 60_000;
let lines: string[];
const write = (level: string) => (given: { err?: string }, said: string) => void lines.push(`${level} ${said}: ${given.err}`);
const log = { warn: write('warn'), debug: write('debug') } as unknown as Log;
beforeEach(() => {
  lines = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('services do their sweeps each so many seconds', () => {
  expect(sweepMs({ sweep: { every_seconds: 0.2, after_seconds: 60 } })).toBe(200);
});

describe('a heartbeat', () => {
  test('says that nothing has happened after five intervals, and never before five minutes', () => {
    const quick = new Heartbeat('the sweep', 1_000);
    const slow = new Heartbeat('the round', 2 * MINUTE);
    const long = new Heartbeat('the mails', 1_000, 8 * MINUTE);
    const stuck = () => [quick, slow, long].map((one) => one.stuck());
    vi.advanceTimersByTime(5 * MINUTE);
    expect(stuck()).toEqual([null, null, null]);
    vi.advanceTimersByTime(1_000);
    expect(stuck()).toEqual(['the sweep has not moved for 301 seconds', null, null]);
    vi.advanceTimersByTime(5 * MINUTE);
    expect(stuck().slice(1)).toEqual(['the round has not moved for 601 seconds', 'the mails has not moved for 601 seconds']);
    slow.turned();
    expect(slow.stuck()).toBeNull();
  });

  test('of several loops the first that is stuck is said', () => {
    const loop = (said: string | null) => ({ stuck: () => said });
    expect(firstStuck([null, undefined, loop(null), loop('a'), loop('b')])).toBe('a');
    expect(firstStuck([loop(null), null])).toBeNull();
  });
});

describe('a repeated task', () => {
  test('comes again after each pause, also after a failure, which is said once until it is another', async () => {
    const outcomes: (string | null)[] = ['away', 'away', 'full', null, 'full'];
    let turns = 0;
    const loop = repeat(
      501_000,
      async () => {
        const error = outcomes[turns++];
        if (error != null) throw new Error(error);
      },
      log,
      'the sweep',
    );
    await vi.advanceTimersByTimeAsync(0);
    expect(turns).toBe(1);
    // The clock of the pause is not this one: what wakes the loop is asked for.
    for (let turn = 2; turn <= 6; turn++) {
      loop.wake();
      await vi.advanceTimersByTimeAsync(0);
      expect(turns).toBe(turn);
    }
    const failed = 'the sweep failed; next try in 501 s';
    expect(lines).toEqual([`warn ${failed}: away`, `debug ${failed}: away`, `warn ${failed}: full`, `warn ${failed}: full`]);
    await loop.stop();
    await vi.advanceTimersByTimeAsync(MINUTE * 9);
    expect(turns).toBe(6);
  });

  test('an outage of the queues is for them to say', async () => {
    const loop = repeat(MINUTE, () => Promise.reject(new PermanentError('queue_silent', 'No answer.')), log, 'the sweep');
    await vi.advanceTimersByTimeAsync(0);
    expect(lines).toEqual(['debug the sweep failed; next try in 60 s: No answer.']);
    await loop.stop();
  });

  test('comes at once when it is woken, and a stop ends its pause', async () => {
    let turns = 0;
    const loop = repeat(MINUTE, async () => void turns++, log, 'the sweep');
    await vi.advanceTimersByTimeAsync(0);
    loop.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(turns).toBe(2);
    await loop.stop();
    expect(turns).toBe(2);
  });

  test('woken during a turn it comes again without a pause; it is told when it is to stop', async () => {
    let turns = 0;
    let end: () => void = () => undefined;
    let told: AbortSignal | null = null;
    const task = (signal: AbortSignal) => {
      turns++;
      told = signal;
      return new Promise<void>((resolve) => {
        end = resolve;
      });
    };
    const loop = repeat(MINUTE, task, log, 'the sweep');
    loop.wake();
    end();
    await vi.advanceTimersByTimeAsync(0);
    expect(turns).toBe(2);
    const stopped = loop.stop();
    expect(told!).toMatchObject({ aborted: true });
    end();
    await stopped;
    expect(turns).toBe(2);
  });

  test('that hangs is stuck, unless it says that it goes on', async () => {
    let step: () => void = () => undefined;
    let end: () => void = () => undefined;
    const loop = repeat(
      1_000,
      (_, turned) => {
        step = turned;
        return new Promise<void>((resolve) => {
          end = resolve;
        });
      },
      log,
      'the sweep',
    );
    await vi.advanceTimersByTimeAsync(4 * MINUTE);
    step();
    await vi.advanceTimersByTimeAsync(4 * MINUTE);
    expect(loop.stuck()).toBeNull();
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    expect(loop.stuck()).toBe('the sweep has not moved for 360 seconds');
    end();
    await vi.advanceTimersByTimeAsync(0);
    expect(loop.stuck()).toBeNull();
    const stopped = loop.stop();
    end();
    await stopped;
  });
});
