import { expect, test } from 'vitest';
import { type KnownRecord, keyAt, spfOfKnown } from '../../services/dns/known.ts';

const txt = (name: string, value: string): KnownRecord => ({ name, type: 'TXT', value });
const NETWORKS = ['192.0.2.0/24', '198.51.100.7', '2001:db8::/32'];
const of = async (...records: KnownRecord[]) => {
  const found = await spfOfKnown('example.com', NETWORKS, records);
  return found === null ? null : [...found];
};

test.each<[string, KnownRecord[], unknown]>([
  ['no record', [txt('example.com', 'hello'), txt('b.example', 'v=spf1 -all')], null],
  ['a record of another version', [txt('example.com', 'v=spf10 -all')], null],
  ['a text of another type', [{ name: 'example.com', type: 'SPF', value: 'v=spf1 -all' }], null],
  [
    'a record of networks',
    [txt('example.com', 'V=SPF1 ip4:192.0.2.0/25 ~ip4:198.51.100.7 -all')],
    [
      ['192.0.2.0/24', 'ip4:192.0.2.0/25'],
      ['198.51.100.7', null],
      ['2001:db8::/32', null],
    ],
  ],
  [
    'hosts by their records, of mail and of addresses',
    [
      txt('example.com', 'v=spf1 mx a:h.example.com include:i.example -all'),
      txt('i.example', 'v=spf1 -all'),
      { name: 'example.com', type: 'MX', value: '10 mx.example.com' },
      { name: 'mx.example.com', type: 'A', value: '192.0.2.0' },
      { name: 'mx.example.com', type: 'AAAA', value: '2001:db8::' },
      { name: 'h.example.com', type: 'A', value: '198.51.100.7' },
    ],
    [
      ['192.0.2.0/24', 'mx'],
      ['198.51.100.7', 'a:h.example.com'],
      ['2001:db8::/32', 'mx'],
    ],
  ],
  [
    'an include of which nothing is known, which leaves open what stands behind it',
    [txt('example.com', 'v=spf1 ip4:192.0.2.0 include:i.example -all')],
    [['192.0.2.0/24', 'ip4:192.0.2.0']],
  ],
])('%s', async (_, records, expected) => {
  expect(await of(...records)).toEqual(expected);
});

const SEEN = new Date('2026-11-20T00:00:00Z');
const AT = new Date('2026-11-27T00:00:00Z');
const key = (more: Partial<Parameters<typeof keyAt>[0]> = {}) =>
  keyAt({ value: 'v=DKIM1; p=AAAA', first_seen: SEEN, gone_at: null, ...more }, AT);
test.each([
  ['that was never seen', key({ value: null }), null],
  ['that was first seen at no time', key({ first_seen: null }), null],
  ['that is there', key(), 'usable'],
  ['that was seen later, and may have been there for years', key({ first_seen: new Date('2026-11-28') }), 'usable'],
  ['that is empty', key({ value: 'v=DKIM1; p=' }), 'revoked'],
  ['that went at that moment', key({ gone_at: AT }), 'gone'],
  ['that went before, and was empty', key({ value: 'v=DKIM1; p=', gone_at: SEEN }), 'gone'],
  ['that went a moment later', key({ gone_at: new Date(AT.getTime() + 1) }), 'usable'],
])('a key %s', (_, found, expected) => {
  expect(found).toBe(expected);
});
