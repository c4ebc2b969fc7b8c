import { expect, test } from 'vitest';
import { WireError } from '../../../services/dns/client/reader.ts';
import { CLASS, decodeMessage } from '../../../services/dns/wire/message.ts';
import { readSigned } from '../../../services/dns/wire/tsig.ts';
import { encodeUpdate } from '../../../services/dns/wire/update.ts';
import { VECTORS } from './vectors.ts';

const _dmarc = '_dmarc.example.com';

test('an update has the sections that another implementation writes', () => {
  const bytes = encodeUpdate(
    {
      zone: 'example.com',
      prerequisites: [
        { kind: 'equals', name: _dmarc, type: 'TXT', records: [['v=DMARC1; p=none']] },
        { kind: 'absent', name: 's1._domainkey.example.com', type: 'TXT' },
      ],
      changes: [
        { kind: 'delete_rrset', name: _dmarc, type: 'TXT' },
        { kind: 'add', name: _dmarc, type: 'TXT', ttl: 300, data: ['v=DMARC1; p=reject'] },
      ],
    },
    0x1234,
  );
  const { lastRecordAt: _, ...mine } = decodeMessage(bytes);
  expect(mine).toEqual(readSigned(Buffer.from(VECTORS[0].update, 'hex')).message);
});

test('every form of prerequisite and change (RFC 2136 sections 2.4 and 2.5)', () => {
  const name = 'a.example.com';
  const { answers, authorities, questions } = decodeMessage(
    encodeUpdate(
      {
        zone: 'example.com',
        prerequisites: [
          { kind: 'present', name, type: 'MX' },
          { kind: 'absent', name, type: 'MX' },
          { kind: 'equals', name, type: 'A', records: [] },
          { kind: 'equals', name, type: 'A', records: ['192.0.2.1', '192.0.2.2'] },
          { kind: 'name_in_use', name },
          { kind: 'name_not_in_use', name },
        ],
        changes: [
          { kind: 'add', name, type: 'A', ttl: 60, data: '192.0.2.3' },
          { kind: 'delete_record', name, type: 'A', data: '192.0.2.1' },
          { kind: 'delete_rrset', name, type: 'TXT' },
          { kind: 'delete_name', name },
        ],
      },
      1,
    ),
  );
  expect(questions).toEqual([{ name: 'example.com', type: 6, class: CLASS.IN }]);
  const forms = (records: typeof answers) => records.map((one) => [one.type, one.class, one.ttl, one.rdata.toString('hex')]);
  expect(forms(answers)).toEqual([
    [15, 255, 0, ''],
    [15, 254, 0, ''],
    [1, 254, 0, ''],
    [1, 1, 0, 'c0000201'],
    [1, 1, 0, 'c0000202'],
    [255, 255, 0, ''],
    [255, 254, 0, ''],
  ]);
  expect(forms(authorities)).toEqual([
    [1, 1, 60, 'c0000203'],
    [1, 254, 0, 'c0000201'],
    [16, 255, 0, ''],
    [255, 255, 0, ''],
  ]);
});

test('what the wire cannot carry is refused before anything is sent', () => {
  const add = (data: string[]) => () =>
    encodeUpdate({ zone: 'example.com', prerequisites: [], changes: [{ kind: 'add', name: 'a', type: 'TXT', ttl: 0, data }] }, 1);
  expect(add(['a'.repeat(256)])).toThrow(WireError);
  expect(add(Array<string>(300).fill('a'.repeat(255)))).toThrow(WireError);
  expect(() => encodeUpdate({ zone: 'a..b', prerequisites: [], changes: [] }, 1)).toThrow(WireError);
});
