import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { MarkTrust } from '../dns/bimi/mark.ts';
import { programFolder } from './program-folder.ts';

let roots: string[] | null = null;

/** The authorities whose mark certificates (BIMI) mailbox providers accept: data/mark_authorities.json. */
export function markTrust(now: Date): MarkTrust {
  roots ??= (
    JSON.parse(readFileSync(path.join(programFolder(), 'data', 'mark_authorities.json'), 'utf8')) as {
      authorities: { pem: string }[];
    }
  ).authorities.map(({ pem }) => pem);
  return { roots, now };
}
