import { expect, test } from 'vitest';
import { openFindings, reopenFindings, updateFindings } from '../../../services/store/findings/findings.ts';

/** Nothing may be asked of it. */
const unused = {} as never;
const at = new Date(0);

test.each<[string, () => Promise<unknown>]>([
  ['open', () => openFindings(unused, 'example.com', at, [])],
  ['open again', () => reopenFindings(unused, 'example.com', at, [])],
  ['update', () => updateFindings(unused, 'example.com', at, [])],
])('nothing is asked of the database where there is no finding to %s', async (_, ask) => {
  expect(await ask()).toEqual([]);
});
