import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { MOST_OCTETS } from '../../services/dns/check/spf-record.ts';
import { clusterSchema } from '../../services/shared/settings/cluster.ts';
import { readDocument, tableOf } from './markdown.ts';

const text = readDocument('cluster.md');
const FOLDER = path.resolve(import.meta.dirname, '../../services/cluster');
const sources = readdirSync(FOLDER).map((name) => readFileSync(path.join(FOLDER, name), 'utf8'));
const codesIn = (cell: string) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code!);

test('the defaults in the table are those of the settings', () => {
  const defaults = Object.entries(clusterSchema.parse({})).map(([name, value]) => [`\`${name}\``, String(value)]);
  const rows = tableOf(text, 'setting | default').map(([name, value]) => [name!.trim(), value!.trim()]);
  expect(rows).toEqual(defaults);
});

test('every code of what keeps a record from following is in the table', () => {
  const said = sources.flatMap((source) => [...source.matchAll(/code: ((?:'[a-z_]+'(?: \| )?)+)/g)]);
  const codes = new Set(said.flatMap(([, list]) => [...list!.matchAll(/'([a-z_]+)'/g)].map(([, code]) => code!)));
  const rows = tableOf(text, 'code |').flatMap(([cell]) => codesIn(cell!));
  expect(codes.size).toBeGreaterThan(10);
  for (const code of codes) expect(rows, code).toContain(code);
});

test('limits in sentences are those of the code', () => {
  const long = Number(/never made longer than (\d+) octets/.exec(text)![1]);
  expect(long).toBe(MOST_OCTETS);
  const [, four, six] = /a pool wider than a \/(\d+) \(\/(\d+) for IPv6\)/.exec(text)!;
  expect(sources.join('\n')).toContain(`{ 4: ${four}, 6: ${six} }`);
});
