import type { TestConsole, TestPerson } from './setup.ts';
import type { World } from './world.ts';

/** What stands on a page, as text: what a golden file holds of it. */

/** Attributes that somebody sees or that decide where a click leads and what a form sends. */
const KEPT = new Set(
  'href action name value type selected checked required maxlength min max open hidden aria-label role d x y width height points x1 y1 x2 y2 cx cy r'.split(
    ' ',
  ),
);
/** Their class says something: the state of a step, the mark of a check. */
const WITH_CLASS = new Set(['li', 'span', 'strong', 'rect', 'path']);
const INLINE = new Set(['a', 'b', 'strong', 'span', 'code', 'em', 'td', 'th', 'dd', 'time', 'small', 'br', 'bdi', 'wbr']);

/**
 * The main part of a page: its words, links, fields and shapes, a line for each element that stands by
 * itself. What is another each time, as the field against forged forms, is left out.
 */
export function shownOf(body: string): string {
  const main = /<main[\s\S]*<\/main>/.exec(body)?.[0] ?? body;
  return main
    .replace(/<input type="hidden" name="form"[^>]*>/g, '')
    .replace(/<(\/?)([a-z0-9]+)((?:[^>"]|"[^"]*")*)>/g, (_, close: string, tag: string, given: string) => {
      const line = INLINE.has(tag) ? ' ' : '\n';
      if (close !== '') return line;
      const attributes = [...given.matchAll(/([\w-]+)(?:="([^"]*)")?/g)]
        .filter(([, name]) => KEPT.has(name!) || (name === 'class' && WITH_CLASS.has(tag)))
        .map(([, name, value]) => (value === undefined ? name! : `${name}=${value}`))
        .sort();
      if (attributes.length === 0) return /^h\d$|^li$|^button$|^option$/.test(tag) ? `${line}${tag}: ` : line;
      return `${line}{${[tag, ...attributes].join(' ')}} `;
    })
    .split('\n')
    .map((one) => one.replace(/\s+/g, ' ').trim())
    .filter(Boolean)
    .join('\n');
}

/** Where the files of a page's tables are. */
const filesOf = (body: string): string[] => [
  ...new Set([...body.matchAll(/href="([^"]*[?&;]as=json[^"]*)"/g)].map(([, href]) => href!.replaceAll('&amp;', '&'))),
];

/** Without what is another in each run. */
export const same = (text: string) =>
  text.replace(/(?<![\w-])[\w-]{43}(?![\w-])/g, 'TOKEN').replace(/"oldest_seconds": \d+/g, '"oldest_seconds": SECONDS');

/** What pages show to an admin, with the files of their tables, and to a viewer what differs. */
export async function pagesOf({ ada, viewer }: World, pages: readonly string[]): Promise<string> {
  const shown: string[] = [];
  for (const [who, person] of [
    ['ADMIN', ada],
    ['VIEWER', viewer],
  ] as const)
    for (const page of pages) {
      const { body, statusCode } = await person.get(page);
      const text = `${who} ${page} ${statusCode}\n${same(shownOf(body))}`;
      // A second time only what differs for whoever may do less.
      if (who === 'VIEWER' && shown.some((one) => one.split('\n').slice(1).join('\n') === text.split('\n').slice(1).join('\n')))
        continue;
      shown.push(text);
      if (who === 'VIEWER') continue;
      for (const file of filesOf(body)) shown.push(`FILE ${file}\n${same((await person.get(file)).body)}`);
    }
  return `${shown.join('\n\n')}\n`;
}

/** Markup as it is, a line for each tag. */
export const markup = (html: { toString(): string }): string => `${String(html).replaceAll('><', '>\n<')}\n`;

/** Rows like the first one of a table, but for the columns that are named. */
export async function copies({ t: { db } }: TestConsole, table: string, count: number, changes: Record<string, string>) {
  const { rows } = await db.query<{ name: string }>(
    `select column_name as name from information_schema.columns
      where table_schema = 'ruawatch' and table_name = $1 and is_generated = 'NEVER' and (is_identity = 'NO' or column_name = any ($2))`,
    [table, Object.keys(changes)],
  );
  const names = rows.map(({ name }) => name);
  await db.query(
    `insert into ruawatch.${table} (${names.join(', ')}) overriding system value
     select ${names.map((name) => changes[name] ?? `t.${name}`).join(', ')} from (select * from ruawatch.${table} limit 1) t, generate_series(1, $1::int) i`,
    [count],
  );
}

/** How many rows the tables of a page have, and the links to the pages before and after it. */
export async function rowsAndPages(person: TestPerson, page: string): Promise<[number, ...string[]]> {
  const { body } = await person.get(page);
  const [nav = ''] = /<nav class="pages"[\s\S]*?<\/nav>/.exec(body) ?? [];
  const links = [...nav.matchAll(/href="([^"]*)">(\w+)/g)].map(([, to, word]) => `${word} ${/page=(\d+)/.exec(to!)?.[1] ?? 1}`);
  const [rows, heads] = [/<tr>/g, /<thead>/g].map((tag) => (body.match(tag) ?? []).length) as [number, number];
  return [rows - heads, ...links];
}
