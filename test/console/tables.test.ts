import { expect, test } from 'vitest';
import { html, path } from '../../services/console/html.ts';
import { type Column, fileOf, rowsOfPage, tableOf } from '../../services/console/tables.ts';
import { markup } from './shown.ts';

const rows = [
  { name: '=HYPERLINK("https://evil.example")', n: -5, at: new Date('2026-11-27T01:02:03Z') },
  { name: 'a, "b"\nc', n: 1234, at: null },
  { name: '<b>', n: 0, at: null },
];
const DATED = '<time>2026-11-27</time> 01:02';
const table = tableOf<(typeof rows)[number]>(
  'names',
  [
    { key: 'name', label: 'Name', as: 'head', of: (row) => row.name },
    { key: 'n', label: 'Messages', as: 'number', of: (row) => row.n },
    { key: 'at', label: 'At', of: (row) => row.at },
  ],
  rows,
);

test('a table is shown, and downloaded with the same rows', () => {
  const shown = String(table.html(path`/page`));
  expect(shown).toContain('1,234');
  expect(shown).toContain('&lt;b&gt;');
  expect(shown).toContain('href="/page?table=names&amp;as=csv"');
  expect(String(table.html(null))).not.toContain('as=csv');
});

test('each kind of value is shown as people read it, and a column that says nothing is left out of the page alone', () => {
  const kinds = tableOf<{ of: string | number | boolean | Date | null; none: string | null }>(
    'kinds',
    [
      { key: 'of', label: 'Of', of: (row) => row.of },
      { key: 'none', label: 'None', sparse: true, of: (row) => row.none },
      { key: 'form', label: 'Form', file: false, of: () => null, show: () => 'Ask' },
    ],
    ['text', 1234, true, false, new Date('2026-11-27T01:02:03Z'), null].map((of) => ({ of, none: null })),
  );
  const shown = String(kinds.html(null));
  expect([...shown.matchAll(/data-label="(\w+)">(.*?)<\/td>/g)].map(([, label, value]) => `${label} ${value}`)).toEqual(
    ['text', '1,234', 'yes', 'no', DATED, ''].flatMap((value) => [`Of ${value}`, 'Form Ask']),
  );
  expect(kinds.columns).toEqual(['of', 'none']);
  expect(kinds.data()[5]).toEqual({ of: null, none: null });
  const full = tableOf(
    'full',
    [{ key: 'none', label: 'None', sparse: true, of: (row: { none: string }) => row.none }],
    [{ none: 'x' }],
  );
  expect(String(full.html(null))).toContain('None');
});

test('CSV follows RFC 4180, and nothing in it is a formula', () => {
  const file = fileOf({ table: 'names', as: 'csv' }, [table], 'example.com');
  expect(file).toMatchObject({ is: 'file', name: 'example.com-names.csv' });
  expect((file as { content: string }).content).toBe(
    'name,n,at\r\n"\'=HYPERLINK(""https://evil.example"")",-5,2026-11-27T01:02:03.000Z\r\n"a, ""b""\nc",1234,\r\n<b>,0,\r\n',
  );
});

test('JSON has the values as they are', () => {
  const file = fileOf({ table: 'names', as: 'json' }, [table], 'x') as { content: string };
  expect(JSON.parse(file.content)[0]).toEqual({ name: rows[0]!.name, n: -5, at: '2026-11-27T01:02:03.000Z' });
});

test('a table that the page has not is no file', () => {
  expect(fileOf({ table: 'other', as: 'csv' }, [table], 'x')).toBeNull();
  expect(fileOf({ table: 'names', as: '' }, [table], 'x')).toBeNull();
});

type Row = { n: number; at: Date | string | null; ask: boolean };
const COLUMNS: Column<Row>[] = [
  { key: 'n', label: 'N', as: 'head', of: (row) => row.n },
  { key: 'count', label: 'Count', as: 'number', of: (row) => row.n * 1000, show: (row) => html`<b>${row.n}</b>` },
  { key: 'at', label: 'At', as: 'date', of: (row) => row.at },
  { key: 'said', label: 'Said', as: 'words', of: () => 'on 2026-11-27', show: () => 'of 2026-11-28' },
  { key: 'act', label: 'Act', file: false, sparse: (row) => row.ask, of: () => null, show: (row) => row.ask && 'Ask' },
  { key: 'never', label: 'Never', sparse: () => false, of: () => 1 },
  { key: 'zero', label: 'Zero', sparse: true, of: () => 0 },
  { key: 'empty', label: 'Empty', sparse: true, of: () => '' },
];
const row = (n: number): Row => ({ n, at: [new Date('2026-11-27T01:02:03Z'), '2026-11-28', null][n % 3]!, ask: n === 4 });
const rowsTo = (n: number) =>
  tableOf(
    'of <all>',
    COLUMNS,
    Array.from({ length: n }, (_, i) => row(i)),
    'wide',
  );

test.each<[string, string]>([
  ['whole', markup(rowsTo(5).html(path`/page`))],
  ['of rows that fit', markup(rowsTo(3).html(path`/page`, 2))],
  ['of rows that fold', markup(rowsTo(4).html(path`/page`, 2))],
  ['without rows', markup(rowsTo(0).html(path`/page`, 2))],
  ['without a file', markup(rowsTo(1).html(null))],
])('a table %s', async (name, shown) => {
  await expect(shown).toMatchFileSnapshot(`pages/golden/tables/all-${name.replaceAll(' ', '-')}.txt`);
});

test('a file has the columns that are no forms, whether or not a row has them', () => {
  const table = rowsTo(2);
  expect(table.rows).toBe(2);
  expect(fileOf({ table: 'of <all>', as: 'csv' }, [table], 'x')).toEqual({
    is: 'file',
    type: 'text/csv; charset=utf-8',
    name: 'x-of <all>.csv',
    content:
      'n,count,at,said,never,zero,empty\r\n0,0,2026-11-27T01:02:03.000Z,on 2026-11-27,1,0,\r\n1,1000,2026-11-28,on 2026-11-27,1,0,\r\n',
  });
  const { content, ...file } = fileOf({ table: 'of <all>', as: 'json' }, [table], 'x') as { content: string };
  expect(file).toEqual({ is: 'file', type: 'application/json; charset=utf-8', name: 'x-of <all>.json' });
  expect(content).toMatch(/^\[\n \{\n {2}"n": 0,[\s\S]*\]\n$/);
  expect(rowsOfPage(1, 50)).toEqual({ limit: 51, offset: 0 });
  expect(rowsOfPage(3, 50)).toEqual({ limit: 51, offset: 100 });
});
