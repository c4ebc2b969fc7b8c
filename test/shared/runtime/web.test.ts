import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDomain } from '../../../services/dns/check/check.ts';
import { isPublic, openWeb } from '../../../services/shared/runtime/web.ts';
import { dnsOf } from '../../dns/zone.ts';
import { authority, markCertificate } from '../../helpers/certificates.ts';

const HOST = 'mta-sts.example.com';
const POLICY = 'version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmax_age: 604800\r\n';
const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 1 1"><title>A</title></svg>';
const ROOT = authority('Mark Root');
const MARK = markCertificate(ROOT, { svg: LOGO }).pem;
const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-web-'));
const file = (name: string) => path.join(folder, name);
const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });

/** Tells of who no longer reads. */
const left = new EventEmitter();
let server: https.Server;
let port: number;
let ca: string;

beforeAll(async () => {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  );
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    'host.key',
    '-out',
    'host.csr',
    '-subj',
    `/CN=${HOST}`,
  );
  writeFileSync(file('names'), `subjectAltName=DNS:${HOST}`);
  openssl(
    'x509',
    '-req',
    '-in',
    'host.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'names',
    '-out',
    'host.pem',
  );
  ca = readFileSync(file('ca.pem'), 'utf8');
  server = https.createServer(
    { key: readFileSync(file('host.key')), cert: readFileSync(file('host.pem')) },
    (request, response) => {
      if (request.url === '/.well-known/mta-sts.txt')
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(POLICY);
      else if (request.url === '/logo.svg') response.writeHead(200, { 'content-type': 'image/svg+xml' }).end(LOGO);
      else if (request.url === '/mark.pem')
        response.writeHead(200, { 'content-type': 'application/pem-certificate-chain' }).end(MARK);
      else if (request.url === '/moved') response.writeHead(302, { location: 'https://mta-sts.example.com/' }).end();
      else if (request.url === '/cut') {
        response.writeHead(200, { 'content-length': 100 }).write('a part');
        setImmediate(() => response.destroy());
      } else if (request.url === '/endless') {
        response.on('close', () => left.emit('endless'));
        response.writeHead(200);
        const more = () => {
          while (response.write(Buffer.alloc(65_536, 32)));
          response.once('drain', more);
        };
        response.on('error', () => response.destroy());
        more();
      } else if (request.url !== '/silent') response.writeHead(404).end();
    },
  );
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const dns = dnsOf({ [HOST]: { A: ['127.0.0.1'] }, 'other.example.com': { A: ['127.0.0.1'] }, 'slow.example.com': 'unknown' });
const open = (more = {}) => openWeb(dns, { allowPrivate: true, ca, ...more });
const get = (where: string, more = {}, mostOctets = 1_000_000) =>
  open(more).get(where.replace(HOST, `${HOST}:${port}`), { mostOctets });

describe('a document', () => {
  const broken = (message: string) => ({ state: 'broken', message });
  const at = (asked: string) => `https://${HOST}:${port}${asked}`;

  test('is fetched from the address that DNS names, with the media type', async () => {
    const body = Buffer.from(POLICY);
    const whole = { state: 'answered', status: 200, type: 'text/plain', body };
    expect(await get(`https://${HOST}/.well-known/mta-sts.txt`)).toEqual(whole);
    expect(await get(`https://${HOST}/.well-known/mta-sts.txt`, {}, body.length)).toEqual(whole);
  });

  test('is not followed to where a redirect leads', async () => {
    expect(await get(`https://${HOST}/moved`)).toEqual({ state: 'answered', status: 302, type: null, body: Buffer.alloc(0) });
  });

  test('over the limit is broken, and nothing more is read', async () => {
    const closed = once(left, 'endless');
    expect(await get(`https://${HOST}/endless`, {}, 100_000)).toEqual(broken(`${at('/endless')} has more than 100000 octets.`));
    await closed;
    const asked = '/.well-known/mta-sts.txt';
    const most = POLICY.length - 1;
    expect(await get(`https://${HOST}${asked}`, {}, most)).toEqual(broken(`${at(asked)} has more than ${most} octets.`));
  });

  test('of a server that is silent, of nobody there, and of a name nobody can resolve is unknown', async () => {
    const unknown = (message: string) => ({ state: 'unknown', message });
    const late = `${at('/silent')} could not be fetched: it did not answer in time.`;
    expect(await get(`https://${HOST}/silent`, { timeoutMs: 300 })).toEqual(unknown(late));
    const given = new AbortController();
    const asked = open({ timeoutMs: 600_000 }).get(at('/silent'), { mostOctets: 1, signal: given.signal });
    given.abort();
    expect(await asked).toEqual(unknown(late));
    expect(await open().get(`https://${HOST}:1/`, { mostOctets: 1 })).toEqual(
      unknown(`https://${HOST}:1/ could not be fetched: nothing listens at 127.0.0.1:1 (ECONNREFUSED).`),
    );
    expect(await get(`https://${HOST}/cut`)).toEqual(unknown(`${at('/cut')} could not be fetched: aborted.`));
    const long = `https://${HOST}:1/${'a'.repeat(400)}`;
    expect(await open().get(long, { mostOctets: 1 })).toEqual(
      unknown(`${long.slice(0, 300)} could not be fetched: nothing listens at 127.0.0.1:1 (ECONNREFUSED).`),
    );
    const unresolved = await dns.ask('slow.example.com', 'A');
    expect(unresolved).toMatchObject({ state: 'unknown', message: expect.any(String) });
    expect(await open().get('https://slow.example.com/', { mostOctets: 1 })).toEqual(
      unknown((unresolved as { message: string }).message),
    );
    expect(await open().get('https://none.example.com/', { mostOctets: 1 })).toEqual(broken('none.example.com has no address.'));
  });

  test('under a certificate of another name, or of an authority nobody trusts, is broken', async () => {
    const invalid = (name: string) =>
      broken(expect.stringMatching(new RegExp(`^The certificate of https://${name}:${port}/ is not valid \\(.+\\)\\.$`)));
    expect(await open().get(`https://other.example.com:${port}/`, { mostOctets: 1 })).toEqual(invalid('other.example.com'));
    const answer = await openWeb(dns, { allowPrivate: true }).get(`https://${HOST}:${port}/`, { mostOctets: 1 });
    expect(answer).toEqual(invalid(HOST));
  });

  test('is not fetched from a private address, over http, or with a login in the URL', async () => {
    const inside = (name: string, address: string) => ({
      ...broken(`${name} has the address ${address}, which is not part of the public internet: nothing was fetched.`),
      private: true,
    });
    const guarded = (url: string) => openWeb(dns, { ca }).get(url, { mostOctets: 1 });
    expect(await guarded(`https://${HOST}:${port}/`)).toEqual(inside(HOST, '127.0.0.1'));
    const asksNobody = openWeb({ ask: () => Promise.reject(new Error('asked')) } as never, { allowPrivate: true, ca });
    expect(await asksNobody.get('https://127.0.0.1:1/', { mostOctets: 1 })).toMatchObject({ state: 'unknown' });
    expect(await guarded('https://127.0.0.1/')).toEqual(inside('127.0.0.1', '127.0.0.1'));
    expect(await guarded('https://[::1]/')).toEqual(inside('::1', '::1'));
    const long = `ftp://${'a'.repeat(300)}`;
    for (const url of [
      'http://example.com/',
      'https://u:p@example.com/',
      'https://u@example.com/',
      'file:///etc/passwd',
      'x',
      long,
    ])
      expect(await guarded(url), url).toEqual(broken(`${url.slice(0, 200)} is not an https URL.`));
  });
});

test('private addresses are told from public ones', () => {
  const own = [
    '10.1.2.3',
    '127.0.0.1',
    '169.254.169.254',
    '192.168.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
  ];
  for (const one of [...own, '::1', '::', '::ffff:127.0.0.1', 'fe80::1', 'fd00::1', '2002:7f00:1::', '64:ff9b::7f00:1', 'x'])
    expect(isPublic(one), one).toBe(false);
  for (const one of ['8.8.8.8', '172.32.0.1', '2606:4700::1111']) expect(isPublic(one), one).toBe(true);
});

test('a domain whose policy is really there has nothing wrong with its MTA-STS', async () => {
  const zone = dnsOf({
    'example.com': { MX: [{ preference: 10, exchange: 'mx.example.com' }], TXT: [['v=spf1 -all']] },
    'mx.example.com': { A: ['192.0.2.1'] },
    '_mta-sts.example.com': { TXT: [['v=STSv1; id=1']] },
    [HOST]: { A: ['127.0.0.1'] },
  });
  const web = openWeb(zone, { allowPrivate: true, ca });
  const onPort = {
    get: (url: string, options: Parameters<typeof web.get>[1]) => web.get(url.replace(HOST, `${HOST}:${port}`), options),
  };
  const { mtaSts } = await checkDomain('example.com', zone, { web: onPort });
  expect(mtaSts).toMatchObject({ findings: [], policy: { mode: 'enforce', mx: ['mx.example.com'], maxAge: 604_800 } });
});

test('dns check fetches a logo and its mark certificate with it, and judges them', async () => {
  const zone = dnsOf({
    'example.com': { TXT: [['v=spf1 -all']] },
    '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject; rua=mailto:d@example.com']] },
    'default._bimi.example.com': { TXT: [[`v=BIMI1; l=https://${HOST}:${port}/logo.svg; a=https://${HOST}:${port}/mark.pem`]] },
    [HOST]: { A: ['127.0.0.1'] },
  });
  const web = openWeb(zone, { allowPrivate: true, ca });
  const now = new Date('2026-11-27');
  const { bimi } = await checkDomain('example.com', zone, { web, marks: { roots: [ROOT.pem], now } });
  expect(bimi).toMatchObject({ findings: [], mark: { domains: ['example.com'], chain: null, logo: { problem: null } } });
  const untrusted = await checkDomain('example.com', zone, { web, marks: { roots: [], now } });
  expect(untrusted.bimi!.findings.map(({ code }) => code)).toEqual(['bimi_certificate_chain']);
  const guarded = await checkDomain('example.com', zone, { web: openWeb(zone, { ca }), marks: { roots: [ROOT.pem], now } });
  expect(guarded.bimi!.findings.map(({ code }) => code)).toEqual(['bimi_logo', 'bimi_certificate']);
});
