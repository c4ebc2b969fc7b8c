import { expect, test } from 'vitest';
import { explain, explainOwn, isImapError } from '../../services/poller/explain.ts';
import { PermanentError } from '../../services/shared/errors.ts';
import { mailboxAt } from './setup.ts';

const box = mailboxAt('imaps://demo:s3cret@mail.example/Reports');
const byToken = mailboxAt('imaps://demo@mail.example/Reports', {
  oauth: { token_url: 'https://login.example/token', client_id: 'c', client_secret: 's3cret' },
});
const failed = (what: object, message = 'Command failed') => Object.assign(new Error(message), what);
const login = (what: object = {}) => failed({ authenticationFailed: true, responseStatus: 'NO', ...what });

test.each<[unknown, string, boolean, RegExp]>([
  [login(), 'imap_login', false, /: wrong password or user: mail\.example:993 refused the login of "demo"; correct it/],
  [
    login({ responseText: 'no\r\n such   user ' }),
    'imap_login',
    false,
    /of "demo" \(the server says: no such user\); correct it/,
  ],
  [login({ response: 'A1 NO no' }), 'imap_login', false, /\(the server says: A1 NO no\)/],
  [login({ response: { tag: 'A1' } }), 'imap_login', false, /of "demo"; correct/],
  [login({ responseText: 'x'.repeat(300) }), 'imap_login', false, /says: x{200}\)/],
  [login({ serverResponseCode: 'UNAVAILABLE' }), 'imap_login_later', true, /accepts no login now; it is retried/],
  [login({ serverResponseCode: 'INUSE' }), 'imap_login_later', true, /accepts no login now/],
  [login({ responseText: 'Too many connections' }), 'imap_login_later', true, /now \(the server says: Too many connections\)/],
  [login({ responseText: 'Please try again later' }), 'imap_login_later', true, /now/],
  [failed({}, 'Unsupported authentication mechanism'), 'imap_login', false, /offers no login with a password; set oauth/],
  [failed({ authenticationFailed: true }, 'No matching authentication found'), 'imap_login', false, /no login with a password/],
  [failed({}, 'Login is disabled'), 'imap_login', false, /accepts no password over an unencrypted connection; drop tls=none/],
  [
    failed({ mailboxMissing: true, responseStatus: 'NO' }),
    'imap_folder',
    false,
    /there is no folder "Reports" on mail\.example:993/,
  ],
  [failed({ tlsFailed: true }, 'Server does not support STARTTLS'), 'imap_starttls', false, /nothing is sent in the clear/],
  [failed({ code: 'CERT_HAS_EXPIRED', tlsFailed: true }), 'imap_certificate', false, /is not trusted \(CERT_HAS_EXPIRED\)/],
  [failed({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'imap_certificate', false, /tls_verify=no/],
  [failed({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }), 'imap_certificate', false, /is not trusted/],
  [failed({ code: 'EPROTO' }), 'imap_tls', false, /does not speak TLS from the start/],
  [failed({ code: 'ERR_SSL_WRONG_VERSION_NUMBER' }), 'imap_tls', false, /does not speak TLS/],
  [failed({ tlsFailed: true }), 'imap_tls', false, /does not speak TLS/],
  [failed({ code: 'GREETING_TIMEOUT' }), 'imap_silent', true, /accepts the connection but sends no greeting/],
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'CONNECT_TIMEOUT'].map(
    (code): [unknown, string, boolean, RegExp] => [
      failed({ code }),
      'imap_unreachable',
      true,
      new RegExp(`cannot be reached \\(${code}\\)`),
    ],
  ),
  [failed({ responseStatus: 'NO', responseText: 'Quota' }), 'imap_refused', true, /refused a command \(the server says: Quota\)/],
  [failed({ responseStatus: 'BAD' }), 'imap_refused', true, /refused a command; it is retried/],
  [failed({ responseStatus: 'OK' }, 'odd'), 'imap_lost', true, /was lost \(odd\)/],
  [failed({ code: 'NoConnection', reason: 'it went away' }), 'imap_lost', true, /was lost \(it went away\); it is retried/],
  [failed({ code: 'ECONNRESET' }, 'read ECONNRESET'), 'imap_lost', true, /was lost \(the connection was cut \(ECONNRESET\)\)/],
  ['a word', 'imap_lost', true, /was lost \(a word\)/],
  [null, 'imap_lost', true, /was lost/],
])('%s, case %#: %s', (error, code, transient, sentence) => {
  const said = explain(error, box);
  expect(said).toMatchObject({ code, transient, message: expect.stringMatching(sentence) });
  expect(said.message).toContain(`Mailbox "${box.name}": `);
  expect(said.message).not.toContain('s3cret');
  expect(said.message).not.toMatch(/\n/);
});

test('with OAuth the advice is another one', () => {
  expect(explain(login({ responseText: 'no' }), byToken)).toMatchObject({
    code: 'imap_login',
    message: expect.stringMatching(/does not accept the OAuth token for user "demo" \(the server says: no\); check the scope/),
  });
  expect(explain(failed({}, 'Unsupported authentication mechanism'), byToken).message).toMatch(
    /offers no OAuth login \(XOAUTH2\)/,
  );
});

test('what is said already is not said anew', () => {
  const own = new PermanentError('x', 'A sentence.');
  expect(explain(own, box)).toBe(own);
});

test.each<[unknown, boolean]>([
  [{ responseStatus: 'NO' }, true],
  [{ mailboxMissing: true }, true],
  [{ _connId: 'x' }, true],
  [new Error('odd'), false],
  [null, false],
  ['_connId', false],
])('%j is an error of the IMAP client: %j', (error, wanted) => {
  expect(isImapError(error)).toBe(wanted);
});

test.each([
  ['42P01', 'database', `Mailbox "${box.name}" waits for Postgres (broken); nothing is moved in it meanwhile.`],
  ['57P01', 'database', undefined],
  ['ECONNREFUSED', 'database', undefined],
  ['ABC', 'poller', `Mailbox "${box.name}": broken; it is retried.`],
  ['ABCDEF', 'poller', undefined],
  [undefined, 'poller', undefined],
])('what Postgres says has one of its codes (%s), and all else is a mistake of ours: %s', (code, wanted, sentence) => {
  const cause = failed(code === undefined ? {} : { code }, 'broken');
  const explained = explainOwn(cause, box);
  expect(explained).toMatchObject({ code: wanted, transient: true, cause });
  if (sentence !== undefined) expect(explained.message).toBe(sentence);
});

test('an error that is a sentence already stays as it is', () => {
  const error = new PermanentError('dispose_refused', 'No.');
  expect(explainOwn(error, box)).toBe(error);
});
