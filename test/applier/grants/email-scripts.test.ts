import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { emailWorker } from '../../../services/applier/grants/email.ts';
import type { GrantMeans } from '../../../services/applier/grants/grant-kind.ts';
import type { MailServer } from '../../../services/shared/settings/access.ts';
import type { Grant } from '../../../services/store/grants/grants.ts';

// What lends, ends and lists accounts is a program here, or files that a script reads; email.test.ts has
// Postfix and Dovecot.
const MARK = 'ruawatch_lent_0a1b2c3d_';
const NAME = `${MARK}7_ab12cd`;
const FROM = 'shop@example.com';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-email-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => path.join(folder, name);
const read = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), 'utf8') : '');
/** A program in the shell that notes its arguments, and goes on with these lines. */
const script = (name: string, lines = '') => {
  writeFileSync(at(name), `#!/bin/sh\necho "${name} $*" >> ${at('called')}\n${lines}\n`, { mode: 0o755 });
  return at(name);
};
const called = () => read('called').split('\n').filter(Boolean);
const serverOf = (accounts: MailServer['accounts'], doveadm: string[] | null = null): MailServer => ({
  name: 'submission',
  for: [],
  services: [],
  longestSeconds: 86_400,
  risk: 'low',
  addresses: ['@example.com'],
  accounts,
  doveadm,
});
const meansOf = (...mail: MailServer[]): GrantMeans => ({
  access: { unwatchedMs: 1, databases: [], dns: [], mail, providers: [], console: null },
  dnsTargets: [],
  dns: { ask: async () => ({ state: 'unknown', reason: 'cancelled', message: '' }) },
  mark: MARK,
  signal: new AbortController().signal,
});
const grantOf = (given: object = {}) =>
  ({
    kind: 'access.email',
    server: 'submission',
    name: NAME,
    scope: { from: FROM },
    credential: '{SHA512-CRYPT}$6$hash',
    seconds: 3600,
    ...given,
  }) as unknown as Grant;
const nothing = (server: string) => expect.unreachable(server);
/** A server whose program prints something, or fails; what it is asked is noted. */
const byProgram = (lines: string) =>
  serverOf({ by: 'command', command: [script('lend', `cat >> ${at('asked')}; echo >> ${at('asked')}; ${lines}`)] });
const asked = () =>
  read('asked')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

test('what the settings do not have is not lent, and cannot be ended', async () => {
  const means = meansOf(byProgram(''));
  expect([
    await emailWorker.apply(grantOf({ server: 'gone' }), means),
    await emailWorker.apply(grantOf({ scope: { from: 'shop@example.net' } }), means),
    await emailWorker.end(grantOf({ server: 'gone' }), means),
  ]).toEqual([
    { state: 'failed', answer: 'The settings (access.email) have no server gone.' },
    { state: 'failed', answer: 'shop@example.net is not among the addresses of submission.' },
    {
      state: 'later',
      answer: 'The settings (access.email) have no server gone any more: put it back until its grants have ended.',
    },
  ]);
  expect(asked()).toEqual([]);
});

describe('by a program', () => {
  test('it is told what is lent and ended', async () => {
    const means = meansOf(byProgram(''));
    expect(await emailWorker.apply(grantOf(), means)).toEqual({
      state: 'active',
      answer: `The account ${NAME} may send as ${FROM}.`,
      most: null,
    });
    expect(await emailWorker.end(grantOf(), means)).toEqual({ state: 'ended', answer: `The account ${NAME} is gone.` });
    const common = { version: 1, kind: 'access.email', name: NAME };
    expect(asked()).toEqual([
      { ...common, verb: 'lend', scope: { from: FROM }, seconds: 3600, password_hash: '{SHA512-CRYPT}$6$hash' },
      { ...common, verb: 'end' },
    ]);
  });

  test('it may say when what it lends ends by itself', async () => {
    const means = meansOf(byProgram(`echo '{"ends_at":"2027-01-01T00:00:00Z"}'`));
    expect((await emailWorker.apply(grantOf(), means)).most).toEqual(new Date('2027-01-01T00:00:00Z'));
  });

  test.each([
    ['exit 1', 'failed'],
    ['exit 75', 'later'],
  ])('%s: lending has ended as %s, and an end is tried again', async (lines, state) => {
    const means = meansOf(byProgram(`echo no >&2; ${lines}`));
    expect(await emailWorker.apply(grantOf(), means)).toEqual({ state, answer: 'submission: no' });
    expect(await emailWorker.end(grantOf(), means)).toEqual({ state: 'later', answer: 'submission: no' });
    const failed: string[][] = [];
    expect(await emailWorker.present!(means, (...said) => failed.push(said))).toEqual([]);
    expect(failed).toEqual([['submission', 'no']]);
  });

  test('of what it lists, that counts which has the mark', async () => {
    const means = meansOf(byProgram(`echo '{"names":["${NAME}","other","x${NAME}"]}'`));
    expect(await emailWorker.present!(means, nothing)).toEqual([{ server: 'submission', name: NAME, sessions: null }]);
    expect(asked()).toEqual([{ version: 1, verb: 'list', kind: 'access.email', mark: MARK }]);
    expect(await emailWorker.present!(meansOf(byProgram('echo "{}"')), nothing)).toEqual([]);
  });
});

describe('in files', () => {
  const OTHERS = [`x${NAME}:hash\nother:hash\n`, `other@example.com other\nz@example.com x${NAME}\n`] as const;
  const byFile = (
    doveadm: string[] | null = null,
    postmap = [script('postmap', `cat ${at('senders')} >> ${at('called')}`), 'A'],
  ) => {
    if (!existsSync(at('users'))) {
      writeFileSync(at('users'), OTHERS[0]);
      writeFileSync(at('senders'), OTHERS[1]);
    }
    return serverOf({ by: 'file', file: at('users'), senders: at('senders'), postmap }, doveadm);
  };
  const SENDS = `${FROM} ${NAME}`;

  test('first an account may send as nobody else, then it can log in; both once', async () => {
    const server = byFile();
    for (let turn = 0; turn < 2; turn++)
      expect(await emailWorker.apply(grantOf(), meansOf(server))).toEqual({
        state: 'active',
        answer: `The account ${NAME} may send as ${FROM}.`,
        most: null,
      });
    expect([read('users'), read('senders')]).toEqual([
      `${OTHERS[0]}${NAME}:{SHA512-CRYPT}$6$hash::::::\n`,
      `${OTHERS[1]}${SENDS}\n`,
    ]);
    const built = ['postmap A', ...OTHERS[1].trim().split('\n'), SENDS];
    expect(called()).toEqual([...built, ...built]);
    expect(await emailWorker.present!(meansOf(server), nothing)).toEqual([{ server: 'submission', name: NAME, sessions: null }]);
  });

  test('its lines are gone when it has ended, and it can be ended again', async () => {
    const server = byFile();
    await emailWorker.apply(grantOf(), meansOf(server));
    const open =
      'An SMTP session that is open goes on until it is closed: Postfix reads such a table once for each (LMDB at each mail).';
    for (const answer of [`The account ${NAME} is gone. ${open}`, `There is no account ${NAME}. ${open}`]) {
      rmSync(at('called'));
      expect(await emailWorker.end(grantOf(), meansOf(server))).toEqual({ state: 'ended', answer });
      expect([read('users'), read('senders')]).toEqual(OTHERS);
      // A process may have ended after it changed the text.
      expect(called()).toEqual(['postmap A', ...OTHERS[1].trim().split('\n')]);
    }
    expect(await emailWorker.present!(meansOf(server), nothing)).toEqual([]);
  });

  test('what one of the files alone has is there', async () => {
    const server = byFile();
    writeFileSync(at('senders'), `${OTHERS[1]}${SENDS}\nonly\n`);
    expect(await emailWorker.present!(meansOf(server), nothing)).toEqual([{ server: 'submission', name: NAME, sessions: null }]);
    writeFileSync(at('senders'), OTHERS[1]);
    writeFileSync(at('users'), `${NAME}:hash\n`);
    expect(await emailWorker.present!(meansOf(server), nothing)).toEqual([{ server: 'submission', name: NAME, sessions: null }]);
  });

  test('a table that cannot be made gives no account, and ends none', async () => {
    const postmap = [script('postmap', 'echo broken >&2; exit 3')];
    const server = byFile(null, postmap);
    const answer = `submission: ${postmap[0]} ended with code 3: broken`;
    expect(await emailWorker.apply(grantOf(), meansOf(server))).toEqual({ state: 'later', answer });
    expect(read('users')).toBe(OTHERS[0]);
    expect(await emailWorker.end(grantOf(), meansOf(server))).toEqual({ state: 'later', answer });
  });

  test('files that are gone are said', async () => {
    const server = byFile();
    rmSync(at('users'));
    const failed: string[][] = [];
    expect(await emailWorker.present!(meansOf(server), (...said) => failed.push(said))).toEqual([]);
    expect(failed).toEqual([['submission', expect.stringContaining('ENOENT')]]);
  });

  test.each([
    ['that there were', '', `There is no account ${NAME}; its sessions are ended.`],
    ['that there were none', '[ "$1" = kick ] && exit 68', `There is no account ${NAME}.`],
    ['another code', '[ "$1" = kick ] && { echo away >&2; exit 69; }', 'submission: doveadm kick ended with code 69: away'],
    [
      'no to the first call',
      '[ "$1" = auth ] && { echo away >&2; exit 68; }',
      'submission: doveadm auth cache flush ended with code 68: away',
    ],
  ])('of the sessions doveadm says %s', async (_, lines, answer) => {
    const postmap = [script('postmap'), `lmdb:${at('senders')}`];
    const server = byFile([script('doveadm', `shift; ${lines}\nexit 0`), '-x'], postmap);
    const state = answer.startsWith('submission') ? 'later' : 'ended';
    expect(await emailWorker.end(grantOf(), meansOf(server))).toEqual({ state, answer });
    const calls = [
      `postmap lmdb:${at('senders')}`,
      `doveadm -x auth cache flush ${NAME}`,
      ...(lines.includes('= auth') ? [] : [`doveadm -x kick ${NAME}`]),
    ];
    expect(called()).toEqual(calls);
  });
});
