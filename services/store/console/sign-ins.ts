import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { noteAct } from './audit.ts';
import { beginSession } from './sessions.ts';

/** How somebody signed in. */
export type SignInWay = 'password' | 'link' | 'passkey' | 'company';

export interface SignIn {
  person_key: number;
  name: string;
  how: SignInWay;
  address: string;
  agent: string | null;
}

/**
 * Begins a session and keeps that somebody signed in. Where the browser or the network is new for the person,
 * and their mail address is known, the alerter mails it to them.
 * @returns the token of the session
 */
export async function signIn(db: Db | Tx, { person_key, name, how, address, agent }: SignIn, now: Date): Promise<string> {
  const work = async (tx: Queryable): Promise<string> => {
    const network = await networkOf(tx, address);
    const browser = agent?.slice(0, 200) ?? '';
    await tx.query(
      `insert into ruawatch.new_sign_ins (name, email, at, how, address, agent)
       select p.name, p.email, $2, $3, $4, $5 from ruawatch.people p
        where p.person_key = $1 and p.email is not null
          and not exists (select from ruawatch.console_acts a
                           where a.person_key = $1 and a.act = 'signed_in' and a.detail ->> 'network' = $6 and a.detail ->> 'agent' = $5)`,
      [person_key, now, how, address, browser, network],
    );
    await noteAct(tx, { by: name, person: person_key, act: 'signed_in', detail: { how, address, network, agent: browser } }, now);
    return beginSession(tx, person_key, { address, agent }, now);
  };
  return 'release' in db ? work(db) : transaction(db, work);
}

/** The network that an address is counted as: /24 and /48, as sources are. */
async function networkOf(q: Queryable, address: string): Promise<string> {
  const { rows } = await q.query<{ network: string }>(
    'select network(set_masklen($1::inet, case family($1::inet) when 4 then 24 else 48 end))::text as network',
    [address],
  );
  return rows[0]!.network;
}

/** A session of a person. */
export interface OwnSession {
  session_key: number;
  created_at: Date;
  used_at: Date;
  address: string | null;
  agent: string | null;
}

/** The sessions of a person that have not ended, the one used last first. */
export async function listSessions(q: Queryable, person_key: number, now: Date): Promise<OwnSession[]> {
  const { rows } = await q.query<OwnSession>(
    `select session_key, created_at, used_at, host(address) as address, agent from ruawatch.sessions
      where person_key = $1 and ends_at > $2 order by used_at desc, session_key desc limit 100`,
    [person_key, now],
  );
  return rows;
}

/** Ends one of the person's own sessions; another's is as one that does not exist. */
export async function endOwnSession(q: Queryable, person_key: number, session_key: number): Promise<boolean> {
  const { rowCount } = await q.query('delete from ruawatch.sessions where person_key = $1 and session_key = $2', [
    person_key,
    session_key,
  ]);
  return rowCount === 1;
}
