import type { Approvals } from '../../requests/rules.ts';
import { freeSeats, type Seat } from '../../requests/votes.ts';
import { type Db, type Queryable, transaction } from '../../shared/runtime/db.ts';
import { lockNamed } from '../locks.ts';
import { appendAudit } from './audit.ts';

/**
 * Makes the groups and deputies in the database those of the settings. A change is a row of the audit chain,
 * since it changes who may decide.
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

/** People by group. */
export type Members = (group: string) => readonly string[];

/** Places by group, with those who may decide in them. */
export type Seats = (group: string) => readonly Seat[];

/** The places of all groups at a moment: their people, and the deputies of that day. */
export async function loadSeats(q: Queryable, at: Date): Promise<Seats> {
  const { rows } = await q.query<Seat & { name: string }>(
    `select name, person, person as of from ruawatch.approver_groups
     union
     select g.name, d.deputy, g.person from ruawatch.approver_groups g join ruawatch.deputies d using (person)
      where ($1::timestamptz at time zone 'UTC')::date between d.from_on and d.to_on
      order by 1, 3, 2`,
    [at],
  );
  return (group) => rows.filter(({ name }) => name === group);
}

/** Who may decide in some places, each once. */
export const peopleOf = (seats: readonly Seat[]): string[] => [...new Set(seats.map(({ person }) => person))].sort();

/**
 * The people of groups themselves: a deputy adds no place, so whether enough are there is counted without
 * them.
 */
export const ownersOf =
  (seats: Seats): Members =>
  (group) => [...new Set(seats(group).map(({ of }) => of))];

/** Who may still decide, by group. */
export const decidersOf =
  (seats: Seats, settled: Parameters<typeof freeSeats>[1]): Members =>
  (group) =>
    peopleOf(freeSeats(seats(group), settled));

/** The people of all groups at a moment, and their deputies of that day. */
export async function loadMembers(q: Queryable, at: Date): Promise<Members> {
  const seats = await loadSeats(q, at);
  return (group) => peopleOf(seats(group));
}

/**
 * Who has approved in a stage and still belongs to its groups. A deputy does as long as the settings name the
 * days on which he or she decided.
 * @param groups the stage's group, and the one it was escalated to
 */
export async function standingApprovals(
  q: Queryable,
  { request_key, stage, groups }: { request_key: number; stage: number; groups: readonly string[] },
): Promise<ReadonlySet<string>> {
  const { rows } = await q.query<{ person: string }>(
    `select d.person from ruawatch.decisions d
      where d.request_key = $1 and d.stage = $2 and d.decision = 'approve'
        and exists (select from ruawatch.approver_groups g where g.name = any($3) and g.person = coalesce(d.in_place_of, d.person))
        and (d.in_place_of is null
             or exists (select from ruawatch.deputies p where p.person = d.in_place_of and p.deputy = d.person
                           and (d.at at time zone 'UTC')::date between p.from_on and p.to_on))`,
    [request_key, stage, groups],
  );
  return new Set(rows.map(({ person }) => person));
}
