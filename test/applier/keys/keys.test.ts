import { createPublicKey } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keysByCommand } from '../../../services/applier/keys/command.ts';
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
    expect(readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.part'))).toEqual([]);
  });

  // The signer runs as a user of its own, to whom a key of ours would say nothing.
  test.runIf(process.getuid?.() === 0)(
    'have the owner and the group of the key that signs now, and so has the table',
    async () => {
      await store().make('r1');
      await store().switchTo('r1');
      for (const name of [fileOf('r1'), table]) chownSync(path.join(folder, name), 1234, 2345);
      chmodSync(path.join(folder, fileOf('r1')), 0o644);
      await store().make('r2');
      await store().switchTo('r2');
      const made = statSync(path.join(folder, fileOf('r2')));
      expect([made.uid, made.gid, made.mode & 0o777]).toEqual([1234, 2345, 0o640]);
      const { uid, gid } = statSync(path.join(folder, table));
      expect([uid, gid]).toEqual([1234, 2345]);
    },
  );

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
    await expect(script('exit 3').switchTo('r1')).rejects.toThrow(/ended with code 3\./);
    await expect(script('echo hello').make('r1')).rejects.toThrow(/printed no DKIM record/);
    await expect(keysByCommand(['/no/such/program'], 'example.com', 2048).current()).rejects.toThrow(/cannot be run/);
  });
});
