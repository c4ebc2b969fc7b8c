import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort, which } from './services.ts';

const OPENDKIM = which('opendkim');
const RSPAMD = which('rspamd');
/**
 * Suites that need them run when they are installed (Debian: opendkim, rspamd) and are named as skipped when
 * they are not.
 */
export const opendkimPresent = OPENDKIM !== null;
export const rspamdPresent = RSPAMD !== null;

/** A program that signs for Postfix. */
export interface SigningMilter {
  /** As Postfix names it: "inet:127.0.0.1:8891". */
  milter: string;
  /** What it wrote to its standard error. */
  said(): string;
  stop(): Promise<void>;
}

/** Mail of this domain is signed with this key (PEM). */
export interface MilterKey {
  domain: string;
  selector: string;
  pem: string;
}

/**
 * A real OpenDKIM in a temporary folder that signs what comes from this machine. @param lines more of its
 * configuration
 */
export async function startOpendkim(keys: readonly MilterKey[], lines: readonly string[] = []): Promise<SigningMilter> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-opendkim-'));
  const port = await freePort();
  const write = (name: string, text: string) => writeFileSync(path.join(folder, name), text, { mode: 0o600 });
  keys.forEach(({ pem }, n) => {
    write(`${n}.pem`, pem);
  });
  write('keys', keys.map(({ domain, selector }, n) => `${n} ${domain}:${selector}:${folder}/${n}.pem\n`).join(''));
  write('signing', keys.map(({ domain }, n) => `*@${domain} ${n}\n`).join(''));
  write('hosts', '127.0.0.0/8\n');
  write(
    'conf',
    [
      'Mode s',
      'Canonicalization relaxed/relaxed',
      `KeyTable file:${folder}/keys`,
      `SigningTable refile:${folder}/signing`,
      `InternalHosts file:${folder}/hosts`,
      'OversignHeaders From',
      'LogWhy yes',
      // Keys below a folder of all users, as the test's, pass for unsafe.
      'RequireSafeKeys no',
      ...lines,
      '',
    ].join('\n'),
  );
  return launch({
    folder,
    port,
    program: OPENDKIM!,
    args: ['-f', '-x', path.join(folder, 'conf'), '-p', `inet:${port}@127.0.0.1`],
  });
}

/** A real rspamd in a temporary folder, as a milter that signs what comes from this machine. */
export async function startRspamd(keys: readonly MilterKey[]): Promise<SigningMilter> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-rspamd-'));
  chmodSync(folder, 0o755);
  const port = await freePort();
  const share = '/usr/share/rspamd';
  const run = path.join(folder, 'run');
  mkdirSync(run);
  writeFileSync(path.join(run, 'tld'), 'com\norg\ntest\n');
  keys.forEach(({ pem }, n) => {
    writeFileSync(path.join(folder, `${n}.key`), pem);
  });
  const domains = keys.map(({ domain, selector }, n) => `${domain} { path = "${folder}/${n}.key"; selector = "${selector}"; }`);
  writeFileSync(
    path.join(folder, 'rspamd.conf'),
    `options {
  tempdir = "${run}"; pidfile = "${run}/pid"; cache_file = "${run}/cache"; hs_cache_dir = "${run}";
  url_tld = "${run}/tld"; disable_hyperscan = true; control_socket = "${run}/control mode=0600";
  filters = "dkim"; local_networks = ["127.0.0.0/8"]; local_addrs = ["127.0.0.0/8"];
  dns { nameserver = ["127.0.0.1:1:1"]; timeout = 0.1s; retransmits = 0; }
}
logging { type = "console"; level = "info"; }
worker "rspamd_proxy" {
  bind_socket = "127.0.0.1:${port}"; milter = yes; count = 1; timeout = 30s;
  upstream "local" { default = yes; self_scan = yes; }
}
modules { path = "${share}/plugins/dkim_signing.lua"; }
dkim_signing {
  enabled = true; sign_local = true; sign_authenticated = true; allow_username_mismatch = true; use_domain = "header";
  try_fallback = false; domain { ${domains.join(' ')} }
}
`,
  );
  const vars = { LUALIBDIR: 'lualib', PLUGINSDIR: 'plugins', RULESDIR: 'rules' };
  const args = [
    ...(process.getuid?.() === 0 ? ['-i'] : []),
    ...['-f', '-c', path.join(folder, 'rspamd.conf')],
    ...Object.entries(vars).flatMap(([name, at]) => ['--var', `${name}=${path.join(share, at)}`]),
  ];
  return launch({ folder, port, program: RSPAMD!, args });
}

async function launch(of: { folder: string; port: number; program: string; args: string[] }): Promise<SigningMilter> {
  const { folder, port, program, args } = of;
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let said = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (data: Buffer) => {
      said = `${said}${data}`.slice(-200_000);
    });
  for (let tries = 0; !(await listens(port)); tries++) {
    if (child.exitCode !== null || tries > 400) throw new Error(`${program} did not start: ${said}`);
    await wait(50);
  }
  return {
    milter: `inet:127.0.0.1:${port}`,
    said: () => said,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
        await gone;
        clearTimeout(late);
      }
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
