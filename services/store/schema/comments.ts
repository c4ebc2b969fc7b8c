import { bundled } from '../../report/bundled.ts';
import type { Tx } from '../../shared/runtime/db.ts';

/** The comments of one view and of its columns. */
type Comments = Record<string, { view: string; columns: Record<string, string> }>;

/**
 * Writes the comments on the views of the schema dmarc and on their columns, which psql and other tools show.
 * They are those of docs/schema.md (scripts/comments.mjs). Views that are not there are left out.
 */
export async function writeComments(tx: Tx): Promise<void> {
  const comments = bundled('schema-comments.json') as Comments;
  const rows = Object.entries(comments).flatMap(([view, { view: text, columns }]) => [
    { view, column: null, text },
    ...Object.entries(columns).map(([column, meaning]) => ({ view, column, text: meaning })),
  ]);
  const { rows: made } = await tx.query<{ sql: string | null }>(
    `select string_agg(case when g.name is null then format('comment on view dmarc.%I is %L', c.relname, g.said)
                            else format('comment on column dmarc.%I.%I is %L', c.relname, a.attname, g.said) end, ';') as sql
       from unnest($1::text[], $2::text[], $3::text[]) as g(view, name, said)
       join pg_class c on c.relname = g.view and c.relkind = 'v' and c.relnamespace = to_regnamespace('dmarc')
       left join pg_attribute a on a.attrelid = c.oid and a.attname = g.name
      where g.name is null or a.attname is not null`,
    [rows.map((row) => row.view), rows.map((row) => row.column), rows.map((row) => row.text)],
  );
  const sql = made[0]!.sql;
  if (sql !== null) await tx.query(sql);
}
