import { expect, test } from 'vitest';
import { parseReporters, ReporterCatalogueError } from '../../../services/report/reporters/catalogue.ts';

const ENTRY = {
  id: 'my-isp',
  name: 'My ISP',
  names: ['my-isp.example'],
  addresses: ['dmarc@mail.my-isp.co.uk'],
  domains: ['reports.my-isp.example'],
  sources: ['https://my-isp.example/dmarc'],
};
const parse = (...reporters: unknown[]) => parseReporters({ reporters });

test('an entry has the organizational domains of its addresses, and is reserved when it has a brand', () => {
  expect(parse(ENTRY)).toMatchObject([
    { id: 'my-isp', brands: [], reserved: false, org_domains: ['my-isp.example', 'my-isp.co.uk'] },
  ]);
  expect(parse({ ...ENTRY, brands: ['MyIsp'] })).toMatchObject([{ reserved: true }]);
  expect(parse({ ...ENTRY, brands: ['MyIsp'], reserved: false })).toMatchObject([{ reserved: false }]);
  expect(parse({ ...ENTRY, addresses: [], domains: [], sources: ['name only: seen in reports'] })).toHaveLength(1);
});

test.each<[string, object]>([
  ['"id"', { id: 'My ISP' }],
  ['"name"', { name: ' ' }],
  ['"names"', { names: [] }],
  ['"names"', { names: 'x' }],
  ['"sources"', { sources: [] }],
  ['in "sources"', { sources: ['somebody said so'] }],
  ['in "addresses"', { addresses: ['Dmarc@my-isp.example'] }],
  ['in "addresses"', { addresses: ['dmarc@localhost'] }],
  ['not a domain name', { domains: ['my_isp'] }],
  ['no address', { addresses: [], domains: [] }],
  ['"reserved"', { reserved: 'yes' }],
  ['not a field', { adresses: [] }],
])('%s is named when it is wrong', (problem, change) => {
  expect(() => parse({ ...ENTRY, ...change })).toThrow(problem);
  expect(() => parse({ ...ENTRY, ...change })).toThrow(ReporterCatalogueError);
});

test.each<[string, object]>([
  ['id', { names: ['other'], addresses: ['a@b.example'], domains: [] }],
  ['name', { id: 'b', addresses: ['a@b.example'], domains: [], names: ['MY-ISP.example'] }],
  ['address', { id: 'b', names: ['b'], domains: [] }],
  ['domain', { id: 'b', names: ['b'], addresses: ['a@b.example'] }],
])('no two entries share an %s', (_, change) => {
  expect(() => parse(ENTRY, { ...ENTRY, ...change })).toThrow(/is that of "my-isp" too/);
});

test('a file of another shape is refused as a whole', () => {
  for (const json of [null, [], {}, { reporters: {} }, { reporters: [], more: 1 }, { reporters: [1] }]) {
    expect(() => parseReporters(json)).toThrow(ReporterCatalogueError);
  }
});
