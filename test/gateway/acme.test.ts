import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubernetesTool, skippedWithout } from '../helpers/kubernetes-tools.ts';
import { freePort, until, which } from '../helpers/services.ts';
import { startUpdatableKnot, type UpdateServer, updatable } from '../helpers/update-servers.ts';
import { type RunningGateway, recordsAt, startTestGateway } from './setup.ts';

const ZONE = 'example.com';
const RECORD = `_acme-challenge.shop.${ZONE}`;
const UPSTREAM = { name: 'ruawatch', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const LENT = { name: 'ruawatch_lent_1', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const TYPES = { zone: ZONE, types: ['TXT' as const], operations: ['add' as const, 'delete' as const] };

const pebble = kubernetesTool('pebble');
const lego = which('lego');
/** A Python that has certbot-dns-rfc2136 (test/gateway/certbot.test.ts). */
const certbot = process.env.CERTBOT_PYTHON;
const present = updatable.knot && pebble !== null;

/** An ACME server that asks our name server whether a name is ours. */
async function startPebble(folder: string, dns: string): Promise<{ url: string; ca: string; stop(): Promise<void> }> {
  const [key, ca, config] = ['key.pem', 'ca.pem', 'pebble.json'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', ca, ...subject], {
    stdio: 'ignore',
  });
  const [port, management] = [await freePort(), await freePort()];
  const settings = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: ca,
    privateKey: key,
    httpPort: 1,
    tlsPort: 1,
    profiles: { default: { description: 'any', validityPeriod: 86_400 } },
  };
  writeFileSync(config, JSON.stringify({ pebble: settings }));
  const env = { PATH: process.env.PATH!, PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0', PEBBLE_WFE_NONCEREJECT: '0' };
  const child: ChildProcess = spawn(pebble!, ['-config', config, '-dnsserver', dns], { env, stdio: 'ignore' });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  await until(
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy();
          resolve(true);
        });
        socket.once('error', () => resolve(false));
      }),
  );
  return {
    url: `https://localhost:${port}/dir`,
    ca,
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      process.off('exit', killAtExit);
    },
  };
}

// Debian: lego. scripts/kubernetes-tools.sh pebble
describe.skipIf(!present)(`clients of ACME prove names through the gateway${skippedWithout({ pebble })}`, () => {
  let upstream: UpdateServer;
  let gateway: RunningGateway;
  let acme: Awaited<ReturnType<typeof startPebble>>;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-acme-'));
    upstream = await startUpdatableKnot({ zone: ZONE, records: ['@ TXT "v=spf1 -all"'], keys: [UPSTREAM] });
    const { name, algorithm, secret } = UPSTREAM;
    gateway = await startTestGateway(
      [
        {
          kind: 'rfc2136',
          name: 'primary',
          zones: [ZONE],
          server: upstream.server,
          key: { name, algorithm },
          secret: () => Buffer.from(secret),
        },
      ],
      upstream.server,
      ZONE,
    );
    acme = await startPebble(folder, `127.0.0.1:${upstream.server.port}`);
  }, 60_000);
  afterAll(async () => {
    await acme.stop();
    await gateway.stop();
    await upstream.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const run = (program: string, args: string[], env: Record<string, string>) =>
    new Promise<{ code: number; said: string }>((resolve) => {
      const given = { PATH: process.env.PATH!, HOME: folder, ...env };
      execFile(program, args, { env: given, cwd: folder, timeout: 110_000 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), said: `${stdout}${stderr}` }),
      );
    });
  const lend = () => {
    gateway.ledger.lent = [{ ...LENT, grant_key: 1, scope: { ...TYPES, names: [RECORD] } }];
  };
  const secret = LENT.secret.toString('base64');

  test.skipIf(lego === null)(
    `lego gets a certificate for what is lent, none for another name, and none after the end${lego === null ? ' (SKIPPED: lego is not installed)' : ''}`,
    async () => {
      const obtain = (domain: string) =>
        run(
          lego!,
          [
            ...['--server', acme.url, '--email', 'ada@example.com', '--accept-tos', '--path', path.join(folder, 'lego')],
            ...['--dns', 'rfc2136', '--dns.resolvers', `127.0.0.1:${upstream.server.port}`, '--dns.disable-cp'],
            ...['--domains', domain, 'run'],
          ],
          {
            LEGO_CA_CERTIFICATES: acme.ca,
            RFC2136_NAMESERVER: `127.0.0.1:${gateway.server.port}`,
            RFC2136_TSIG_ALGORITHM: 'hmac-sha256.',
            RFC2136_TSIG_KEY: LENT.name,
            RFC2136_TSIG_SECRET: secret,
          },
        );
      lend();
      expect(await obtain(`shop.${ZONE}`)).toMatchObject({
        code: 0,
        said: expect.stringContaining('Server responded with a certificate'),
      });
      expect(existsSync(path.join(folder, 'lego/certificates', `shop.${ZONE}.crt`))).toBe(true);
      // It has cleaned up.
      expect(await recordsAt(upstream.server, RECORD)).toEqual([]);
      expect((await obtain(`boss.${ZONE}`)).said).toContain('REFUSED');
      gateway.ledger.lent = [];
      rmSync(path.join(folder, 'lego/certificates'), { recursive: true });
      const late = await obtain(`shop.${ZONE}`);
      expect([late.code, late.said]).toEqual([1, expect.stringMatching(/bad authentication/)]);
    },
    120_000,
  );

  test.skipIf(certbot === undefined)(
    `certbot gets one with its plug-in${certbot === undefined ? ' (SKIPPED: CERTBOT_PYTHON names no Python)' : ''}`,
    async () => {
      const credentials = path.join(folder, 'credentials.ini');
      const lines = { server: '127.0.0.1', port: gateway.server.port, name: LENT.name, secret, algorithm: 'HMAC-SHA256' };
      const text = Object.entries(lines).map(([name, value]) => `dns_rfc2136_${name} = ${value}\n`);
      writeFileSync(credentials, text.join(''), { mode: 0o600 });
      lend();
      const folders = ['config', 'work', 'logs'].flatMap((name) => [`--${name}-dir`, path.join(folder, `certbot-${name}`)]);
      const given = ['certonly', '--non-interactive', '--agree-tos', '--email', 'ada@example.com', '--server', acme.url];
      const plugin = ['--dns-rfc2136', '--dns-rfc2136-credentials', credentials, '--dns-rfc2136-propagation-seconds', '0'];
      const args = [...given, ...plugin, ...folders, '--domain', `shop.${ZONE}`];
      const { code, said } = await run(certbot!, ['-c', 'from certbot.main import main; main()', ...args], {
        REQUESTS_CA_BUNDLE: acme.ca,
      });
      expect([code, said]).toEqual([0, expect.stringContaining('Successfully received certificate')]);
      expect(await recordsAt(upstream.server, RECORD)).toEqual([]);
    },
    120_000,
  );
});
