import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runAuditExport, runAuditList, runAuditVerify } from '../../../services/cli/commands/audit.ts';
import {
  type OpenOptions,
  runRequestsList,
  runRequestsOpen,
  runRequestsShow,
  runRequestsWithdraw,
} from '../../../services/cli/commands/requests.ts';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { DOMAIN, REPORTERS, span } from '../../analyzer/rows.ts';
import { type FakeServer, startFake } from '../../helpers/dns.ts';
import { GROUPS } from '../../requests/sample.ts';

let f: Fixture;
let dns: FakeServer;
let lines: string[];
const out = (line: string) => {
  lines.push(line);
};
const text = () => lines.join('\n');
beforeEach(async () => {
  f = await fixture();
  dns = await startFake(({ name, type }) =>
    name === `_dmarc.${DOMAIN}` && type === 'TXT'
      ? { answers: [{ name, type: 'TXT', ttl: 60, data: [`v=DMARC1; p=none; rua=mailto:a@${DOMAIN}`] }] }
      : { rcode: name === DOMAIN ? 0 : 3 },
  );
  lines = [];
  f.context.config.approvals = approvalsSchema.parse({
    groups: GROUPS,
    rules: [{ name: 'rest', stages: [{ group: 'mail', need: 2 }] }],
  });
  await syncGroups(f.t.db, f.context.config.approvals);
});
afterEach(async () => {
  await dns.stop();
  await f.close();
});

const BY = { by: 'Zoe@example.com', why: 'reports are good' };
const open = (kind: string, options: Partial<OpenOptions> = {}, only = false) =>
  runRequestsOpen(
    f.context.config,
    { kind, domain: DOMAIN, only },
    { ...BY, resolver: [dns.server], ...options },
    { out, now: f.context.clock.now() },
  );

test('a step of the policy is planned, shown and asked for, and its chain is verified', async () => {
  expect(await open('policy.step', { to: 'quarantine' })).toBe(0);
  expect(text()).toContain(`+ _dmarc.${DOMAIN}. 300 TXT "v=DMARC1; p=quarantine; rua=mailto:a@${DOMAIN}"`);
  expect(lines.at(-1)).toBe('Request 1 is open: waits for a decision.');
  lines = [];
  await runRequestsList(f.context.config, {}, out);
  expect(text()).toMatch(/zoe@example\.com +Set the policy of/);
  expect(text()).not.toMatch(/stage|break-glass/);
  lines = [];
  await runRequestsShow(f.context.config, '1', {}, out);
  expect(text()).toContain('Rule "rest": 2 of mail (now).');
  expect(text()).toMatch(/Digest: [0-9a-f]{64}/);
  await runRequestsWithdraw(f.context.config, '1', { by: 'zoe@example.com', why: 'later' }, { out });
  lines = [];
  await runAuditList(f.context.config, {}, out);
  expect(text()).toMatch(/request\.open[\s\S]*request\.withdraw/);
  lines = [];
  expect(await runAuditVerify(f.context.config, {}, out)).toBe(0);
  const head = /Head: (\S+)/.exec(text())![1]!;
  expect(await runAuditVerify(f.context.config, { head }, out)).toBe(0);
  lines = [];
  await runAuditExport(f.context.config, {}, out);
  expect(lines.map((line) => JSON.parse(line).number)).toEqual([1, 2, 3]);
  await f.t.db.query(
    'update ruawatch.audit_head set base_number = 1, base_hash = (select hash from ruawatch.audit where number = 1)',
  );
  await f.t.db.query('delete from ruawatch.audit where number = 1');
  lines = [];
  expect(await runAuditVerify(f.context.config, { head }, out)).toBe(2);
  expect(text()).toContain('The chain begins after row 1, and retention.audit_days is not set');
  await f.t.db.query("update ruawatch.audit set body = '{}' where number = 2");
  lines = [];
  expect(await runAuditVerify(f.context.config, { head }, out)).toBe(2);
  expect(text()).toContain('Row 2: its hash is not that of its content');
});

test('explain shows who would decide, and asks for nothing', async () => {
  expect(await open('policy.step', { to: 'reject' }, true)).toBe(0);
  expect(lines.at(-1)).toBe('> rest: 2 of mail');
  lines = [];
  await runRequestsList(f.context.config, {}, out);
  expect(text()).toBe('No request is open.');
});

test('without rules the record to publish is printed', async () => {
  f.context.config.approvals = approvalsSchema.parse({});
  expect(await open('dns.change', { name: `_dmarc.${DOMAIN}`, value: 'v=DMARC1; p=none; np=reject' })).toBe(0);
  expect(lines.at(-1)).toBe(`  _dmarc.${DOMAIN}. 3600 TXT "v=DMARC1; p=none; np=reject"`);
});

test('a sender is asked for with what the reports show', async () => {
  await f.put(span(3, 0, 'both', 100, REPORTERS, { source: 'mailer.example' }));
  await open('sender.approve', { source: 'mailer.example' });
  expect(text()).toContain('Approve mailer.example as a sender of');
  expect(lines.at(-1)).toMatch(/Request \d+ is open/);
});

describe('what cannot be asked for', () => {
  test.each<[string, Partial<OpenOptions>, RegExp]>([
    ['nonsense', {}, /is no kind of request: sender\.approve, sender\.deny, dns\.change, policy\.step/],
    ['policy.step', {}, /Name the policy/],
    ['sender.approve', {}, /Name the sender/],
    ['dns.change', {}, /--value, or --remove/],
    ['dns.change', { value: 'x', remove: true }, /--value, or --remove/],
    ['dns.change', { name: 'other.example', value: 'x' }, /is not below/],
    ['policy.step', { to: 'none' }, /already/],
    ['policy.step', { to: 'reject', why: ' ' }, /--why/],
  ])('%s %j', async (kind, options, message) => {
    await expect(open(kind, options)).rejects.toThrow(message);
  });

  test('a head that is none', async () => {
    await expect(runAuditVerify(f.context.config, { head: 'x' }, out)).rejects.toMatchObject({ code: 'usage' });
    await expect(runAuditExport(f.context.config, { from: 'yesterday' }, out)).rejects.toMatchObject({ code: 'usage' });
    await expect(runRequestsShow(f.context.config, '99', {}, out)).rejects.toMatchObject({ code: 'no_request' });
  });
});

test('the list says at which of several stages a request waits, and that it is by break-glass', async () => {
  const stages = [{ group: 'mail' }, { group: 'security' }];
  f.context.config.approvals = approvalsSchema.parse({ groups: GROUPS, rules: [{ name: 'rest', stages }] });
  await syncGroups(f.t.db, f.context.config.approvals);
  await open('policy.step', { to: 'quarantine' });
  const listed = async (all = false) => {
    lines = [];
    await runRequestsList(f.context.config, { all }, out);
    return text();
  };
  expect(await listed()).toMatch(/ waits for a decision \(stage 1 of 2\) {2}/);
  await f.t.db.query('update ruawatch.requests set stage = 1, emergency = true');
  expect(await listed()).toMatch(/ waits for a decision \(stage 2 of 2\), by break-glass {2}/);
  await f.t.db.query("update ruawatch.requests set state = 'denied', emergency = false");
  expect(await listed()).toBe('No request is open.');
  expect(await listed(true)).not.toMatch(/stage|break-glass/);
});
