import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KEY } from '../../requests/held/sample.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-hold-key-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** A file with the key of held mail. */
export function keyFile(): string {
  const file = path.join(folder, 'hold.key');
  writeFileSync(file, `${KEY}\n`, { mode: 0o600 });
  return file;
}
