import { expect, test } from 'vitest';
import { settingsSchema } from '../../../services/shared/settings/settings-schema.ts';
import { limitsOf } from '../../helpers/limits.ts';

// A setting that is accepted today must be accepted tomorrow, and a default is what most installations have.
test('what settings may be, and what they are when nothing is set, is as in golden/', () =>
  expect(limitsOf(settingsSchema)).toMatchFileSnapshot('golden/limits.txt'));
