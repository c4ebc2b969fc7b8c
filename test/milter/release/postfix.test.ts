import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { holdQueue } from '../../../services/milter/release/postfix.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-postfix-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => rmSync(path.join(folder, 'ran'), { force: true }));

/** The programs of Postfix, each of which notes how it was called and then runs these lines of shell. */
function queue(lines: { postsuper?: string; postqueue?: string; postcat?: string } = {}, timeoutMs = 20_000) {
  const program = (name: 'postsuper' | 'postqueue' | 'postcat') => {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\necho ${name} "$@" "$LC_ALL" >>${folder}/ran\n${lines[name] ?? ''}\n`);
    chmodSync(file, 0o755);
    return [file];
  };
  return holdQueue({ postsuper: program('postsuper'), postqueue: program('postqueue'), postcat: program('postcat') }, timeoutMs);
}
const ran = () => (existsSync(path.join(folder, 'ran')) ? readFileSync(path.join(folder, 'ran'), 'utf8').trim().split('\n') : []);

test('what is held is listed, and nothing else of the queue', async () => {
  const entry = (queue_id: string, queue_name: string, more = '') =>
    `{"queue_name":"${queue_name}","queue_id":"${queue_id}","sender":"${queue_id}@example.com","arrival_time":1700000000${more}}`;
  const lines = [entry('AA1', 'hold', ',"recipients":[]'), entry('BB2', 'deferred'), entry('CC3', 'hold')];
  expect(await queue({ postqueue: `cat <<'E'\n${lines.join('\n')}\nE` }).list()).toEqual([
    { id: 'AA1', sender: 'AA1@example.com', arrived: 1_700_000_000_000 },
    { id: 'CC3', sender: 'CC3@example.com', arrived: 1_700_000_000_000 },
  ]);
  expect(ran()).toEqual(['postqueue -j C']);
  expect(await queue().list()).toEqual([]);
});

test('a mail that is let go is delivered at once', async () => {
  await queue().letGo('AA1');
  expect(ran()).toEqual(['postsuper -H AA1 C', 'postqueue -i AA1 C']);
});

test('mails are removed from the hold queue alone', async () => {
  await queue().remove(['AA1', 'BB2']);
  expect(ran()).toEqual(['postsuper -d AA1 hold C', 'postsuper -d BB2 hold C']);
});

test('a mail is read whole, or its header alone', async () => {
  const postcat = "printf 'Subject: \\303\\244\\n\\nx'";
  expect(await queue({ postcat }).read('AA1')).toEqual(Buffer.from('Subject: ä\n\nx'));
  expect(await queue({ postcat }).readHeader('AA1')).toBe(Buffer.from('Subject: ä\n\nx').toString('latin1'));
  expect(ran()).toEqual(['postcat -bhq AA1 C', 'postcat -hq AA1 C']);
});

test.each(['', '-d', 'ALL ALL', '../AA1', 'A'.repeat(65)])('"%s" is no name of a queue file, and nothing is run', async (id) => {
  const said = { code: 'postfix', message: `"${id}" is no name of a queue file.` };
  const { letGo, remove, read, readHeader } = queue();
  for (const step of [letGo, read, readHeader]) await expect(step(id)).rejects.toMatchObject(said);
  await expect(remove([id])).rejects.toMatchObject(said);
  expect(ran()).toEqual([]);
});

test('a name of 64 characters is one', async () => {
  await queue().read('A'.repeat(64));
  expect(ran()).toHaveLength(1);
});

test('what cannot be done now is said with the program and what it complained of', async () => {
  const why = async (lines: Parameters<typeof queue>[0]) => {
    const error = (await queue(lines)
      .list()
      .catch((thrown: unknown) => thrown)) as Error & { code: string };
    return `${error.code}: ${error.message.replace(`${folder}/`, '')}`;
  };
  expect(await why({ postqueue: 'echo "fatal: the mail system is down" >&2; exit 69' })).toBe(
    'postfix: postqueue -j ended with code 69: fatal: the mail system is down.',
  );
  expect(await why({ postqueue: 'kill -9 $$' })).toMatch(/^postfix: postqueue -j ended with no code: /);
  const missing = holdQueue({ postsuper: ['x'], postqueue: [`${folder}/none`], postcat: ['x'] });
  await expect(missing.list()).rejects.toMatchObject({
    code: 'postfix',
    message: expect.stringMatching(/none -j cannot be run: .*ENOENT/),
  });
});
