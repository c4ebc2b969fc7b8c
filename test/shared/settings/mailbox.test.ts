import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toMailbox } from '../../../services/shared/settings/mailbox.ts';

let cwd = '';
beforeAll(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'ruawatch-mailbox-'));
  writeFileSync(path.join(cwd, 'pass'), 'from the file\n');
  writeFileSync(path.join(cwd, 'empty'), '\n');
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const of = (url: string, more: Omit<Parameters<typeof toMailbox>[0], 'url'> = {}) => toMailbox({ url, ...more }, cwd);
const oauth = { token_url: 'https://login.example/token', client_id: 'id' };

describe('an IMAP URL', () => {
  it('holds everything a simple mailbox needs', () => {
    expect(of('imaps://rua%40mail.example:secret@mail.example')).toEqual({
      name: 'rua@mail.example@mail.example/INBOX',
      host: 'mail.example',
      port: 993,
      security: 'tls',
      verify: true,
      user: 'rua@mail.example',
      password: 'secret',
      oauth: null,
      folder: 'INBOX',
      after: 'move',
      moveTo: 'ruawatch',
      flag: '$ruawatch',
      markRead: false,
      pollSeconds: 60,
      idle: true,
      addresses: ['rua@mail.example'],
    });
  });

  it.each([
    ['imaps://u:p@h', 'tls', 993],
    ['imaps://u:p@h:9993', 'tls', 9993],
    ['imap://u:p@h', 'starttls', 143],
    ['imap://u:p@h:1143/?tls=none', 'none', 1143],
  ])('%s is %s on port %i', (url, security, port) => {
    expect(of(url)).toMatchObject({ security, port, verify: true });
  });

  it('takes options as its query', () => {
    expect(of('imap://u:p@h/DMARC%20in?tls_verify=no&after=flag&move_to=Done%2F2026&poll_seconds=5&idle=no')).toMatchObject({
      folder: 'DMARC in',
      verify: false,
      after: 'flag',
      moveTo: 'Done/2026',
      pollSeconds: 5,
      idle: false,
    });
    expect(of('imap://u:p@h?idle=yes').idle).toBe(true);
    expect(of('imap://u:p@h?mark_read=yes').markRead).toBe(true);
    expect(() => of('imap://u:p@h?mark_read=1')).toThrow('has mark_read other than "yes" or "no"');
  });

  it('decodes its user, password and folder', () => {
    expect(of('imaps://us%3Aer:p%40ss%2F%23%25@[::1]/a%2Fb')).toMatchObject({
      user: 'us:er',
      password: 'p@ss/#%',
      host: '::1',
      folder: 'a/b',
    });
  });

  it.each([
    ['imaps://u:p@h?colour=blue', 'has an unknown option "colour"'],
    ['imaps://u:p@h?tls=none', 'is imaps:// with tls=none'],
    ['imap://u:p@h?tls=maybe', 'has tls other than "none"'],
    ['imap://u:p@h?tls_verify=maybe', 'has tls_verify other than "no"'],
    ['imap://u:p@h?idle=maybe', 'has idle other than "yes" or "no"'],
    ['imap://u:p@h?after=burn', 'has after: Invalid option'],
    ['imap://u:p@h?poll_seconds=soon', 'has poll_seconds: Invalid input'],
    ['imap://u:p@h?poll_seconds=0', 'has poll_seconds: Too small'],
    ['imap://u:p@h?move_to=inbox', 'has move_to equal to its folder'],
    ['imap://u:p@h/in%', 'has a % in its folder that must be written %25'],
    ['imap://u:p%@h', 'has a % in its password that must be written %25'],
    ['imap://:p@h', 'names no user'],
    ['imap://u@h', 'has neither a password nor oauth'],
    ['imap://', 'must be an IMAP URL'],
    [
      'imap:u:p@h',
      /^has special characters that must be percent-encoded in the user and the password, .*\(it is not shown here\)\.$/,
    ],
    ['pop3://u:p@h', 'must be an IMAP URL'],
    ['', 'must be an IMAP URL'],
  ])('%s: %s', (url, message) => {
    expect(() => of(url)).toThrow(message);
  });
});

describe('the addresses of a mailbox', () => {
  it('are those of its URL and, where it is one, its user', () => {
    expect(of('imaps://u:p@h').addresses).toEqual([]);
    expect(of('imaps://Rua%40example.com:p@h?addresses=a%40Example.org,rua%40example.com').addresses).toEqual([
      'rua@example.com',
      'a@example.org',
    ]);
  });
});

describe('an entry of mailboxes', () => {
  it('takes user and password beside the url, and the password from a file', () => {
    expect(of('imaps://h', { user: 'u', password: 'p', name: 'reports', folder: 'In' })).toMatchObject({
      name: 'reports',
      user: 'u',
      password: 'p',
      folder: 'In',
    });
    expect(of('imaps://u@h', { password_file: 'pass' }).password).toBe('from the file');
  });

  it('refuses a password given twice, or a file that has none', () => {
    expect(() => of('imaps://u@h', { password: 'p', password_file: 'pass' })).toThrow('has both password and password_file');
    expect(() => of('imaps://u:p@h', { password_file: 'pass' })).toThrow('has a password in its url and another beside it');
    expect(() => of('imaps://u@h', { password_file: 'nowhere' })).toThrow(
      /^has a password_file that cannot be read \(there is no .*ENOENT/,
    );
    expect(() => of('imaps://u@h', { password_file: 'empty' })).toThrow(
      'has a password_file that is empty: correct the path, or write the password into the file.',
    );
    expect(() => of('imaps://u@h', { password: '' })).toThrow('has password: Too small');
  });

  it('takes OAuth by refresh token or by client secret, from values or files', () => {
    const byToken = of('imaps://u@h', { oauth: { ...oauth, refresh_token_file: 'pass', scope: 'mail' } });
    expect(byToken).toMatchObject({
      password: null,
      oauth: {
        tokenUrl: 'https://login.example/token',
        clientId: 'id',
        clientSecret: null,
        refreshToken: 'from the file',
        scope: 'mail',
      },
    });
    const bySecret = of('imaps://u@h', { oauth: { ...oauth, client_secret: 's' } });
    expect(bySecret.oauth).toMatchObject({ clientSecret: 's', refreshToken: null, scope: null });
    expect(() => of('imaps://u@h', { oauth })).toThrow('has oauth with neither refresh_token nor client_secret');
    expect(() => of('imaps://u@h', { oauth: { ...oauth, token_url: 'login', client_secret: 's' } })).toThrow('oauth.token_url');
  });

  it('may move into its own folder only when it does not move', () => {
    expect(() => of('imaps://u:p@h/DMARC', { move_to: 'DMARC' })).toThrow('has move_to equal to its folder');
    expect(of('imaps://u:p@h/DMARC', { move_to: 'DMARC', after: 'keep' }).after).toBe('keep');
    expect(of('imaps://u:p@h/DMARC', { move_to: 'dmarc' }).moveTo).toBe('dmarc');
  });
});
