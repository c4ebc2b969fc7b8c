import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { testWorld, type World } from '../../console/world.ts';
import { type FakeServer, startFake } from '../../helpers/dns.ts';
import { reportMail, reportXml } from '../../helpers/report.ts';
import { printed, restored } from './printed.ts';

const TEXTS: Record<string, string> = {
  'example.com': 'v=spf1 ip4:192.0.2.0/24 -all',
  '_dmarc.example.com': 'v=DMARC1; p=quarantine; rua=mailto:reports@example.com',
};
let world: World;
let dns: FakeServer;
let folder: string;
beforeAll(async () => {
  world = await testWorld();
  // The reports of the world have numbers of their own.
  await world.c.t.db.query("select setval(pg_get_serial_sequence('ruawatch.reports', 'report_key'), 100)");
  dns = await startFake(({ name, type }) => {
    const text = TEXTS[name];
    return type === 'TXT' && text !== undefined ? { answers: [{ type, name, ttl: 300, data: [text] }] } : {};
  });
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-acts-'));
  writeFileSync(path.join(folder, 'report.xml'), reportXml({ id: 'acts' }));
  writeFileSync(path.join(folder, 'mail.eml'), reportMail(reportXml({ id: 'mailed' }), { unique: 'u' }));
  writeFileSync(path.join(folder, 'text.txt'), 'no report');
});
afterAll(async () => {
  await world?.c.close();
  await dns?.stop();
  rmSync(folder, { recursive: true });
});
afterEach(restored);

/** Days of the clock of the database, which some rows are written by. */
const BY_CLOCK = [0, 1, 2, 3, 4].map((days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10));
const MOMENT = new RegExp(`(?:${BY_CLOCK.join('|')})(?:[T ][\\d:.]+Z?)?`, 'g');
const steady = (text: string) =>
  text
    .replaceAll(folder, 'FOLDER')
    .replace(/ruawatch_[\w-]{43}/g, 'TOKEN')
    .replace(/(?<![\w-])[\w-]{43}(?![\w-])/g, 'TOKEN')
    .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replace(MOMENT, 'BY THE CLOCK');

test.each<[string, ...string[]]>([
  [
    'senders',
    'senders approve example.com misaligned.example --why ours --by ada --for 7d',
    'senders approve example.com misaligned.example --why ours --by ada',
    'senders deny example.com misaligned.example --why not-ours --by ada --until 2026-12-01',
    'senders deny example.com misaligned.example --why past --until 2026-10-01',
    'senders deny example.com misaligned.example --why both --until 2026-12-01 --for 7d',
    'senders deny example.com misaligned.example --why long --for 7x',
    'senders approve nothing.example a.example --why new',
    'senders approve nothing.example a.example --why new --new --by ada',
    'senders approve example.com not/one --why x',
    'senders expire example.com misaligned.example --why over --by ada',
    'senders expire example.com misaligned.example --why over --by ada',
    'senders list --all',
    'senders list --all --limit 1 --json',
    'senders list --limit 0',
    'senders onboarded --domain example.com --json',
  ],
  [
    'domains',
    'domains add new.example Other.Example. --by ada --why bought',
    'domains add new.example --by ada',
    'domains add not/one',
    'domains ignore other.example --by ada --why sold',
    'domains ignore other.example --by ada',
    'domains ignore nobody.example --by ada',
    'domains list --state ignored',
    'domains list --state nothing',
    'domains list --limit 1 --json',
    'domains remove other.example --by ada',
    'domains remove other.example --by ada --yes --why gone',
    'domains remove other.example --by ada --yes --json',
    'domains timeline example.com --from 2026-10-05 --limit 3',
    'domains timeline example.com --to 2026-10-01 --json',
    'domains timeline example.com --from 2026-10-05 --to 2026-10-01',
    'domains timeline example.com --from yesterday',
  ],
  [
    'people',
    'people add zoe --role operator --domain example.com --email zoe@example.com',
    'people add zoe',
    'people add max --role king --all-domains',
    'people add max --domain not/one',
    'people add max --role viewer --all-domains',
    'people add mia --service --owner ada --for 30d --domain example.com',
    'people add bob --service --domain example.com',
    'people add bob --service --owner nobody --for 30d --domain example.com',
    'people add bob --service --owner ada --for 400d --domain example.com',
    'people change zoe --role viewer --domain shop.example.com',
    'people change nobody --role viewer --all-domains',
    'people link zoe',
    'people link nobody',
    'people token zoe --for 30d --note script',
    'people token zoe --scope act --for 1d',
    'people token mia --scope read --scope act --domains example.com --until 2026-10-20',
    'people token mia --scope decide --for 12h',
    'people token nobody --for 1d',
    'people token mia --for 400d',
    'people tokens --person mia --json',
    'people tokens --person nobody',
    'people revoke 2',
    'people revoke 2',
    'people remove max',
    'people remove max',
    'people remove ada',
    'people list',
    'people list --json',
  ],
  [
    'requests',
    'requests open sender.deny example.com --source misaligned.example --why not-ours --by zoe@example.com --for 30d',
    'requests open sender.deny example.com --why no-source',
    'requests open sender.approve example.com --source not/one --why x',
    'requests open nothing example.com --why x',
    'requests open policy.step example.com --to reject --why stricter --by zoe@example.com DNS',
    'requests open policy.step example.com --to nothing --why stricter DNS',
    'requests open policy.step example.com --why stricter DNS',
    'requests open dns.change example.com --name _smtp._tls.example.com --value v=TLSRPTv1;rua=mailto:a@example.com --why reports --by zoe@example.com DNS',
    'requests open dns.change example.com --name _dmarc.example.com --remove --why none --by zoe@example.com DNS',
    'requests open dns.change other.example --value x --why none DNS',
    'requests list --all',
    'requests show 1',
    'requests show 1 --json',
    'requests show 99',
    'requests withdraw 1 --why not-wanted --by zoe@example.com',
    'requests withdraw 1 --why again --by zoe@example.com',
    'requests withdraw 99 --why nothing',
    'requests list --limit x',
    'audit list --limit 2',
    'audit verify',
    'audit verify --head wrong',
    'audit report --from 2026-10-01 --csv',
    'audit report --from 2026-10-02 --to 2026-10-01',
  ],
  [
    'mails',
    'parse FOLDER',
    'parse FOLDER/report.xml FOLDER/nothing.xml',
    'import FOLDER',
    'import FOLDER/nothing',
    'messages replay --state failed',
    'messages replay --state nothing',
    'messages replay 2 99',
    'messages list --limit 2 --json',
    'messages list --code unexpected',
    'messages list --state nothing',
  ],
])('what the commands that change %s print, and what they refuse', async (name, ...commands) => {
  const parts: string[] = [];
  for (const line of commands) parts.push(await printed(line.replaceAll('FOLDER', folder), world, dns.server));
  await expect(`${steady(parts.join('\n\n'))}\n`).toMatchFileSnapshot(`golden/acts-${name}.txt`);
});
