import { withDatabase, withServer } from '../run.ts';
import { RETURN_WORLDS, type ReturnWorld } from './attacks.ts';
import { isRight, type ReturnDraw, returnDrawOf } from './run.ts';

/** Worlds at once. */
const AT_ONCE = 2;

/** All worlds × draws. @returns whether every step ended as it had to */
export async function runReturns(options: {
  draws: number;
  seed: number;
  json: boolean;
  signal: AbortSignal;
  worlds?: readonly ReturnWorld[];
}): Promise<boolean> {
  const { draws, seed, signal, worlds = RETURN_WORLDS } = options;
  const done: ReturnDraw[] = [];
  await withServer(process.env.DATABASE_URL, async (url) => {
    const waiting = Array.from({ length: draws }, (_, i) => worlds.map((one): [ReturnWorld, number] => [one, i + 1])).flat();
    const worker = async () => {
      for (let one = waiting.shift(); one !== undefined && !signal.aborted; one = waiting.shift()) {
        const [world, draw] = one;
        const result = await withDatabase(url, (db) => returnDrawOf(db, world, { seed, draw, signal }));
        done.push(result);
        if (options.json) console.log(JSON.stringify(result));
        else console.error(`${result.world} ${result.draw}: ${result.state}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  });
  signal.throwIfAborted();
  if (!options.json) for (const line of returnFigures(done)) console.log(line);
  return done.every(isRight);
}

/** A table of what became of the steps, and what was wrong. */
export function returnFigures(draws: readonly ReturnDraw[]): string[] {
  const rows = RETURN_WORLDS.flatMap(({ name, what, breaks }) => {
    const of = draws.filter(({ world }) => world === name);
    const returned = of.filter(({ state }) => state === 'returned').length;
    return of.length === 0 ? [] : [`| ${name} | ${what} | ${breaks ? 'all' : 'none'} | ${returned} of ${of.length} |`];
  });
  const wrong = draws.filter((one) => !isRight(one));
  return [
    '| world | what happens | to be returned | returned |',
    '|---|---|---|---|',
    ...rows,
    ...wrong.map(
      ({ world, draw, volume, state, outcome }) => `wrong: ${world} ${draw} (${volume} messages a day): ${state}: ${outcome}`,
    ),
    `Steps that ended otherwise than they had to: ${wrong.length} of ${draws.length}.`,
  ];
}
