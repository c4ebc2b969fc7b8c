// Writes data/schema-comments.json, the comments of views and columns in the database, from docs/schema.md.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const TYPES = new Set([
  'bigint',
  'integer',
  'real',
  'boolean',
  'text',
  'text[]',
  'jsonb',
  'inet',
  'cidr',
  'cidr[]',
  'date',
  'timestamptz',
  'smallint',
]);

/** Markdown as plain text. */
const plain = (text) =>
  text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]/g, '')
    .replaceAll('&lt;', '<')
    .replace(/\s+/g, ' ')
    .trim();

/** The comments that a text of docs/schema.md gives: by view, its own and those of its columns. */
export function commentsOf(markdown) {
  const top = new Map(
    [...markdown.matchAll(/^\| \[dmarc\.(\w+)\]\(#\w+\) \| ([^|]*) \| ([^|]*) \|$/gm)].map(([, view, row, use]) => [
      view,
      `A row is ${plain(row)}; for: ${plain(use)}.`,
    ]),
  );
  const comments = {};
  for (const part of markdown.split(/^## /m).slice(1)) {
    const view = /^dmarc\.(\w+)\n/.exec(part)?.[1];
    if (view === undefined) continue;
    const columns = {};
    for (const line of part.split('\n')) {
      const [, names = '', type = '', empty = '', meaning = ''] = line.split(/(?<!\\)\|/).map(plain);
      if (!/^\w+(?:, \w+)*$/.test(names) || names === 'column' || !TYPES.has(type)) continue;
      const says = meaning || `As in the view that ${view} is part of.`;
      for (const column of names.split(', ')) columns[column] = empty === 'never' ? says : `${says} Null: ${empty}.`;
    }
    comments[view] = { view: top.get(view), columns };
  }
  return comments;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const comments = commentsOf(readFileSync(path.join(root, 'docs/schema.md'), 'utf8'));
  writeFileSync(path.join(root, 'data/schema-comments.json'), `${JSON.stringify(comments, null, 2)}\n`);
}
