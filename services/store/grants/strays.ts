import { type Db, transaction } from '../../shared/runtime/db.ts';
import { plain } from '../sql-text.ts';

/** A right with our mark that no grant is for, and that could not be ended. */
export interface StrayRight {
  server: string;
  name: string;
  /** What the target answered. */
  answer: string;
}

const MOST_ANSWER = 1_000;

/**
 * Notes what could not be ended of one kind, since it was seen first.
 * @param since the moment that decides; null for the database's
 * @param silent servers that did not say what they have: of these, what was noted stays
 */
export async function noteStrays(
  db: Db,
  kind: string,
  { strays, silent }: { strays: readonly StrayRight[]; silent: readonly string[] },
  since: Date | null,
): Promise<void> {
  const servers = strays.map((one) => one.server);
  const names = strays.map(({ name }) => plain(name));
  const answers = strays.map(({ answer }) => plain(answer).slice(0, MOST_ANSWER));
  await transaction(db, async (tx) => {
    await tx.query(
      `delete from ruawatch.stray_rights s
        where kind = $1 and not server = any($2) and not exists (
          select from unnest($3::text[], $4::text[]) there (server, name) where there.server = s.server and there.name = s.name)`,
      [kind, silent, servers, names],
    );
    if (strays.length > 0)
      await tx.query(
        `insert into ruawatch.stray_rights (kind, server, name, since, answer)
         select $1, server, name, coalesce($5::timestamptz, clock_timestamp()), answer
           from unnest($2::text[], $3::text[], $4::text[]) there (server, name, answer)
             on conflict (kind, server, name) do update set answer = excluded.answer`,
        [kind, servers, names, answers, since],
      );
  });
}
