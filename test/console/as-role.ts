import { ROUTES } from '../../services/console/pages/index.ts';
import type { Services } from '../../services/console/routes.ts';
import { buildConsole } from '../../services/console/server.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import { refusedAlerts, unmailedFindings } from '../../services/store/alerts/refusals.ts';
import { LISTS, type List, pageOf } from '../../services/store/console/api-lists.ts';
import { companyPerson, confirmCompanyPerson } from '../../services/store/console/company.ts';
import { mailboxHealth, waitingWork } from '../../services/store/console/health.ts';
import { invitePerson, linkFor } from '../../services/store/console/invitations.ts';
import {
  addPasskey,
  keepChallenge,
  passkeyOf,
  passkeysOf,
  removePasskey,
  takeChallenge,
  usePasskey,
} from '../../services/store/console/passkeys.ts';
import { addPerson, changePerson, endPerson, findPerson } from '../../services/store/console/people.ts';
import { beginSession } from '../../services/store/console/sessions.ts';
import { endOwnSession, listSessions, signIn } from '../../services/store/console/sign-ins.ts';
import { endToken, listTokens, makeToken, tokenVisitor } from '../../services/store/console/tokens.ts';
import { archiveSize } from '../../services/store/messages/archive.ts';
import { verifiedShare } from '../../services/store/reports/verified-share.ts';
import { seenMail, seenSource, standingEntry } from '../../services/store/requests/seen.ts';

/**
 * Shows every page, and calls every GET of the API, with the rights of the services' database user. Leaves
 * the account "root". @returns those that failed
 */
export async function showEveryPage(services: Services, domain: string): Promise<string[]> {
  const { db, clock } = services;
  const app = await buildConsole({ routes: ROUTES, services });
  const now = clock.now();
  const person_key = await addPerson(db, { name: 'root', role: 'admin', domains: null }, 'test', now);
  const session = await beginSession(db, person_key, { address: '192.0.2.1', agent: null }, now);
  const given = { person_key, person: 'root', name: 'x', scopes: ['read'] as const, domains: null };
  const { token } = await makeToken(db, { ...given, ends_at: new Date(now.getTime() + 3_600_000) }, 'test', now);
  const failed: string[] = [];
  for (const { path, kind } of ROUTES.filter(({ method }) => method === 'GET')) {
    const url = path.replace(':domain', domain).replace(':token', 'x'.repeat(40)).replace(/:\w+/g, '1');
    const headers = {
      host: 'localhost:9808',
      ...(kind === 'api' ? { authorization: `Bearer ${token}` } : { cookie: `ruawatch=${session}` }),
    };
    const answer = await app.inject({ method: 'GET', url, headers });
    if (answer.statusCode >= 500) failed.push(`${url}: ${answer.statusCode}`);
  }
  await app.close();
  return failed;
}

/**
 * All that the console does with the database for sign-ins and the API, as whoever `db` is. Leaves nobody
 * behind.
 */
export async function useConsoleAs(db: Db, domain: string, now: Date): Promise<void> {
  const person_key = await addPerson(
    db,
    { name: 'eve', email: 'eve@example.com', role: 'operator', domains: [domain] },
    'test',
    now,
  );
  const ends_at = new Date(now.getTime() + 3_600_000);
  const given = { person_key, person: 'eve', name: 'x', scopes: ['read'] as const, domains: [domain], ends_at };
  const { token, token_key } = await makeToken(db, given, 'test', now);
  await tokenVisitor(db, token, now);
  await listTokens(db, null, now);
  await endToken(db, token_key, { person_key, by: 'eve' }, now);
  await signIn(db, { person_key, name: 'eve', how: 'password', address: '192.0.2.1', agent: null }, now);
  for (const { session_key } of await listSessions(db, person_key, now)) await endOwnSession(db, person_key, session_key);
  const credential_id = Buffer.from('key');
  await addPasskey(db, { person_key, credential_id, public_key: credential_id, counter: 0, transports: [], name: 'x' }, now);
  await usePasskey(db, (await passkeyOf(db, credential_id))!.credential_id, 1, now);
  await removePasskey(db, person_key, (await passkeysOf(db, person_key))[0]!.credential_id);
  await keepChallenge(db, 'challenge', null, now);
  await takeChallenge(db, 'challenge', null, now);
  await invitePerson(db, { name: 'zed', role: 'viewer', domains: [domain] }, 'test', now);
  await linkFor(db, (await findPerson(db, 'zed'))!, 'test', now);
  await endPerson(db, 'zed', 'test', now);
  await changePerson(db, 'eve', { role: 'viewer', domains: null }, { by: 'test', now });
  await endPerson(db, 'eve', 'test', now);
  const rights = { role: 'viewer' as const, domains: [domain] };
  const who = { issuer: 'https://login.example', subject: 'x', name: 'mallory', email: null, rights, refresh: null };
  const { person_key: other } = await companyPerson(db, who, now);
  await companyPerson(db, { ...who, rights: { ...rights, domains: null } }, now);
  await confirmCompanyPerson(db, other, { due: ends_at, now }, async () => ({ email: null, rights, refresh: null }));
  await confirmCompanyPerson(db, other, { due: ends_at, now }, async () => null);
  await endPerson(db, 'mallory', 'test', now);
  const reader = { db, scope: { all: true, domains: [] } };
  for (const list of Object.values(LISTS) as List[])
    await pageOf(reader, list, {}, { after: null, limit: 5, bound: Array(list.from.split('?').length - 1).fill(domain) });
  // The page Health, and "ruawatch findings" in the console's pod.
  await waitingWork(db);
  await mailboxHealth(db);
  await verifiedShare(db, now);
  await archiveSize(db);
  await refusedAlerts(db);
  await unmailedFindings(db);
  await seenMail(db, domain, now);
  await seenSource(db, { domain, source: 'x' }, now);
  await standingEntry(db, { domain, source: 'x', is_service: false }, now);
}
