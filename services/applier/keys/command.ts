import { runProgram } from '../../shared/runtime/program.ts';
import { type KeyStore, KeyStoreError } from './layout.ts';

const TIMEOUT_MS = 120_000;
const MOST_OUTPUT = 20_000;

/**
 * Keys that a program of the user makes and switches: it gets `{version, step, domain, selector, bits}` as
 * JSON on its standard input. `current` prints the selector that signs, or nothing; `make` prints the public
 * key as a DKIM record; `switch` prints nothing. It must take the same step twice.
 */
export function keysByCommand(command: readonly string[], domain: string, bits: number): KeyStore {
  const ask = async (step: string, selector: string | null) => {
    const input = JSON.stringify({ version: 1, step, domain, selector, bits });
    return (await run(command, input)).trim();
  };
  return {
    current: async () => (await ask('current', null)) || null,
    async make(selector) {
      const record = await ask('make', selector);
      if (!/^v=DKIM1;.*\bp=[A-Za-z0-9+/=]{64,}/.test(record) || record.includes('\n'))
        throw new KeyStoreError(`The command ${command[0]} has printed no DKIM record for ${selector}.`);
      return record;
    },
    switchTo: async (selector) => {
      await ask('switch', selector);
    },
  };
}

/**
 * Runs a program to its end.
 * @returns what it printed
 * @throws KeyStoreError when it cannot be run, hangs, or ends with another code than 0
 */
export async function run(command: readonly string[], input = '', timeoutMs = TIMEOUT_MS): Promise<string> {
  const { by, code, output, complaint } = await runProgram(command, { input, timeoutMs, mostOutput: MOST_OUTPUT });
  if (code === 0) return output.toString('utf8');
  const [program] = command;
  if (by === 'missing') throw new KeyStoreError(`The command ${program} cannot be run: ${complaint}`);
  if (by === 'time') throw new KeyStoreError(`The command ${program} took too long, and was ended.`);
  throw new KeyStoreError(
    `The command ${program} ended with ${code === null ? 'no code' : `code ${code}`}${complaint === '' ? '.' : `: ${complaint}`}`,
  );
}
