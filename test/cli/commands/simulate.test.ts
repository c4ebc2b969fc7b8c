import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readRules, runRequestsSimulate } from '../../../services/cli/commands/simulate.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { ADA, opened, vote } from '../../alerter/requests/setup.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { GROUPS, planOf } from '../../requests/sample.ts';

let t: TestDatabase;
let folder: string;
beforeEach(async () => {
  t = await testDatabase();
  folder = mkdtempSync(path.join(tmpdir(), 'simulate-'));
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await t.drop();
});

const file = (text: string) => {
  const name = path.join(folder, 'rules.yaml');
  writeFileSync(name, text);
  return name;
};
const RULES = `
groups: { mail: [ada@example.com, ben@example.com] }
rules:
  - { name: routine, when: { kinds: [sender.approve] }, decide: automatic, ceiling: { per_day: 5 } }
  - { name: rest, stages: [{ group: mail }] }
`;
const run = async (text: string, options: object = {}) => {
  const lines: string[] = [];
  const config = loadConfig({ DATABASE_URL: t.url }, folder);
  const code = await runRequestsSimulate(config, file(text), options, { out: (line) => lines.push(line) });
  return { code, text: lines.join('\n') };
};

describe('requests simulate', () => {
  test('counts what would be decided, lists what people decided otherwise, and changes nothing', async () => {
    const one = { name: 'one', stages: [{ group: 'mail' }] };
    const sender = { plan: planOf() };
    await vote(t.db, await opened(t.db, one, sender), ADA);
    await vote(t.db, await opened(t.db, one, sender), ADA, { decision: 'deny' });
    await opened(t.db, one);
    const before = (await t.db.query('select * from ruawatch.audit_head')).rows;
    const { code, text } = await run(`approvals:${RULES.replaceAll('\n', '\n  ')}`);
    expect(code).toBe(2);
    expect(text).toContain('3 requests from 2026-11-27 08:00');
    expect(text).toContain('What happened: rules decided 0, people 2, break-glass 0, nobody 1.');
    expect(text).toContain('With these rules: rules would decide 2, people would be asked about 1.');
    expect(text).toContain('1: would be approved by a rule, and people denied it');
    expect(text).not.toContain('No case differs.');
    expect(text).not.toContain('--limit');
    expect(text).toMatch(/2 .*routine +denied_by_people +denied/);
    expect((await t.db.query('select * from ruawatch.audit_head')).rows).toEqual(before);
    const json = JSON.parse((await run(RULES, { json: true })).text);
    expect(json).toMatchObject({ requests: 3, approved_by_rule: 2, asked: 1, rules: { routine: 2, rest: 1 }, unread: 0 });
    expect(json.cases[0]).toMatchObject({
      request_key: 2,
      differs: 'denied_by_people',
      was: { by: 'people', decision: 'denied' },
    });
    expect(await run(RULES, { from: '2026-12-01' })).toMatchObject({
      code: 0,
      text: expect.stringContaining('No request is stored'),
    });
  });

  test('a plan that was changed afterwards decides nothing, and is counted', async () => {
    await opened(t.db);
    await t.db.query(`update ruawatch.requests set plan = replace(plan, 'reject', 'none')`);
    expect((await run(RULES)).text).toContain('No request is stored');
    expect(JSON.parse((await run(RULES, { json: true })).text).unread).toBe(1);
  });

  test.each([
    ['rules: [', /is not YAML/],
    ['groups: {}\nrules: []', /has no rules/],
    ['rules: [{ name: a, stages: [{ group: b }] }]', /names the group "b", which is not in groups/],
    ['rules: [{ name: a, decide: automatic }]', /has no ceiling/],
    ['- 1', /rules\.yaml: /],
  ])('%s is refused with a sentence', (text, sentence) => {
    expect(() => readRules(file(text))).toThrow(sentence);
  });
  test('so is a file that is not there', () => {
    expect(() => readRules(path.join(folder, 'none.yaml'))).toThrow(/none\.yaml cannot be read/);
  });
});
