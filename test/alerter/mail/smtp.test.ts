import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkSmtp, checkSmtpUrl, openMailer } from '../../../services/alerter/mail/smtp.ts';
import { RuawatchError, SettingsError } from '../../../services/shared/errors.ts';
import { type Bench, bench, eventually } from '../setup.ts';
import { reply, type Sink, startSink } from '../sink.ts';

const PASSWORD = 's3cret/p@ss';
const login = `alerts:${encodeURIComponent(PASSWORD)}`;
const withLogin = {
  authOptional: false,
  onAuth: (
    auth: { username?: string | undefined; password?: string | null | undefined },
    _session: unknown,
    callback: (error: Error | null, response?: { user: string }) => void,
  ) =>
    auth.username === 'alerts' && auth.password === PASSWORD
      ? callback(null, { user: 'alerts' })
      : callback(Object.assign(new Error('nope'), { responseCode: 535 })),
};

const sinks: Sink[] = [];
const sink = async (...args: Parameters<typeof startSink>) => {
  const started = await startSink(...args);
  sinks.push(started);
  return started;
};
afterEach(async () => {
  for (const started of sinks.splice(0)) await started.stop();
});

/** The one sentence that the failed check says. */
async function complaint(url: string): Promise<string> {
  const error = await checkSmtp(url).then(
    (line) => new Error(`it said ${line}`),
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(RuawatchError);
  const { message } = error as Error;
  expect(message).not.toContain(PASSWORD);
  expect(message).not.toContain('\n');
  return message;
}

describe('the check of the mail server', () => {
  test('names the way in', async () => {
    const starttls = await sink(withLogin);
    expect(await checkSmtp(`smtp://${login}@${starttls.at}?tls_verify=no`)).toBe(`${starttls.at}, STARTTLS, logged in as alerts`);
    const tls = await sink({ ...withLogin, secure: true });
    expect(await checkSmtp(`smtps://${login}@${tls.at}?tls_verify=no`)).toBe(`${tls.at}, TLS, logged in as alerts`);
    const plain = await sink({ disabledCommands: ['STARTTLS', 'AUTH'] });
    expect(await checkSmtp(`smtp://${plain.at}?tls=none`)).toBe(`${plain.at}, not encrypted, no login`);
  });

  test('says what to mend', async () => {
    const starttls = await sink(withLogin);
    expect(await complaint(`smtp://alerts:wrong@${starttls.at}?tls_verify=no`)).toBe(
      `The mail server of SMTP_URL (${starttls.at}) refuses the login (535): correct the user or password in SMTP_URL.`,
    );
    expect(await complaint(`smtp://${login}@${starttls.at}`)).toMatch(
      /^The certificate of the mail server 127\.0\.0\.1:\d+ is not trusted \([A-Z_]+\): replace it, or add tls_verify=no to SMTP_URL\.$/,
    );
    const plain = await sink({ disabledCommands: ['STARTTLS'] });
    expect(await complaint(`smtp://${plain.at}`)).toBe(
      `The mail server of SMTP_URL (${plain.at}) offers no STARTTLS: use smtps://, or tls=none in SMTP_URL for a relay that you trust.`,
    );
    expect(await complaint(`smtps://${plain.at}`)).toBe(
      `The mail server of SMTP_URL (${plain.at}) does not speak TLS on this port: use smtp:// in SMTP_URL, or another port.`,
    );
    expect(await complaint(`smtp://alerts@${starttls.at}?tls_verify=no`)).toBe(
      `The login at the mail server ${starttls.at} failed: Missing credentials for "PLAIN"; check the user and password in SMTP_URL.`,
    );
    await plain.stop();
    for (const way of ['smtp://', 'smtps://'])
      expect(await complaint(`${way}${plain.at}${way === 'smtp://' ? '?tls=none' : ''}`)).toBe(
        `The mail server of SMTP_URL (${plain.at}) cannot be reached: connection refused.`,
      );
    expect(await complaint(`smtp://${plain.at}`)).toBe(
      `The mail server of SMTP_URL (${plain.at}) cannot be reached: connection refused.`,
    );
    await plain.again();
    expect(await complaint('smtp://mail.invalid:25?tls=none')).toMatch(
      /^The mail server of SMTP_URL \(mail\.invalid:25\) cannot be reached: its name .*\.$/,
    );
  });

  test.each([
    ['STARTTLS', (at: string) => `smtp://${login}@${at}?tls_verify=no`, withLogin],
    ['TLS', (at: string) => `smtps://${login}@${at}?tls_verify=no`, { ...withLogin, secure: true }],
    ['no TLS', (at: string) => `smtp://${at}?tls=none`, { disabledCommands: ['STARTTLS', 'AUTH'] }],
  ] as const)('asks over %s for SMTPUTF8 when a recipient needs it', async (_, url, options) => {
    const without = await sink({
      ...options,
      disabledCommands: [...('disabledCommands' in options ? options.disabledCommands : [])],
      hideSMTPUTF8: true,
    } as never);
    const addresses = (alertTo: string[]) => ({ alertFrom: 'ruawatch@example.org', alertTo });
    await expect(checkSmtp(url(without.at), addresses(['admin@example.org', 'jörg@example.org']))).rejects.toMatchObject({
      code: 'smtp_utf8',
      message: `The mail server of SMTP_URL (${without.at}) does not offer SMTPUTF8, which "jörg@example.org" in ALERT_TO needs: use another address.`,
    });
    await expect(checkSmtp(url(without.at), addresses(['admin@exämple.org']))).resolves.toContain(without.at);
    const offering = await sink({
      ...options,
      disabledCommands: [...('disabledCommands' in options ? options.disabledCommands : [])],
    } as never);
    await expect(checkSmtp(url(offering.at), addresses(['jörg@example.org']))).resolves.toContain(offering.at);
    expect([...without.mails, ...offering.mails]).toEqual([]);
  });

  test('asks whether the sender is accepted where nobody signs in, and what the server demands for that', async () => {
    const server = await sink({ disabledCommands: ['STARTTLS', 'AUTH'] });
    const url = `smtp://${server.at}?tls=none`;
    const asked: string[] = [];
    server.behaviour.sender = (address) => {
      asked.push(address);
      return null;
    };
    const check = (alertFrom: string | null = 'ruawatch@example.org') =>
      checkSmtp(url, { alertFrom, alertTo: ['admin@example.org'] });
    await expect(check()).resolves.toContain(server.at);
    await expect(check(null)).resolves.toContain(server.at);
    expect(asked).toEqual(['ruawatch@example.org', '']);
    for (const [code, text] of [
      [530, 'Must issue a STARTTLS command first'],
      [451, 'encryption required'],
    ] as const) {
      server.behaviour.sender = () => reply(code, text);
      await expect(check()).rejects.toMatchObject({
        code: 'smtp_starttls',
        message: `The mail server of SMTP_URL (${server.at}) demands STARTTLS (it says: ${code} ${text}): remove tls=none from SMTP_URL.`,
      });
    }
    server.behaviour.sender = () => reply(550, 'not your address');
    await expect(check()).rejects.toMatchObject({
      code: 'smtp_refused',
      message: `The mail server of SMTP_URL (${server.at}) does not accept ALERT_FROM as the sender: 550 not your address`,
    });
    // What is only put off passes.
    server.behaviour.sender = () => reply(450, 'later');
    await expect(check()).resolves.toContain(server.at);
  });

  test('does not ask for the sender where somebody signs in, nor over TLS', async () => {
    for (const [options, urlOf] of [
      [withLogin, (at: string) => `smtp://${login}@${at}?tls_verify=no`],
      [
        { ...withLogin, allowInsecureAuth: true, disabledCommands: ['STARTTLS'] },
        (at: string) => `smtp://${login}@${at}?tls=none`,
      ],
      [{}, (at: string) => `smtp://${at}?tls_verify=no`],
    ] as const) {
      const server = await sink({ ...options } as never);
      server.behaviour.sender = () => reply(550, 'not your address');
      const url = urlOf(server.at);
      await expect(checkSmtp(url, { alertFrom: 'x@example.org', alertTo: ['admin@example.org'] })).resolves.toContain(server.at);
      // Nothing needs a second connection.
      expect(server.connections).toBe(1);
    }
  });

  test.each([
    [
      'speaks something else',
      (socket: Socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'),
      'what answers there is no mail server (it says: SSH-2.0-OpenSSH_9.9)',
    ],
    ['closes the connection', (socket: Socket) => socket.end(), 'it closed the connection'],
    [
      'says nothing',
      () => undefined,
      'it accepts the connection and sends no greeting; if the port is for TLS from the start, use smtps://',
    ],
  ])('a server that %s says so', async (_, behave, said) => {
    const { setTimeout: usual } = globalThis;
    // What the check waits for a greeting.
    const hurried = (run: () => void, ms?: number, ...args: []) => usual(run, ms === 8_000 ? 300 : ms, ...args);
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(hurried as never);
    const odd = createServer((socket) => {
      socket.on('error', () => undefined);
      behave(socket);
    });
    odd.listen(0, '127.0.0.1');
    await once(odd, 'listening');
    const { port } = odd.address() as AddressInfo;
    expect(await complaint(`smtp://127.0.0.1:${port}?tls=none`)).toBe(
      `The mail server of SMTP_URL (127.0.0.1:${port}) cannot be reached: ${said}.`,
    );
    vi.restoreAllMocks();
    odd.close();
  });

  test('is the first contact of an alerter too', async () => {
    const server = await sink({ disabledCommands: ['STARTTLS', 'AUTH'] });
    const mailer = openMailer(`smtp://${server.at}?tls=none`);
    await expect(mailer.reach()).resolves.toBeUndefined();
    await server.stop();
    await expect(mailer.reach()).rejects.toThrow('cannot be reached: connection refused');
    mailer.close();
    await server.again();
  });

  test('a server that hangs up says so', async () => {
    const rude = createServer((socket) => socket.end('554 no service for you\r\n'));
    rude.listen(0, '127.0.0.1');
    await once(rude, 'listening');
    const { port } = rude.address() as AddressInfo;
    expect(await complaint(`smtp://127.0.0.1:${port}?tls=none`)).toBe(
      `The mail server of SMTP_URL (127.0.0.1:${port}) cannot be reached: 554 no service for you.`,
    );
    await new Promise((resolve) => rude.close(resolve));
  });

  test.each([
    'imap://host',
    'smtp://',
    'smtp://host?tls=maybe',
    'smtps://host?tls=none',
    'smtp://host?starttls=yes',
    'smtp://u:a%zz@host',
  ])('%s is refused without being shown', async (url) => {
    await expect(checkSmtp(url)).rejects.toThrow(SettingsError);
    await expect(checkSmtp(url)).rejects.not.toThrow(url);
  });
});

describe('TLS and login', () => {
  let b: Bench;
  beforeEach(async () => {
    b = await bench();
  });
  afterEach(() => b.close());

  test.each([
    ['smtps', true],
    ['smtp', false],
  ])('%s:// sends encrypted and logged in', async (scheme, secure) => {
    let encrypted: boolean | null = null;
    const server = await sink({
      ...withLogin,
      secure,
      onAuth(auth, session, callback) {
        encrypted = session.secure;
        withLogin.onAuth(auth, session, callback as never);
      },
    });
    await b.event({});
    await b.event({ domain: 'two.example' });
    const alerter = b.alerter(`${scheme}://${login}@${server.at}?tls_verify=no`);
    await eventually(() => expect(server.mails).toHaveLength(2));
    expect(encrypted).toBe(true);
    // One connection carries both.
    expect(server.connections).toBe(1);
    await alerter.stop();
    expect(alerter.logged.join('')).not.toContain(PASSWORD);
  });

  test('a wrong password delays, and is nowhere shown', async () => {
    const server = await sink(withLogin);
    await b.event({});
    const alerter = b.alerter(`smtp://alerts:wr0ng-pass@${server.at}?tls_verify=no`);
    await eventually(() =>
      expect(alerter.service.waitingFor()).toBe(
        `SMTP: The mail server of SMTP_URL (${server.at}) refuses the login (535): correct the user or password in SMTP_URL; 1 mail waits`,
      ),
    );
    await alerter.stop();
    expect(alerter.logged.join('')).not.toContain('wr0ng-pass');
    expect(JSON.stringify(await b.outbox())).not.toContain('wr0ng-pass');
    b.later(2);
    b.alerter(`smtp://${login}@${server.at}?tls_verify=no`);
    await eventually(() => expect(server.mails).toHaveLength(1));
  });
});

test.each([
  [
    530,
    'Must issue a STARTTLS command first',
    'demands STARTTLS (it says: 530 Must issue a STARTTLS command first): remove tls=none from SMTP_URL.',
  ],
  [530, 'Authentication required', 'does not accept ALERT_FROM as the sender: 530 Authentication required'],
])(
  'a sender that is refused for want of TLS or of a login (%i %s) waits for whoever corrects the settings',
  async (code, text, said) => {
    const server = await sink({ disabledCommands: ['STARTTLS', 'AUTH'] });
    server.behaviour.sender = () => reply(code, text);
    const mailer = openMailer(`smtp://${server.at}?tls=none`);
    const mail = { from: 'a@example.org', recipients: ['b@example.org'], raw: Buffer.from('Subject: x\r\n\r\nx') };
    await expect(mailer.send(mail)).rejects.toMatchObject({
      code: 'smtp_down',
      transient: true,
      message: `The mail server of SMTP_URL (${server.at}) ${said}`,
    });
    mailer.close();
  },
);

test.each([
  [421, 'smtp_down', 'does not accept ALERT_FROM as the sender: 421 no'],
  [422, 'smtp_deferred', 'postpones the mail: 422 no'],
  [503, 'smtp_deferred', 'postpones the mail: 503 no'],
  [529, 'smtp_refused', 'does not accept ALERT_FROM as the sender: 529 no'],
  [530, 'smtp_down', 'does not accept ALERT_FROM as the sender: 530 no'],
  [531, 'smtp_refused', 'does not accept ALERT_FROM as the sender: 531 no'],
  [535, 'smtp_down', 'does not accept ALERT_FROM as the sender: 535 no'],
  [536, 'smtp_refused', 'does not accept ALERT_FROM as the sender: 536 no'],
])('a sender that is answered with %i is %s', async (code, known, said) => {
  const server = await sink({ disabledCommands: ['AUTH'] });
  server.behaviour.sender = () => reply(code, 'no');
  const mailer = openMailer(`smtp://${server.at}?tls_verify=no`);
  const mail = { from: 'a@example.org', recipients: ['b@example.org'], raw: Buffer.from('Subject: x\r\n\r\nx') };
  await expect(mailer.send(mail)).rejects.toMatchObject({
    code: known,
    message: `The mail server of SMTP_URL (${server.at}) ${said}`,
  });
  // STARTTLS is in use already.
  server.behaviour.sender = () => reply(530, 'Must issue a STARTTLS command first');
  await expect(mailer.send(mail)).rejects.toThrow('does not accept ALERT_FROM as the sender: 530 Must issue a STARTTLS command');
  mailer.close();
});

test.each([false, true])(
  'a mail for nobody is refused, and who is refused is known by the address in whatever form: %s',
  async (hideSMTPUTF8) => {
    const server = await sink({ disabledCommands: ['STARTTLS', 'AUTH'], hideSMTPUTF8 } as never);
    const mailer = openMailer(`smtp://${server.at}?tls=none`);
    const raw = Buffer.from('Subject: x\r\n\r\nx');
    await expect(mailer.send({ from: 'a@example.org', recipients: [], raw })).rejects.toMatchObject({ code: 'smtp_refused' });
    server.behaviour.recipient = (address) => (address.startsWith('b') ? reply(550, 'no') : null);
    const recipients = ['b@Exämple.ORG', 'c@Exämple.ORG', 'b@EXAMPLE.org', 'b@[127.0.0.1]'];
    expect(await mailer.send({ from: 'a@example.org', recipients, raw })).toEqual({
      accepted: ['c@Exämple.ORG'],
      deferred: [],
      refused: ['b@Exämple.ORG', 'b@EXAMPLE.org', 'b@[127.0.0.1]'].map((recipient) => ({ recipient, reply: '550 no' })),
    });
    mailer.close();
  },
);

test('one connection carries all mails of a mailer; one that breaks is made anew once for a mail', async () => {
  const server = await sink({ disabledCommands: ['STARTTLS', 'AUTH'] });
  const mail = { from: 'a@example.org', recipients: ['b@example.org'], raw: Buffer.from('Subject: x\r\n\r\nx') };
  const mailer = openMailer(`smtp://${server.at}?tls=none`);
  await Promise.all([1, 2, 3].map(() => mailer.send(mail)));
  await mailer.send(mail);
  expect([server.mails.length, server.connections]).toEqual([4, 1]);
  mailer.close();

  let connections = 0;
  const broken = createServer((socket) => {
    connections++;
    socket.on('error', () => undefined).end();
  });
  broken.listen(0, '127.0.0.1');
  await once(broken, 'listening');
  const second = openMailer(`smtp://127.0.0.1:${(broken.address() as AddressInfo).port}?tls=none`);
  await expect(second.send(mail)).rejects.toMatchObject({
    code: 'smtp_down',
    message: expect.stringMatching(/cannot be reached: it closed the connection\.$/),
  });
  expect(connections).toBe(2);
  second.close();
  broken.close();
});

test('an address of a mail server that cannot be used is an error of the settings', () => {
  expect(() => checkSmtpUrl('imap://mail.example.com')).toThrow(SettingsError);
  expect(() => checkSmtpUrl('smtps://mail.example.com')).not.toThrow();
});

describe('replies from 500 to 599 refuse a mail, but 503, which speaks of the session', () => {
  const mail = { from: 'a@example.org', recipients: ['b@example.org', 'c@example.org'], raw: Buffer.from('Subject: x\r\n\r\nx') };
  test.each([
    ['recipient', 499, 'smtp_deferred', true],
    ['recipient', 500, 'smtp_refused', false],
    ['recipient', 503, 'smtp_deferred', true],
    ['recipient', 504, 'smtp_refused', false],
    ['recipient', 550, 'smtp_refused', false],
    ['recipient', 599, 'smtp_refused', false],
    ['recipient', 600, 'smtp_deferred', true],
    ['accept', 503, 'smtp_deferred', true],
    ['accept', 554, 'smtp_refused', false],
  ] as const)('at %s, %i', async (where, code, known, transient) => {
    const server = await sink({ disabledCommands: ['STARTTLS', 'AUTH'] });
    server.behaviour[where] = () => reply(code, 'no');
    const mailer = openMailer(`smtp://${server.at}?tls=none`);
    await expect(mailer.send(mail)).rejects.toMatchObject({ code: known, transient });
    mailer.close();
  });

  test('for one recipient of two: he is tried again, and one that is refused is not', async () => {
    const server = await sink({ disabledCommands: ['STARTTLS', 'AUTH'] });
    const mailer = openMailer(`smtp://${server.at}?tls=none`);
    server.behaviour.recipient = (address) => (address === 'c@example.org' ? reply(503, 'later') : null);
    expect(await mailer.send(mail)).toEqual({ accepted: ['b@example.org'], deferred: ['c@example.org'], refused: [] });
    server.behaviour.recipient = (address) => (address === 'c@example.org' ? reply(550, 'never') : null);
    expect(await mailer.send(mail)).toEqual({
      accepted: ['b@example.org'],
      deferred: [],
      refused: [{ recipient: 'c@example.org', reply: expect.any(String) }],
    });
    mailer.close();
  });

  test.each([
    [[503, 550], { accepted: [], deferred: ['b@example.org'], refused: [{ recipient: 'c@example.org', reply: 'no' }] }],
    [[550, 450], { accepted: [], deferred: ['c@example.org'], refused: [{ recipient: 'b@example.org', reply: 'no' }] }],
  ])('where both are rejected with %j, only who is put off is tried again', async ([ofB, ofC], sent) => {
    const server = await sink({ disabledCommands: ['STARTTLS', 'AUTH'] });
    const mailer = openMailer(`smtp://${server.at}?tls=none`);
    server.behaviour.recipient = (address) => reply(address === 'b@example.org' ? ofB! : ofC!, 'no');
    const got = await mailer.send(mail);
    expect({ ...got, refused: got.refused.map((one) => ({ ...one, reply: one.reply.replace(/^\d+ /, '') })) }).toEqual(sent);
    mailer.close();
  });
});
