import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort, which } from './services.ts';

const DAEMONS = '/usr/lib/postfix/sbin';
/**
 * Suites that need the server run when it is installed (Debian: postfix) and the tests run as root, which its
 * processes demand; they are named as skipped otherwise.
 */
export const postfixPresent = which('postfix') !== null && existsSync(path.join(DAEMONS, 'master')) && process.getuid?.() === 0;

export interface Postfix {
  /** Where it takes mail, on 127.0.0.1. */
  port: number;
  /** Its configuration, queue, data and log. */
  folder: string;
  /** main.cf and master.cf are here: `postfix -c`. */
  config: string;
  /** Everything that it logged, in lines. */
  log(): string[];
  /** Waits until a line of the log matches. @throws with the log when none does within 20 seconds */
  logged(pattern: RegExp): Promise<string>;
  /** Runs a command of Postfix's on this instance: ("postsuper", "-d", "ALL"). @returns what it printed */
  run(command: string, ...args: string[]): string;
  /** What is in the queue: postqueue -j. */
  queue(): QueuedMail[];
  /** Waits until nothing is left in the queue. @throws with the queue after 20 seconds */
  drained(): Promise<void>;
  /**
   * Hands in a mail by SMTP, as Postfix's smtp-source or a library would: one connection, one mail. @returns
   * the answer to the mail
   */
  send(mail: HandedIn): Promise<string>;
  /** SIGKILL to all of it, at once; `up` starts it again on the same port. */
  kill(): Promise<void>;
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

interface HandedIn {
  from: string;
  to: string;
  raw: string;
  helo?: string;
  /** Of a service of `services`; without it, the instance's own. */
  port?: number;
}

export interface QueuedMail {
  queue_name: string;
  queue_id: string;
  sender: string;
  recipients: { address: string; delay_reason?: string }[];
}

export interface PostfixOptions {
  /** Where it delivers everything: "[127.0.0.1]:2525"; without it, mail stays in the queue. */
  relayhost?: string;
  /** Milters of mail by SMTP, such as "inet:127.0.0.1:8891" or "unix:/path". */
  milters?: readonly string[];
  /** More lines of main.cf. */
  settings?: Readonly<Record<string, string>>;
  /** More lines of master.cf. */
  services?: readonly string[];
}

/** One line a service, without chroot: everything lies in the instance's own folder. */
const SERVICES = `
pickup     unix n - n 60    1 pickup
cleanup    unix n - n -     0 cleanup
qmgr       unix n - n 300   1 qmgr
tlsmgr     unix - - n 1000? 1 tlsmgr
rewrite    unix - - n -     - trivial-rewrite
bounce     unix - - n -     0 bounce
defer      unix - - n -     0 bounce
trace      unix - - n -     0 bounce
verify     unix - - n -     1 verify
flush      unix n - n 1000? 0 flush
proxymap   unix - - n -     - proxymap
smtp       unix - - n -     - smtp
relay      unix - - n -     - smtp
showq      unix n - n -     - showq
error      unix - - n -     - error
retry      unix - - n -     - error
discard    unix - - n -     - discard
local      unix - n n -     - local
virtual    unix - n n -     - virtual
anvil      unix - - n -     1 anvil
scache     unix - - n -     1 scache
postlog    unix-dgram n - n - 1 postlogd
`;

/**
 * A real Postfix with configuration, queue and log in a temporary folder, on a loopback port that the system
 * picked. It ends with the process that started it, and touches nothing of an instance of the machine's own.
 */
export async function startPostfix({
  relayhost,
  milters = [],
  settings = {},
  services = [],
}: PostfixOptions = {}): Promise<Postfix> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-postfix-'));
  // Its processes are those of several users, and must be able to enter.
  chmodSync(folder, 0o755);
  const config = path.join(folder, 'conf');
  const log = path.join(folder, 'mail.log');
  for (const name of ['conf', 'queue', 'data']) mkdirSync(path.join(folder, name), { mode: 0o755 });
  const owner = { uid: idOf('-u', 'postfix'), gid: idOf('-g', 'postfix') };
  chownSync(path.join(folder, 'data'), owner.uid, owner.gid);
  makeQueue(path.join(folder, 'queue'), owner);
  writeFileSync(log, '');
  const port = await freePort();
  const main: Record<string, string> = {
    compatibility_level: '3.6',
    queue_directory: path.join(folder, 'queue'),
    data_directory: path.join(folder, 'data'),
    command_directory: '/usr/sbin',
    daemon_directory: DAEMONS,
    mail_owner: 'postfix',
    setgid_group: 'postdrop',
    maillog_file: log,
    maillog_file_prefixes: folder,
    myhostname: 'mail.kestrel.test',
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    smtp_dns_support_level: 'disabled',
    alias_maps: '',
    alias_database: '',
    smtpd_recipient_restrictions: 'permit_mynetworks, reject',
    relayhost: relayhost ?? '[127.0.0.1]:1',
    smtpd_milters: milters.join(', '),
    milter_default_action: 'tempfail',
    ...settings,
  };
  writeFileSync(
    path.join(config, 'main.cf'),
    Object.entries(main)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join(''),
  );
  writeFileSync(
    path.join(config, 'master.cf'),
    [`127.0.0.1:${port} inet n - n - - smtpd`, SERVICES.trim(), ...services, ''].join('\n'),
  );

  let master: ChildProcess | null = null;
  const killAtExit = () => master?.kill('SIGKILL');
  process.once('exit', killAtExit);
  const lines = () => readFileSync(log, 'utf8').split('\n').filter(Boolean);
  const up = async () => {
    const child = spawn(path.join(DAEMONS, 'master'), ['-c', config, '-d'], { stdio: 'ignore' });
    master = child;
    watchOver(child.pid!);
    for (let tries = 0; !(await greets(port)); tries++) {
      if (child.exitCode !== null || tries > 200) throw new Error(`Postfix did not start:\n${lines().join('\n')}`);
      await wait(50);
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    const child = master;
    master = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    // Of a killed master the processes would go on for the mail at hand.
    const children = signal === 'SIGKILL' ? childrenOf(child.pid!) : [];
    child.kill(signal);
    await gone;
    for (const pid of children)
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
  };
  const run = (command: string, ...args: string[]) =>
    execFileSync(`/usr/sbin/${command}`, ['-c', config, ...args], { encoding: 'utf8' });
  const queue = () =>
    run('postqueue', '-j')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as QueuedMail);
  const until = async <Value>(find: () => Value | undefined | false, complaint: () => string): Promise<Value> => {
    for (const end = Date.now() + 20_000; ; await wait(50)) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      if (Date.now() > end) throw new Error(complaint());
    }
  };
  await up();

  return {
    port,
    folder,
    config,
    log: lines,
    logged: (pattern) =>
      until(
        () => lines().find((line) => pattern.test(line)),
        () => `no line matches ${pattern}:\n${lines().join('\n')}`,
      ),
    run,
    queue,
    drained: async () => {
      await until(
        () => queue().length === 0,
        () => `the queue holds ${JSON.stringify(queue())}\n${lines().join('\n')}`,
      );
    },
    send: (mail) => handIn({ port, ...mail }),
    kill: () => end('SIGKILL'),
    down: () => end('SIGTERM'),
    up,
    async stop() {
      await end('SIGTERM');
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The folders of the queue, with their owners, as `postfix check` makes them in five seconds. */
function makeQueue(queue: string, { uid, gid }: { uid: number; gid: number }): void {
  const drop = Number(execFileSync('getent', ['group', 'postdrop'], { encoding: 'utf8' }).split(':')[2]);
  const make = (name: string, mode: number, group: number) => {
    const at = path.join(queue, name);
    mkdirSync(at);
    chmodSync(at, mode);
    chownSync(at, name === 'pid' ? 0 : uid, group);
  };
  const own = ['active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'private', 'saved', 'trace'];
  for (const name of own) make(name, 0o700, gid);
  make('maildrop', 0o730, drop);
  make('public', 0o710, drop);
  make('pid', 0o755, 0);
}

function idOf(kind: '-u' | '-g', user: string): number {
  return Number(execFileSync('id', [kind, user], { encoding: 'utf8' }));
}

/** Ends the master when this process is gone, also where it was killed. */
function watchOver(master: number): void {
  const script = 'while kill -0 "$0" 2>/dev/null; do kill -0 "$1" 2>/dev/null || { kill "$0"; exit; }; sleep 2; done';
  spawn('sh', ['-c', script, String(master), String(process.pid)], { detached: true, stdio: 'ignore' }).unref();
}

function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) && statSync(file).isFile()
    ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number)
    : [];
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => end(data.toString().startsWith('220')));
    socket.once('error', () => end(false));
    socket.setTimeout(500, () => end(false));
  });
}

/** One mail by SMTP, without pipelining. */
function handIn({ port, from, to, raw, helo = 'localhost' }: HandedIn & { port: number }) {
  const body = raw.replace(/\r?\n/g, '\r\n').replace(/^\./gm, '..');
  const steps = [`EHLO ${helo}`, `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA', `${body.replace(/\r\n$/, '')}\r\n.`];
  return new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(20_000, () => socket.destroy(new Error('Postfix does not answer')));
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
      for (let last = /^\d{3} .*\r\n/m.exec(text); last !== null; last = /^\d{3} .*\r\n/m.exec(text)) {
        text = text.slice(last.index + last[0].length);
        const next = steps.shift();
        if (next === undefined || /^[45]/.test(last[0])) {
          socket.end('QUIT\r\n');
          resolve(last[0].trim());
          return;
        }
        socket.write(`${next}\r\n`);
      }
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('Postfix ended the connection')));
  });
}
