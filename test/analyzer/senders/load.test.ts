import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { alignmentFailure } from '../../../services/analyzer/rules/alignment_failure.ts';
import { catalogueOf } from '../../../services/analyzer/senders/load.ts';
import { classify } from '../../../services/analyzer/sources/classes.ts';
import { ago, row, sourceWindow, wordsFor } from '../rows.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-senders-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
};

test('a service the catalogue knows is named, and the advice is what its documentation says to publish', () => {
  const sender = catalogueOf({ sendersFile: null }).senders.get('sendgrid')!;
  const rows = Array.from({ length: 10 }, (_, i) => row(ago(i), 'foreignSpf', 50, { source: 'sendgrid.net' }));
  const known = sourceWindow(rows, { sender });
  const [finding] = alignmentFailure.find(known);
  expect(wordsFor(finding).advice[1]).toBe(`If one does: ${sender.align} (${sender.source})`);
  expect(classify(known).why).toContain(`sendgrid.net (${sender.name})`);
  const [unnamed] = alignmentFailure.find(sourceWindow(rows));
  expect(wordsFor(unnamed).advice[1]).toMatch(/^If one does, let sendgrid\.net sign/);
});

test("the user's file is laid over the catalogue; a wrong one is one sentence that names it", () => {
  const own = {
    id: 'ours',
    name: 'Our list server',
    kind: 'mailing_list',
    dkim_domains: ['lists.ours.example'],
    spf_domains: [],
    include: [],
    reverse_suffixes: [],
    align: null,
    source: null,
    checked: null,
  };
  const merged = catalogueOf({ sendersFile: file('own.json', JSON.stringify({ senders: [own] })) });
  expect(merged.dkim.get('lists.ours.example')?.name).toBe('Our list server');
  expect(merged.senders.size).toBe(catalogueOf({ sendersFile: null }).senders.size + 1);
  expect(() => catalogueOf({ sendersFile: file('bad.json', '{"senders": [{"id": "x"}]}') })).toThrow(
    /^senders_file bad\.json: Sender .*x/,
  );
  expect(() => catalogueOf({ sendersFile: path.join(folder, 'absent.json') })).toThrow(
    /^senders_file absent\.json: It cannot be read/,
  );
});
