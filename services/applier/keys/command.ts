import { spawn } from 'node:child_process';
import { messageOf } from '../../shared/errors.ts';
import { type KeyStore, KeyStoreError } from './layout.ts';

const TIMEOUT_MS = 120_000;
const MOST_OUTPUT = 20_000;

/**
 * Keys that a program of the user makes and switches: it gets `{version, step, domain, selector, bits}` as JSON on its standard input.
 * `current` prints the selector that signs, or nothing; `make` prints the public key as a DKIM record; `switch` prints nothing.
 * It must take the same step twice.
 */
export function keysByCommand([program, ...args]: readonly string[], domain: string, bits: number): KeyStore {
  const ask = async (step: string, selector: string | null) => {
    const input = JSON.stringify({ version: 1, step, domain, selector, bits });
    return (await run(program!, args, input)).trim();
  };
  return {
    current: async () => (await ask('current', null)) || null,
    async make(selector) {
      const record = await ask('make', selector);
      if (!/^v=DKIM1;.*\bp=[A-Za-z0-9+/=]{64,}/.test(record) || record.includes('\n'))
        throw new KeyStoreError(`The command ${program} has printed no DKIM record for ${selector}.`);
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
export function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      shell: false,
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.on('error', (error) => reject(new KeyStoreError(`The command ${program} cannot be run: ${messageOf(error)}`)));
    // A program that does not read its input ends by itself.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.stdout.on('data', (bytes: Buffer) => {
      if (output.length < MOST_OUTPUT) output += bytes.toString('utf8');
    });
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else
        reject(
          new KeyStoreError(`The command ${program} ended with ${code === null ? 'no code: it took too long' : `code ${code}`}.`),
        );
    });
  });
}
