import { expect, test } from 'vitest';
import { notAdmitted } from '../../services/cluster/follow-record.ts';
import type { Answer, Dns, RecordData, RecordType } from '../../services/dns/client/types.ts';

/** DNS in which one name has an address, one does not answer, and no other name exists. */
const dns: Dns = {
  ask: async <T extends RecordType>(name: string, type: T): Promise<Answer<T>> => {
    const told = { name, aliases: [], ttl: 60, authenticated: false };
    if (name === 'silent.example.com') return { state: 'unknown', reason: 'timeout', message: 'It did not answer.' };
    if (name === 'out.example.com' && type === 'A')
      return { state: 'records', records: ['192.0.2.9'] as unknown as RecordData[T][], ...told };
    return { state: 'nxdomain', ...told };
  },
};
const admit = (text: string, ...addresses: string[]) =>
  notAdmitted({ name: 'example.com', text }, addresses, dns, { signal: AbortSignal.timeout(10_000) });

test('the first address that the planned record would not admit is named', async () => {
  const text = 'v=spf1 ip4:192.0.2.0/29 a:out.example.com -all';
  expect(await admit(text, '192.0.2.1', '192.0.2.9')).toBeNull();
  expect(await admit(text, '192.0.2.1', '192.0.2.10', '192.0.2.11')).toBe('192.0.2.10');
  // A term that denies comes before the one that has the address.
  expect(await admit('v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/29 -all', '192.0.2.2', '192.0.2.1')).toBe('192.0.2.1');
});

test('an address that nobody can say is not named', async () => {
  expect(await admit('v=spf1 a:silent.example.com -all', '192.0.2.1')).toBeNull();
});
