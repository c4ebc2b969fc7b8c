import { expect, test } from 'vitest';
import { path } from '../../services/console/html.ts';
import { fileOf, tableOf } from '../../services/console/tables.ts';

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
