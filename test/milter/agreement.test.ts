import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyMail } from '../../services/milter/verify/verify.ts';
import { parseAuthenticationResults } from '../../services/report/mail/authentication-results.ts';
import { openDns } from '../../services/shared/runtime/resolver.ts';
import { dkimKey, dkimSigned, type SignOptions, withTags } from '../attacks/dkim.ts';
import { type NameServer, startKnot } from '../helpers/knot.ts';
import { until } from '../helpers/services.ts';
import { arrived, mail, usual } from './mails.ts';
import { type Oracle, oraclePresent, startOracle } from './oracle.ts';
import { hangUp, Server } from './server.ts';
import { connect, macros, negotiate, packet, strings } from './wire/packets.ts';

const KEYS = {
  s1: dkimKey(),
  weak: dkimKey({ bits: 1024 }),
  gone: dkimKey(),
  test: dkimKey({ tags: 't=y' }),
  strict: dkimKey({ tags: 't=s' }),
  ed: dkimKey({ ed25519: true }),
};
const txt = (name: string, text: string) =>
  `${name} TXT ${text
    .match(/.{1,200}/g)!
    .map((part) => `"${part}"`)
    .join(' ')}`;
const keysOf = [
  ...(['s1', 'weak', 'test', 'strict', 'ed'] as const).map((name) => txt(`${name}._domainkey`, KEYS[name].record)),
  txt('revoked._domainkey', 'v=DKIM1; p='),
  txt('sha1._domainkey', withTags(KEYS.s1, 'h=sha1').record),
];
const spf = '@ TXT "v=spf1 ip4:192.0.2.10 -all"';
/** Above the domains there is nothing, and a server that says so. */
const ZONES = {
  com: [],
  net: [],
  org: [],
  'example.com': [spf, '_dmarc TXT "v=DMARC1; p=reject"', ...keysOf, 'news TXT "v=spf1 ip4:192.0.2.11 -all"'],
  'strict.net': [
    spf,
    '_dmarc TXT "v=DMARC1; p=quarantine; adkim=s; aspf=s"',
    ...keysOf,
    'news TXT "v=spf1 ip4:192.0.2.11 -all"',
    ...(['s1'] as const).map((name) => txt(`${name}._domainkey.news`, KEYS[name].record)),
  ],
  'none.org': [spf, ...keysOf],
  'other.com': [spf, '_dmarc TXT "v=DMARC1; p=none"', ...keysOf],
};

type Sign = { name: string; sign: (raw: Buffer, domain: string) => Buffer };
const by = (
  name: string,
  options: Partial<SignOptions> & { selector: string },
  change: (raw: Buffer) => Buffer = (raw) => raw,
): Sign => ({
  name,
  sign: (raw, domain) =>
    change(dkimSigned(raw, { domain, key: KEYS.s1, headers: ['from', 'to', 'subject', 'date', 'message-id'], ...options })),
});
const edited = (from: string | RegExp, to: string) => (raw: Buffer) =>
  Buffer.from(raw.toString('latin1').replace(from, to), 'latin1');
const T = 1_700_000_000;
const SIGNS: Sign[] = [
  { name: 'unsigned', sign: (raw) => raw },
  by('relaxed', { selector: 's1' }),
  by('simple', { selector: 's1', canonicalization: 'simple/simple' }),
  by('mixed', { selector: 's1', canonicalization: 'relaxed/simple' }),
  by('oversigned', { selector: 's1', headers: ['from', 'from', 'to', 'subject', 'subject', 'date'] }),
  by('another body', { selector: 's1' }, (raw) => Buffer.concat([raw, Buffer.from('footer\r\n')])),
  by('another subject', { selector: 's1' }, edited('Subject: Lunch', 'Subject: Dinner')),
  by('blanks at line ends', { selector: 's1' }, (raw) =>
    Buffer.from(raw.toString('latin1').replace('Hello.', 'Hello. \t'), 'latin1'),
  ),
  by('no key', { selector: 'missing' }),
  by('revoked', { selector: 'revoked' }),
  by('1024 bits', { selector: 'weak', key: KEYS.weak }),
  by('another key', { selector: 's1', key: KEYS.gone }),
  by('not expired', { selector: 's1', tags: { t: String(T), x: '4000000000' } }),
  by('expired', { selector: 's1', tags: { t: String(T), x: String(T + 10) } }),
  by('identity below', { selector: 's1', tags: { i: '@news.example.com' } }),
  by('part of the body', { selector: 's1', length: 3 }),
  by('test key', { selector: 'test', key: KEYS.test }),
  by('key for SHA-1 alone', { selector: 'sha1' }),
  by('another version', { selector: 's1', tags: { v: '2' } }),
  by('no From', { selector: 's1', headers: ['to', 'subject', 'date'] }),
];
/** Author, envelope, client, and who signs. */
const WAYS = [
  { author: 'example.com', from: 'example.com', ip: '192.0.2.10', signer: 'example.com' },
  { author: 'example.com', from: 'other.com', ip: '192.0.2.10', signer: 'example.com' },
  { author: 'example.com', from: 'other.com', ip: '203.0.113.1', signer: 'other.com' },
  { author: 'news.example.com', from: 'news.example.com', ip: '192.0.2.11', signer: 'example.com' },
  { author: 'news.example.com', from: 'other.com', ip: '203.0.113.1', signer: 'example.com' },
  { author: 'strict.net', from: 'strict.net', ip: '192.0.2.10', signer: 'strict.net' },
  { author: 'strict.net', from: 'news.strict.net', ip: '192.0.2.11', signer: 'other.com' },
  { author: 'news.strict.net', from: 'other.com', ip: '203.0.113.1', signer: 'strict.net' },
  { author: 'none.org', from: 'none.org', ip: '203.0.113.1', signer: 'none.org' },
  { author: 'other.com', from: 'example.com', ip: '203.0.113.1', signer: 'other.com' },
];

/** What each milter writes about a mail, by method. */
type Found = { dkim: string; dmarc: string };

/** Differences that are known, by the name of the signature: docs/milter.md says who is right. */
const KNOWN: Record<string, { dkim: [ours: string, theirs: string]; dmarc?: [ours: string, theirs: string] }> = {
  'no key': { dkim: ['permerror', 'fail'] },
  revoked: { dkim: ['permerror', 'fail'] },
  'key for SHA-1 alone': { dkim: ['permerror', 'fail'] },
  'part of the body': { dkim: ['policy', 'pass'], dmarc: ['fail', 'pass'] },
  'test key': { dkim: ['policy', 'pass'], dmarc: ['fail', 'pass'] },
};
/** With strict alignment, OpenDMARC lets an envelope below the author's domain align. */
const STRICT = ['fail', 'pass'] as const;
const isKnown = (name: string, { author, from }: (typeof WAYS)[number], mine: Found, theirs: Found): boolean => {
  const known = KNOWN[name];
  const { dmarc } = theirs;
  if (author === 'strict.net' && from === 'news.strict.net' && mine.dmarc === STRICT[0] && dmarc === STRICT[1])
    return isKnown(name, WAYS[0]!, { ...mine, dmarc }, theirs);
  const same = (method: keyof Found) =>
    mine[method] === theirs[method] || (known?.[method]?.[0] === mine[method] && known[method][1] === theirs[method]);
  return same('dkim') && same('dmarc');
};

describe.skipIf(!oraclePresent)(`200 mails${oraclePresent ? '' : ' (SKIPPED: needs opendkim, opendmarc and knot)'}`, () => {
  let oracle: Oracle;
  let knot: NameServer;
  beforeAll(async () => {
    oracle = await startOracle(ZONES);
    knot = await startKnot(ZONES);
  });
  afterAll(async () => {
    hangUp();
    await oracle?.stop();
    await knot?.stop();
  });

  /** Hands a mail to a milter as a mail server does. @returns the Authentication-Results that it adds */
  async function asked(socket: string, raw: Buffer, way: (typeof WAYS)[number], before: string | null): Promise<string[]> {
    const server = new Server({ path: socket });
    const { fields } = arrived(raw);
    const given = before === null ? fields : [{ name: 'Authentication-Results', value: before }, ...fields];
    const text = raw.toString('latin1');
    server.send(negotiate(6, 0x1ff, 0x1fffff));
    await server.replies(1);
    server.send(
      macros('C', { j: 'oracle.example', '{daemon_name}': 'x' }),
      connect('mail.example.com', way.ip),
      packet('H', strings('mail.example.com')),
      macros('M', { i: 'Q1', '{mail_addr}': `x@${way.from}` }),
      packet('M', strings(`<x@${way.from}>`)),
      packet('R', strings('<grace@example.com>')),
      packet('T'),
      ...given.map(({ name, value }) => packet('L', strings(name, value!.replace(/\r\n/g, '\n')))),
      packet('N'),
      packet('B', text.slice(text.indexOf('\r\n\r\n') + 4)),
      macros('E', { i: 'Q1' }),
      packet('E'),
    );
    await until(
      () =>
        server.heard.some(({ command }, i) => i > 0 && 'arty'.includes(command)) ||
        (server.heard.some(({ command }) => 'ih'.includes(command)) && server.heard.at(-1)!.command === 'c'),
    );
    server.send(packet('Q'));
    return server.heard
      .filter(({ command }) => command === 'i' || command === 'h')
      .map(({ command, data }) =>
        data
          .subarray(command === 'i' ? 4 : 0)
          .toString('latin1')
          .split('\0'),
      )
      .filter(([name]) => name?.toLowerCase() === 'authentication-results')
      .map(([, value]) => value!);
  }
  const results = (values: readonly string[], method: string) =>
    values
      .flatMap((value) => parseAuthenticationResults(value.replace(/\s+/g, ' '))?.results ?? [])
      .filter((one) => one.method === method)
      .map(({ result }) => result)
      .join(' ');

  test('are judged as OpenDKIM and OpenDMARC judge them, but for what is listed', { timeout: 240_000 }, async () => {
    const dns = openDns([knot.server]);
    const differences: string[] = [];
    let mails = 0;
    const judged = async ({ name, sign }: Sign, way: (typeof WAYS)[number]) => {
      mails++;
      const raw = sign(mail(usual(`Ada <ada@${way.author}>`)), way.signer);
      const ours = await verifyMail(
        { ...arrived(raw), ip: way.ip, helo: 'mail.example.com', mailFrom: `x@${way.from}`, at: new Date() },
        { dns, receiver: 'oracle.example', trustedSealers: [], timeoutMs: 20_000 },
      );
      const dkim = await asked(oracle.opendkim, raw, way, null);
      const dmarc = await asked(oracle.opendmarc, raw, way, dkim[0] ?? null);
      const mine: Found = { dkim: ours.dkim.map(({ result }) => result).join(' ') || 'none', dmarc: ours.dmarc.result };
      const theirs: Found = { dkim: results(dkim, 'dkim') || 'none', dmarc: results(dmarc, 'dmarc') };
      if (!isKnown(name, way, mine, theirs))
        differences.push(
          `${name} | ${way.author} by ${way.signer}, ${way.from} at ${way.ip} | ours ${JSON.stringify(mine)} | theirs ${JSON.stringify(theirs)}`,
        );
    };
    for (const one of SIGNS) await Promise.all(WAYS.map((way) => judged(one, way)));
    expect(mails).toBe(200);
    expect(differences).toEqual([]);
  });
});
