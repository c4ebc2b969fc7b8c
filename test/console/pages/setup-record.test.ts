import { expect, test } from 'vitest';
import { destinationRecord, proposedServer, wantedRecord } from '../../../services/console/pages/setup-record.ts';

test.each<[string | null, string, boolean]>([
  [null, 'v=DMARC1; p=none; rua=mailto:dmarc@example.com', false],
  ['v=spf1 -all', 'v=DMARC1; p=none; rua=mailto:dmarc@example.com', false],
  ['v=DMARC1; p=reject', 'v=DMARC1; p=reject; rua=mailto:dmarc@example.com', false],
  ['v=DMARC1;p=reject;', 'v=DMARC1; p=reject; rua=mailto:dmarc@example.com', false],
  [
    'v=DMARC1; p=none; rua=mailto:a@other.example; sp=none',
    'v=DMARC1; p=none; rua=mailto:a@other.example,mailto:dmarc@example.com; sp=none',
    false,
  ],
  [
    'v=DMARC1; p=none; RUA = mailto:a@other.example!10m',
    'v=DMARC1; p=none; RUA=mailto:a@other.example!10m,mailto:dmarc@example.com',
    false,
  ],
  ['v=DMARC1; p=none; rua=', 'v=DMARC1; p=none; rua=mailto:dmarc@example.com', false],
  ['v=DMARC1; p=none; rua=mailto:DMARC@Example.com', 'v=DMARC1; p=none; rua=mailto:DMARC@Example.com', true],
])('beside %s', (current, value, there) => {
  expect(wantedRecord('example.com', current, 'dmarc@example.com')).toEqual({ name: '_dmarc.example.com', value, there });
});

test('an address with characters that a tag gives a meaning is encoded', () => {
  expect(wantedRecord('example.com', null, 'a,b;c!d@example.com').value).toBe(
    'v=DMARC1; p=none; rua=mailto:a%2Cb%3Bc%21d@example.com',
  );
});

test('another organization accepts the reports by a record of its own', () => {
  expect(destinationRecord('example.com', 'dmarc@example.com')).toBeNull();
  expect(destinationRecord('example.com', 'dmarc@reports.example.com')).toBeNull();
  expect(destinationRecord('a.example.com', 'x@Reports.Example.net')).toEqual({
    name: 'a.example.com._report._dmarc.reports.example.net',
    value: 'v=DMARC1',
  });
});

const mail = (...fields: string[]) => Buffer.from(`${fields.join('\r\n')}\r\nFrom: a@example.com\r\n\r\nbody`);
const by = (id: string) => mail(`Authentication-Results: ${id}; dkim=pass header.d=example.com`);

test('the name of the own server is proposed when nearly all mails begin with it', () => {
  expect(proposedServer([by('mx.example.com'), by('MX.example.com'), by('mx.example.com 1')])).toBe('mx.example.com');
  expect(proposedServer([by('mx.example.com'), by('mx.example.com')])).toBeNull();
  expect(proposedServer([by('mx.example.com'), by('mx.example.com'), by('other.example')])).toBeNull();
  expect(proposedServer([mail(), mail(), mail()])).toBeNull();
  const two = mail('Authentication-Results: mx.example.com; spf=pass', 'Authentication-Results: forged.example; dkim=pass');
  expect(proposedServer([two, two, two])).toBe('mx.example.com');
});

test('what a tag gives a meaning is encoded, of present records only what is not there yet', () => {
  const of = (current: string | null, address = 'a@example.com') => wantedRecord('example.com', current, address).value;
  expect(of(null, '%a\tb@example.com')).toBe('v=DMARC1; p=none; rua=mailto:%25a%09b@example.com');
  expect(of('v=DMARC1; p=none; rua=mailto:b@example.com, ; ruf=mailto:a@example.com')).toBe(
    'v=DMARC1; p=none; rua=mailto:b@example.com,mailto:a@example.com; ruf=mailto:a@example.com',
  );
  expect(of('v=DMARC1; p=none; rua=mailto:B@example.com,mailto:A@EXAMPLE.com', 'a@Example.com')).toBe(
    'v=DMARC1; p=none; rua=mailto:B@example.com,mailto:A@EXAMPLE.com',
  );
  expect(of('v=DMARC1; p=none; rua=https://example.com/x')).toBe(
    'v=DMARC1; p=none; rua=https://example.com/x,mailto:a@example.com',
  );
});

test('another organization has its record by the last part of the address', () => {
  expect(destinationRecord('example.com', '"a@b"@Reports.Example.NET')).toEqual({
    name: 'example.com._report._dmarc.reports.example.net',
    value: 'v=DMARC1',
  });
  expect(destinationRecord('example.com', 'x@EXAMPLE.com')).toBeNull();
});

test('four of five mails are enough, three of four are not, and only names with a version or none are read', () => {
  const mails = (...ids: string[]) => proposedServer(ids.map(by));
  expect(mails('a.example', 'b.example', 'b.example', 'b.example', 'b.example')).toBe('b.example');
  expect(mails('a.example', 'b.example', 'b.example', 'b.example')).toBeNull();
  expect(mails('"mx-1.example"', 'mx-1.example 1', ' mx-1.example')).toBe('mx-1.example');
  for (const id of ['mx', '-mx.example', 'mx.example one', 'mx..']) expect(mails(id, id, id), id).toBeNull();
  expect(proposedServer([mail(), by('a.example'), by('a.example')])).toBeNull();
});
