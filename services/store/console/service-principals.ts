import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Queryable, transaction } from '../../shared/runtime/db.ts';
import { isKnown } from '../grants/holders.ts';
import { appendAudit } from '../requests/audit.ts';
import { noteAct } from './audit.ts';
import { grantDomains, isPersonName } from './people.ts';
import type { PersonRole } from './rights.ts';

/**
 * A program with an account of its own, such as a CI job: it holds tokens and grants, and decides nothing.
 */
export interface ServicePrincipal {
  person_key: number;
  name: string;
  kind: 'service';
  /**
   * The person who answers for it: a name or mail address. When nobody of that name is known any more, it
   * ends.
   */
  owner: string;
  role: PersonRole;
  all_domains: boolean;
  domains: string[];
  ends_at: Date;
  created_at: Date;
  created_by: string;
}

export interface NewService {
  name: string;
  owner: string;
  role: Exclude<PersonRole, 'admin'>;
  /** Null for all domains. */
  domains: readonly string[] | null;
  ends_at: Date;
}

/** What our own programs are called in requests. */
const OURS = new Set([
  'onboarding',
  'rotation',
  'rotations',
  'playbook',
  'approver',
  'applier',
  'gateway',
  'watcher',
  'console',
  'ruawatch',
]);

/**
 * Whether a service principal may have this name: it is no address, so that it is never in a group of
 * approvals.
 */
export const isServiceName = (name: string): boolean =>
  isPersonName(name) && !name.includes('@') && !OURS.has(name.toLowerCase());

/** The service principals that have not ended, by name. */
export async function listServices(q: Queryable): Promise<ServicePrincipal[]> {
  const { rows } = await q.query<ServicePrincipal>(
    `select p.person_key, p.name, p.kind, p.owner, p.role, p.all_domains, p.ends_at, p.created_at, p.created_by,
            array(select d.domain from ruawatch.person_domains d where d.person_key = p.person_key order by d.domain) as domains
       from ruawatch.people p where p.kind = 'service' and p.ended_at is null order by p.name`,
  );
  return rows;
}

/**
 * Adds a service principal.
 * @throws PermanentError `no_owner`, `person_exists`, `service_too_long`
 */
export async function addService(db: Db, given: NewService, by: string, now: Date): Promise<number> {
  const [name, owner] = [given.name.trim().toLowerCase(), given.owner.trim().toLowerCase()];
  if (given.ends_at.getTime() - now.getTime() > LONGEST_MS)
    throw new PermanentError('service_too_long', 'A service principal holds for at most 366 days: choose an earlier end.');
  return transaction(db, async (tx) => {
    const { rows: known } = await tx.query<{ known: boolean }>(`select ${isKnown('$1')} as known`, [owner]);
    if (!known[0]!.known)
      throw new PermanentError(
        'no_owner',
        `Nobody is known as "${owner}": the owner is a person of the console, or of a group of approvals.`,
      );
    const { rows } = await tx.query<{ person_key: number }>(
      `insert into ruawatch.people (kind, name, owner, role, all_domains, ends_at, created_at, created_by)
       values ('service', $1, $2, $3, $4, $5, $6, $7) on conflict (name) where ended_at is null do nothing returning person_key`,
      [name, owner, given.role, given.domains === null, given.ends_at, now, by],
    );
    const key = rows[0]?.person_key;
    if (key === undefined) throw new PermanentError('person_exists', `There is an account named "${name}" already.`);
    await grantDomains(tx, key, given.domains ?? []);
    const { role, domains, ends_at } = given;
    await noteAct(tx, { by, act: 'service_added', object: name, detail: { owner, role, domains, ends_at } }, now);
    return key;
  });
}

const LONGEST_MS = 366 * 24 * 3_600_000;

/**
 * Ends the service principals whose time is over, and those whose owner is gone, with their tokens. They do
 * not come back when the owner does. Until this runs, they count for nothing all the same.
 * @returns their names
 */
export async function endServices(db: Db, at: Date | null): Promise<string[]> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ person_key: number; name: string; owner: string; over: boolean; now: Date }>(
      `with now as (select coalesce($1::timestamptz, clock_timestamp()) as at)
       select p.person_key, p.name, p.owner, p.ends_at <= now.at as over, now.at as now from ruawatch.people p, now
        where p.kind = 'service' and p.ended_at is null and (p.ends_at <= now.at or not ${isKnown('p.owner')})
        order by p.person_key for update of p`,
      [at],
    );
    for (const { person_key, name, owner, over, now } of rows) {
      await tx.query('update ruawatch.people set ended_at = $2, ended_by = $3 where person_key = $1', [
        person_key,
        now,
        'approver',
      ]);
      await tx.query(
        'update ruawatch.person_tokens set ended_at = $2, ended_by = $3 where person_key = $1 and ended_at is null',
        [person_key, now, 'approver'],
      );
      const says = over ? 'Its time is over.' : `Its owner ${owner} is not known any more.`;
      await appendAudit(tx, {
        actor: 'approver',
        verb: 'service.end',
        object: `service ${name}`,
        detail: { owner, says, at: now.toISOString() },
      });
    }
    return rows.map(({ name }) => name);
  });
}
