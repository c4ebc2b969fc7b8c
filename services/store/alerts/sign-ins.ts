import type { Tx } from '../../shared/runtime/db.ts';

/** A sign-in that its person is to be mailed about. */
export interface NewSignIn {
  sign_in_key: number;
  name: string;
  email: string;
  at: Date;
  how: string;
  address: string | null;
  agent: string | null;
}

/** Takes the sign-ins that no mail was made of yet, the oldest first. */
export async function takeSignIns(tx: Tx): Promise<NewSignIn[]> {
  const { rows } = await tx.query<NewSignIn>(
    `with taken as (
       delete from ruawatch.new_sign_ins
        where sign_in_key in (select sign_in_key from ruawatch.new_sign_ins order by sign_in_key limit 100 for update skip locked)
       returning *)
     select sign_in_key, name, email, at, how, host(address) as address, agent from taken order by sign_in_key`,
  );
  return rows;
}
