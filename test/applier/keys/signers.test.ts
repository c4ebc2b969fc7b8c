import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyFiles } from '../../../services/applier/keys/files.ts';
import { freePort, which } from '../../helpers/services.ts';

// The programs that sign read what is written here: they must sign with the key that was switched to, so that it verifies
// with the record that was published.
const { dkimVerify } = createRequire(import.meta.url)('mailauth/lib/dkim/verify') as {
  dkimVerify: (
    mail: Buffer,
    options: { resolver: (name: string) => Promise<string[][]> },
  ) => Promise<{ results: { status: { result: string }; selector: string; signingDomain: string }[] }>;
};
const run = promisify(execFile);
const DOMAIN = 'example.com';
const MAIL =
  'From: a@example.com\r\nTo: b@example.org\r\nSubject: x\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nhello\r\n';
const OPENDKIM = which('opendkim');
/** Debian's package, installed, or unpacked into the folder that RSPAMD_ROOT names (dpkg -x). */
const ROOT = process.env.RSPAMD_ROOT ?? '';
const RSPAMD = process.env.RSPAMD_ROOT === undefined ? which('rspamd') : path.join(ROOT, 'usr/bin/rspamd');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-signer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Who signed, as a verifier finds it with these records. */
async function verified(signature: string, records: Record<string, string>): Promise<string[]> {
  const resolver = async (name: string) => {
    const text = records[name];
    if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOTFOUND' });
    return [[text]];
  };
  const { results } = await dkimVerify(Buffer.from(`DKIM-Signature: ${signature}\r\n${MAIL}`), { resolver });
  return results.map((one) => `${one.signingDomain} ${one.selector} ${one.status.result}`);
}

/** Two rotations: who signs after each switch. */
async function rotations(layout: 'opendkim' | 'rspamd', sign: (selector: string) => Promise<string>): Promise<string[][]> {
  const store = keyFiles(layout, folder, DOMAIN, 2048);
  const records: Record<string, string> = {};
  const signed: string[][] = [];
  for (const selector of ['r20260701-1', 'r20261227-2']) {
    records[`${selector}._domainkey.${DOMAIN}`] = await store.make(selector);
    await store.switchTo(selector);
    signed.push(await verified(await sign(selector), records));
  }
  return signed;
}
const BOTH = [['example.com r20260701-1 pass'], ['example.com r20261227-2 pass']];

describe.runIf(OPENDKIM !== null)(`OpenDKIM${OPENDKIM === null ? ' (SKIPPED: opendkim is not installed)' : ''}`, () => {
  test('signs with the key that was switched to', async () => {
    writeFileSync(path.join(folder, 'SigningTable'), `*@${DOMAIN} ${DOMAIN}\n`);
    writeFileSync(path.join(folder, 'mail'), MAIL);
    // Keys below a folder of all users, as the test's, pass for unsafe.
    writeFileSync(
      path.join(folder, 'conf'),
      `Mode sv\nKeyTable ${folder}/KeyTable\nSigningTable refile:${folder}/SigningTable\nInternalHosts 0.0.0.0/0\nSocket inet:1@127.0.0.1\nBackground no\nSyslog no\nRequireSafeKeys no\n`,
    );
    const signed = await rotations('opendkim', async () => {
      const { stdout } = await run(OPENDKIM!, ['-x', path.join(folder, 'conf'), '-t', path.join(folder, 'mail'), '-vvv']);
      return /hname='DKIM-Signature' hvalue='([^']+)'/.exec(stdout)![1]!.replace(/\r?\n/g, '\r\n');
    });
    expect(signed).toEqual(BOTH);
  });
});

describe.runIf(RSPAMD !== null)(`rspamd${RSPAMD === null ? ' (SKIPPED: rspamd is not installed)' : ''}`, () => {
  test('signs with the key that was switched to, without being started again', async () => {
    const port = await freePort();
    const share = path.join(ROOT, '/usr/share/rspamd');
    mkdirSync(path.join(folder, 'run'));
    writeFileSync(path.join(folder, 'run/tld'), 'com\norg\n');
    writeFileSync(path.join(folder, 'dkim_selectors.map'), '');
    writeFileSync(
      path.join(folder, 'rspamd.conf'),
      `options {
  tempdir = "${folder}/run"; pidfile = "${folder}/run/pid"; cache_file = "${folder}/run/cache"; hs_cache_dir = "${folder}/run";
  url_tld = "${folder}/run/tld"; disable_hyperscan = true; control_socket = "${folder}/run/control mode=0600";
  filters = "dkim"; local_networks = []; map_watch_interval = 1s; map_file_watch_multiplier = 1;
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
    try {
      const signed = await rotations('rspamd', async (selector) => {
        for (let tries = 0; tries < 200; tries++) {
          const answer = await fetch(`http://127.0.0.1:${port}/checkv2`, {
            method: 'POST',
            body: MAIL,
            headers: { User: 'a@example.com' },
          }).then(
            (response) => response.json() as Promise<{ 'dkim-signature'?: string }>,
            () => null,
          );
          const signature = answer?.['dkim-signature'];
          if (signature?.includes(`s=${selector};`)) return signature;
          await wait(100);
        }
        throw new Error(`rspamd does not sign with ${selector}`);
      });
      expect(signed).toEqual(BOTH);
    } finally {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      process.off('exit', killAtExit);
    }
  }, 60_000);
});
