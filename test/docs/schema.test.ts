import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RULES } from '../../services/analyzer/rules/index.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { fillArchive, plantForged } from './archive.ts';
import { readDocument, sections, tableOf } from './markdown.ts';

interface Column {
  view: string;
  column: string;
  type: string;
}

/** The names Postgres has for types in its catalog, as the document writes them. */
const TYPES: Record<string, string> = {
  int8: 'bigint',
  int4: 'integer',
  bool: 'boolean',
  float4: 'real',
  _text: 'text[]',
  _cidr: 'cidr[]',
};

const parts = sections(readDocument('schema.md'));
const views = parts.filter(({ level, title }) => level === 2 && title.startsWith('dmarc.'));
const documented = views.flatMap(({ title, text }) =>
  tableOf(text, 'column').map(([column, type, empty]) => ({ view: title.slice('dmarc.'.length), column, type, empty })),
);
const codesUnder = (heading: string): string[] => {
  const { text } = parts.find(({ title }) => title === heading)!;
  return [...text.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code!);
};

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
  await fillArchive(t);
  await plantForged(t);
});
afterAll(() => t.drop());

const inOrder = (columns: readonly Column[]): string[] => columns.map((c) => `${c.view}.${c.column} ${c.type}`).sort();

describe('docs/schema.md', () => {
  test('names every column of every view with its type, and none that is not there', async () => {
    const { rows } = await t.db.query<Column>(
      `select table_name as view, column_name as column, udt_name as type from information_schema.columns where table_schema = 'dmarc'`,
    );
    const real = rows.map((row) => ({ ...row, type: TYPES[row.type] ?? row.type }));
    expect(inOrder(documented as Column[])).toEqual(inOrder(real));
    expect(real.length).toBeGreaterThan(100);
  });

  test('lists every view at its top, with a link to its part', () => {
    const top = parts[0]!.text;
    const listed = [...top.matchAll(/^\| \[(dmarc\.\w+)\]\(#(\w+)\)/gm)].map(([, view, anchor]) => ({ view, anchor }));
    expect(listed).toEqual(views.map(({ title }) => ({ view: title, anchor: title.replace('.', '') })));
  });

  test('says "never" of no column that is null somewhere', async () => {
    for (const { title, text } of views) {
      const never = tableOf(text, 'column').filter(([, , empty]) => empty === 'never');
      const counts = never.map(([column]) => `count(*) filter (where ${column} is null)::int as ${column}`).join(', ');
      const { rows } = await t.db.query(`select count(*)::int as rows_in_all, ${counts} from ${title}`);
      const { rows_in_all, ...nulls } = rows[0];
      expect(rows_in_all, title).toBeGreaterThan(0);
      expect(nulls, title).toEqual(Object.fromEntries(never.map(([column]) => [column, 0])));
    }
  });

  test('says of every column what it means, or that it stands where it does in another view', () => {
    for (const { title, text } of views) {
      let explained = false;
      for (const [column, , empty, meaning] of tableOf(text, 'column')) {
        if (meaning!.includes('like all that follow')) explained = true;
        expect(empty, `${title}.${column}`).not.toBe('');
        if (!explained) expect(meaning!.length, `${title}.${column}`).toBeGreaterThan(3);
      }
    }
  });

  test('lists the states, classes and severities that the tables allow', async () => {
    const { rows } = await t.db.query<{ column: string; rule: string }>(
      `select a.attname as column, pg_get_constraintdef(c.oid) as rule
         from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
        where c.contype = 'c' and c.conrelid in ('ruawatch.messages'::regclass, 'ruawatch.sources'::regclass)`,
    );
    const allowed = (column: string): string[] =>
      [...rows.find((row) => row.column === column)!.rule.matchAll(/'(\w+)'/g)].map(([, value]) => value!).sort();
    expect(codesUnder('States of a message').sort()).toEqual(allowed('state'));
    const classes = tableOf(parts.find(({ title }) => title === 'dmarc.sources')!.text, 'class');
    expect(classes.map(([name]) => name!.replaceAll('`', '')).sort()).toEqual(allowed('class'));
  });

  test('lists every code that reading can end with, and none that it cannot', () => {
    const codes = { messages: new Set<string>(), reports: new Set<string>() };
    for (const [folder, names] of [
      ['report', null],
      ['parser', null],
      ['poller', ['poll-mailbox.ts']],
    ] as const) {
      const at = new URL(`../../services/${folder}/`, import.meta.url);
      for (const name of names ?? readdirSync(at, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))) {
        const source = readFileSync(new URL(name, at), 'utf8');
        for (const [, call, code] of source.matchAll(
          /(Refusal\(|problems\.add\(|setAside\(|\bother\(\s*'\w+',[^,]+,|code: |code = stalled \?)\s*'([a-z_]+)'/g,
        )) {
          codes[/problems\.add|setAside/.test(call!) ? 'reports' : 'messages'].add(code!);
        }
      }
    }
    expect(codesUnder('Problems of reports').sort(), 'add new codes to docs/schema.md').toEqual([...codes.reports].sort());
    expect(codesUnder('Codes of messages').sort(), 'add new codes to docs/schema.md').toEqual([...codes.messages].sort());
  });

  test('lists the kinds of findings and what stands in their evidence', async () => {
    const { text } = parts.find(({ title }) => title === 'dmarc.findings')!;
    const kinds = tableOf(text, 'kind').map(([kind]) => kind!.replaceAll('`', ''));
    const fields = tableOf(text, 'evidence').map(([name, type, where]) => ({ name: name!.replaceAll('`', ''), type, where }));
    const { rows } = await t.db.query<{ kind: string; evidence: Record<string, unknown> }>(
      'select kind, evidence from dmarc.findings',
    );
    expect(kinds.sort()).toEqual(RULES.map(({ kind }) => kind).sort());
    // The archive has the kinds that do not take a month of history.
    expect([...new Set(rows.map(({ kind }) => kind))].sort()).toEqual([
      'alignment_failure',
      'authentication_regression',
      'forged_report',
      'policy_change',
      'unauthorized_source',
    ]);
    for (const { kind, evidence } of rows) {
      const due = fields.filter(({ where }) => where === 'all' || where!.split(', ').includes(kind));
      const types = Object.entries(evidence).map(([name, value]) => [name, Array.isArray(value) ? 'array' : typeof value]);
      const known = Object.fromEntries(fields.map(({ name, type }) => [name, type]));
      expect(Object.fromEntries(types), kind).toEqual(Object.fromEntries(types.map(([name]) => [name, known[name as string]])));
      expect(Object.keys(evidence), kind).toEqual(expect.arrayContaining(due.map(({ name }) => name)));
    }
  });
});
