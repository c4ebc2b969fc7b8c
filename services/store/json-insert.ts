import type { Tx } from '../shared/runtime/db.ts';
import { rowsJson } from './sql-text.ts';

/** `hex`: a bytea, handed over as hexadecimal text. */
type ColumnType = 'bigint' | 'integer' | 'real' | 'boolean' | 'text' | 'text[]' | 'jsonb' | 'timestamptz' | 'inet' | 'hex';

/** The columns of a table by name: the type of each, and its value in a row. */
export type Columns<Row> = Readonly<Record<string, readonly [type: ColumnType, value: (row: Row) => unknown]>>;

/**
 * Makes the function that inserts rows into a table, all in one statement: a single JSON parameter costs
 * Postgres less than an array of each column, and has no limit on the number of rows.
 * @param onConflict what follows the rows in the statement
 */
export function jsonInsert<Row>(
  table: string,
  columns: Columns<Row>,
  onConflict = '',
): (tx: Tx, rows: readonly Row[]) => Promise<void> {
  const entries = Object.entries(columns);
  const names = entries.map(([name]) => name).join(', ');
  const values = entries.map(([name, [type]]) => (type === 'hex' ? `decode(${name}, 'hex')` : name)).join(', ');
  const definitions = entries.map(([name, [type]]) => `${name} ${type === 'hex' ? 'text' : type}`).join(', ');
  const statement = `insert into ${table} (${names}) select ${values} from jsonb_to_recordset($1::jsonb) as r(${definitions}) ${onConflict}`;
  return async (tx, rows) => {
    if (rows.length === 0) return;
    const objects = rows.map((row) => Object.fromEntries(entries.map(([name, [, value]]) => [name, value(row)])));
    await tx.query(statement, [rowsJson(objects)]);
  };
}
