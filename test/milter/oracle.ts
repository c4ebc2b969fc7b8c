import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { which } from '../helpers/services.ts';

const UNSHARE = which('unshare');
/** Suites that need them run when they are installed (Debian: opendkim, opendmarc, knot), as root. */
export const oraclePresent =
  UNSHARE !== null && ['opendkim', 'opendmarc', 'knotd'].every((name) => which(name) !== null) && process.getuid?.() === 0;

export interface Oracle {
  /** Unix sockets of the two milters. */
  opendkim: string;
  opendmarc: string;
  stop(): Promise<void>;
}

/**
 * Debian's OpenDKIM and OpenDMARC, which verify. They ask the name servers of the system alone, at port 53:
 * so they run in namespaces of their own, with a Knot at 127.0.0.1 and a resolv.conf that names it. Their
 * milters are reached at Unix sockets.
 */
export async function startOracle(zones: Record<string, readonly string[]>): Promise<Oracle> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-oracle-'));
  chmodSync(folder, 0o755);
  const at = (name: string) => path.join(folder, name);
  mkdirSync(at('run'));
  for (const [zone, records] of Object.entries(zones))
    writeFileSync(
      at(`${zone}.zone`),
      `$ORIGIN ${zone}.\n$TTL 60\n@ SOA ns.${zone}. host.${zone}. 1 3600 600 86400 60\n@ NS ns.${zone}.\n${records.join('\n')}\n`,
    );
  writeFileSync(
    at('knot.conf'),
    `server:\n  listen: 127.0.0.1@53\n  rundir: ${at('run')}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: ${at('db')}\ntemplate:\n  - id: default\n    storage: ${folder}\n    file: "%s.zone"\n    zonefile-load: whole\n    journal-content: none\nzone:\n${Object.keys(
      zones,
    )
      .map((zone) => `  - domain: ${zone}`)
      .join('\n')}\n`,
  );
  writeFileSync(at('psl'), 'com\nnet\norg\n');
  writeFileSync(at('resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
  writeFileSync(
    at('opendkim.conf'),
    'Mode v\nAuthservID oracle.example\nAlwaysAddARHeader yes\nSyslog no\nDNSTimeout 3\nNameservers 127.0.0.1\n',
  );
  writeFileSync(
    at('opendmarc.conf'),
    'AuthservID oracle.example\nTrustedAuthservIDs oracle.example\nSyslog false\nSPFIgnoreResults true\nSPFSelfValidate true\nRejectFailures false\nPublicSuffixList ' +
      at('psl') +
      '\n',
  );
  const sockets = { opendkim: at('opendkim.sock'), opendmarc: at('opendmarc.sock') };
  writeFileSync(
    at('run.sh'),
    `set -e
ip link set lo up
mount --bind ${at('resolv.conf')} /etc/resolv.conf
${which('knotd')} -c ${at('knot.conf')} &
${which('opendkim')} -f -x ${at('opendkim.conf')} -p local:${sockets.opendkim} &
${which('opendmarc')} -f -c ${at('opendmarc.conf')} -p local:${sockets.opendmarc} &
wait
`,
  );
  const child: ChildProcess = spawn(UNSHARE!, ['-m', '-n', '-p', '-f', '--kill-child', 'sh', at('run.sh')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let said = '';
  child.stderr!.on('data', (data: Buffer) => {
    said = `${said}${data}`.slice(-10_000);
  });
  for (let tries = 0; !Object.values(sockets).every((one) => existsSync(one)); tries++) {
    if (child.exitCode !== null || tries > 200) throw new Error(`OpenDKIM and OpenDMARC did not start: ${said}`);
    await wait(50);
  }
  return {
    ...sockets,
    async stop() {
      const gone = child.exitCode === null ? new Promise((resolve) => child.once('exit', resolve)) : null;
      child.kill('SIGKILL');
      await gone;
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
