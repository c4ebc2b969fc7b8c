import { z } from 'zod';
import { noteAct } from '../../store/console/audit.ts';
import { endOwnSession, type OwnSession } from '../../store/console/sign-ins.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { hidden } from '../layout.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, Refusal, route, see } from '../routes.ts';
import { minute } from './format.ts';

/** A number in a form. */
const key = z.object({ key: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });

/** Where a person is signed in, each with a button that ends it. */
export function sessionsTable(sessions: readonly OwnSession[], form: string): Html {
  const w = words.own_sessions;
  return html`<div class="table"><table><thead><tr><th scope="col">${w.browser}</th><th scope="col">${w.address}</th><th scope="col">${w.since}</th><th scope="col">${w.used}</th><th scope="col">${w.end}</th></tr></thead>
<tbody>${sessions.map(
    (
      one,
    ) => html`<tr><th scope="row" class="name" data-label="${w.browser}">${one.agent ?? w.unknown}</th><td class="name" data-label="${w.address}">${one.address}</td>
<td class="date" data-label="${w.since}">${minute(one.created_at)}</td><td class="date" data-label="${w.used}">${minute(one.used_at)}</td>
<td data-label="${w.end}"><form method="post" action="${path`/account/sessions/end`}">${hidden(form)}<input type="hidden" name="key" value="${one.session_key}"><button aria-label="${`${w.end}: ${one.agent ?? w.unknown}, ${minute(one.created_at)}`}">${w.end}</button></form></td></tr>`,
  )}</tbody></table></div>`;
}

const endSession = route({
  method: 'POST',
  path: '/account/sessions/end',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  body: key,
  async handle({ db, visitor, body, clock }) {
    const { name: by, person_key: person } = visitor!;
    if (!(await endOwnSession(db, person, body.key))) throw new Refusal(404, 'no_session', words.problems.nothing_there);
    await noteAct(db, { by, person, act: 'session_ended' }, clock.now());
    return see(withQuery(path`/account`, { done: 'session_ended' }));
  },
});

export const SESSION_ROUTES: AnyRoute[] = [endSession];
