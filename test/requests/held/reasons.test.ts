import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { isImitation, reasonWords } from '../../../services/requests/held/reasons.ts';

const MILTER = path.resolve(import.meta.dirname, '../../../services/milter');

test('every code that a rule of the milter writes has words', () => {
  const rules = readFileSync(path.join(MILTER, 'rules.ts'), 'utf8');
  const written = [...rules.matchAll(/code: '([a-z_]+)'/g)].map((match) => match[1]!);
  expect(written.length).toBeGreaterThan(4);
  for (const reason of written) expect(reasonWords(reason), reason).toContain(' ');
});

test('imitations are told from what is merely not proven', () => {
  expect(['person', 'own_address_shown', 'lookalike', 'new_domain'].every(isImitation)).toBe(true);
  expect(['own_domain', 'unclear_from', 'toString'].some(isImitation)).toBe(false);
});

test('a reason of another version is said as it is', () => {
  expect(reasonWords('since_later')).toBe('since_later');
  expect(reasonWords('constructor')).toBe('constructor');
});
