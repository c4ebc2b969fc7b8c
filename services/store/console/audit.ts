import type { Queryable } from '../../shared/runtime/db.ts';

/** Something that a person did. What was done about findings and sources is also in their own tables. */
export interface Act {
  /** The person's name, or that of the system user on the command line. */
  by: string;
  person?: number | null;
  act: string;
  domain?: string | null;
  object?: string | null;
  detail?: Record<string, unknown>;
}

/** Keeps what a person did, for good. */
export async function noteAct(q: Queryable, { by, person, act, domain, object, detail }: Act, now: Date): Promise<void> {
  await q.query(
    `insert into ruawatch.console_acts (at, person_key, by_name, act, domain, object, detail) values ($1, $2, $3, $4, $5, $6, $7)`,
    [now, person ?? null, by, act, domain ?? null, object ?? null, detail ?? {}],
  );
}
