import { expect, test } from 'vitest';
import { loadKeyMail } from '../../services/store/dns/published.ts';
import { noteUsed } from '../../services/store/grants/grants.ts';
import { noteContacts } from '../../services/store/milter/known.ts';

/** Nothing may be asked of it. */
const unused = {} as never;

test('nothing is asked of the database about no names', async () => {
  await noteUsed(unused, [], null);
  await noteContacts(unused, [], new Date(0));
  expect(await loadKeyMail(unused, 'example.com', [], { from: '2026-09-01', reporters: ['a.example'] })).toEqual([]);
});
