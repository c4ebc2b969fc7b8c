import { execFile, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort, which } from './services.ts';

const { dkimVerify } = createRequire(import.meta.url)('mailauth/lib/dkim/verify') as {
  dkimVerify: (
    mail: Buffer,
    options: { resolver: (name: string) => Promise<string[][]> },
  ) => Promise<{ results: { status: { result: string }; selector: string; signingDomain: string }[] }>;
};

/** A program that signs mail with the keys of a folder. */
export interface Signer {
  /** The value of the field DKIM-Signature that it makes now; null for none. */
  sign(mail: string): Promise<string | null>;
  stop(): Promise<void>;
}

const OPENDKIM = which('opendkim');
/** Debian's package, installed, or unpacked into the folder that RSPAMD_ROOT names (dpkg -x). */
const ROOT = process.env.RSPAMD_ROOT ?? '';
const RSPAMD = process.env.RSPAMD_ROOT === undefined ? which('rspamd') : path.join(ROOT, 'usr/bin/rspamd');

export const signers = { opendkim: OPENDKIM !== null, rspamd: RSPAMD !== null };

/** The layout whose program signs in the folder; it reads its tables as they are when it signs. */
export const startSigner = (layout: 'opendkim' | 'rspamd', folder: string, domain: string): Promise<Signer> =>
  layout === 'opendkim' ? Promise.resolve(opendkim(folder, domain)) : startRspamd(folder, domain);

function opendkim(folder: string, domain: string): Signer {
  writeFileSync(path.join(folder, 'SigningTable'), `*@${domain} ${domain}\n`);
  // Keys below a folder of all users, as the test's, pass for unsafe.
  writeFileSync(
    path.join(folder, 'conf'),
    `Mode sv\nKeyTable ${folder}/KeyTable\nSigningTable refile:${folder}/SigningTable\nInternalHosts 0.0.0.0/0\nSocket inet:1@127.0.0.1\nBackground no\nSyslog no\nRequireSafeKeys no\n`,
  );
  return {
    async sign(mail) {
      writeFileSync(path.join(folder, 'mail'), mail);
      const { stdout } = await promisify(execFile)(OPENDKIM!, [
        '-x',
        path.join(folder, 'conf'),
        '-t',
        path.join(folder, 'mail'),
        '-vvv',
      ]);
      return /hname='DKIM-Signature' hvalue='([^']+)'/.exec(stdout)?.[1]?.replace(/\r?\n/g, '\r\n') ?? null;
    },
    stop: async () => undefined,
  };
}

async function startRspamd(folder: string, domain: string): Promise<Signer> {
  const port = await freePort();
  const share = path.join(ROOT, '/usr/share/rspamd');
  const run = path.join(folder, 'run');
  mkdirSync(run);
  writeFileSync(path.join(run, 'tld'), 'com\norg\nexample\n');
  writeFileSync(path.join(folder, 'dkim_selectors.map'), '');
  writeFileSync(
    path.join(folder, 'rspamd.conf'),
    `options {
  tempdir = "${run}"; pidfile = "${run}/pid"; cache_file = "${run}/cache"; hs_cache_dir = "${run}";
  url_tld = "${run}/tld"; disable_hyperscan = true; control_socket = "${run}/control mode=0600";
  filters = "dkim"; local_networks = []; map_watch_interval = 0.1s; map_file_watch_multiplier = 1;
  dns { nameserver = ["127.0.0.1:1:1"]; timeout = 0.1s; retransmits = 0; }
}
logging { type = "console"; level = "error"; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
modules { path = "${share}/plugins/dkim_signing.lua"; }
dkim_signing {
  enabled = true; sign_authenticated = true; allow_username_mismatch = true; use_domain = "header";
  selector_map = "${folder}/dkim_selectors.map";
  path = "${folder}/$domain.$selector.key";
}
`,
  );
  const vars = { LUALIBDIR: 'lualib', PLUGINSDIR: 'plugins', RULESDIR: 'rules' };
  const libraries = ['usr/lib', 'usr/lib/x86_64-linux-gnu', 'usr/lib/rspamd'].map((one) => path.join(ROOT, one)).join(':');
  const child = spawn(
    RSPAMD!,
    [
      ...(process.getuid?.() === 0 ? ['-i'] : []),
      ...['-f', '-c', path.join(folder, 'rspamd.conf')],
      ...Object.entries(vars).flatMap(([name, at]) => ['--var', `${name}=${path.join(share, at)}`]),
    ],
    { stdio: 'ignore', env: { ...process.env, ...(ROOT === '' ? {} : { LD_LIBRARY_PATH: libraries }) } },
  );
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  return {
    async sign(mail) {
      for (let tries = 0; tries < 300; tries++, await wait(100)) {
        const answer = await fetch(`http://127.0.0.1:${port}/checkv2`, {
          method: 'POST',
          body: mail,
          headers: { User: `a@${domain}` },
        }).then(
          (response) => response.json() as Promise<{ 'dkim-signature'?: string }>,
          // It does not listen yet.
          () => null,
        );
        if (answer !== null) return answer['dkim-signature'] ?? null;
      }
      throw new Error('rspamd does not answer');
    },
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      process.off('exit', killAtExit);
    },
  };
}

/**
 * Who signed, as a verifier finds it: `DOMAIN SELECTOR RESULT` of each signature. @param textAt the TXT
 * record of a name
 */
export async function verified(
  signature: string,
  mail: string,
  textAt: (name: string) => Promise<string | null>,
): Promise<string[]> {
  const resolver = async (name: string) => {
    const text = await textAt(name);
    if (text === null) throw Object.assign(new Error('none'), { code: 'ENOTFOUND' });
    return [[text]];
  };
  const { results } = await dkimVerify(Buffer.from(`DKIM-Signature: ${signature}\r\n${mail}`), { resolver });
  return results.map((one) => `${one.signingDomain} ${one.selector} ${one.status.result}`);
}

/** The field of a mail that is signed with a selector: a map of files is read again in a while. */
export async function signedBy(signer: Signer, mail: string, selector: string): Promise<string> {
  for (let tries = 0; tries < 300; tries++, await wait(100)) {
    const signature = await signer.sign(mail);
    if (signature?.includes(`s=${selector};`)) return signature;
  }
  throw new Error(`nothing is signed with ${selector}`);
}
