import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runSendersOnboard, runSendersOnboarded } from '../../../services/cli/commands/onboard.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { startSilent } from '../../helpers/knot.ts';
import { rulesOf } from '../../requests/sample.ts';

let f: Fixture;
let folder: string;
let lines: string[];
beforeEach(async () => {
  const silent = await startSilent();
  f = await fixture();
  f.context.config.dnsServers = [silent.server];
  f.context.config.approvals.rules = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 10 } });
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-onboard-'));
  lines = [];
  return () => silent.stop();
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await f.close();
});
const out = (line: string) => void lines.push(line);
const onboard = (source: string, options: object = {}) =>
  runSendersOnboard(
    f.context.config,
    source,
    { domain: 'example.com', owner: 'marketing', until: '2027-12-31', why: 'newsletters', by: 'zoe@example.com', ...options },
    { out, now: f.context.clock.now() },
  );

test('what is missing is named, and nothing is asked for', async () => {
  await expect(onboard('mailer.example')).rejects.toThrow('--records');
  await expect(onboard('mailer.example', { domain: '*' })).rejects.toThrow('one domain');
  await expect(onboard('mailer.example', { until: undefined })).rejects.toThrow('--until');
  writeFileSync(path.join(folder, 'records'), '@ TXT "v=spf1 include:mailer.example ~all"\n');
  await expect(onboard('mailer.example', { records: path.join(folder, 'records') })).rejects.toThrow('SPF');
  f.context.config.approvals.rules = [];
  await expect(onboard('activecampaign')).rejects.toThrow('approvals has no rules');
  await runSendersOnboarded(f.context.config, { limit: '10' }, out);
  expect(lines).toEqual([expect.stringContaining('No third party')]);
});
