import { afterEach, describe, expect, test } from 'vitest';
import { runDoctor } from '../../services/cli/commands/doctor.ts';
import { dkimKey, dkimSigned, knotPresent, mailOf, onTop, startWorld, titled, type World } from './harness.ts';

const ID = 'victim.example';
const key = dkimKey();
const results = (text: string) => `Authentication-Results: ${ID}; ${text}`;
/** What a forger writes into his own mail. */
const FORGED = results(
  'dkim=pass header.d=reporter.example; spf=pass smtp.mailfrom=reporter.example; dmarc=pass header.from=reporter.example',
);
const NOTHING = results('dkim=none; spf=none smtp.mailfrom=evil.example');
const SPF_ALONE = results('spf=softfail smtp.mailfrom=evil.example');
const received = (by: string, proto = 'ESMTPS') =>
  `Received: from out.evil.example (out.evil.example [192.0.2.66])${by} with ${proto} id 1; Wed, 2 Sep 2026 00:00:00 +0000`;
const OURS = received(` by mail.${ID} (Postfix)`);
const QMAIL = 'Received: (qmail 4242 invoked by uid 89); 2 Sep 2026 00:00:00 -0000';
const FOREIGN = received(' by mx.evil.example');
const LMTP = `Received: from mail.${ID} by mail.${ID} with LMTP id 2; Wed, 2 Sep 2026 00:00:01 +0000`;
const ARC = `ARC-Authentication-Results: i=1; ${ID}; dmarc=pass header.from=reporter.example`;

/** Unsigned mails whose header, from the top, holds these fields. None of them is proven. */
const LIES: [string, string[]][] = [
  ['below the field of a server whose Received is by a host of it', [OURS, SPF_ALONE, FORGED]],
  ['below that of a server whose Received is by an address', [received(' by 10.0.0.5'), SPF_ALONE, FORGED]],
  ['below that of a qmail, whose Received has no by', [QMAIL, SPF_ALONE, FORGED]],
  ['below that of a server whose Received is by the id itself', [received(` by ${ID}`), SPF_ALONE, FORGED]],
  ['below the field, and above a forged Received of our name', [OURS, SPF_ALONE, FORGED, OURS]],
  ['below a qmail’s field, above a forged Received of our name', [QMAIL, SPF_ALONE, FORGED, OURS]],
  ['below the field after a hop into the store', [LMTP, OURS, SPF_ALONE, FORGED]],
  ['below a fetchmail’s hop', [received(' by localhost', 'IMAP'), OURS, SPF_ALONE, FORGED]],
  ['right below the only field, the next Received being nobody’s', [SPF_ALONE, FORGED, QMAIL]],
  ['right below the only field, the next Received being foreign', [SPF_ALONE, FORGED, FOREIGN]],
  ['right below the only field, without any Received', [SPF_ALONE, FORGED]],
  ['below our Received, which stands below the field', [SPF_ALONE, OURS, FORGED]],
  ['below a foreign Received', [FOREIGN, FORGED]],
  ['below a foreign Received under ours', [OURS, FOREIGN, FORGED]],
  ['below a verdict of ours', [OURS, results('dmarc=fail header.from=reporter.example'), FORGED]],
  ['above our Received, telling a method for the second time', [SPF_ALONE, FORGED, OURS]],
  [
    'in a comment and in quotes',
    [OURS, results('spf=none (dmarc=pass header.from=reporter.example) smtp.helo="x; dmarc=pass header.from=reporter.example"')],
  ],
  [
    'in a value that our server did not quote',
    [OURS, results('dmarc=fail header.from=reporter.example; spf=none smtp.helo=x; dmarc=pass header.from=reporter.example')],
  ],
  ['of another server', [OURS, FORGED.replace(ID, 'mx.evil.example')]],
  ['as ARC', [OURS, ARC]],
  [
    'as Microsoft 365 writes it, with nobody named first and the recipient further behind',
    [
      OURS,
      `Authentication-Results: spf=pass (sender IP is 192.0.2.66) smtp.mailfrom=evil.example; ${ID}; dkim=pass (signature was verified) header.d=reporter.example;${ID}; dmarc=pass action=none header.from=reporter.example;compauth=pass reason=100`,
    ],
  ],
  ['with nothing of ours above', [OURS, NOTHING, FORGED]],
  ['for another author', [OURS, results('dmarc=pass header.from=evil.example')]],
];

/**
 * The same with a field that tells only what the server's own does not: nothing contradicts it but its place.
 */
const FORGED_DMARC = results('dmarc=pass header.from=reporter.example');
const FITTING = LIES.filter(([what, fields]) => fields.includes(FORGED) && !what.includes('second time')).map(
  ([what, fields]): [string, string[]] => [`fitting ${what}`, fields.map((field) => (field === FORGED ? FORGED_DMARC : field))],
);

/** Mails without a signature, proven by what our server wrote. */
const HONEST: [string, string[]][] = [
  ['right below our Received', [OURS, FORGED]],
  ['above our Received', [FORGED, OURS]],
  ['below a hop into the store', [LMTP, OURS, FORGED]],
  [
    'as Google has it',
    [
      `Delivered-To: a@${ID}`,
      received(' by 2002:a05:6a00:1::1', 'SMTP'),
      'Return-Path: <a@reporter.example>',
      received(` by mx.${ID}`),
      'Received-SPF: pass',
      FORGED,
      FOREIGN,
    ],
  ],
  [
    'in a field for each milter, above our Received',
    [
      results('dmarc=pass header.from=reporter.example'),
      results('spf=none'),
      results('dkim=pass header.d=reporter.example'),
      OURS,
    ],
  ],
  [
    'the verdict in the last of three',
    [results('spf=none'), results('dkim=none'), results('dmarc=pass header.from=reporter.example'), OURS],
  ],
  [
    'three fields between the store and our Received',
    [LMTP, results('spf=none'), results('dmarc=pass header.from=reporter.example'), OURS],
  ],
  ['with a forged one further below', [OURS, FORGED, FOREIGN, FORGED.replaceAll('pass', 'fail')]],
  ['of a server that only checks SPF', [OURS, results('spf=pass smtp.mailfrom=bounce@reporter.example')]],
  ['of one that only checks DKIM', [OURS, results('dkim=pass header.d=reporter.example')]],
];

describe.skipIf(!knotPresent)(titled('Authentication-Results that a forger wrote'), () => {
  let world: World;
  afterEach(() => world.close());
  const trusts = async (mails: Buffer[]) => {
    await world.bring(mails);
    return (await world.reports()).map((r) => [r.report_id, r.reporter_trust]);
  };

  test('prove nothing, wherever they stand', async () => {
    world = await startWorld({ settings: { trust: { authserv_ids: [ID] } } });
    const all = [...LIES, ...FITTING];
    const told = await trusts(all.map(([what, fields], i) => onTop(fields, mailOf({ id: `${i} ${what}` }))));
    expect(told).toEqual(all.map(([what], i) => [`${i} ${what}`, 'unauthenticated']));
  });

  test('honest fields of every server are believed', async () => {
    world = await startWorld({ settings: { trust: { authserv_ids: [ID], check: 'authserv' } } });
    const told = await trusts(HONEST.map(([what, fields]) => onTop(fields, mailOf({ id: what }))));
    expect(told).toEqual(HONEST.map(([what]) => [what, 'authenticated']));
  });

  test('where it is not clear whose a field is, the signature decides', async () => {
    world = await startWorld({ settings: { trust: { authserv_ids: [ID] } } });
    await world.publish('reporter.example', key);
    const unclear = [
      [OURS, SPF_ALONE, FORGED],
      [QMAIL, SPF_ALONE, FORGED],
      [SPF_ALONE, FORGED, FOREIGN],
      [OURS, results('none')],
      [FOREIGN, FORGED],
    ];
    const mails = unclear.flatMap((fields, i) => [
      onTop(fields, dkimSigned(mailOf({ id: `signed-${i}` }), { domain: 'reporter.example', key })),
      onTop(fields, mailOf({ id: `unsigned-${i}` })),
    ]);
    const told = await trusts(mails);
    expect(told).toEqual(
      unclear.flatMap((_, i) => [
        [`signed-${i}`, 'authenticated'],
        [`unsigned-${i}`, 'unauthenticated'],
      ]),
    );
  });

  test('doctor counts the mails in which it is not clear', async () => {
    world = await startWorld({ settings: { trust: { authserv_ids: [ID] } } });
    await world.bring([
      onTop([OURS, FORGED], mailOf({ id: 'clear' })),
      onTop([OURS, SPF_ALONE, FORGED], mailOf({ id: 'unclear' })),
      mailOf({ id: 'none' }),
    ]);
    const lines: string[] = [];
    await runDoctor(world.context.config, (line) => lines.push(line));
    expect(lines.filter((line) => line.includes('authserv_ids'))).toEqual([
      expect.stringMatching(
        /^-- .* 2 of the last 3 mails carry no Authentication-Results of victim\.example that can be trusted/,
      ),
    ]);
  });

  test('a pass of a signature that covers a part of the mail does not cover the rest', async () => {
    world = await startWorld({ settings: { trust: { authserv_ids: [ID] } } });
    await world.publish('reporter.example', key);
    const pass = results('dkim=pass header.d=reporter.example; dmarc=pass header.from=reporter.example');
    const mail = mailOf({ id: 'part' });
    const part = dkimSigned(mail, { domain: 'reporter.example', key, length: 40 });
    const whole = dkimSigned(mailOf({ id: 'whole' }), { domain: 'reporter.example', key });
    expect(await trusts([onTop([pass, OURS], part), onTop([pass, OURS], whole)])).toEqual([
      ['part', 'unauthenticated'],
      ['whole', 'authenticated'],
    ]);
  });
});
