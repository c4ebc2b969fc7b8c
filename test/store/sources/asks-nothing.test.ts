import { expect, test } from 'vitest';
import { putBack, saveLookups, saveOwners } from '../../../services/store/sources/addresses.ts';
import { loadNetworkFacts, loadSourceLabels, saveIdentities } from '../../../services/store/sources/identities.ts';

/** Nothing may be asked of it. */
const unused = {} as never;
const networkOf = (address: string) => address;

test.each<[string, () => Promise<unknown>, unknown]>([
  ['no lookup', () => saveLookups(unused, new Date(0), [], networkOf), 0],
  ['no owner', () => saveOwners(unused, [], networkOf), 0],
  ['no address', () => putBack(unused, [], new Date(0)), undefined],
  ['no source', () => loadSourceLabels(unused, 'example.com', { sources: [], networks: ['192.0.2.0/24'] }), []],
  ['no network', () => loadNetworkFacts(unused, 'example.com', []), []],
  ['no identity', () => saveIdentities(unused, 'example.com', []), undefined],
])('nothing is asked of the database about %s', async (_, ask, answer) => {
  expect(await ask()).toEqual(answer);
});
