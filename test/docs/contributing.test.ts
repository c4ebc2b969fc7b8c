import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const text = readFileSync(path.join(ROOT, 'CONTRIBUTING.md'), 'utf8');

test('every file and folder that CONTRIBUTING.md names exists', () => {
  const quoted = [...text.matchAll(/`((?:services|test|demo|simulate|data|scripts|migrations)\/[^`\s]*)`/g)].map(
    ([, name]) => name!,
  );
  const documents = [...text.matchAll(/\bdocs\/[a-z]+\.md\b/g)].map(([name]) => name);
  const named = [...new Set([...quoted, ...documents])].filter((name) => !/KIND|NNNN|NAME|\*|</.test(name));
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((name) => !existsSync(path.join(ROOT, name)))).toEqual([]);
});

/** Names in capitals that CONTRIBUTING.md gives for a list in a file. */
const LISTS = {
  'demo/world.ts': ['FINDINGS', 'REPORTERS'],
  'services/parser/upkeep/monthly-retention.ts': ['SETTING'],
  'services/shared/settings/mailbox.ts': ['URL_OPTIONS'],
  'services/shared/settings/webhook.ts': ['WEBHOOK_FORMATS'],
  'services/store/schema/partitions.ts': ['PARTITIONED'],
  'test/mails/subject.test.ts': ['OF_THE_DOMAIN'],
  'test/e2e/demo.test.ts': ['NOT_SHOWN'],
};

test.each(Object.entries(LISTS))('%s has the lists that CONTRIBUTING.md names', (file, names) => {
  const source = readFileSync(path.join(ROOT, file), 'utf8');
  for (const name of names) {
    expect(text).toContain(`\`${name}\``);
    expect(source, name).toMatch(new RegExp(`^(?:export )?const ${name}\\b`, 'm'));
  }
});
