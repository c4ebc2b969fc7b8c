import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLookalikes } from '../../../services/cli/commands/lookalikes.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { storeCandidates, storeLookalike, takeLookalikes } from '../../../services/store/dns/lookalikes.ts';
import { putOwn } from '../../../services/store/domains/domains.ts';
import { testDatabase } from '../../helpers/database.ts';
import { type FakeServer, soa, startFake } from '../../helpers/dns.ts';

let server: FakeServer;
beforeAll(async () => {
  server = await startFake(({ name, sent, type }) => {
    const answer = (data: unknown) => ({ answers: [{ name: sent, type: type as 'NS', ttl: 60, data: data as string }] });
    if (name === 'kestrel.com' && type === 'NS') return answer('ns.kestrel.com');
    if (name === 'kestre1.com')
      return type === 'NS' ? answer('ns.evil.example') : answer({ preference: 5, exchange: 'mx.evil.example' });
    return { rcode: 3, authorities: [soa('com', 60)] };
  });
});
afterAll(() => server.stop());

const run = async (domain: string, options = {}) => {
  const lines: string[] = [];
  const code = await runLookalikes(
    loadConfig({}, '/'),
    domain,
    { resolver: [`127.0.0.1:${server.port}`], ...options },
    {
      out: (line) => lines.push(line),
    },
  );
  return { code, text: lines.join('\n') };
};

test('the registered look-alikes are listed, and the names that were asked about counted', async () => {
  const { code, text } = await run('mail.kestrel.com', { most: '40' });
  expect(code).toBe(0);
  expect(text).toMatch(/kestre1\.com +homoglyph +mx\.evil\.example +ns\.evil\.example/);
  expect(text).toMatch(/^1 of 40 names that look like kestrel\.com are registered \(the most similar of [\d,]+\)\. Use --full/m);
});

test('JSON holds the same', async () => {
  const { text } = await run('kestrel.com', { most: '40', json: true });
  expect(JSON.parse(text)).toMatchObject({
    domain: 'kestrel.com',
    asked: 40,
    unknown: 0,
    registered: [{ name: 'kestre1.com', sameServers: false }],
  });
});

test('what is not a domain or a number is refused in a sentence', async () => {
  await expect(run('localhost')).rejects.toMatchObject({ code: 'usage' });
  await expect(run('kestrel.com', { most: '-1' })).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('--most'),
  });
});

const FEED = [
  '# names of the last hour',
  '*.kestrel-login.evil.example',
  'kestre1.com,2026-11-20',
  'https://www.kes-trel.example.org/login',
  'mail.kestrel.com',
  'unrelated.example',
  '',
  'kestre1.com',
];

test('names of a file are matched with the words of the domain and its permutations, and looked up', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-names-'));
  const file = path.join(folder, 'names.txt');
  writeFileSync(file, FEED.join('\r\n'));
  const { code, text } = await run('kestrel.com', { names: file });
  expect(code).toBe(0);
  expect(text).toMatch(/^kestrel-login\.evil\.example +has "kestrel" in it/m);
  expect(text).toMatch(/^kestre1\.com +homoglyph +mx\.evil\.example$/m);
  expect(text).toMatch(/^3 names of 8 lines may be mistaken for kestrel\.com\.$/m);
  rmSync(folder, { recursive: true });
});

test('names of an HTTP answer are matched too, and its errors are sentences', async () => {
  const web = createServer((request, response) => {
    if (request.url !== '/names') response.statusCode = 503;
    response.end(FEED.join('\n'));
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const { text } = await run('kestrel.com', { names: `${url}/names`, json: true, word: ['unrelated'] });
  expect(JSON.parse(text)).toMatchObject({
    domain: 'kestrel.com',
    lines: 8,
    matches: [
      { word: 'kestrel' },
      { name: 'kestre1.com', mail_hosts: ['mx.evil.example'] },
      { word: 'kestrel' },
      { word: 'unrelated' },
    ],
  });
  await expect(run('kestrel.com', { names: `${url}/other` })).rejects.toMatchObject({
    code: 'names_file',
    message: expect.stringContaining('503'),
  });
  await expect(run('kestrel.com', { names: '/nowhere' })).rejects.toMatchObject({ code: 'names_file' });
  web.close();
});

test('what the watcher found is listed, and a name is ignored with a reason', async () => {
  const t = await testDatabase({ own: false });
  const now = new Date('2026-11-20T12:00:00Z');
  await putOwn(t.db, ['kestrel.com'], 'added', { now, ignored: false });
  await storeCandidates(t.db, 'kestrel.com', [{ name: 'kestre1.com', shown: 'kestre1.com', kind: 'homoglyph', rank: 0.4 }], now);
  const [due] = await takeLookalikes(t.db, now, now, 1);
  const { domain: _domain, ...before } = due!;
  const seen = { ...before, registered: true, first_seen: now, answered_at: now, asked_at: now, mail_hosts: ['mx.evil.example'] };
  await storeLookalike(t.db, 'kestrel.com', { ...seen, change: 'registered', changed_at: now }, { due: now, news: true });
  const stored = async (domain: string | undefined, options = {}) => {
    const lines: string[] = [];
    const config = loadConfig({ DATABASE_URL: t.url }, '/');
    const code = await runLookalikes(config, domain, { by: 'ada', ...options }, { out: (line) => lines.push(line), now });
    expect(code ?? 0).toBe(0);
    return lines.join('\n');
  };
  expect(await stored(undefined)).toMatch(
    /^kestrel\.com +kestre1\.com +homoglyph +2026-11-20 +mx\.evil\.example +new \(2026-11-20\)$/m,
  );
  expect(await stored('kestrel.com', { ignore: 'kestre1.com', why: 'a partner' })).toBe('kestre1.com is ignored from now on.');
  expect(await stored('kestrel.com', { stored: true })).toMatch(/ignored: a partner$/m);
  expect(JSON.parse(await stored(undefined, { json: true }))).toMatchObject([{ name: 'kestre1.com', ignored_by: 'ada' }]);
  await stored('kestrel.com', { unignore: 'kestre1.com' });
  expect(await stored('kestrel.com', { stored: true })).not.toMatch(/ignored/);
  await expect(stored('kestrel.com', { ignore: 'other.com', why: 'x' })).rejects.toThrow(/not among the names/);
  await expect(stored('kestrel.com', { ignore: 'kestre1.com' })).rejects.toThrow(/--why/);
  await expect(stored(undefined, { ignore: 'kestre1.com', why: 'x' })).rejects.toThrow(/Name the domain/);
  await t.drop();
});
