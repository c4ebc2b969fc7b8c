import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from '@babel/parser';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MOST_LINES = 60;
const MOST_PARAMETERS = 4;

/** Functions that may have more parameters, each with the reason. */
const MORE_PARAMETERS: Record<string, string> = {
  'services/report/xml/characters.ts resolve': 'It is called for every value with a reference: an object for each is too slow.',
};

interface Found {
  file: string;
  name: string;
  lines: number;
  parameters: number;
}

interface Node {
  type: string;
  loc: { start: { line: number }; end: { line: number } };
  params?: unknown[];
  body?: unknown;
  id?: { name?: string } | null;
  key?: { name?: string; value?: string };
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value;

/** Every function below a node. @param name of the variable or property that it is given to */
function* functionsIn(node: unknown, file: string, name: string): Generator<Found> {
  if (Array.isArray(node)) for (const one of node) yield* functionsIn(one, file, name);
  if (!isNode(node)) return;
  const own = node.id?.name ?? node.key?.name ?? node.key?.value ?? name;
  if (node.params !== undefined && node.body !== undefined && /Function|Method/.test(node.type))
    yield { file, name: own, lines: node.loc.end.line - node.loc.start.line + 1, parameters: node.params.length };
  for (const [key, value] of Object.entries(node))
    if (key !== 'loc' && !key.endsWith('Comments')) yield* functionsIn(value, file, own);
}

const functions = (folder: string): Found[] =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const file = path.posix.join(folder, name);
      const { program } = parse(readFileSync(path.join(ROOT, file), 'utf8'), { sourceType: 'module', plugins: ['typescript'] });
      return [...functionsIn(program.body, file, '')];
    });

test('the functions of a file are found by their names, with their lines and parameters', () => {
  const source = 'const a = (x) => {\n  return { b(y, z) {} };\n};\nexport function c() {}\n';
  const { program } = parse(source, { sourceType: 'module' });
  expect([...functionsIn(program.body, 'f.ts', '')].map(({ name, lines, parameters }) => [name, lines, parameters])).toEqual([
    ['a', 3, 1],
    ['b', 1, 2],
    ['c', 1, 0],
  ]);
});

const ours = functions('services');

test(`no function has more than ${MOST_LINES} lines`, () => {
  const all = [...ours, ...functions('demo'), ...functions('simulate'), ...functions('bench')];
  const long = all.filter(({ lines }) => lines > MOST_LINES);
  expect(long.map(({ file, name, lines }) => `${file} ${name}: ${lines}`)).toEqual([]);
});

test(`no function has more than ${MOST_PARAMETERS} parameters, but those that are named with the reason`, () => {
  const wide = [...ours, ...functions('demo'), ...functions('simulate'), ...functions('bench')]
    .filter(({ parameters }) => parameters > MOST_PARAMETERS)
    .map(({ file, name }) => `${file} ${name}`);
  expect(wide).toEqual(Object.keys(MORE_PARAMETERS));
});
