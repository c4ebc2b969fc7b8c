import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../services/shared/settings/config.ts';

const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/mailboxes.md'), 'utf8');
const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map((m) => m[1]!);

test('every example of docs/mailboxes.md is a setting that is accepted', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-docs-'));
  try {
    writeFileSync(path.join(folder, 'secret'), 'x');
    const seen = examples.map((example) => {
      writeFileSync(path.join(folder, 'ruawatch.yaml'), example.replace(/_file: .*/g, '_file: secret'));
      return loadConfig({}, folder).mailboxes.map((m) => m.name);
    });
    expect(seen).toEqual([['main', 'subsidiary'], ['gmail'], ['gmail'], ['m365']]);
    const url = text.match(/IMAP_URL='([^']+)'/)![1]!;
    expect(loadConfig({ IMAP_URL: url }, folder).mailboxes[0]).toMatchObject({
      user: 'rua@example.org',
      password: 'the password',
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
