import { afterEach, describe, expect, test } from 'vitest';
import {
  dkimKey,
  dkimSigned,
  knotPresent,
  mailOf,
  type SignOptions,
  startWorld,
  titled,
  type World,
  withTags,
} from './harness.ts';

const REPORTER = 'reporter.example';
const key = dkimKey();
const ed = dkimKey({ ed25519: true });
const AT = Date.UTC(2026, 8, 3, 12) / 1000;
const HOUR = 3600;

interface Case {
  what: string;
  record?: string;
  sign?: Partial<SignOptions>;
}

/** Signatures that verify as mathematics, and prove nothing. */
const REFUSED: Case[] = [
  { what: 'a key for tests', record: withTags(key, 't=y').record },
  { what: 'a key for tests, among other flags', record: withTags(key, 't=s:y').record },
  { what: 'a revoked key', record: 'v=DKIM1; k=rsa; p=' },
  { what: 'a key for another hash', record: withTags(key, 'h=sha1').record },
  { what: 'a key for other services', record: withTags(key, 's=tlsrpt').record },
  { what: 'a key of another type', record: key.record.replace('k=rsa', 'k=ed25519') },
  { what: 'a key of another version', record: key.record.replace('DKIM1', 'DKIM2') },
  { what: 'a version that is not first', record: `${key.record.replace('v=DKIM1; ', '')}; v=DKIM1` },
  { what: 'a key told twice', record: `${key.record}; p=AAAA` },
  { what: 'a short key', sign: { key: dkimKey({ bits: 768 }) } },
  { what: 'a key that forbids names below', record: withTags(key, 't=s').record, sign: { tags: { i: '@sub.reporter.example' } } },
  { what: 'an identity elsewhere', sign: { tags: { i: '@reporter.example.evil.example' } } },
  { what: 'an identity above', sign: { domain: `mail.${REPORTER}`, tags: { i: `@${REPORTER}` } } },
  { what: 'an expired signature', sign: { tags: { t: String(AT - 9 * HOUR), x: String(AT - HOUR) } } },
  { what: 'one from the future', sign: { tags: { t: String(AT + 24 * HOUR) } } },
  { what: 'one that expires before it is made', sign: { tags: { t: String(AT - HOUR), x: String(AT - 2 * HOUR) } } },
  { what: 'a time that is none', sign: { tags: { t: 'soon' } } },
  { what: 'a version of its own', sign: { tags: { v: '2' } } },
  { what: 'a tag told twice', sign: { tags: { 'd ': 'evil.example' } } },
  { what: 'a key not in DNS', sign: { tags: { q: 'http/get' } } },
  { what: 'a part of the body', sign: { length: 30 } },
  { what: 'nothing of the body', sign: { length: 0 } },
  { what: 'a From that is not signed', sign: { headers: ['to', 'subject', 'date'] } },
  { what: 'an old algorithm', sign: { tags: { a: 'rsa-sha1' } } },
];

const TAKEN: Case[] = [
  { what: 'a plain key' },
  { what: 'a key without version and type', record: key.record.replace('v=DKIM1; k=rsa; ', '') },
  { what: 'a key with all that may be in it', record: withTags(key, 'h=sha1:sha256; s=email; t=s; n=note; x_y=1').record },
  { what: 'a key for all services', record: withTags(key, 's=*').record },
  { what: 'a short but allowed key', sign: { key: dkimKey({ bits: 1024 }) } },
  { what: 'a long key', sign: { key: dkimKey({ bits: 4096 }) } },
  { what: 'Ed25519', sign: { key: ed } },
  { what: 'an identity below', sign: { tags: { i: 'x@sub.reporter.example' } } },
  { what: 'a signature that is still good', sign: { tags: { t: String(AT - HOUR), x: String(AT + HOUR) } } },
  { what: 'a clock that is a little ahead', sign: { tags: { t: String(AT + 300) } } },
  { what: 'a subdomain', sign: { domain: `mail.${REPORTER}` } },
  { what: 'simple form', sign: { canonicalization: 'simple/simple' } },
  { what: 'fields that are not there', sign: { headers: ['from', 'from', 'cc', 'content-type', 'sender'] } },
];

describe.skipIf(!knotPresent)(titled('keys and signatures that verify and prove nothing'), () => {
  let world: World;
  afterEach(() => world.close());
  const trusts = async (cases: Case[]) => {
    world = await startWorld();
    const mails = [];
    for (const [i, { what, record, sign }] of cases.entries()) {
      const signer = { domain: REPORTER, key, selector: `s${i}`, ...sign };
      await world.publish(signer.domain, { ...signer.key, record: record ?? signer.key.record }, signer.selector);
      mails.push(dkimSigned(mailOf({ id: what }), signer));
    }
    await world.bring(mails);
    return (await world.reports()).map((r) => [r.report_id, r.reporter_trust]);
  };

  test('none of them proves a report', async () => {
    expect(await trusts(REFUSED)).toEqual(REFUSED.map(({ what }) => [what, 'unauthenticated']));
  });

  test('what RFC 6376 and RFC 8463 allow does', async () => {
    expect(await trusts(TAKEN)).toEqual(TAKEN.map(({ what }) => [what, 'authenticated']));
  });
});
