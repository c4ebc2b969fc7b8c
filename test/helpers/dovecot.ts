import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './services.ts';

const BINARY = '/usr/sbin/dovecot';
/**
 * Suites that need the server run when it is installed (Debian: dovecot-imapd) and are named as skipped when
 * it is not.
 */
export const dovecotPresent = existsSync(BINARY);
/** The same for suites in which mail servers hand it mail (Debian: dovecot-lmtpd). */
export const lmtpPresent = dovecotPresent && existsSync('/usr/lib/dovecot/lmtp');

export interface Dovecot {
  host: string;
  /** STARTTLS, and plain from this machine. */
  imapPort: number;
  /** TLS from the first byte, with a certificate of its own making. */
  imapsPort: number;
  /** Where it takes mail for its users, whatever the domain: LMTP, when asked for. */
  lmtpPort: number | null;
  users: { name: string; password: string }[];
  /** The user's INBOX, a Maildir; other folders are `.name` in it. */
  maildir(user: string): string;
  /** How many mails lie in a folder of the user's. */
  mails(user: string, folder: string): number;
  /** The mails in the INBOX, as they lie there. */
  inbox(user: string): string[];
  /** Puts a mail into the INBOX; a client in IDLE hears of it. */
  deliver(user: string, raw: Buffer): Promise<void>;
  /** Ends the server with all its connections and starts it on the same ports. */
  restart(): Promise<void>;
  /** The two halves of a restart, for an outage of some length. */
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

const USERS = [
  { name: 'reports', password: 'correct horse' },
  { name: 'other', password: 'battery staple' },
  { name: 'grace', password: 'paper clip' },
];

/**
 * A real Dovecot in a temporary folder, on loopback ports the system picked; gone with the process that
 * started it.
 */
export async function startDovecot({ lmtp = false }: { lmtp?: boolean } = {}): Promise<Dovecot> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-dovecot-'));
  // The server's own users must be able to enter.
  chmodSync(folder, 0o755);
  const asRoot = process.getuid?.() === 0;
  const me = userInfo();
  const mailUser = asRoot ? nobody() : { uid: me.uid, gid: me.gid };
  const maildir = (user: string) => path.join(folder, 'mail', user, 'Maildir');
  const makeFolder = (name: string) => {
    mkdirSync(name, { mode: 0o755 });
    chownSync(name, mailUser.uid, mailUser.gid);
  };
  makeFolder(path.join(folder, 'mail'));
  for (const { name } of USERS) {
    makeFolder(path.join(folder, 'mail', name));
    makeFolder(maildir(name));
    for (const part of ['cur', 'new', 'tmp']) makeFolder(path.join(maildir(name), part));
  }
  writeFileSync(path.join(folder, 'users'), USERS.map((u) => `${u.name}:{PLAIN}${u.password}\n`).join(''), { mode: 0o644 });
  makeCertificate(folder);
  const [imapPort, imapsPort] = await freePorts();
  const lmtpPort = lmtp ? await freePort() : null;
  const config = path.join(folder, 'dovecot.conf');
  writeFileSync(config, configText({ folder, imapPort, imapsPort, lmtpPort, mailUser, runAs: asRoot ? null : me.username }));

  let server: ChildProcess | null = null;
  const killAtExit = () => server?.kill('SIGKILL');
  process.once('exit', killAtExit);

  const up = async () => {
    const child = spawn(BINARY, ['-F', '-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (data: Buffer) => {
      complaint += data.toString();
    });
    server = child;
    for (let tries = 0; !(await greets(imapPort)); tries++) {
      if (child.exitCode !== null || tries > 200) throw new Error(`dovecot did not start: ${complaint}${logOf(folder)}`);
      await wait(50);
    }
  };
  const down = async () => {
    const child = server;
    server = null;
    if (child === null || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
  };
  let serial = 0;
  await up();

  return {
    host: '127.0.0.1',
    imapPort,
    imapsPort,
    lmtpPort,
    users: USERS,
    maildir,
    mails(user, name) {
      const at = path.join(maildir(user), name === 'INBOX' ? '' : `.${name}`);
      return ['cur', 'new'].reduce(
        (n, part) => n + (existsSync(path.join(at, part)) ? readdirSync(path.join(at, part)).length : 0),
        0,
      );
    },
    inbox: (user) =>
      ['cur', 'new'].flatMap((part) => {
        const at = path.join(maildir(user), part);
        return readdirSync(at).map((file) => readFileSync(path.join(at, file), 'latin1'));
      }),
    async deliver(user, raw) {
      const name = `${Math.floor(Date.now() / 1000)}.M${process.hrtime.bigint()}P${process.pid}Q${serial++}.test`;
      const tmp = path.join(maildir(user), 'tmp', name);
      writeFileSync(tmp, raw);
      chownSync(tmp, mailUser.uid, mailUser.gid);
      renameSync(tmp, path.join(maildir(user), 'new', name));
    },
    async restart() {
      await down();
      await up();
    },
    down,
    up,
    async stop() {
      await down();
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Settings {
  folder: string;
  imapPort: number;
  imapsPort: number;
  lmtpPort: number | null;
  mailUser: { uid: number; gid: number };
  runAs: string | null;
}

function configText({ folder, imapPort, imapsPort, lmtpPort, mailUser, runAs }: Settings): string {
  return `
protocols = imap${lmtpPort === null ? '' : ' lmtp'}
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/dovecot.log
mail_location = maildir:~/Maildir
first_valid_uid = 1
first_valid_gid = 1
auth_mechanisms = plain login
auth_failure_delay = 0
mail_max_userip_connections = 100
ssl = yes
ssl_cert = <${folder}/cert.pem
ssl_key = <${folder}/key.pem
${runAs === null ? '' : `default_login_user = ${runAs}\ndefault_internal_user = ${runAs}\ndefault_internal_group =`}
passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = static
  args = uid=${mailUser.uid} gid=${mailUser.gid} home=${folder}/mail/%u
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = ${imapsPort}
    ssl = yes
  }
}
service anvil {
  chroot =
}
${lmtpPort === null ? '' : `auth_username_format = %Ln\nservice lmtp {\n  inet_listener lmtp {\n    port = ${lmtpPort}\n  }\n}`}
`;
}

function nobody(): { uid: number; gid: number } {
  const entry = readFileSync('/etc/passwd', 'utf8').match(/^nobody:[^:]*:(\d+):(\d+):/m);
  if (!entry) throw new Error('there is no user "nobody" to keep the mail as');
  return { uid: Number(entry[1]), gid: Number(entry[2]) };
}

/** openssl comes with dovecot-core. */
function makeCertificate(folder: string): void {
  const key = path.join(folder, 'key.pem');
  const cert = path.join(folder, 'cert.pem');
  execFileSync(
    'openssl',
    // biome-ignore format: one option and its value a line
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
     '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  );
}

/**
 * Both are held until both are known; another process could still take one before Dovecot does, and the start
 * then fails loudly.
 */
async function freePorts(): Promise<[number, number]> {
  const open = () =>
    new Promise<{ port: number; close(): Promise<void> }>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        resolve({ port, close: () => new Promise((done) => server.close(() => done())) });
      });
    });
  const [a, b] = [await open(), await open()];
  await Promise.all([a.close(), b.close()]);
  return [a.port, b.port];
}

/** Whether the server takes a connection and greets. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => end(data.toString().startsWith('* OK')));
    socket.once('error', () => end(false));
    socket.setTimeout(2_000, () => end(false));
  });
}

function logOf(folder: string): string {
  const file = path.join(folder, 'dovecot.log');
  return existsSync(file) ? readFileSync(file, 'utf8').slice(-2_000) : '';
}
