import { type Db, transaction } from '../../shared/runtime/db.ts';
import { noteAct } from './audit.ts';
import { addPerson, type NewPerson, type Person } from './people.ts';
import { makeLink } from './sessions.ts';

/**
 * Adds a person with the link by which they choose a password: there is never one without the other.
 * @returns the token of the link
 * @throws PermanentError `person_exists`
 */
export async function invitePerson(db: Db, person: NewPerson, by: string, now: Date): Promise<string> {
  return transaction(db, async (tx) => makeLink(tx, await addPerson(tx, person, by, now), 'password', now));
}

/**
 * Makes another link, for a password that is forgotten; those made before end. Sessions end when the new one
 * is chosen. @returns the token of the link
 */
export async function linkFor(db: Db, { person_key, name }: Person, by: string, now: Date): Promise<string> {
  return transaction(db, async (tx) => {
    await noteAct(tx, { by, act: 'link_made', object: name }, now);
    return makeLink(tx, person_key, 'password', now);
  });
}
