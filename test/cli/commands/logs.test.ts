import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLogImport, runLogSourceAdd, runLogSourceList, runLogSourceRemove } from '../../../services/cli/commands/logs.ts';
import { type Config, loadConfig } from '../../../services/shared/settings/config.ts';
import { linesOf } from '../../collector/setup.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
let config: Config;
let folder: string;
beforeAll(async () => {
  t = await testDatabase();
  config = loadConfig({ DATABASE_URL: t.url, LOG_LEVEL: 'silent', HTTP_LISTEN: 'off' }, '/nonexistent');
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-logs-'));
});
afterAll(async () => {
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});
const said = async (command: (out: (line: string) => void) => Promise<number>) => {
  const lines: string[] = [];
  expect(await command((line) => lines.push(line))).toBe(0);
  return lines;
};

test('sources are added with a token that is shown once, listed, and removed', async () => {
  expect(await said((out) => runLogSourceList(config, {}, out))).toEqual([expect.stringContaining('No source yet')]);
  const options = { cluster: 'eu-1', environment: 'production', egress: ['192.0.2.0/28'], syslogFrom: ['10.0.0.0/8'] };
  const [, token] = await said((out) => runLogSourceAdd(config, 'relay', options, out));
  expect(token).toMatch(/^rwl_[\w-]{32}$/);
  const list = (await said((out) => runLogSourceList(config, {}, out))).join('\n');
  expect(list).toMatch(/relay +eu-1 +production/);
  expect(list).not.toContain(token);
  const [json] = await said((out) => runLogSourceList(config, { json: true }, out));
  expect(JSON.parse(json!)).toMatchObject({
    name: 'relay',
    has_token: true,
    egress: ['192.0.2.0/28'],
    syslog_from: ['10.0.0.0/8'],
  });
  expect(json).not.toMatch(/sha256/);
  await expect(runLogSourceAdd(config, 'relay', {}, () => undefined)).rejects.toMatchObject({ code: 'log_source_exists' });
  await expect(runLogSourceAdd(config, 'a b', {}, () => undefined)).rejects.toMatchObject({ code: 'usage' });
  await expect(runLogSourceAdd(config, 'ab', { egress: ['x'] }, () => undefined)).rejects.toMatchObject({ code: 'usage' });
  await said((out) => runLogSourceRemove(config, 'relay', out));
  await expect(runLogSourceRemove(config, 'relay', () => undefined)).rejects.toMatchObject({ code: 'log_source_missing' });
  await said((out) => runLogSourceAdd(config, 'relay', {}, out));
});

test('a file of lines, packed or not, is imported and counted once', async () => {
  const at = new Date().toISOString().replace('Z', '000+00:00');
  const text = `${[...linesOf({ id: 'AAAAA1', at }), `${at} mx1 cron[7]: hello`, `${at} mx1 postfix/unheard[7]: of`].join('\n')}\n`;
  const file = path.join(folder, 'mail.log');
  writeFileSync(file, text);
  writeFileSync(`${file}.gz`, gzipSync(text));
  const lines = await said((out) => runLogImport(config, file, { source: 'file' }, out));
  expect(lines[0]).toBe('8 lines, 6 of them about messages; 1 queue id judged.');
  expect(lines.slice(1).join(' ')).toMatch(/Not known of programs that are read: 1 line;.*Of other programs: 1 line\./);
  const [json] = await said((out) => runLogImport(config, `${file}.gz`, { source: 'file', json: true }, out));
  expect(JSON.parse(json!)).toEqual({ lines: 8, stored: 6, foreign: 1, unparsed: 1, judged: 1, twice: [] });
  expect((await t.db.query('select sum(sent) as sent from dmarc.sending_days')).rows).toEqual([{ sent: 1 }]);
  await expect(runLogImport(config, '/nowhere', { source: 'file' }, () => undefined)).rejects.toMatchObject({ code: 'log_file' });
});
