import type { Approvals } from '../../requests/rules.ts';
import { type Db, type Queryable, transaction } from '../../shared/runtime/db.ts';
import { lockNamed } from '../locks.ts';
import { appendAudit } from './audit.ts';

/**
 * Makes the groups and deputies in the database those of the settings. A change is a row of the audit chain, since it
 * changes who may decide.
 * @returns whether anything changed
 */
export async function syncGroups(db: Db, { groups, deputies }: Pick<Approvals, 'groups' | 'deputies'>): Promise<boolean> {
  const members = Object.entries(groups).flatMap(([name, people]) => [...new Set(people)].map((person) => ({ name, person })));
  return transaction(db, async (tx) => {
    await lockNamed(tx, 'requests');
    const { rows: gone } = await tx.query<{ who: string }>(
      `delete from ruawatch.approver_groups g
        where not exists (select from unnest($1::text[], $2::text[]) as n(name, person) where n.name = g.name and n.person = g.person)
       returning name || ': ' || person as who`,
      [members.map(({ name }) => name), members.map(({ person }) => person)],
    );
    const { rows: added } = await tx.query<{ who: string }>(
      `insert into ruawatch.approver_groups (name, person) select name, person from unnest($1::text[], $2::text[]) as n(name, person)
       on conflict do nothing returning name || ': ' || person as who`,
      [members.map(({ name }) => name), members.map(({ person }) => person)],
    );
    const lists = [
      deputies.map((one) => one.for),
      deputies.map((one) => one.by),
      deputies.map((one) => one.from),
      deputies.map((one) => one.until),
    ];
    const { rows: away } = await tx.query<{ who: string }>(
      `delete from ruawatch.deputies d
        where not exists (select from unnest($1::text[], $2::text[], $3::date[], $4::date[]) as n(person, deputy, from_on, to_on)
                           where (n.person, n.deputy, n.from_on, n.to_on) = (d.person, d.deputy, d.from_on, d.to_on))
       returning person || ' by ' || deputy as who`,
      lists,
    );
    const { rows: standing } = await tx.query<{ who: string }>(
      `insert into ruawatch.deputies (person, deputy, from_on, to_on)
       select person, deputy, from_on, max(to_on) from unnest($1::text[], $2::text[], $3::date[], $4::date[]) as n(person, deputy, from_on, to_on)
        group by person, deputy, from_on on conflict do nothing returning person || ' by ' || deputy as who`,
      lists,
    );
    if (gone.length + added.length + away.length + standing.length === 0) return false;
    const names = (rows: { who: string }[]) => rows.map(({ who }) => who).sort();
    await appendAudit(tx, {
      actor: 'approver',
      verb: 'groups.change',
      object: 'groups',
      detail: { added: names(added), removed: names(gone), deputies_added: names(standing), deputies_removed: names(away) },
    });
    return true;
  });
}

/** Who may decide for a group at a moment: its people, and their deputies of that day. */
export type Members = (group: string) => readonly string[];

/**
 * The people of all groups at a moment.
 * @param done who needs no deputy: those who asked, or have decided already
 */
export async function loadMembers(q: Queryable, at: Date, done: readonly string[] = []): Promise<Members> {
  const { rows } = await q.query<{ name: string; people: string[] }>(
    `select g.name, array_agg(distinct p.person order by p.person) as people
       from ruawatch.approver_groups g
      cross join lateral (
            select g.person union select d.deputy from ruawatch.deputies d
             where d.person = g.person and d.person <> all($2::text[]) and ($1::timestamptz at time zone 'UTC')::date between d.from_on and d.to_on) p
      group by g.name`,
    [at, done],
  );
  const groups = new Map(rows.map(({ name, people }) => [name, people]));
  return (group) => groups.get(group) ?? [];
}
