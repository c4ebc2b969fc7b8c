import { expect, test } from 'vitest';
import { ownerOf } from '../../../services/analyzer/sources/owner.ts';

const network = { source: '192.0.2.0/24', identified_by: 'reverse_name', grouped_as: 'kasserver.com', asn: 34_788 };

test.each([
  ['the number that announces it, whatever its names', network, 'AS34788'],
  ['the domain of its names where no number is known', { ...network, asn: null }, 'kasserver.com'],
  ['nobody where only the network is known', { ...network, asn: null, identified_by: 'network' }, null],
  ['nobody before it was analyzed', { ...network, asn: null, identified_by: null, grouped_as: null }, null],
  ['nobody for what is no network', { ...network, source: 'crm.example' }, null],
])('the owner of a network is %s', (_, seen, owner) => expect(ownerOf(seen)).toBe(owner));
