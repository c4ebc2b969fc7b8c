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
