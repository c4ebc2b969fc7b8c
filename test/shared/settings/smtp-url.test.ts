import { expect, test } from 'vitest';
import { SettingsError } from '../../../services/shared/errors.ts';
import { smtpSettings } from '../../../services/shared/settings/smtp-url.ts';

const PLAIN = { secure: false, requireTLS: false, ignoreTLS: true };
const UPGRADED = { secure: false, requireTLS: true, ignoreTLS: false };
const TLS = { secure: true, requireTLS: false, ignoreTLS: false };
const VERIFIED = { tls: { rejectUnauthorized: true } };

test.each([
  ['smtp://mail.example', { host: 'mail.example', port: 587, ...UPGRADED, ...VERIFIED }],
  ['smtp://mail.example?tls=none', { host: 'mail.example', port: 25, ...PLAIN, ...VERIFIED }],
  ['smtps://mail.example', { host: 'mail.example', port: 465, ...TLS, ...VERIFIED }],
  ['smtp://[::1]:10027?tls_verify=no', { host: '::1', port: 10_027, ...UPGRADED, tls: { rejectUnauthorized: false } }],
  ['smtps://mail.example?tls_verify=yes', { host: 'mail.example', port: 465, ...TLS, ...VERIFIED }],
  [
    'smtp://u%40x:p%2Fw@mail.example:2525',
    { host: 'mail.example', port: 2525, ...UPGRADED, auth: { user: 'u@x', pass: 'p/w' }, ...VERIFIED },
  ],
])('%s is read', (url, settings) => {
  expect(smtpSettings(url)).toEqual(settings);
});

const NO_URL = 'SMTP_URL must be an SMTP URL, such as smtps://user:password@host (it is not shown here).';
const unknown = (key: string) =>
  `SMTP_URL has an option that is not known, "${key}": there are tls=none (with smtp://) and tls_verify=no.`;
test.each([
  ['mail.example', NO_URL],
  ['http://mail.example', NO_URL],
  ['smtp://', NO_URL],
  ['smtps:u:p', NO_URL],
  ['smtp://h?tls=maybe', unknown('tls')],
  ['smtps://h?tls=none', unknown('tls')],
  ['smtp://h?tls_verify=maybe', unknown('tls_verify')],
  ['smtp://h?colour=no', unknown('colour')],
  [`smtp://h?${'x'.repeat(31)}=no`, unknown('x'.repeat(30))],
  ['smtp://u:%ff@h', 'SMTP_URL has a % in its user or password that must be written %25.'],
])('%s is refused', (url, sentence) => {
  expect(() => smtpSettings(url)).toThrow(new SettingsError(sentence));
});

test('a mistake names the setting that the URL is of', () => {
  expect(() => smtpSettings('x', 'milter.hold.smtp_url')).toThrow(/^milter\.hold\.smtp_url must be/);
});
