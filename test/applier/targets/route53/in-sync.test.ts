import { expect, test } from 'vitest';
import { loadSdk } from '../../../../services/applier/targets/route53/client.ts';
import { waitInSync } from '../../../../services/applier/targets/route53/in-sync.ts';
import type { Route53 } from '../../../../services/applier/targets/route53/zone.ts';

const MADE = { state: 'applied', answer: 'It is made, and all servers of Route 53 have it (INSYNC).' };
const SPREADS = { state: 'applied', answer: 'It is made, and not all servers of Route 53 have it yet (PENDING).' };

/** Asks with what the service says in turn; an Error is thrown. @returns how it ended, and what was asked */
async function wait(said: (string | Error)[], id: string | undefined, times: { waitMs?: number; everyMs?: number }) {
  const asked: unknown[] = [];
  const stop = new AbortController();
  const client = {
    async send({ input }: { input: unknown }, { abortSignal }: { abortSignal: AbortSignal }) {
      asked.push(input);
      expect(abortSignal).toBe(stop.signal);
      const next = said.shift();
      if (next === 'stop') stop.abort();
      if (next instanceof Error) throw next;
      return next === undefined ? {} : { ChangeInfo: { Status: next } };
    },
  };
  const means = { sdk: await loadSdk(), client, signal: stop.signal } as unknown as Route53;
  return { end: await waitInSync(id, means, times), asked };
}

const LONG = { waitMs: 60_000, everyMs: 1 };
const C1 = { Id: 'C1' };
test.each([
  ['what is there at once', ['INSYNC'], 'C1', LONG, MADE, [C1]],
  ['what comes', ['PENDING', 'PENDING', 'INSYNC'], 'C1', LONG, MADE, [C1, C1, C1]],
  ['an answer that is lost', [new Error('lost'), 'INSYNC'], 'C1', LONG, MADE, [C1, C1]],
  ['an answer without a status', [undefined as never, 'INSYNC'], 'C1', LONG, MADE, [C1, C1]],
  ['a change without an id', ['INSYNC'], undefined, LONG, SPREADS, []],
  ['the end of the service', ['stop', 'INSYNC'], 'C1', LONG, SPREADS, [C1]],
  // The next look would come after the end: it is not waited for.
  ['no time for another look', ['PENDING', 'INSYNC'], 'C1', { waitMs: 1000, everyMs: 60_000 }, SPREADS, [C1]],
])('%s', async (_, said, id, times, end, asked) => {
  expect(await wait(said, id, times)).toEqual({ end, asked });
});
