import { createPublicKey } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keysByCommand, run } from '../../../services/applier/keys/command.ts';
import { keyFiles, recordOf } from '../../../services/applier/keys/files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ['opendkim', 'KeyTable', (s: string) => path.join('example.com', `${s}.private`)],
  ['rspamd', 'dkim_selectors.map', (s: string) => `example.com.${s}.key`],
] as const)('keys as %s has them', (layout, table, fileOf) => {
  const store = () => keyFiles(layout, folder, 'example.com', 2048);
  const modeOf = (name: string) => statSync(path.join(folder, name)).mode & 0o777;
  /** A table whose line of the domain names a selector, with a comment and an empty line around it. */
  const names = (selector: string) =>
    writeFileSync(
      path.join(folder, table),
      layout === 'rspamd'
        ? `example.org s1\n\n example.com  ${selector} \n`
        : `example.org example.org:s1:/k\n\n example.com  example.com:${selector}:${path.join(folder, fileOf(selector))} \n`,
    );

  test('are made once, readable by their owner alone, and switched in one line', async () => {
    expect(await store().current()).toBeNull();
    const record = await store().make('r1');
    expect(await store().make('r1')).toBe(record);
    const file = path.join(folder, fileOf('r1'));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(recordOf(readFileSync(file, 'utf8'))).toBe(record);
    const key = createPublicKey({ key: Buffer.from(record.split('p=')[1]!, 'base64'), format: 'der', type: 'spki' });
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(await store().current()).toBeNull();
    await store().switchTo('r1');
    expect(await store().current()).toBe('r1');
    await store().make('r2');
    await store().switchTo('r2');
    await store().switchTo('r2');
    expect(await store().current()).toBe('r2');
    expect(readFileSync(path.join(folder, table), 'utf8').trim().split('\n')).toHaveLength(1);
    expect(existsSync(file)).toBe(true);
    expect(readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()).toEqual(
      [...(layout === 'opendkim' ? ['example.com'] : []), fileOf('r1'), fileOf('r2'), table].sort(),
    );
    expect(modeOf(table)).toBe(0o644);
    if (layout === 'opendkim') expect(modeOf('example.com')).toBe(0o700);
    // No file is left open.
    const open = readdirSync('/proc/self/fd').filter((fd) => existsSync(`/proc/self/fd/${fd}`));
    expect(open.map((fd) => readlinkSync(`/proc/self/fd/${fd}`)).filter((at) => at.startsWith(folder))).toEqual([]);
  });

  // The signer runs as a user of its own, to whom a key of ours would say nothing.
  test.runIf(process.getuid?.() === 0)(
    'have the owner and the group of the key that signs now, and so has the table',
    async () => {
      await store().make('r1');
      await store().switchTo('r1');
      for (const [i, [uid, gid, mode, given]] of [
        [1234, 2345, 0o777, 0o640],
        [1234, 0, 0o400, 0o400],
        [0, 2345, 0o640, 0o640],
      ].entries()) {
        for (const name of [fileOf(`r${i + 1}`), table]) chownSync(path.join(folder, name), uid!, gid!);
        chmodSync(path.join(folder, fileOf(`r${i + 1}`)), mode!);
        await store().make(`r${i + 2}`);
        await store().switchTo(`r${i + 2}`);
        expect(statSync(path.join(folder, fileOf(`r${i + 2}`)))).toMatchObject({ uid, gid });
        expect(modeOf(fileOf(`r${i + 2}`))).toBe(given);
        expect(statSync(path.join(folder, table))).toMatchObject({ uid, gid });
      }
    },
  );

  test('of a key that signs and is gone, nothing is taken over', async () => {
    names('old');
    expect(await store().current()).toBe('old');
    await store().make('r1');
    expect(modeOf(fileOf('r1'))).toBe(0o600);
    await store().switchTo('r1');
    const lines = readFileSync(path.join(folder, table), 'utf8').split('\n');
    expect(lines).toEqual(
      layout === 'rspamd'
        ? ['example.org s1', 'example.com r1', '']
        : ['example.org example.org:s1:/k', `example.com example.com:r1:${path.join(folder, fileOf('r1'))}`, ''],
    );
  });

  test.each(['example.com', 'example.comm x:y', '# example.com s1', ''])('the line %j names no key', async (line) => {
    writeFileSync(path.join(folder, table), `${line}\n`);
    expect(await store().current()).toBeNull();
  });

  test('a table that cannot be read is said', async () => {
    mkdirSync(path.join(folder, table));
    const why = expect.stringMatching(`^The table ${path.join(folder, table)} cannot be read: .*EISDIR`);
    await expect(store().current()).rejects.toMatchObject({ name: 'KeyStoreError', message: why });
    await expect(store().make('r1')).rejects.toThrow(/cannot be made: The table /);
  });

  test('leave the lines and rights of the table to others', async () => {
    const file = path.join(folder, table);
    writeFileSync(file, '# ours\nexample.org example.org:s1:/k\nsub.example.com x:y:z\n', { mode: 0o640 });
    await store().make('r1');
    await store().switchTo('r1');
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines.slice(0, 3)).toEqual(['# ours', 'example.org example.org:s1:/k', 'sub.example.com x:y:z']);
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  test('are not switched to what is not there, nor made where nothing can be written', async () => {
    await expect(store().switchTo('r9')).rejects.toThrow(/cannot be switched to r9: /);
    writeFileSync(path.join(folder, 'plain'), '');
    const lost = keyFiles(layout, path.join(folder, 'plain'), 'example.com', 2048);
    await expect(lost.make('r1')).rejects.toThrow(/cannot be made: /);
  });
});

test.runIf(process.getuid?.() === 0)('a key of OpenDKIM that lies elsewhere says who owns keys', async () => {
  const old = path.join(folder, 'mail.private');
  writeFileSync(old, 'key', { mode: 0o600 });
  chownSync(old, 1234, 2345);
  writeFileSync(path.join(folder, 'KeyTable'), `example.com example.com:mail:${old}\n`);
  await keyFiles('opendkim', folder, 'example.com', 2048).make('r2');
  for (const name of ['example.com', 'example.com/r2.private'])
    expect(statSync(path.join(folder, name))).toMatchObject({ uid: 1234, gid: 2345 });
});

test('a key of OpenDKIM whose place cannot be looked at is said', async () => {
  writeFileSync(path.join(folder, 'plain'), '');
  writeFileSync(path.join(folder, 'KeyTable'), `example.com example.com:mail:${folder}/plain/mail.private\n`);
  await expect(keyFiles('opendkim', folder, 'example.com', 2048).make('r2')).rejects.toThrow(
    /cannot be made: a part of .* is no folder \(ENOTDIR\)$/,
  );
});

describe('keys of a command', () => {
  const script = (text: string) => keysByCommand(['sh', '-c', text], 'example.com', 3072);

  test('it gets each step as JSON, and prints the record', async () => {
    const log = path.join(folder, 'log');
    const record = `v=DKIM1; k=rsa; p=${'A'.repeat(64)}`;
    const store = script(
      `read line; echo "$line" >> ${log}; case "$line" in *make*) echo '${record}';; *current*) echo s1;; esac`,
    );
    expect(await store.current()).toBe('s1');
    expect(await store.make('r1')).toBe(record);
    await store.switchTo('r1');
    expect(
      readFileSync(log, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { version: 1, step: 'current', domain: 'example.com', selector: null, bits: 3072 },
      { version: 1, step: 'make', domain: 'example.com', selector: 'r1', bits: 3072 },
      { version: 1, step: 'switch', domain: 'example.com', selector: 'r1', bits: 3072 },
    ]);
  });

  test('that fails, prints something else, or is not there says so', async () => {
    const said = (work: Promise<unknown>) =>
      work.then(
        (result) => result,
        ({ name, message }: Error) => `${name}: ${message}`,
      );
    const record = `v=DKIM1; k=rsa; p=${'A'.repeat(64)}`;
    const nowhere = keysByCommand(['/no/such/program'], 'example.com', 2048);
    expect([
      await said(script('').current()),
      await said(script('exit 3').switchTo('r1')),
      await said(script('echo why >&2; echo more >&2; exit 3').switchTo('r1')),
      await said(script('kill -9 $$').switchTo('r1')),
      await said(script('echo hello').make('r1')),
      await said(script(`echo '${record}'; echo more`).make('r1')),
      await said(run(['sh', '-c', 'exec sleep 600'], '', 100)),
    ]).toEqual([
      null,
      'KeyStoreError: The command sh ended with code 3.',
      'KeyStoreError: The command sh ended with code 3: why',
      'KeyStoreError: The command sh ended with no code.',
      'KeyStoreError: The command sh has printed no DKIM record for r1.',
      'KeyStoreError: The command sh has printed no DKIM record for r1.',
      'KeyStoreError: The command sh took too long, and was ended.',
    ]);
    expect(await said(nowhere.current())).toMatch(/^KeyStoreError: The command \/no\/such\/program cannot be run: .*ENOENT/);
  });

  test('20,000 bytes of what it prints are read', async () => {
    const print = (count: number) => run(['sh', '-c', `printf '%${count}s'`]);
    expect([(await print(20_000)).length, (await print(20_001)).length]).toEqual([20_000, 20_000]);
  });
});
