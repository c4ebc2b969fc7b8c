import { setTimeout as wait } from 'node:timers/promises';
import { type EmailScope, emailGrant } from '../../requests/grants/email.ts';
import { messageOf } from '../../shared/errors.ts';
import type { MailServer } from '../../shared/settings/access.ts';
import { mayLend } from '../../shared/settings/access-email.ts';
import type { Grant } from '../../store/grants/grants.ts';
import { onLender } from '../../store/grants/lending.ts';
import { addMailAccount, mailAccounts, removeMailAccount } from '../../store/grants/mail-accounts.ts';
import type { GrantMeans, GrantWorker, Lent, Present, Taken } from './grant-kind.ts';
import { changeLines, linesOf } from './lines-file.ts';
import { askProgram, runShort } from './program.ts';

/**
 * Dovecot looks whether a passwd-file has changed once a second, and a lookup that is under way ends: until
 * then a log-in may still succeed, and be cached. What is cut after it stays cut.
 */
const SETTLE_MS = { file: 1_200, sql: 300, command: 300 };

/** The exit code of doveadm when an account has no session (EX_NOHOST of sysexits). */
const NO_SESSION = 68;

const serverOf = ({ access }: GrantMeans, name: string): MailServer | undefined => access.mail.find((one) => one.name === name);

class Refused extends Error {}

/** Accounts of their own at a submission server, each for one sender address. */
export const emailWorker: GrantWorker = {
  kind: 'access.email',

  async apply(grant, means) {
    const server = serverOf(means, grant.server);
    const { from } = emailGrant.scope.parse(grant.scope) as EmailScope;
    if (server === undefined) return { state: 'failed', answer: `The settings (access.email) have no server ${grant.server}.` };
    if (!mayLend(server, from)) return { state: 'failed', answer: `${from} is not among the addresses of ${grant.server}.` };
    try {
      const most = await addTo(server, grant, from, means);
      return { state: 'active', answer: `The account ${grant.name} may send as ${from}.`, most };
    } catch (error) {
      return {
        state: error instanceof Refused ? 'failed' : 'later',
        answer: `${grant.server}: ${messageOf(error)}`,
      } satisfies Lent;
    }
  },

  async end({ server: where, name }, means) {
    const server = serverOf(means, where);
    if (server === undefined)
      return {
        state: 'later',
        answer: `The settings (access.email) have no server ${where} any more: put it back until its grants have ended.`,
      };
    try {
      const there = await removeFrom(server, name, means);
      const cut = await cutSessions(server, name, means);
      const sessions = readsOnce(server) ? `. ${OPEN_SESSIONS}` : '.';
      return {
        state: 'ended',
        answer: `${there ? `The account ${name} is gone` : `There is no account ${name}`}${cut}${sessions}`,
      };
    } catch (error) {
      return { state: 'later', answer: `${where}: ${messageOf(error)}` } satisfies Taken;
    }
  },

  async present(means, failed) {
    const all = await Promise.all(
      means.access.mail.map(async (server): Promise<Present[]> => {
        try {
          return (await namesAt(server, means)).map((name) => ({ server: server.name, name, sessions: null }));
        } catch (error) {
          failed(server.name, messageOf(error));
          return [];
        }
      }),
    );
    return all.flat();
  },
};

/** @returns when the target ends it by itself; null when it does not */
async function addTo(server: MailServer, grant: Grant, from: string, { signal }: GrantMeans): Promise<Date | null> {
  const { name, credential, seconds, kind, scope } = grant;
  const { accounts } = server;
  switch (accounts.by) {
    case 'sql':
      return onLender(accounts.url(), (client) => addMailAccount(client, { name, password: credential ?? '', from, seconds }));
    case 'file':
      // First whom it may send as: a login that the map does not know may send as nobody who is in it.
      await changeLines(accounts.senders, (lines) => [...lines.filter((line) => !isSenderLine(line, name)), `${from} ${name}`]);
      await rebuild(accounts.postmap, signal);
      await changeLines(accounts.file, (lines) => [
        ...lines.filter((line) => !isAccountLine(line, name)),
        `${name}:${credential}::::::`,
      ]);
      return null;
    case 'command': {
      const told = await askProgram(
        accounts.command,
        { verb: 'lend', kind, name, scope, seconds, password_hash: credential },
        signal,
      );
      if (told.state !== 'done') throw told.state === 'failed' ? new Refused(told.why) : new Error(told.why);
      return told.answer.ends_at === undefined ? null : new Date(told.answer.ends_at);
    }
  }
}

/** @returns whether there was one */
async function removeFrom({ accounts }: MailServer, name: string, { signal }: GrantMeans): Promise<boolean> {
  switch (accounts.by) {
    case 'sql':
      return onLender(accounts.url(), (client) => removeMailAccount(client, name));
    case 'file': {
      const there = await changeLines(accounts.file, (lines) => lines.filter((line) => !isAccountLine(line, name)));
      await changeLines(accounts.senders, (lines) => lines.filter((line) => !isSenderLine(line, name)));
      // Also when the text was changed before: a process may have ended between the two.
      await rebuild(accounts.postmap, signal);
      return there;
    }
    case 'command': {
      const told = await askProgram(accounts.command, { verb: 'end', kind: 'access.email', name }, signal);
      if (told.state !== 'done') throw new Error(told.why);
      return true;
    }
  }
}

const OPEN_SESSIONS =
  'An SMTP session that is open goes on until it is closed: Postfix reads such a table once for each (LMDB at each mail).';

/** Whether Postfix reads the table of senders as a session begins, and not at each mail. */
const readsOnce = ({ accounts }: MailServer): boolean =>
  accounts.by === 'file' && !accounts.postmap.some((one) => one.startsWith('lmdb:'));

async function namesAt({ accounts }: MailServer, { mark, signal }: GrantMeans): Promise<string[]> {
  switch (accounts.by) {
    case 'sql':
      return onLender(accounts.url(), (client) => mailAccounts(client, mark));
    case 'file': {
      const [users, senders] = [await linesOf(accounts.file), await linesOf(accounts.senders)];
      const names = [...users.map((line) => line.split(':')[0]!), ...senders.map((line) => line.split(' ')[1] ?? '')];
      return [...new Set(names.filter((name) => name.startsWith(mark)))];
    }
    case 'command': {
      const told = await askProgram(accounts.command, { verb: 'list', kind: 'access.email', mark }, signal);
      if (told.state !== 'done') throw new Error(told.why);
      return (told.answer.names ?? []).filter((name) => name.startsWith(mark));
    }
  }
}

const isAccountLine = (line: string, name: string): boolean => line.startsWith(`${name}:`);
const isSenderLine = (line: string, name: string): boolean => line.endsWith(` ${name}`);

async function rebuild(postmap: readonly string[], signal: AbortSignal): Promise<void> {
  const { code, complaint } = await runShort(postmap, { signal });
  if (code !== 0) throw new Error(`${postmap[0]} ended with code ${code}: ${complaint}`);
}

/**
 * Has Dovecot end the sessions of an account, and forget that its password was right. @returns what is said
 * of it
 */
async function cutSessions({ accounts, doveadm }: MailServer, name: string, { signal }: GrantMeans): Promise<string> {
  if (doveadm === null) return '';
  await wait(SETTLE_MS[accounts.by]);
  const forgot = await runShort([...doveadm, 'auth', 'cache', 'flush', name], { signal });
  if (forgot.code !== 0) throw new Error(`doveadm auth cache flush ended with code ${forgot.code}: ${forgot.complaint}`);
  const kicked = await runShort([...doveadm, 'kick', name], { signal });
  if (kicked.code !== 0 && kicked.code !== NO_SESSION)
    throw new Error(`doveadm kick ended with code ${kicked.code}: ${kicked.complaint}`);
  return kicked.code === 0 ? '; its sessions are ended' : '';
}
