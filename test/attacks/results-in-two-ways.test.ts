import { afterEach, describe, expect, test } from 'vitest';
import { dkimKey, dkimSigned, knotPresent, mailOf, onTop, startWorld, titled, type World } from './harness.ts';

const ID = 'mx.victim.example';
const key = dkimKey();
const OURS = `Received: from out.evil.example by ${ID} with ESMTPS id 1; Wed, 2 Sep 2026 00:00:00 +0000`;
const told = (text: string) => [OURS, `Authentication-Results: ${ID}; ${text}`];

/**
 * What our server writes about a mail of evil.example's, as its sender chose his address, his signature and
 * his greeting.
 */
const LIES: [string, string][] = [
  ['a quoted local part that looks like an address', 'spf=pass smtp.mailfrom="x@reporter.example"@evil.example'],
  ['the same in i=', 'dkim=pass header.i="x@reporter.example"@evil.example header.s=s1'],
  ['the same in From', 'dmarc=pass header.from="x@reporter.example"@evil.example'],
  ['the same, cut by a blank', 'spf=pass smtp.mailfrom="x@reporter.example" @evil.example'],
  ['the same, quoted once more', 'spf=pass smtp.mailfrom="\\"x@reporter.example\\"@evil.example"'],
  [
    'a quoted parenthesis within a comment',
    'spf=none (envelope-from="x); dmarc=pass header.from=reporter.example ("@evil.example) smtp.mailfrom=evil.example',
  ],
  ['a property within a reason', 'spf=pass reason="smtp.mailfrom=a@reporter.example is permitted" smtp.mailfrom=b@evil.example'],
  ['a property within a value', 'dkim=pass header.b="header.d=reporter.example" header.d=evil.example'],
  ['a blank in an address', 'spf=pass smtp.helo=h smtp.mailfrom=x smtp.mailfrom=y@reporter.example smtp.mailfrom=z@evil.example'],
  ['the longer name of a property', 'dkim=pass policy.header.d=reporter.example header.d=evil.example'],
  ['two addresses', 'spf=pass smtp.mailfrom=a@evil.example,b@reporter.example'],
  ['a quote that ends too early', 'spf=none smtp.mailfrom="x""; dmarc=pass header.from=reporter.example; z="@evil.example'],
  ['a result that goes on', 'dmarc=pass.not header.from=reporter.example'],
];

/** As Google, Yahoo, amavis, policyd-spf, Fastmail and others write them. */
const HONEST: [string, string][] = [
  [
    'google',
    'dkim=pass header.i=@reporter.example header.s=s1 header.b=AbC/d+=; arc=pass (i=1 spf=pass); spf=pass (google.com: domain of ' +
      '"x y"@reporter.example designates 192.0.2.1 as permitted sender) smtp.mailfrom="x y"@reporter.example; ' +
      'dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=reporter.example; dara=pass header.i=@gmail.com',
  ],
  ['yahoo', 'dkim=pass header.i=@reporter.example header.s=s; dmarc=pass(p=REJECT) header.from=reporter.example;'],
  ['amavis', 'dkim=pass (2048-bit key) reason="pass (just generated, assumed good)" header.d=reporter.example'],
  [
    'policyd-spf',
    'spf=pass (sender SPF authorized) smtp.mailfrom=reporter.example (client-ip=192.0.2.1; envelope-from=x@reporter.example)',
  ],
  ['fastmail', 'dkim=pass header.d=reporter.example x-bits=2048; tls=pass smtp.version=TLSv1.3 smtp.bits=256/256'],
  ['a quoted address', 'spf=pass smtp.mailfrom="x@reporter.example"'],
  ['a rewritten address', 'spf=pass smtp.mailfrom=SRS0=a+b=x=y=z@reporter.example'],
  ['an address in brackets', 'spf=pass smtp.mailfrom=<x@reporter.example>'],
  ['words that are no grammar beside the verdict', 'spf=none no SPF record; dmarc=pass header.from=reporter.example'],
];

describe.skipIf(!knotPresent)(titled('results of our own server that hold words of the sender'), () => {
  let world: World;
  afterEach(() => world.close());
  const trusts = async (mails: Buffer[]) => {
    await world.bring(mails);
    return (await world.reports()).map((r) => [r.report_id, r.reporter_trust]);
  };

  test('are read by their grammar: what the sender wrote into them proves nothing', async () => {
    world = await startWorld({ settings: { trust: { authserv_ids: [ID] } } });
    const mails = LIES.map(([what, text]) => onTop(told(text), mailOf({ id: what })));
    expect(await trusts(mails)).toEqual(LIES.map(([what]) => [what, 'unauthenticated']));
  });

  test('what every server writes of honest mails is believed', async () => {
    world = await startWorld({ settings: { trust: { authserv_ids: [ID], check: 'authserv' } } });
    const mails = HONEST.map(([what, text]) => onTop(told(text), mailOf({ id: what })));
    expect(await trusts(mails)).toEqual(HONEST.map(([what]) => [what, 'authenticated']));
  });

  test('a field that is unclear hides none below it, and leaves the signature to decide', async () => {
    world = await startWorld({ settings: { trust: { authserv_ids: [ID] } } });
    await world.publish('reporter.example', key);
    const unclear = [
      ...told('dkim=pass because "it is'),
      `Authentication-Results: ${ID}; dmarc=pass header.from=reporter.example`,
    ];
    const mails = [
      onTop(unclear, mailOf({ id: 'unsigned' })),
      onTop(unclear, dkimSigned(mailOf({ id: 'signed' }), { domain: 'reporter.example', key })),
    ];
    expect(await trusts(mails)).toEqual([
      ['unsigned', 'unauthenticated'],
      ['signed', 'authenticated'],
    ]);
  });
});
