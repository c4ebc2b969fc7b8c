import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import type { Results } from '../../../services/milter/verify/results.ts';
import { type VerifyOptions, verifyMail } from '../../../services/milter/verify/verify.ts';
import { openDns } from '../../../services/shared/runtime/resolver.ts';
import { type DkimKey, dkimKey, dkimSigned } from '../../attacks/dkim.ts';
import { dnsOf, type Zone } from '../../dns/zone.ts';
import { startFake } from '../../helpers/dns.ts';
import { arrived, mail, usual } from '../mails.ts';

// Its types are of another nodemailer's.
const { sealMessage } = createRequire(import.meta.url)('mailauth/lib/arc') as {
  sealMessage(mail: Buffer, seal: object): Promise<Buffer>;
};

const keys: Record<string, DkimKey> = { own: dkimKey(), list: dkimKey(), esp: dkimKey({ ed25519: true }) };
const txt = (text: string) => ({ TXT: [[text]] });
const ZONE: Zone = {
  'own.example': txt('v=spf1 ip4:192.0.2.1 -all'),
  '_dmarc.own.example': txt('v=DMARC1; p=reject'),
  's1._domainkey.own.example': txt(keys.own!.record),
  'news.own.example': txt('v=spf1 ip4:192.0.2.2 -all'),
  'esp.example': txt('v=spf1 ip4:198.51.100.0/24 -all'),
  's1._domainkey.esp.example': txt(keys.esp!.record),
  'lists.example': txt('v=spf1 ip4:203.0.113.9 -all'),
  's1._domainkey.lists.example': txt(keys.list!.record),
  'strict.example': txt('v=spf1 ip4:192.0.2.1 -all'),
  '_dmarc.strict.example': txt('v=DMARC1; p=none; aspf=s; adkim=s'),
  'bare.example': txt('v=spf1 ip4:192.0.2.1 -all'),
  'silent.own.example': 'unknown',
  's1._domainkey.silent.own.example': 'unknown',
  'silent.example': 'unknown',
  's1._domainkey.silent.example': 'unknown',
  '_dmarc.silent.example': 'unknown',
};

const verified = (
  raw: Buffer,
  {
    ip = '192.0.2.1',
    helo = 'mail.own.example',
    from = 'ada@own.example',
    ...options
  }: Partial<VerifyOptions & { ip: string; helo: string; from: string }> = {},
) =>
  verifyMail(
    { ...arrived(raw), ip, helo, mailFrom: from, at: new Date('2026-11-27T12:00:00Z') },
    { dns: dnsOf(ZONE), receiver: 'mx.own.example', trustedSealers: [], ...options },
  );

const own = mail(usual('Ada <ada@own.example>'));
const signed = (raw: Buffer, domain: string, key: DkimKey, more = {}) =>
  dkimSigned(raw, { domain, key, headers: ['from', 'subject', 'date'], ...more });

describe('a mail', () => {
  test('passes by SPF of its author', async () => {
    expect(await verified(own)).toMatchObject({
      spf: { result: 'pass', domain: 'own.example', identity: 'mailfrom', aligned: true },
      dkim: [],
      arc: { result: 'none' },
      dmarc: { result: 'pass', domain: 'own.example', policy: 'reject', at: 'own.example' },
      authenticated: 'yes',
    });
  });

  test('passes by DKIM from anywhere', async () => {
    const found = await verified(signed(own, 'own.example', keys.own!), { ip: '203.0.113.77', from: 'x@esp.example' });
    expect(found).toMatchObject({
      spf: { result: 'fail', aligned: false },
      dkim: [{ domain: 'own.example', selector: 's1', result: 'pass', aligned: true }],
      dmarc: { result: 'pass' },
      authenticated: 'yes',
    });
  });

  test('of nobody who can prove it fails, whatever the policy', async () => {
    expect(await verified(own, { ip: '203.0.113.77' })).toMatchObject({
      spf: { result: 'fail' },
      dmarc: { result: 'fail', policy: 'reject' },
      authenticated: 'no',
      source: '203.0.113.0/24',
    });
  });

  test('is named after the service that sent it, as in reports', async () => {
    const found = await verified(signed(own, 'esp.example', keys.esp!), { ip: '198.51.100.7', from: 'bounce@esp.example' });
    expect(found).toMatchObject({
      spf: { result: 'pass', aligned: false },
      dkim: [{ result: 'pass', aligned: false }],
      dmarc: { result: 'fail' },
      source: 'esp.example',
    });
  });

  test('aligns relaxed with names of one organization, and strictly with none but its own', async () => {
    const news = mail(usual('news@news.own.example'));
    expect(await verified(news)).toMatchObject({ spf: { aligned: true }, dmarc: { result: 'pass', at: 'own.example' } });
    const strict = mail(usual('news@news.strict.example'));
    expect(await verified(strict, { from: 'x@strict.example' })).toMatchObject({
      spf: { result: 'pass', aligned: false },
      authenticated: 'no',
    });
  });

  test('of a domain without a policy has none, and is authenticated all the same', async () => {
    const bare = mail(usual('ada@bare.example'));
    expect(await verified(bare, { from: 'ada@bare.example' })).toMatchObject({ dmarc: { result: 'none' }, authenticated: 'yes' });
    expect(await verified(mail(usual('ada@news.bare.example')), { from: 'ada@bare.example' })).toMatchObject({
      authenticated: 'yes',
    });
    expect(await verified(bare, { from: 'ada@esp.example' })).toMatchObject({ dmarc: { result: 'none' }, authenticated: 'no' });
  });

  test('that bounces is checked by its HELO name', async () => {
    expect(await verified(own, { from: '', helo: 'own.example' })).toMatchObject({
      spf: { result: 'pass', domain: 'own.example', identity: 'helo', aligned: true },
      authenticated: 'yes',
    });
  });

  test('with two From fields is nobody’s, whatever SPF says', async () => {
    const two = mail({ ...usual('ada@own.example'), From: ['ada@own.example', 'x@esp.example'] });
    expect(await verified(two)).toMatchObject({
      dmarc: { result: 'permerror', domain: null },
      authenticated: 'no',
      source: null,
    });
  });
});

describe('all that is found', () => {
  const NO_ARC = { result: 'none', sealers: [], why: null };
  const FAILS = 'no aligned mechanism passes';
  const spf = (part: Partial<Results['spf']> = {}) => ({
    result: 'pass',
    domain: 'own.example',
    identity: 'mailfrom',
    why: null,
    aligned: true,
    ...part,
  });
  const dmarc = (part: Partial<Results['dmarc']> = {}) => ({
    result: 'pass',
    domain: 'own.example',
    policy: 'reject',
    at: 'own.example',
    why: null,
    ...part,
  });
  const whole = (part: object) => ({
    spf: spf(),
    dkim: [],
    arc: NO_ARC,
    dmarc: dmarc(),
    authenticated: 'yes',
    vouched_by: null,
    source: '192.0.2.0/24',
    ...part,
  });
  const signature = (part: object = {}) => ({
    domain: 'own.example',
    selector: 's1',
    result: 'pass',
    why: null,
    aligned: true,
    ...part,
  });
  const silent = 'Nobody could say what silent.example holds.';
  const of = (from: string) => mail(usual(from));

  test.each<[string, Buffer, Parameters<typeof verified>[1], object]>([
    ['of a mail that SPF proves', own, {}, {}],
    [
      'of one that a signature proves',
      signed(own, 'own.example', keys.own!),
      { ip: '203.0.113.77', from: 'x@esp.example' },
      { spf: spf({ result: 'fail', domain: 'esp.example', aligned: false }), dkim: [signature()], source: '203.0.113.0/24' },
    ],
    [
      'of one that nothing proves',
      own,
      { ip: '203.0.113.77', from: 'x@lists.example' },
      {
        spf: spf({ result: 'fail', domain: 'lists.example', aligned: false }),
        dmarc: dmarc({ result: 'fail', why: FAILS }),
        authenticated: 'no',
        source: '203.0.113.0/24',
      },
    ],
    [
      'of one with signatures that prove nothing',
      signed(signed(own, 'esp.example', keys.esp!), 'own.example', keys.esp!),
      { ip: '203.0.113.77', from: 'x@esp.example' },
      {
        spf: spf({ result: 'fail', domain: 'esp.example', aligned: false }),
        dkim: [
          signature({ result: 'permerror', why: 'the published key is of another type (k=rsa)' }),
          signature({ domain: 'esp.example', aligned: false }),
        ],
        dmarc: dmarc({ result: 'fail', why: FAILS }),
        authenticated: 'no',
        source: 'esp.example',
      },
    ],
    [
      'of one with a signature that cannot be read',
      mail({ ...usual('ada@own.example'), 'DKIM-Signature': ';;=;' }),
      {},
      {
        dkim: [
          signature({ domain: '', selector: '', result: 'permerror', why: 'the DKIM signature cannot be read', aligned: false }),
        ],
      },
    ],
    [
      'of one that a name below proves',
      of('news@news.own.example'),
      { from: 'x@OWN.example.' },
      { dmarc: dmarc({ domain: 'news.own.example' }) },
    ],
    [
      'of one whose domain wants names that are the same',
      signed(of('news@news.strict.example'), 'strict.example', keys.own!),
      { from: 'x@strict.example' },
      {
        spf: spf({ domain: 'strict.example', aligned: false }),
        dkim: [signature({ domain: 'strict.example', result: 'permerror', why: 'no key', aligned: false })],
        dmarc: dmarc({ result: 'fail', domain: 'news.strict.example', policy: 'none', at: 'strict.example', why: FAILS }),
        authenticated: 'no',
      },
    ],
    [
      'of one without a policy',
      of('ada@bare.example'),
      { from: 'ada@bare.example' },
      {
        spf: spf({ domain: 'bare.example' }),
        dmarc: dmarc({ result: 'none', domain: 'bare.example', policy: null, at: null, why: 'no policy is published' }),
      },
    ],
    [
      'of one without a policy from a name of the same organization',
      of('ada@news.bare.example'),
      { from: 'ada@bare.example' },
      {
        spf: spf({ domain: 'bare.example' }),
        dmarc: dmarc({ result: 'none', domain: 'news.bare.example', policy: null, at: null, why: 'no policy is published' }),
      },
    ],
    [
      'of one by several authors',
      mail({ ...usual('x'), From: ['ada@own.example', 'x@esp.example'] }),
      {},
      {
        spf: spf({ aligned: false }),
        dmarc: { result: 'permerror', domain: null, policy: null, at: null, why: 'the mail has more than one From field' },
        authenticated: 'no',
        source: null,
      },
    ],
    [
      'of one whose author nobody can be asked about',
      of('ada@silent.example'),
      { from: 'ada@silent.example' },
      {
        spf: spf({ result: 'temperror', domain: 'silent.example', why: silent }),
        dmarc: dmarc({
          result: 'temperror',
          domain: 'silent.example',
          policy: null,
          at: null,
          why: 'Nobody could say what _dmarc.silent.example holds.',
        }),
        authenticated: 'unknown',
      },
    ],
    [
      'of one whose sender nobody can be asked about',
      signed(of('ada@news.silent.own.example'), 'silent.own.example', keys.own!),
      { from: 'x@silent.own.example' },
      {
        spf: spf({ result: 'temperror', domain: 'silent.own.example', why: 'Nobody could say what silent.own.example holds.' }),
        dkim: [
          signature({
            domain: 'silent.own.example',
            result: 'temperror',
            why: 'Nobody could say what s1._domainkey.silent.own.example holds.',
          }),
        ],
        dmarc: dmarc({
          result: 'temperror',
          domain: 'news.silent.own.example',
          why: 'an aligned mechanism could not be checked',
        }),
        authenticated: 'unknown',
      },
    ],
    ['of a bounce', own, { from: '', helo: 'Own.Example.' }, { spf: spf({ identity: 'helo' }) }],
    [
      'of a bounce of a server without a name',
      own,
      { from: '', helo: '' },
      {
        spf: spf({ result: 'none', domain: '', identity: 'helo', why: 'the envelope names no domain', aligned: false }),
        dmarc: dmarc({ result: 'fail', why: FAILS }),
        authenticated: 'no',
      },
    ],
    [
      'of one whose sender has no domain',
      own,
      { from: 'postmaster', helo: 'own.example' },
      {
        spf: spf({ result: 'none', domain: '', why: 'the envelope names no domain', aligned: false }),
        dmarc: dmarc({ result: 'fail', why: FAILS }),
        authenticated: 'no',
      },
    ],
    ['of one whose sender begins with the sign of a domain', own, { from: '@own.example' }, {}],
  ])('%s', async (_, raw, given, part) => {
    expect(await verified(raw, given)).toEqual(whole(part));
  });

  test('of one that came from this machine', async () => {
    const found = await verifyMail(
      { ...arrived(own), ip: null, helo: 'x', mailFrom: 'ada@own.example', at: new Date(0) },
      { dns: dnsOf(ZONE), receiver: 'mx.own.example', trustedSealers: [] },
    );
    expect(found).toEqual(
      whole({
        spf: spf({ result: 'none', why: 'the mail was submitted locally' }),
        dmarc: dmarc({ result: 'fail', why: FAILS }),
        authenticated: 'no',
        source: 'unknown',
      }),
    );
  });
});

describe('what is asked', () => {
  test('about our own names is asked of a resolver of their own', async () => {
    const [others, ours] = [dnsOf(ZONE), dnsOf(ZONE)];
    let raw = signed(mail(usual('news@news.own.example')), 'own.example', keys.own!);
    raw = signed(raw, 'esp.example', keys.esp!);
    const given = { dns: others, own: { dns: ours, names: ['own.example'] } };
    await verified(raw, { ...given, from: 'x@News.own.example' });
    expect([[...new Set(ours.asked)].sort(), others.asked]).toEqual([
      [
        'TXT _dmarc.example',
        'TXT _dmarc.news.own.example',
        'TXT _dmarc.own.example',
        'TXT news.own.example',
        'TXT s1._domainkey.own.example',
      ],
      ['TXT s1._domainkey.esp.example'],
    ]);
    ours.asked.length = 0;
    others.asked.length = 0;
    await verified(mail(usual('x@notown.example')), { ...given, from: 'x@esp.example' });
    expect([ours.asked, others.asked.includes('TXT esp.example')]).toEqual([[], true]);
  });

  test('about one mail is bounded, whatever it names: for its SPF, and for all else', async () => {
    const txt = (name: string, text: string) => [{ type: 'TXT' as const, name, ttl: 60, data: [text] }];
    const answers = (name: string, type: string) => {
      const ten = Array.from({ length: 10 }, (_, n) => n);
      if (type === 'MX')
        return ten.map((n) => ({ type, name, ttl: 60, data: { preference: n, exchange: `h${n}.${name}` } }) as const);
      if (type === 'A') return [{ type, name, ttl: 60, data: '192.0.2.250' } as const];
      if (name === 'wide.example') return txt(name, `v=spf1 ${ten.map((n) => `mx:m${n}.wide.example`).join(' ')} -all`);
      return name === '_dmarc.deep.example' ? txt(name, 'v=DMARC1; p=none') : [];
    };
    const fake = await startFake(({ name, type }) => ({ answers: answers(name, type) }));
    const dns = openDns([fake.server]);
    // So many questions end with one signal, which Node must not take for a leak.
    const warnings: string[] = [];
    const warned = ({ name }: Error) => void warnings.push(name);
    process.addListener('warning', warned);
    try {
      const deep = (n: number | string) => `a${n}.b${n}.c${n}.d${n}.e${n}.f${n}.deep.example`;
      let raw = mail(usual(`x@${deep('')}`));
      const bh = createHash('sha256').update('Hello.\r\n').digest('base64');
      for (let n = 0; n < 8; n++) raw = signed(raw, deep(n), keys.own!);
      const sets = Array.from({ length: 20 }, (_, at) => at + 1).flatMap((i) => [
        `ARC-Seal: i=${i}; a=rsa-sha256; cv=${i === 1 ? 'none' : 'pass'}; d=seal${i}.example; s=s1; b=AAAA`,
        `ARC-Message-Signature: i=${i}; a=rsa-sha256; c=relaxed/relaxed; d=list${i}.example; s=s1; h=from; bh=${bh}; b=AAAA`,
        `ARC-Authentication-Results: i=${i}; mx.list${i}.example; dmarc=pass header.from=own.example`,
      ]);
      raw = Buffer.concat([Buffer.from(sets.map((line) => `${line}\r\n`).join('')), raw]);
      await verified(raw, { dns, ip: '203.0.113.9', from: 'x@wide.example', timeoutMs: 20_000 });
      const forSpf = fake.asked.filter(({ name }) => name.endsWith('wide.example')).length;
      expect([forSpf, fake.asked.length - forSpf, warnings]).toEqual([60, 80, []]);
    } finally {
      process.removeListener('warning', warned);
      dns.cancel();
      await fake.stop();
    }
  });
});

describe('a signature', () => {
  test.each([
    ['over a body that was changed', (raw: Buffer) => Buffer.from(`${raw.toString('latin1')}footer\r\n`, 'latin1'), 'fail'],
    [
      'over a header that was changed',
      (raw: Buffer) => Buffer.from(raw.toString('latin1').replace('Lunch', 'Dinner'), 'latin1'),
      'fail',
    ],
    [
      'whose key is not there',
      (raw: Buffer) => Buffer.from(raw.toString('latin1').replace(' s=s1;', ' s=s2;'), 'latin1'),
      'permerror',
    ],
  ])('%s is a %s', async (_, change, result) => {
    const found = await verified(change(signed(own, 'own.example', keys.own!)), { ip: '203.0.113.77' });
    expect(found).toMatchObject({ dkim: [{ result }], authenticated: 'no' });
  });

  test('over a part of the body proves nothing, and over all of it what others prove', async () => {
    const part = signed(own, 'own.example', keys.own!, { length: 3 });
    expect(await verified(part, { ip: '203.0.113.77' })).toMatchObject({ dkim: [{ result: 'policy' }], authenticated: 'no' });
    const whole = signed(own, 'own.example', keys.own!, { length: 8 });
    expect(await verified(whole, { ip: '203.0.113.77' })).toMatchObject({ dkim: [{ result: 'pass' }], authenticated: 'yes' });
  });

  test('of the author is found behind many of others', async () => {
    let raw = signed(own, 'own.example', keys.own!);
    for (let i = 0; i < 30; i++) raw = signed(raw, 'esp.example', keys.esp!);
    const found = await verified(raw, { ip: '203.0.113.77' });
    expect(found.dkim.length).toBeLessThan(30);
    expect(found.authenticated).toBe('yes');
  });
});

describe('a name server that does not answer', () => {
  test('leaves open what its answer could have proven', async () => {
    const silent = mail(usual('ada@silent.example'));
    expect(await verified(silent, { from: 'ada@silent.example' })).toMatchObject({
      spf: { result: 'temperror' },
      dmarc: { result: 'temperror' },
      authenticated: 'unknown',
    });
  });

  test('changes nothing about an author whom it could not have proven', async () => {
    const found = await verified(signed(own, 'silent.example', keys.own!), { ip: '203.0.113.77', from: 'x@silent.example' });
    expect(found).toMatchObject({
      spf: { result: 'temperror', aligned: false },
      dkim: [{ result: 'temperror', aligned: false }],
      dmarc: { result: 'fail' },
      authenticated: 'no',
    });
  });

  test('is waited for no longer than the time that is set', async () => {
    const ask = (_: string, __: string, { signal }: { signal: AbortSignal }) =>
      new Promise((resolve) => {
        const late = () => resolve({ state: 'unknown', reason: 'cancelled', message: 'It took too long.' });
        if (signal.aborted) late();
        else signal.addEventListener('abort', late);
      });
    const dns = { ask };
    expect(await verified(own, { dns: dns as never, timeoutMs: 50 })).toMatchObject({
      dmarc: { result: 'temperror' },
      authenticated: 'unknown',
    });
  });
});

describe('the seals of a mailing list', () => {
  const through = async (
    authResults: string,
    { cv = 'none', footer = true, seal = {} }: { cv?: string; footer?: boolean; seal?: object } = {},
  ) => {
    const original = signed(own, 'own.example', keys.own!);
    const changed = footer ? Buffer.from(`${original.toString('latin1')}-- \r\nthe list\r\n`, 'latin1') : original;
    const privateKey = keys.list!.privateKey.export({ type: 'pkcs8', format: 'pem' });
    const fields = await sealMessage(changed, {
      signingDomain: 'lists.example',
      selector: 's1',
      privateKey,
      authResults,
      cv,
      ...seal,
    });
    return Buffer.concat([fields, changed]);
  };
  const PASSED = 'mx.lists.example; dkim=pass header.d=own.example; dmarc=pass header.from=own.example';
  const asList = { ip: '203.0.113.9', helo: 'lists.example', from: 'list-bounces@lists.example' };

  test('prove who wrote what it changed, when it is trusted', async () => {
    const found = await verified(await through(PASSED), { ...asList, trustedSealers: ['lists.example'] });
    expect(found).toMatchObject({
      arc: { result: 'pass', sealers: ['lists.example'] },
      dmarc: { result: 'fail' },
      authenticated: 'no',
      vouched_by: 'lists.example',
    });
  });

  test.each([
    ['is not trusted', PASSED, {}, []],
    ['has another name in front', PASSED, {}, ['evil-lists.example']],
    ['found that DMARC failed', 'mx.lists.example; dmarc=fail header.from=own.example', {}, ['lists.example']],
    ['found it for another domain', 'mx.lists.example; dmarc=pass header.from=esp.example', {}, ['lists.example']],
    ['says that the chain failed', PASSED, { cv: 'fail' }, ['lists.example']],
    ['says that a chain was there before the first set', PASSED, { cv: 'pass' }, ['lists.example']],
  ])('prove nothing when it %s', async (_, results, options, trustedSealers) => {
    expect(await verified(await through(results, options), { ...asList, trustedSealers })).toMatchObject({ vouched_by: null });
  });

  test.each([
    ['the body', (text: string) => `${text}more\r\n`],
    ['the From field', (text: string) => text.replace('From: Ada', 'From: Bob')],
    ['what was found', (text: string) => text.replace('dmarc=pass', 'dmarc=fail')],
    ['the number of a set', (text: string) => text.replaceAll('i=1;', 'i=2;')],
    ['one field of the set', (text: string) => text.replace(/ARC-Authentication-Results:.*\r\n(?:[ \t].*\r\n)*/, '')],
    ['a set twice', (text: string) => `${/ARC-Seal:.*\r\n(?:[ \t].*\r\n)*/.exec(text)![0]}${text}`],
  ])('fail when somebody changed %s', async (_, change) => {
    const raw = Buffer.from(change((await through(PASSED)).toString('latin1')), 'latin1');
    expect(await verified(raw, { ...asList, trustedSealers: ['lists.example'] })).toMatchObject({
      arc: { result: 'fail' },
      vouched_by: null,
    });
  });

  test('of two lists need the trust of both', async () => {
    const first = await through(PASSED);
    const privateKey = keys.own!.privateKey.export({ type: 'pkcs8', format: 'pem' });
    const fields = await sealMessage(first, {
      signingDomain: 'own.example',
      selector: 's1',
      privateKey,
      authResults: 'mx; arc=pass',
      cv: 'pass',
    });
    const raw = Buffer.concat([fields, first]);
    expect(await verified(raw, { ...asList, trustedSealers: ['lists.example'] })).toMatchObject({
      arc: { result: 'pass', sealers: ['lists.example', 'own.example'] },
      vouched_by: null,
    });
    expect(await verified(raw, { ...asList, trustedSealers: ['lists.example', 'own.example'] })).toMatchObject({
      vouched_by: 'own.example',
    });
  });
});
