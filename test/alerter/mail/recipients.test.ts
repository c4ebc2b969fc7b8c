import { expect, test } from 'vitest';
import { recipientsOf } from '../../../services/alerter/mail/recipients.ts';

const DOMAINS = {
  'Example.com.': ['b@example.com', 'a@example.com '],
  'mail.example.com': ['mail@example.com'],
  'quiet.example': [],
};
const to = (domain: string) => recipientsOf(domain, DOMAINS, ['all@example.org', 'all@example.org']);

test('a domain has its own entry, that of the nearest parent, or the default', () => {
  expect(to('EXAMPLE.com')).toEqual(['a@example.com', 'b@example.com']);
  expect(to('news.example.com.')).toEqual(['a@example.com', 'b@example.com']);
  expect(to('a.mail.example.com')).toEqual(['mail@example.com']);
  expect(to('badexample.com')).toEqual(['all@example.org']);
});

test('an entry without recipients is nobody', () => {
  expect(to('x.quiet.example')).toEqual([]);
});
