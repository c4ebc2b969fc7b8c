import { expect, test } from 'vitest';
import { audiencesOf, needsSmtpUtf8, recipientsOf } from '../../../services/alerter/mail/recipients.ts';

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

test('the nearest entry of a name with many labels is found, also that of its last one', () => {
  expect(recipientsOf('a.b.test', { test: ['t@example.org'] }, [])).toEqual(['t@example.org']);
  expect(recipientsOf('', { '': ['root@example.org'] }, ['all@example.org'])).toEqual(['root@example.org']);
  expect(recipientsOf('a.example', { '': ['root@example.org'] }, ['all@example.org'])).toEqual(['all@example.org']);
});

test('whose local part is not ASCII gets a mail of his own, so that the others need no SMTPUTF8', () => {
  expect(audiencesOf(['a@example.org', 'jörg@example.org', 'b@bücher.example', 'ü@example.org'])).toEqual([
    ['a@example.org', 'b@bücher.example'],
    ['jörg@example.org'],
    ['ü@example.org'],
  ]);
  expect(audiencesOf(['jörg@example.org'])).toEqual([['jörg@example.org']]);
  expect(audiencesOf(['a@example.org'])).toEqual([['a@example.org']]);
  expect(audiencesOf(['a@example.org', 'b@example.org'])).toEqual([['a@example.org', 'b@example.org']]);
  expect(audiencesOf(['ü@example.org', 'a@example.org'])).toEqual([['a@example.org'], ['ü@example.org']]);
  expect(audiencesOf([])).toEqual([[]]);
  expect(['ü@example.org', 'a@ü.example', 'a~ @x', 'a\u007f@x', '"a@ü"@x', 'aü@example.org'].map(needsSmtpUtf8)).toEqual([
    true,
    false,
    false,
    true,
    true,
    true,
  ]);
});
