import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { GuardWatch } from '../../services/shared/guard-watch.ts';

/** What is wrong with a file that says only that it is of version 3. */
const MISTAKE = 'version: must be 1, the version of this form (line 1). environments: is missing: it must be a block of keys.';
const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-guard-watch-'));
afterAll(() => rmSync(folder, { recursive: true }));
const GUARD = (...domains: string[]) =>
  `{version: 1, environments: {production: {domains: {${domains.map((one) => `${one}: `).join(', ')}}}}}`;

describe('the file is read again when it changes', () => {
  const lines: { msg: string; level: number; mistake?: string }[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const file = path.join(folder, 'mail-guard.yaml');
  let at = 0;
  const write = (text: string) => {
    writeFileSync(file, text);
    utimesSync(file, ++at, at);
  };
  const watch = new GuardWatch(file, log);
  const domains = () => watch.declared?.environments[0]?.domains.map(({ domain }) => domain);
  const errors = () => lines.filter(({ level }) => level >= 50);

  test('and what is wrong with it is said once, while the version before is used', () => {
    expect([watch.refresh(), watch.refresh(), watch.declared]).toEqual([false, false, undefined]);
    expect(errors()).toHaveLength(1);
    write(GUARD('a.example'));
    expect([watch.refresh(), watch.refresh()]).toEqual([true, false]);
    expect(domains()).toEqual(['a.example']);
    write('version: 3');
    expect([watch.refresh(), watch.refresh()]).toEqual([false, false]);
    expect(domains()).toEqual(['a.example']);
    expect(errors()).toHaveLength(2);
    write(GUARD('b.example'));
    expect(watch.refresh()).toBe(true);
    expect(domains()).toEqual(['b.example']);
    write('version: 3');
    expect([watch.refresh(), domains()]).toEqual([false, ['b.example']]);
    const used = (goesOn: string) =>
      `${file} cannot be used, and ${goesOn}: correct it (ruawatch guard check names every mistake)`;
    expect(lines.map(({ level, mistake, msg }) => [level, mistake ?? null, msg])).toEqual([
      [50, `there is no ${file} (ENOENT)`, used('nothing is compared with it')],
      [30, null, 'mail-guard.yaml was read'],
      [50, MISTAKE, used('the version before is used')],
      [30, null, 'mail-guard.yaml was read'],
      [50, MISTAKE, used('the version before is used')],
    ]);
    expect(lines[1]).toMatchObject({ file, environments: ['production'] });
    rmSync(file);
    expect([watch.refresh(), domains()]).toEqual([false, ['b.example']]);
  });

  test('without a file nothing is declared', () => {
    const none = new GuardWatch(null, log);
    const said = lines.length;
    expect([none.refresh(), none.declared, lines.length]).toEqual([false, null, said]);
  });
});
