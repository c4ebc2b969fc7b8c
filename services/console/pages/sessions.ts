import { noteAct } from '../../store/console/audit.ts';
import { endOwnSession, type OwnSession } from '../../store/console/sign-ins.ts';
import { buttonForm } from '../form.ts';
import { byKey } from '../given.ts';
import { path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, Refusal, route, see } from '../routes.ts';
import { type Table, tableOf } from '../tables.ts';
import { minute } from './format.ts';

const BROWSERS: readonly [RegExp, string][] = [
  [/Edg/, 'Edge'],
  [/OPR|Opera/, 'Opera'],
  [/Firefox/, 'Firefox'],
  [/Chrome|CriOS/, 'Chrome'],
  [/Safari/, 'Safari'],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS/, 'macOS'],
  [/Linux|X11/, 'Linux'],
];

/** "Firefox, Windows"; what no browser would say stays as it came. */
function browserName(agent: string | null): string | null {
  if (agent === null) return null;
  const found = [BROWSERS, SYSTEMS].map((list) => list.find(([pattern]) => pattern.test(agent))?.[1]);
  return found[0] === undefined ? agent : found.filter(Boolean).join(', ');
}

/** Where a person is signed in, each with a button that ends it. */
export function sessionsTable(sessions: readonly OwnSession[]): Table {
  const w = words.own_sessions;
  const end = ({ session_key, agent, created_at }: OwnSession) =>
    buttonForm(path`/account/sessions/end`, w.end, {
      values: { key: session_key },
      heard: `${w.end}: ${agent ?? w.unknown}, ${minute(created_at)}`,
    });
  return tableOf<OwnSession>(
    'sessions',
    [
      {
        key: 'browser',
        label: w.browser,
        as: 'head',
        of: (one) => one.agent,
        show: (one) => browserName(one.agent) ?? w.unknown,
      },
      { key: 'address', label: w.address, as: 'name', of: (one) => one.address },
      { key: 'since', label: w.since, as: 'date', of: (one) => one.created_at, show: (one) => minute(one.created_at) },
      { key: 'used', label: w.used, as: 'date', of: (one) => one.used_at, show: (one) => minute(one.used_at) },
      { key: 'end', label: w.end, file: false, of: () => null, show: end },
    ],
    sessions,
  );
}

const endSession = route({
  method: 'POST',
  path: '/account/sessions/end',
  kind: 'page',
  least: 'viewer',
  scope: 'none',
  body: byKey,
  async handle({ db, visitor, body, clock }) {
    const { name: by, person_key: person } = visitor!;
    if (!(await endOwnSession(db, person, body.key))) throw new Refusal(404, 'no_session', words.problems.nothing_there);
    await noteAct(db, { by, person, act: 'session_ended' }, clock.now());
    return see(path`/account`, { told: { done: 'session_ended' } });
  },
});

export const SESSION_ROUTES: AnyRoute[] = [endSession];
