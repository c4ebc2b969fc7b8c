import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLookalikes } from '../../../services/cli/commands/lookalikes.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
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
  const code = await runLookalikes(loadConfig({}, '/'), domain, { resolver: [`127.0.0.1:${server.port}`], ...options }, (line) =>
    lines.push(line),
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
