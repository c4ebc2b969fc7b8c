import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { commandLine } from '../../../services/cli/program/index.ts';
import { busyWorld } from '../../console/busy-world.ts';
import { NOW, testWorld, type World } from '../../console/world.ts';
import { type FakeServer, startFake } from '../../helpers/dns.ts';

const KEY =
  'MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANDiE2+Xi/WnO+s120NiiJhNyIButVu6zxqlVzz0wy2j4kQVUC4ZRZD80IY+4wIiX2YxKBZKGnd2TtPkJ/ljkUsCAwEAAQ==';
const TEXTS: Record<string, string> = {
  'example.com': 'v=spf1 a mx include:_spf.example.net ip4:192.0.2.0/24 ~all',
  '_spf.example.net': 'v=spf1 ip4:198.51.100.0/24 -all',
  '_dmarc.example.com': 'v=DMARC1; p=quarantine; sp=none; rua=mailto:reports@example.com,mailto:a@agency.example; adkim=s',
  's1._domainkey.example.com': `v=DKIM1; k=rsa; p=${KEY}`,
  '_mta-sts.example.com': 'v=STSv1; id=20261001',
  '_smtp._tls.example.com': 'v=TLSRPTv1; rua=mailto:tls@example.com',
  'wrong.example': 'v=spf1 include:wrong.example +all',
  '_dmarc.wrong.example': 'v=DMARC1; p=nothing; rua=reports@wrong.example',
};
let world: World;
let busy: World;
let dns: FakeServer;
beforeAll(async () => {
  world = await testWorld();
  busy = await busyWorld();
  dns = await startFake(({ name, type }) => {
    const text = TEXTS[name];
    if (type === 'TXT' && text !== undefined) return { answers: [{ type, name, ttl: 300, data: text.match(/.{1,200}/g)! }] };
    if (type === 'MX' && name === 'example.com')
      return { answers: [{ type, name, ttl: 300, data: { preference: 10, exchange: 'mx.example.com' } }] };
    if (type === 'A' && /^(?:mx\.)?example\.com$/.test(name)) return { answers: [{ type, name, ttl: 300, data: '192.0.2.7' }] };
    return {};
  });
});
afterAll(async () => {
  await world?.c.close();
  await busy?.c.close();
  await dns?.stop();
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** What a command prints, and the code with which it ends. */
async function printed(line: string, of = world): Promise<string> {
  vi.stubEnv('DATABASE_URL', of.c.t.url);
  vi.stubEnv('LOG_LEVEL', 'silent');
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  const said: string[] = [];
  for (const stream of ['stdout', 'stderr'] as const)
    vi.spyOn(process[stream], 'write').mockImplementation((text) => said.push(String(text)) > 0);
  process.exitCode = undefined;
  await commandLine().parseAsync(['node', 'ruawatch', ...line.replace('DNS', `--resolver ${dns.server}`).split(' ')]);
  const code = process.exitCode ?? 0;
  vi.restoreAllMocks();
  return `$ ruawatch ${line} # ${code}\n${said.join('').replaceAll(dns.server, 'DNS').trimEnd()}`;
}

test.each<[string, ...string[]]>([
  [
    'findings',
    'findings',
    'findings list --all',
    'findings list --json',
    'findings show 1',
    'findings show 2 --json',
    'findings show 99',
    'findings review',
  ],
  ['senders', 'senders', 'senders list --json', 'senders list --domain example.com', 'senders onboarded'],
  [
    'domains',
    'domains',
    'domains list --json',
    'domains timeline example.com',
    'domains timeline example.com --json',
    'domains timeline nothing.example',
  ],
  [
    'messages',
    'messages',
    'messages list --state failed quarantined',
    'messages list --json',
    'messages show 1',
    'messages show 99',
  ],
  ['people', 'people', 'people list --json', 'people tokens', 'people tokens --json'],
  [
    'requests',
    'requests',
    'requests list --json',
    'requests show 9',
    'access',
    'access list --json',
    'audit',
    'audit verify',
    'audit report',
  ],
  ['rest', 'cluster status', 'logs sources', 'dns history example.com', 'dns lookalikes example.com --stored'],
])('what the commands about %s print', async (name, ...commands) => {
  const parts: string[] = [];
  for (const line of commands) parts.push(await printed(line));
  await expect(`${parts.join('\n\n')}\n`).toMatchFileSnapshot(`golden/${name}.txt`);
});

test.each<[string, ...string[]]>([
  [
    'requests',
    'requests',
    'requests --all --limit 4',
    'requests --all --domain shop.example.com',
    'requests list --json --limit 1',
    ...Array.from({ length: 4 }, (_, i) => `requests show ${4 * i + 1}`),
    'requests show 16',
    'requests show 1 --json',
  ],
  ['access', 'access', 'access list --all', 'access list --json'],
  ['audit', 'audit', 'audit verify --json', 'audit report', 'audit report --json'],
  [
    'sending',
    'cluster status',
    'cluster status --json',
    'logs sources',
    'logs sources list --json',
    'dns history example.com',
    'dns history example.com --json',
  ],
])('what the commands about %s print while there is work', async (name, ...commands) => {
  const parts: string[] = [];
  for (const line of commands) parts.push(await printed(line, busy));
  // What is another in each run.
  const text = parts
    .join('\n\n')
    .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replace(/^(\d+ +)\d{4}-\d\d-\d\d \d\d:\d\d(?= {2})/gm, '$1of the database');
  await expect(`${text}\n`).toMatchFileSnapshot(`golden/busy-${name}.txt`);
});
