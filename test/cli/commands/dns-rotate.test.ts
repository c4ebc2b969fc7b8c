import { afterEach, beforeEach, expect, test } from 'vitest';
import { runDnsRotate } from '../../../services/cli/commands/dns-rotate.ts';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { dkimKeys, dkimSchema } from '../../../services/shared/settings/dkim-keys.ts';
import { rotationsOf, stepRotation } from '../../../services/store/requests/rotations.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { DOMAIN } from '../../analyzer/rows.ts';
import { GROUPS } from '../../requests/sample.ts';

let f: Fixture;
let lines: string[];
beforeEach(async () => {
  f = await fixture();
  lines = [];
  f.context.config.approvals = approvalsSchema.parse({ groups: GROUPS, rules: [{ name: 'rest', stages: [{ group: 'mail' }] }] });
  f.context.config.dkimKeys = dkimKeys(dkimSchema.parse([{ domain: DOMAIN, layout: 'opendkim', folder: '/k' }]), '/', []);
});
afterEach(() => f.close());

const rotate = (options: Parameters<typeof runDnsRotate>[2], domain = DOMAIN) =>
  runDnsRotate(f.context.config, domain, options, { out: (line) => lines.push(line), now: f.context.clock.now() });
const WHY = { why: 'It is old.', by: 'Zoe@example.com' };

test('begins a rotation once, and shows how far it is', async () => {
  await rotate({ status: true });
  expect(lines).toEqual([`No key of ${DOMAIN} was rotated yet.`]);
  await rotate(WHY);
  expect(lines.at(-1)).toMatch(/^Rotation 1 of the key of example\.com begins: "ruawatch dns rotate example\.com --status"/);
  await expect(rotate(WHY)).rejects.toMatchObject({ code: 'rotating' });
  const [row] = await rotationsOf(f.t.db, DOMAIN, 1);
  const made = {
    actor: 'applier',
    now: f.context.clock.now(),
    old_selector: 's1',
    new_selector: 'r2\u001b[2J',
    waits_for: 'a reason',
  };
  await stepRotation(f.t.db, row!, 'made', made);
  lines = [];
  await rotate({ status: true });
  expect(lines).toEqual([
    expect.stringMatching(
      /^Rotation 1 \(s1 → r2\S*2J\): the new key is made\. Asked for by zoe@example\.com at .* UTC: It is old\.$/,
    ),
    '  Waits: a reason',
  ]);
  expect(lines.join('')).not.toContain('\u001b');
  lines = [];
  await rotate({ status: true, json: true });
  expect(JSON.parse(lines.join('\n'))).toMatchObject({ domain: DOMAIN, rotations: [{ step: 'made', old_selector: 's1' }] });
});

test('says what is missing', async () => {
  await expect(rotate({})).rejects.toMatchObject({ code: 'usage' });
  await expect(rotate(WHY, 'example.org')).rejects.toMatchObject({ code: 'no_keys' });
  f.context.config.approvals = approvalsSchema.parse({});
  await expect(rotate(WHY)).rejects.toMatchObject({ code: 'no_rule' });
});
