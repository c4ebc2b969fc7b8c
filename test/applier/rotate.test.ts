import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RotateMeans, rotateKeys } from '../../services/applier/rotate.ts';
import type { DkimKey } from '../../services/shared/settings/dkim-keys.ts';
import { beginRotation, type RotationStep, rotationsOf } from '../../services/store/requests/rotations.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

const DOMAIN = 'example.com';
const RECORD = `v=DKIM1; k=rsa; p=${'A'.repeat(64)}`;
const BEGUN = new Date('2026-07-01T23:30:00Z');
const NOW = new Date('2026-07-02T08:00:00Z');

let t: TestDatabase;
let folder: string;
let lines: object[];
beforeEach(async () => {
  t = await testDatabase();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-rotate-'));
  lines = [];
  program();
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await t.drop();
});

const at = (name: string) => path.join(folder, name);
/** The program that has the keys; it notes each step, and goes on with these lines of shell. */
const program = (more = '') =>
  writeFileSync(
    at('keys'),
    `#!/bin/sh\nread asked; echo "$asked" >> ${at('asked')}\n${more}\ncase "$asked" in *make*) echo '${RECORD}';; *current*) echo old;; esac\n`,
    { mode: 0o755 },
  );
const asked = () =>
  (existsSync(at('asked')) ? readFileSync(at('asked'), 'utf8').split('\n') : []).filter(Boolean).map((line) => {
    const { step, selector } = line === 'reload' ? { step: line, selector: null } : JSON.parse(line);
    return [step, selector];
  });
const key = (given: Partial<DkimKey> = {}): DkimKey => ({
  domain: DOMAIN,
  layout: 'command',
  folder: null,
  command: [at('keys')],
  kubernetes: null,
  reload: null,
  prefix: 'r',
  bits: 2048,
  rotateEveryDays: null,
  ...given,
});
const rotate = (keys = [key()], openApi?: RotateMeans['openApi']) =>
  rotateKeys({
    db: t.db,
    log: pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    keys,
    now: () => NOW,
    ...(openApi && { openApi }),
  });
const begin = async (step: RotationStep = 'wanted', domain = DOMAIN) => {
  const number = await beginRotation(t.db, domain, { person: 'zoe@example.com', why: 'old' }, BEGUN);
  const selector = step === 'wanted' ? null : 'r1';
  await t.db.query('update ruawatch.rotations set step = $2, new_selector = $3 where rotation_key = $1', [
    number,
    step,
    selector,
  ]);
  return number;
};
const newest = async (domain = DOMAIN) => {
  const [{ step, old_selector, new_selector, record, stepped_at, switched_at, waits_for }] = (await rotationsOf(
    t.db,
    domain,
    1,
  )) as [Awaited<ReturnType<typeof rotationsOf>>[0]];
  return { step, old_selector, new_selector, record, stepped_at, switched_at, waits_for };
};

test('a key is made beside the one that signs, named after the day on which its rotation began and its number', async () => {
  const number = await begin();
  await rotate([key({ domain: 'example.org', command: ['/nowhere'] }), key()]);
  const new_selector = `r20260701-${number}`;
  expect(asked()).toEqual([
    ['current', null],
    ['make', new_selector],
  ]);
  expect(await newest()).toEqual({
    step: 'made',
    old_selector: 'old',
    new_selector,
    record: RECORD,
    stepped_at: NOW,
    switched_at: null,
    waits_for: null,
  });
  // The next step is the approver's.
  await rotate();
  expect(asked()).toHaveLength(2);
  expect(lines).toEqual([]);
});

test('it signs when its record is published; what reads the tables is told then', async () => {
  writeFileSync(at('reload'), `#!/bin/sh\necho reload >> ${at('asked')}\n`, { mode: 0o755 });
  for (const [reload, calls] of [
    [null, [['switch', 'r1']]],
    [
      [at('reload')],
      [
        ['switch', 'r1'],
        ['reload', null],
      ],
    ],
  ] as const) {
    rmSync(at('asked'), { force: true });
    await t.db.query("update ruawatch.rotations set step = 'done'");
    await begin('published');
    await rotate([key({ reload })]);
    expect(asked()).toEqual(calls);
    expect(await newest()).toMatchObject({ step: 'switched', new_selector: 'r1', stepped_at: NOW, switched_at: NOW });
  }
});

test.each(['made', 'publishing', 'switched', 'revoking', 'done', 'stopped'] as const)(
  '%s is not a step of the applier',
  async (step) => {
    await begin(step);
    await rotate();
    expect([asked(), (await newest()).step]).toEqual([[], step]);
  },
);

test('what cannot be done is noted and said, and keeps no other from its step', async () => {
  const failing = await begin();
  await begin('wanted', 'example.org');
  program('case "$asked" in *example.com*) echo away >&2; exit 1;; esac');
  await rotate([key(), key({ domain: 'example.org' })]);
  const why = `The command ${at('keys')} ended with code 1: away`;
  expect(await newest()).toMatchObject({ step: 'wanted', waits_for: why });
  expect((await newest('example.org')).step).toBe('made');
  const msg = 'a key could not be rotated yet; it is tried again';
  expect(lines).toEqual([{ level: 40, rotation: failing, err: why, msg }]);
  await rotate([]);
  expect((await newest()).waits_for).toBe(
    'The settings (dkim) have no keys of example.com: say where they are, or rotate it elsewhere.',
  );
});

const KUBERNETES = {
  namespace: 'mail',
  secret: 'dkim',
  configMap: 'signer',
  signer: 'rspamd',
  mount: null,
  seen: null,
} as unknown as NonNullable<DkimKey['kubernetes']>;

test('a switch waits until what signs has the key', async () => {
  await begin('published');
  await rotate([key({ layout: 'kubernetes', kubernetes: KUBERNETES })]);
  expect(await newest()).toMatchObject({
    step: 'published',
    waits_for: 'nothing looks at the pods of the signer: start the service cluster',
  });
  expect(lines).toEqual([]);
});

test('an error that is none of a place of keys ends the turn', async () => {
  await begin();
  const open = async () => {
    throw new TypeError('a mistake of ours');
  };
  await expect(rotate([key({ layout: 'kubernetes', kubernetes: KUBERNETES })], open)).rejects.toThrow('a mistake of ours');
  expect((await newest()).waits_for).toBeNull();
});
