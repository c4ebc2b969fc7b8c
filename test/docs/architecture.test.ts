import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const text = readFileSync(path.join(ROOT, 'ARCHITECTURE.md'), 'utf8');
const [, layout] = text.split('\n## Layout\n');
const rows = layout!
  .split('\n## ')[0]!
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()));
const namesIn = (cell: string) => [...cell.matchAll(/`([\w./-]+\/)`/g)].map((m) => m[1]!);
const named = rows.flatMap((cells) => namesIn(cells[1]!));

const foldersIn = (folder: string) =>
  readdirSync(path.join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${folder}${entry.name}/`);

interface Rule {
  SERVICES: Record<string, string[]>;
  BESIDE: Record<string, string[] | null>;
}
/** A variable path: the compiler has no types of this file. */
const RULE = '../../scripts/import-rule.mjs';

it('the way of a report names files that are there: of the same folder as the one before, unless a path says else', () => {
  const table = text
    .split('\n## A report from mailbox to row\n')[1]!
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| ') && line.includes('`'));
  let folder = '';
  const missing: string[] = [];
  for (const line of table)
    for (const [, name] of line.split('|')[2]!.matchAll(/`([\w./-]+\.ts)`/g)) {
      const file = name!.includes('/') ? name! : `${folder}${name}`;
      const found = [file, `${folder.split('/')[0]}/${name}`].find((one) => existsSync(path.join(ROOT, 'services', one)));
      if (found === undefined) missing.push(name!);
      else folder = found.slice(0, found.lastIndexOf('/') + 1);
    }
  expect(table.length).toBeGreaterThan(8);
  expect(missing).toEqual([]);
});

describe('the layout in ARCHITECTURE.md', () => {
  it('names every folder under services/, two levels down, and no folder that does not exist', () => {
    const services = foldersIn('services/');
    const all = [...services, ...services.flatMap(foldersIn)];
    expect(all.length).toBeGreaterThan(30);
    expect(all.filter((folder) => !named.includes(folder))).toEqual([]);
    expect(named.filter((folder) => !existsSync(path.join(ROOT, folder)))).toEqual([]);
    expect(new Set(named).size).toBe(named.length);
  });

  it('states the import rule that scripts/imports.mjs enforces', async () => {
    const { SERVICES, BESIDE } = (await import(RULE)) as Rule;
    for (const [folder, allowed] of Object.entries(SERVICES)) {
      const [, , , cell] = rows.find((cells) => cells[1] === `\`services/${folder}/\``) ?? [];
      const stated = cell === 'nothing' ? [] : namesIn(cell!).map((name) => name.replace('/', ''));
      if (folder === 'cli') {
        expect(cell).toBe('all of `services/`, services through their `index.ts`');
        expect([...allowed, 'cli'].sort()).toEqual(
          foldersIn('services/')
            .map((name) => path.basename(name))
            .sort(),
        );
      } else expect(stated.sort(), folder).toEqual([...allowed].sort());
    }
    for (const [folder, allowed] of Object.entries(BESIDE)) {
      const row = rows.find((cells) => namesIn(cells[1]!).includes(`${folder}/`));
      if (row === undefined) continue;
      expect(row[3], folder).toBe(allowed === null ? 'everything' : allowed.map((name) => `\`${name}/\``).join(', '));
    }
  });
});
