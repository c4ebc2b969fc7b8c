import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { runLogsWhy } from '../../services/cli/commands/logs-why.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { type Fixture, fixture } from '../analyzer/fixture.ts';
import { importLines, linesOf } from './setup.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-log-findings-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'mail-guard.yaml');
writeFileSync(file, '{version: 1, environments: {production: {domains: {example.com: {workloads: [{name: shop}]}}}}}');

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
  f.context.config.guardFile = file;
  await putOwn(f.t.db, ['example.com'], 'listed', { now: new Date(0), ignored: true });
  await f.t.db.query("update ruawatch.domains set history = false where domain = 'example.com'");
  f.setNow(new Date('2026-11-27T12:00:00Z'));
});
afterEach(() => f.close());

const mails = (n: number, minute: number, more: Parameters<typeof linesOf>[0] | object = {}) =>
  Array.from({ length: n }, (_, i) =>
    linesOf({
      id: (0xa00000 + minute * 4096 + i).toString(16).toUpperCase(),
      at: `2026-11-27T10:${String(minute).padStart(2, '0')}:0${i % 10}.000000+00:00`,
      ...more,
    }),
  ).flat();
const kinds = async () =>
  (await f.findings('example.com')).map(({ kind, subject, state, severity }) => [kind, subject, state, severity]).sort();

test('a workload that is not declared is found from its logs, and so is unsigned mail after an upgrade', async () => {
  await importLines(f.context, mails(12, 1));
  await f.analyze('example.com');
  expect(await kinds()).toEqual([]);
  // The sums have what the rules need: times, and whose key it is.
  const { rows } = await f.t.db.query("select first_at, last_at, signing_domain from dmarc.sending_days where selector = 's1'");
  expect(rows).toEqual([
    {
      first_at: new Date('2026-11-27T10:01:00Z'),
      last_at: new Date('2026-11-27T10:01:09Z'),
      signing_domain: 'example.com',
    },
  ]);
  await importLines(f.context, mails(5, 20, { signed: null }));
  await importLines(f.context, mails(4, 30, { signed: null, client: 'debug-0.debug[10.1.2.9]' }), {
    name: 'debug',
    workload: 'debug',
  });
  await f.analyze('example.com');
  expect(await kinds()).toEqual([
    ['unauthorized_workload', 'a/production/debug', 'open', 'medium'],
    ['unsigned_mail', 'a/production/shop', 'open', 'high'],
  ]);
  const lines: string[] = [];
  const config = { ...f.context.config, databaseUrl: f.t.url };
  expect(await runLogsWhy(config, 'A14000', {}, (line) => lines.push(line))).toBe(0);
  expect(lines.join('\n')).toMatch(
    /Message A14000@mx1\.example\.com as example\.com, by a\/production\/shop[\s\S]*! No signer logged a signature/,
  );
});

test('bounces and two messages during a restart of the signer are no alarm', async () => {
  await importLines(f.context, [
    ...mails(12, 1),
    ...mails(2, 5, { signed: null }),
    ...mails(9, 6),
    ...mails(9, 7, { signed: null, from: '' }),
  ]);
  await f.analyze('example.com');
  expect(await kinds()).toEqual([]);
});
