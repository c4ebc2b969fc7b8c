import { expect, test } from 'vitest';
import { ownerOf } from '../../../services/analyzer/sources/owner.ts';

const network = { source: '198.51.100.0/24', identified_by: null, grouped_as: null, asn: null };

test('the number of the autonomous system owns a network, whatever its addresses are called', () => {
  expect(ownerOf({ ...network, asn: 64_500 })).toBe('AS64500');
  expect(ownerOf({ ...network, asn: 64_500, identified_by: 'reverse_name', grouped_as: 'hoster.example' })).toBe('AS64500');
});

test('without a number, the domain of the names owns it, and nothing that a signature or a person says', () => {
  expect(ownerOf({ ...network, identified_by: 'reverse_name', grouped_as: 'hoster.example' })).toBe('hoster.example');
  expect(ownerOf({ ...network, identified_by: 'signature', grouped_as: 'hoster.example' })).toBeNull();
  expect(ownerOf(network)).toBeNull();
});

test('a source that is no network has no owner', () => {
  expect(ownerOf({ ...network, source: 'lettercraft.example', asn: 64_500 })).toBeNull();
});
