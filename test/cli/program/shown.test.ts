import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { testWorld, type World } from '../../console/world.ts';
import { type FakeServer, startFake } from '../../helpers/dns.ts';
import { printed, restored } from './printed.ts';

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
let dns: FakeServer;
beforeAll(async () => {
  world = await testWorld();
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
  await dns?.stop();
});
afterEach(restored);

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
  [
    'rest',
    'cluster status',
    'logs sources',
    'dns history example.com',
    'dns lookalikes example.com --stored',
    'dns lookalikes quiet.example.com --stored',
    'dns lookalikes --stored --json',
  ],
  [
    'policy',
    'policy status DNS',
    'policy status example.com shop.example.com DNS',
    'policy status example.com --json DNS',
    'policy status nothing.example DNS',
    'policy status not/one DNS',
  ],
  [
    'check',
    'dns check example.com wrong.example --no-web DNS',
    'dns check example.com --selector s1 --selector gone --no-web --json DNS',
    'dns check wrong.example --no-web --json DNS',
    'dns check wrong.example --no-web --junit --strict DNS',
  ],
])('what the commands about %s print', async (name, ...commands) => {
  const parts: string[] = [];
  for (const line of commands) parts.push(await printed(line, world, dns.server));
  await expect(`${parts.join('\n\n')}\n`).toMatchFileSnapshot(`golden/${name}.txt`);
});
