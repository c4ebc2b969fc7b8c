import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { type DatabaseScope, databaseGrant } from '../../requests/grants/database.ts';
import { codeOf, messageOf } from '../../shared/errors.ts';
import type { LendingDatabase } from '../../shared/settings/access.ts';
import {
  clearRole,
  closeRole,
  cutSessions,
  leftIn,
  lendRole,
  lentRoles,
  onLender,
  removeRole,
} from '../../store/grants/lending.ts';
import type { GrantMeans, GrantWorker, Taken } from './grant-kind.ts';

/**
 * A session that logged in at the moment of the end shows a little later: so many looks in a row find none.
 */
const LOOKS = 3;
const LOOK_MS = 100;
const LONGEST_CUT_MS = 4_000;

/**
 * insufficient_privilege, invalid_parameter_value, undefined_object, check_violation: said of what was asked,
 * and not passing.
 */
const FOR_GOOD = new Set(['42501', '22023', '42704', '23514']);
/** undefined_function, invalid_schema_name */
const NOT_SET_UP = new Set(['42883', '3F000']);

/** lock_not_available, query_canceled; internal_error: the row was changed while we waited for it. */
const HELD = new Set(['55P03', '57014', 'XX000']);

const serverOf = ({ access }: GrantMeans, name: string): LendingDatabase | undefined =>
  access.databases.find((one) => one.name === name);

function sentenceOf(server: string, error: unknown): string {
  return NOT_SET_UP.has(codeOf(error) ?? '')
    ? `The server ${server} is not set up to lend roles: run what "ruawatch access setup ${server}" prints.`
    : `The server ${server} answers: ${messageOf(error)}`;
}

/** Postgres roles of their own, members of one group. */
export const databaseWorker: GrantWorker = {
  kind: 'access.database',

  async apply(grant, means) {
    const server = serverOf(means, grant.server);
    const { group } = databaseGrant.scope.parse(grant.scope) as DatabaseScope;
    if (server === undefined)
      return { state: 'failed', answer: `The settings (access.database) have no server ${grant.server}.` };
    if (!server.groups.includes(group))
      return { state: 'failed', answer: `The role ${group} is not among those that ${grant.server} lends.` };
    const { name, credential, seconds } = grant;
    try {
      const role = { name, verifier: credential ?? '', group, seconds, connections: server.connections };
      const most = await onLender(server.url(), (client) => lendRole(client, role));
      return { state: 'active', answer: `The role ${name} is a member of ${group}.`, most };
    } catch (error) {
      return { state: FOR_GOOD.has(codeOf(error) ?? '') ? 'failed' : 'later', answer: sentenceOf(grant.server, error) };
    }
  },

  async end({ server: where, name }, means) {
    const server = serverOf(means, where);
    if (server === undefined)
      return {
        state: 'later',
        answer: `The settings (access.database) have no server ${where} any more: put it back until its grants have ended.`,
      };
    try {
      const url = server.url();
      return await onLender(url, (client) => takeRole(client, name, url));
    } catch (error) {
      return { state: 'later', answer: sentenceOf(where, error) };
    }
  },

  async present(means, failed) {
    const all = await Promise.all(
      means.access.databases.map(async (server) => {
        try {
          const roles = await onLender(server.url(), (client) => lentRoles(client, means.mark));
          return roles.map(({ name, sessions }) => ({ server: server.name, name, sessions }));
        } catch (error) {
          failed(server.name, sentenceOf(server.name, error));
          return [];
        }
      }),
    );
    return all.flat();
  },
};

/**
 * No login, then no session, then nothing owned in any database, then no role: each step is committed before
 * the next.
 */
async function takeRole(client: pg.Client, name: string, url: string): Promise<Taken> {
  const closed = await closeInSpite(client, name, url);
  if (!closed.there) return { state: 'ended', answer: `There is no role ${name}.` };
  const more = await cutAll(client, name);
  if (more === null) return { state: 'later', answer: `Sessions of ${name} do not end; nobody can log in as it any more.` };
  const cut = Math.max(closed.cut, more);
  for (const database of await leftIn(client, name)) await onLender(url, (there) => clearRole(there, name), database);
  await removeRole(client, name);
  return { state: 'ended', answer: `The role ${name} is gone${cut === 0 ? '' : `; sessions ended: ${cut}`}.` };
}

/**
 * Lets nobody log in any more. The holder may keep the role's row locked, by an `alter role` of its own
 * password that is not committed: while we wait for the row, its sessions are ended, those too that begin
 * meanwhile, until we are the next who gets it.
 */
async function closeInSpite(client: pg.Client, name: string, url: string): Promise<{ there: boolean; cut: number }> {
  const begun = performance.now();
  let cut = 0;
  for (;;) {
    let waiting = true;
    const closing = closeRole(client, name).finally(() => {
      waiting = false;
    });
    // It is looked at below; until then it must not count as one that nobody looks at.
    closing.catch(() => undefined);
    await Promise.race([wait(LOOK_MS), closing.catch(() => undefined)]);
    if (waiting)
      await onLender(url, async (other) => {
        for (; waiting; await wait(LOOK_MS)) cut = Math.max(cut, await cutSessions(other, name));
      });
    try {
      return { there: await closing, cut };
    } catch (error) {
      if (!HELD.has(codeOf(error) ?? '') || performance.now() - begun > LONGEST_CUT_MS) throw error;
    }
  }
}

/** Ends sessions until none is left. @returns how many there were; null when they do not end */
async function cutAll(client: pg.Client, name: string): Promise<number | null> {
  const begun = performance.now();
  let all = 0;
  for (let quiet = 0; quiet < LOOKS; ) {
    const cut = await cutSessions(client, name);
    all = Math.max(all, cut);
    quiet = cut === 0 ? quiet + 1 : 0;
    if (performance.now() - begun > LONGEST_CUT_MS) return null;
    await wait(LOOK_MS);
  }
  return all;
}
