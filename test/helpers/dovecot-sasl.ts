import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { dovecotPresent } from './dovecot.ts';
import { freePort } from './services.ts';

/** Debian: dovecot-core, dovecot-imapd, and dovecot-pgsql; as root, which its processes demand here. */
export const saslPresent =
  dovecotPresent && existsSync('/usr/lib/dovecot/modules/auth/libdriver_pgsql.so') && process.getuid?.() === 0;

export interface DovecotSasl {
  folder: string;
  /** The socket that Postfix asks (smtpd_sasl_path). */
  socket: string;
  imapPort: number;
  /** How doveadm is called. */
  doveadm: string[];
  stop(): Promise<void>;
}

/**
 * A Dovecot that verifies the logins of Postfix, caches them, and has IMAP for sessions. @param passdb its
 * lines
 */
export async function startDovecotSasl(passdb: (folder: string) => string): Promise<DovecotSasl> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-sasl-'));
  chmodSync(folder, 0o755);
  const uid = Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }));
  mkdirSync(path.join(folder, 'mail'), { mode: 0o755 });
  chownSync(path.join(folder, 'mail'), uid, uid);
  const imapPort = await freePort();
  const config = path.join(folder, 'dovecot.conf');
  const socket = path.join(folder, 'auth');
  writeFileSync(
    config,
    `protocols = imap
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/dovecot.log
mail_location = maildir:~/Maildir
first_valid_uid = 1
auth_mechanisms = plain login
auth_failure_delay = 0
auth_cache_size = 1M
auth_cache_ttl = 1 hour
ssl = no
disable_plaintext_auth = no
${passdb(folder)}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${folder}/mail/%u
}
service auth {
  unix_listener ${socket} {
    mode = 0666
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
  # Refused logins are not slowed down.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`,
  );
  const child: ChildProcess = spawn('/usr/sbin/dovecot', ['-F', '-c', config], { stdio: 'ignore' });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const log = () => (existsSync(path.join(folder, 'dovecot.log')) ? readFileSync(path.join(folder, 'dovecot.log'), 'utf8') : '');
  for (let tries = 0; !(await greets(imapPort)); tries++) {
    if (child.exitCode !== null || tries > 200) throw new Error(`dovecot did not start: ${log()}`);
    await wait(50);
  }
  return {
    folder,
    socket,
    imapPort,
    doveadm: ['doveadm', '-c', config],
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

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

/** A session of IMAP that is logged in, until the server ends it. @throws when the login is refused */
export async function imapSession(port: number, user: string, password: string): Promise<{ ended: Promise<void> }> {
  const socket = connect(port, '127.0.0.1');
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (data) => {
      const text = data.toString();
      if (/^\* OK/m.test(text)) socket.write(`a LOGIN ${user} ${password}\r\n`);
      else if (/^a OK/m.test(text)) resolve();
      else if (/^a (?:NO|BAD)/m.test(text)) reject(new Error(text.trim()));
    });
    socket.once('close', () => reject(new Error('closed')));
  });
  return { ended };
}
