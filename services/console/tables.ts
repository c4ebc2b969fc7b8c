import { z } from 'zod';
import { number } from '../shared/format.ts';
import { fold } from './form.ts';
import { type Address, type Html, html, type Value, withQuery } from './html.ts';
import { words } from './page-words/en.ts';
import { dated } from './pages/format.ts';
import type { Answer } from './routes.ts';

/** What a cell holds, as programs read it. */
export type Datum = string | number | boolean | null | Date;

/** A column of a table. */
export interface Column<Row> {
  /** Its name in CSV and JSON. */
  key: string;
  label: string;
  of(row: Row): Datum;
  /** How people read it, where that is not the datum as text. */
  show?(row: Row): Value;
  /** `head` names the row; a `name` breaks anywhere, and so do `words`, which people wrote. */
  as?: 'head' | 'number' | 'date' | 'name' | 'words';
  /** False for what is nothing but a form, which no file has. */
  file?: false;
  /** Left out of the page, but not of files, where no row has it, or for none it says anything. */
  sparse?: true | ((row: Row) => boolean);
}

/** A table with its rows, of whatever type they are. */
export interface Table {
  /** Unique on its page: in the address of its file. */
  name: string;
  /** @param first so many rows are shown at first, and all when the rest is unfolded */
  html(download: Address | null, first?: number): Html;
  /** The rows by the names of the columns, as shown. */
  data(): Record<string, Datum>[];
  columns: readonly string[];
  rows: number;
}

/** Makes a table that is shown as HTML, and downloaded as CSV and JSON with the same rows and columns. */
export function tableOf<Row>(name: string, columns: readonly Column<Row>[], rows: readonly Row[], style = ''): Table {
  const cell = (column: Column<Row>, row: Row): Html => {
    const given = column.show === undefined ? text(column.of(row)) : column.show(row);
    const value = typeof given === 'string' ? dated(given) : given;
    if (column.as === 'head') return html`<th scope="row" data-label="${column.label}">${value}</th>`;
    const style = column.as === 'date' && isMoment(column.of(row)) ? 'date moment' : (column.as ?? '');
    return html`<td class="${style}" data-label="${column.label}">${value}</td>`;
  };
  const says = ({ sparse, of }: Column<Row>) => !sparse || rows.some(sparse === true ? (row) => (of(row) ?? '') !== '' : sparse);
  const shown = columns.filter(says);
  const drawn = (some: readonly Row[]) => html`<div class="table" tabindex="0"><table class="${style}"><thead><tr>${shown.map(
    ({ label, as }) => html`<th scope="col" class="${as === 'number' ? 'number' : ''}">${label}</th>`,
  )}</tr></thead>
<tbody>${some.map((row) => html`<tr>${shown.map((column) => cell(column, row))}</tr>`)}</tbody></table></div>`;
  const inFile = columns.filter(({ file }) => file !== false);
  return {
    name,
    columns: inFile.map(({ key }) => key),
    rows: rows.length,
    html: (download, first = rows.length) => {
      // One row more is no reason to fold it.
      const folds = rows.length > first + 1;
      return html`${drawn(folds ? rows.slice(0, first) : rows)}
${folds && fold('rest', words.tables.rest(rows.length - first), drawn(rows.slice(first)))}
${download !== null && rows.length > 0 && downloads(download, name)}`;
    },
    data: () => rows.map((row) => Object.fromEntries(inFile.map((column) => [column.key, column.of(row)]))),
  };
}

/** Whether it is shown with its time: a day is a text. */
const isMoment = (datum: Datum): boolean => datum instanceof Date;

/** The parameters of a page whose tables can be downloaded. */
export const tableQuery = {
  table: z.string().max(40).default(''),
  as: z.enum(['', 'csv', 'json']).default(''),
};

/** The number of a page of a list. */
export const pageNumber = z.coerce.number().int().min(1).max(10_000).default(1);

/** The domain that a list is about; of all where it is empty. */
export const domainFilter = z.string().trim().toLowerCase().max(253).default('');

/** The rows of a page, and one more, which tells whether there is another page. */
export const rowsOfPage = (page: number, size: number) => ({ limit: size + 1, offset: (page - 1) * size });

/** The file that is asked for; null where the page is. */
export function fileOf(
  asked: { table: string; as: '' | 'csv' | 'json' },
  tables: readonly Table[],
  title: string,
): Answer | null {
  const table = asked.as === '' ? undefined : tables.find(({ name }) => name === asked.table);
  if (table === undefined) return null;
  const name = `${title}-${table.name}.${asked.as}`;
  if (asked.as === 'json')
    return { is: 'file', type: 'application/json; charset=utf-8', content: `${JSON.stringify(table.data(), null, 1)}\n`, name };
  return { is: 'file', type: 'text/csv; charset=utf-8', content: csv(table), name };
}

/** The links to a table's files. @param page the page that has the table */
export function downloads(page: Address, name: string): Html {
  const to = (as: string) => withQuery(page, { table: name, as });
  return html`<p class="files">${words.tables.download} <a href="${to('csv')}" aria-label="${words.tables.file('CSV', name)}">CSV</a> <a href="${to('json')}" aria-label="${words.tables.file('JSON', name)}">JSON</a></p>`;
}

function text(datum: Datum): string {
  if (datum === null) return '';
  if (typeof datum === 'number') return number(datum);
  if (typeof datum === 'boolean') return datum ? words.tables.yes : words.tables.no;
  return datum instanceof Date ? datum.toISOString().slice(0, 16).replace('T', ' ') : datum;
}

/**
 * RFC 4180. Anybody may choose names in reports: what a spreadsheet would take for a formula gets an
 * apostrophe.
 */
function csv({ columns, data }: Table): string {
  const field = (datum: Datum) => {
    const plain = datum === null ? '' : datum instanceof Date ? datum.toISOString() : String(datum);
    const safe = typeof datum === 'string' && /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [columns.join(','), ...data().map((row) => columns.map((key) => field(row[key]!)).join(','))]
    .map((line) => `${line}\r\n`)
    .join('');
}
