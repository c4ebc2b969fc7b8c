import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { MarkTrust } from '../dns/bimi/mark.ts';

let roots: string[] | null = null;

/** The authorities whose mark certificates (BIMI) mailbox providers accept: data/mark_authorities.json. */
export function markTrust(now: Date): MarkTrust {
  roots ??= (JSON.parse(readFileSync(dataFile(), 'utf8')) as { authorities: { pem: string }[] }).authorities.map(
    ({ pem }) => pem,
  );
  return { roots, now };
}

/** data/ lies beside services/ in a checkout, and two folders higher in dist/. */
function dataFile(): string {
  const up = import.meta.filename.endsWith('.ts') ? '../..' : '../../..';
  return path.resolve(import.meta.dirname, up, 'data', 'mark_authorities.json');
}
