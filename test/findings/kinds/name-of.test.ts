import { expect, test } from 'vitest';
import { kindName } from '../../../services/findings/kinds/name-of.ts';

test('a kind has its name, and one that this version does not know stays as it is', () => {
  expect(kindName('authentication_regression')).toBe('Authentication that broke');
  expect(kindName('constructor')).toBe('constructor');
  // A rule whose findings are of another rule's kind.
  expect(kindName('abused_sender')).toBe('abused_sender');
});
