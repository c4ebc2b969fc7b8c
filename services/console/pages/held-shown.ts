import { visibleHeld } from '../../store/console/held.ts';
import { type HeldRow, loadHeld } from '../../store/held/held.ts';
import type { byKey } from '../given.ts';
import { words } from '../page-words/en.ts';
import { type Asked, Refusal } from '../routes.ts';

/** A held mail that the person may see. @throws Refusal 404 for all others */
export async function shownHeld({ db, reader, params }: Pick<Asked<typeof byKey>, 'db' | 'reader' | 'params'>): Promise<HeldRow> {
  if (!(await visibleHeld(reader, params.key))) throw new Refusal(404, 'no_held_mail', words.problems.no_page);
  return loadHeld(db, params.key);
}
