import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningCollector, startCollector } from '../../services/collector/index.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { addLogSource } from '../../services/store/sending/sources.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until } from '../helpers/services.ts';
import { linesOf, SOURCE } from './setup.ts';

/** Debian has either, not both: their packages conflict. */
const RSYSLOG = process.env.RSYSLOGD ?? '/usr/sbin/rsyslogd';
const SYSLOG_NG = process.env.SYSLOG_NG ?? '/usr/sbin/syslog-ng';
/** What a mail server says to syslog(3) about one mail: tag, process, text. */
const SAID = linesOf({ id: '4Xk2bQ1z0Tz9vR' }).map((line) => /^\S+ \S+ ([^[]+)\[(\d+)\]: (.*)$/.exec(line)!.slice(1));

let t: TestDatabase;
let context: Context;
let collector: RunningCollector;
let token: string;
let folder: string;
let later = 0;
const running: ChildProcess[] = [];
const file = (name: string) => path.join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-shippers-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = (name: string) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  openssl('req', '-x509', ...key('ca'), '-subj', '/CN=authority', '-out', 'ca.crt', '-days', '1');
  for (const name of ['localhost', 'mail']) {
    openssl('req', ...key(name), '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.crt`, '-days', '1');
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  later = 0;
  t = await testDatabase();
  ({ token } = await addLogSource(t.db, { ...SOURCE, syslog_from: ['127.0.0.1/32'] }));
  context = testContext(t, { clock: { now: () => new Date(Date.now() + later) } });
  Object.assign(context.config.collector, {
    listen: { host: '127.0.0.1', port: 0 },
    syslogListen: { host: '127.0.0.1', port: 0 },
    syslogTlsListen: { host: '127.0.0.1', port: 0 },
    tls: { certFile: file('localhost.crt'), keyFile: file('localhost.key'), clientCaFile: file('ca.crt') },
  });
  collector = await startCollector(context);
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }
  await collector.stop();
  await context.queues.close();
  await t.drop();
});

/**
 * Starts a shipper, says the lines to its socket as a mail server does, and waits until they are a message
 * that was sent.
 */
async function ships(program: string, args: string[], socket: string): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  running.push(child);
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${errors}`);
    return existsSync(socket);
  });
  for (const [tag, pid, text] of SAID) {
    execFileSync('logger', ['--socket', socket, '--socket-errors=on', '-p', 'mail.info', '-t', tag!, `--id=${pid}`, text!]);
  }
  const stored = async () =>
    (await t.db.query<{ lines: { text: string }[] }>('select lines from ruawatch.log_lines')).rows.flatMap(({ lines }) => lines);
  await until(async () => (await stored()).length === SAID.length).catch(async (error: Error) => {
    throw new Error(`${error.message}; stored: ${JSON.stringify(await stored())}; ${errors}`);
  });
  later = 121_000;
  const days = async () => (await t.db.query('select workload, domain, selector, sent, unsigned from dmarc.sending_days')).rows;
  await until(async () => (await days()).length > 0);
  expect(await days()).toEqual([{ workload: 'shop', domain: 'example.com', selector: 's1', sent: 1, unsigned: 0 }]);
}

const noRsyslog = existsSync(RSYSLOG) ? '' : ' (SKIPPED: rsyslog is not installed)';
describe.skipIf(noRsyslog !== '')(`lines that Debian's rsyslog ships${noRsyslog}`, () => {
  const modules = process.env.RSYSLOG_MODULES ? ['-M', process.env.RSYSLOG_MODULES] : [];
  const gtls = existsSync(path.join(process.env.RSYSLOG_MODULES ?? '/usr/lib/x86_64-linux-gnu/rsyslog', 'lmnsd_gtls.so'));
  const rsyslog = async (name: string, global: string, target: string) => {
    const socket = file(`${name}.sock`);
    writeFileSync(
      file(`${name}.conf`),
      `global(workDirectory="${folder}" ${global})
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${socket}" UseSysTimeStamp="on" RateLimit.Interval="0")
action(type="omfwd" target="localhost" protocol="tcp" ${target})
`,
    );
    await ships(RSYSLOG, ['-n', ...modules, '-f', file(`${name}.conf`), '-i', file(`${name}.pid`)], socket);
  };

  test('as it forwards by default: RFC 3164, a line each', () => rsyslog('lines', '', `port="${collector.ports.syslog}"`));

  test('RFC 5424 with octet counting', () =>
    rsyslog(
      'octets',
      '',
      `port="${collector.ports.syslog}" template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="octet-counted"`,
    ));

  test.skipIf(!gtls)(
    `over TLS, as its certificate says${gtls ? '' : ' (SKIPPED: rsyslog-gnutls is not installed)'}`,
    async () => {
      await t.db.query("update ruawatch.log_sources set syslog_from = '{192.0.2.0/24}'");
      await rsyslog(
        'tls',
        `DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="${file('ca.crt')}"
       DefaultNetstreamDriverCertFile="${file('mail.crt')}" DefaultNetstreamDriverKeyFile="${file('mail.key')}"`,
        `port="${collector.ports.syslogTls}" template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="octet-counted"
       StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost"`,
      );
    },
  );
});

// Debian installs one of the two: CI has rsyslog. SYSLOG_NG may name a program that was only unpacked.
function syslogNgTests() {
  const syslogNg = async (name: string, destination: string) => {
    const own = file(name);
    mkdirSync(own);
    const socket = path.join(own, 'log.sock');
    writeFileSync(
      path.join(own, 'syslog-ng.conf'),
      `@version: 3.35
options { keep-hostname(yes); };
source s { unix-dgram("${socket}"); };
destination d { ${destination} };
log { source(s); destination(d); };
`,
    );
    const at = (option: string, what: string) => `${option}=${path.join(own, what)}`;
    const files = [
      at('--persist-file', 'persist'),
      at('--pidfile', 'pid'),
      at('--control', 'control'),
      at('--cfgfile', 'syslog-ng.conf'),
    ];
    await ships(SYSLOG_NG, ['--foreground', '--no-caps', '--stderr', ...files], socket);
  };
  const tls = () =>
    `transport("tls") tls(ca-file("${file('ca.crt')}") cert-file("${file('mail.crt')}") key-file("${file('mail.key')}"))`;

  test('network(): RFC 3164, a line each', () => syslogNg('network', `network("127.0.0.1" port(${collector.ports.syslog}));`));

  test('syslog(): RFC 5424 with octet counting', () =>
    syslogNg('syslog', `syslog("127.0.0.1" transport("tcp") port(${collector.ports.syslog}));`));

  test('syslog() over TLS, as its certificate says', async () => {
    await t.db.query("update ruawatch.log_sources set syslog_from = '{192.0.2.0/24}'");
    await syslogNg('tls', `syslog("localhost" port(${collector.ports.syslogTls}) ${tls()});`);
  });

  test('http() with its JSON, in batches', async () => {
    await collector.stop();
    context.config.collector.tls = null;
    context.config.collector.syslogTlsListen = null;
    collector = await startCollector(context);
    await syslogNg(
      'http',
      `http(url("http://127.0.0.1:${collector.ports.http}/logs") method("POST") headers("Authorization: Bearer ${token}")
         body('$(format-json --scope rfc5424 --key ISODATE)') batch-lines(10) batch-timeout(200) delimiter("\\n"));`,
    );
  });
}
if (existsSync(SYSLOG_NG)) describe("lines that Debian's syslog-ng ships", syslogNgTests);
