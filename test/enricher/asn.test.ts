import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ownerIn, readAsnFile, watchedAsnFile } from '../../services/enricher/asn.ts';
import { damagedAt, mmdb } from '../helpers/mmdb.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-asn-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const written = (bytes: Buffer | string) => {
  const file = path.join(folder, 'a.mmdb');
  writeFileSync(file, bytes);
  return file;
};

test('an MMDB file tells the owner of IPv4 and IPv6 addresses, the most exact network first', () => {
  const file = readAsnFile(
    written(
      mmdb({
        '203.0.0.0/16': { autonomous_system_number: 64_500, autonomous_system_organization: 'Wide Net' },
        '203.0.113.128/25': {
          asn: 'AS64501',
          name: 'Exact Net',
          domain: 'exact.example',
          country: 'Germany',
          country_code: 'DE',
        },
        '2001:db8::/32': { asn: 64_502, org: 'Six Net' },
      }),
    ),
  );
  expect(file.title).toBe('Test-ASN, built 2026-09-01');
  expect(file.ownerOf('203.0.113.7')).toEqual({ asn: 64_500, owner: 'Wide Net', country: null });
  expect(file.ownerOf('203.0.113.200')).toEqual({ asn: 64_501, owner: 'Exact Net', country: 'DE' });
  expect(file.ownerOf('2001:db8:1::7')).toEqual({ asn: 64_502, owner: 'Six Net', country: null });
  expect(file.ownerOf('192.0.2.1')).toEqual({ asn: null, owner: null, country: null });
});

test.each([
  ['MaxMind and DB-IP', { autonomous_system_number: 64_500, autonomous_system_organization: 'Net' }, 64_500, 'Net'],
  ['IPinfo', { asn: 'AS64500', name: 'Net', domain: 'net.example' }, 64_500, 'Net'],
  ['IPinfo with places', { country: 'NL', asn: 'AS64500', as_name: 'Net', as_domain: 'net.example' }, 64_500, 'Net'],
  ['one with the owner inside', { traits: { autonomous_system_number: 64_500, organization: 'Net' }, city: {} }, 64_500, 'Net'],
  ['one with an object', { as: { asn: 64_500, name: ' Net\n', type: 'hosting' } }, 64_500, 'Net'],
  ['a number without a name', { asn: 64_500 }, 64_500, null],
  ['a file of cities', { city: { names: { en: 'Utrecht' } } }, null, null],
  ['no number', { asn: 'none', name: 'Net' }, null, null],
  ['nothing', null, null, null],
  ['the largest number', { asn: 4_294_967_295 }, 4_294_967_295, null],
  ['a larger one', { asn: 4_294_967_296, name: 'Net' }, null, null],
  ['a larger one in letters', { asn: 'AS4294967296' }, null, null],
  ['zero', { asn: 0 }, null, null],
  ['a part of a number', { asn: 1.5 }, null, null],
  ['a number below zero', { asn: -1 }, null, null],
  ['what is no number', { asn: true }, null, null],
  ['the smallest number', { asn: 1 }, 1, null],
  ['a name that is no text before another', { asn: 7, organization: 5, name: 'Net' }, 7, 'Net'],
  ['an owner inside behind what has none', { traits: { is_anycast: true }, network: { asn: 7 } }, 7, null],
  ['an owner inside of what is inside', { connection: { as: { asn: 7, name: 'Net' } } }, 7, 'Net'],
  ['the first field that has a number', { asn: 'none', as_number: '7' }, 7, null],
  ['a long name', { asn: 7, org: 'x'.repeat(201) }, 7, 'x'.repeat(200)],
  ['a blank name before another', { asn: 7, as_name: ' ', org: 'Net' }, 7, 'Net'],
])('%s', (_, record, asn, owner) => {
  expect(ownerIn(record)).toMatchObject({ asn, owner });
});

test.each([
  ['IPinfo Lite', { country: 'Germany', country_code: 'DE', asn: 'AS64500', as_name: 'Net' }, 'DE'],
  ['IPinfo with places', { country: 'NL', asn: 'AS64500', as_name: 'Net' }, 'NL'],
  ['MaxMind with countries', { country: { iso_code: 'SE', names: { en: 'Sweden' } }, autonomous_system_number: 64_500 }, 'SE'],
  ['one field before another', { registered_country: 'us', country_code: 'se', asn: 64_500 }, 'SE'],
  ['only a registered country', { registered_country: { iso_code: 'us' }, autonomous_system_number: 64_500 }, 'US'],
  ['a country beside the owner inside', { as: { asn: 64_500, country: 'jp' } }, 'JP'],
  ['a country without an owner', { country: { iso_code: 'FI' } }, 'FI'],
  ['a name alone', { country: 'Germany', asn: 64_500 }, null],
  ['no text', { country: 49, country_code: ['DE'], asn: 64_500 }, null],
  ['what is no country code', { country_code: 'D<', asn: 64_500 }, null],
  ['none', { asn: 64_500 }, null],
])('the country of %s', (_, record, country) => {
  expect(ownerIn(record).country).toBe(country);
});

test('a file that is cut off is told by name, in a sentence', () => {
  const whole = mmdb({ '203.0.113.0/24': { asn: 64_500 } });
  expect(() => readAsnFile(written(whole.subarray(0, 100)))).toThrow(
    /^asn_file a\.mmdb is not an MMDB file .*remove the setting\.$/,
  );
  expect(() => readAsnFile(path.join(folder, 'none.mmdb'))).toThrow(/^asn_file none\.mmdb cannot be read/);
});

test('a file is known by its content', () => {
  const bytes = mmdb({ '203.0.113.0/24': { asn: 64_500 } });
  const { id } = readAsnFile(written(bytes));
  expect(id).toBe(createHash('sha256').update(bytes).digest('hex').slice(0, 32));
});

test('a file of IPv4 networks says nothing of IPv6 addresses', () => {
  const file = readAsnFile(written(mmdb({ '203.0.113.0/24': { asn: 64_500 } }, { ipVersion: 4 })));
  const nobody = { asn: null, owner: null, country: null };
  // The last begins with the bits of 203.0.113.0.
  expect(['203.0.113.7', '192.0.2.1', '2001:db8::1', 'cb00:7100::1'].map((one) => file.ownerOf(one))).toEqual([
    { ...nobody, asn: 64_500 },
    nobody,
    nobody,
    nobody,
  ]);
});

test('a record that cannot be read is told with the name of the file', () => {
  const whole = mmdb({ '203.0.113.0/24': { asn: 64_500 }, '198.51.100.0/24': { org: 'Net', asn: 64_501 } });
  const file = readAsnFile(written(damagedAt(whole, 'org')));
  expect(file.ownerOf('203.0.113.7')).toMatchObject({ asn: 64_500 });
  expect(() => file.ownerOf('198.51.100.1')).toThrow(
    /^asn_file a\.mmdb is damaged \(.+\): name an MMDB file with ASN data, or remove the setting\.$/,
  );
});

test('a watched file is read again when it is another one, or has another size or time, and not before', () => {
  const one = mmdb({ '203.0.113.0/24': { asn: 64_500 } });
  const put = (bytes: Buffer, seconds: number) => utimesSync(written(bytes), seconds, seconds);
  put(one, 1_000);
  const watched = watchedAsnFile(path.join(folder, 'a.mmdb'));
  const first = watched();
  expect(watched()).toBe(first);
  put(one, 1_001);
  const second = watched();
  expect(second).not.toBe(first);
  put(mmdb({ '203.0.113.0/24': { asn: 64_500, org: 'Net' } }), 1_001);
  const third = watched();
  expect(third).not.toBe(second);
  rmSync(path.join(folder, 'a.mmdb'));
  put(one, 1_001);
  expect(watched()).not.toBe(third);
  rmSync(path.join(folder, 'a.mmdb'));
  expect(watched).toThrow(/^asn_file a\.mmdb cannot be read/);
});
