import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Knowledge } from '../../services/milter/rules.ts';
import { type Arrival, type Means, screenMail } from '../../services/milter/screen.ts';
import { PermanentError, TransientError } from '../../services/shared/errors.ts';
import { milterOf, milterSchema } from '../../services/shared/settings/milter.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';
import { arrived, mail, usual } from './mails.ts';
import { knowledge } from './sample.ts';

// Verification and rules, without a server and a store.
const ZONE: Zone = {
  'example.com': { TXT: [['v=spf1 ip4:192.0.2.10 -all']] },
  '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject']] },
  'mail.example': { TXT: [['v=spf1 ip4:203.0.113.9 -all']] },
};
const arrival = (from: string, ip = '203.0.113.9'): Arrival => ({
  message: arrived(mail(usual(from))),
  ip,
  peer_name: null,
  helo: 'mail.example',
  mail_from: 'x@mail.example',
  recipients: ['grace@example.com'],
  queue_id: '4AF2',
  at: new Date(0),
});

/** The store and both resolvers, with what was asked of them. */
function meansOf({
  rules,
  known = {},
  own,
  about,
  zone = ZONE,
}: {
  rules?: unknown;
  known?: Partial<Knowledge>;
  own?: Error;
  about?: Error;
  zone?: Zone;
} = {}) {
  const { own: names, people, ...stored } = knowledge(known);
  const asked: Parameters<Means['about']>[0][] = [];
  const dns = { own: dnsOf(zone), others: dnsOf(zone) };
  const means: Means = {
    settings: milterOf(milterSchema.parse({ authserv_id: 'mx.example.com', ...(rules === undefined ? {} : { rules }) }), '/'),
    dns,
    own: async () => {
      if (own !== undefined) throw own;
      return { own: names, people };
    },
    about: async (given) => {
      asked.push(given);
      if (about !== undefined) throw about;
      return stored;
    },
  };
  return { means, asked, dns, known: knowledge(known) };
}

const FORGED = {
  spf: { result: 'pass', domain: 'mail.example', aligned: false },
  dmarc: { result: 'fail', domain: 'example.com', policy: 'reject' },
  authenticated: 'no',
};

test('a forged mail is held by the first rule that holds, with all that was found and known', async () => {
  const { means, known, dns } = meansOf({
    rules: [
      { when: 'own_domain', do: 'tag', dry_run: true },
      { when: 'own_domain', do: 'hold' },
    ],
  });
  const match = { code: 'own_domain', domain: 'example.com', clear: true };
  expect(await screenMail(arrival('ada@example.com'), means)).toEqual({
    outcome: 'hold',
    results: expect.objectContaining({
      ...FORGED,
      spf: expect.objectContaining(FORGED.spf),
      dmarc: expect.objectContaining(FORGED.dmarc),
    }),
    decided: { rule: means.settings.rules[1], match },
    dry: [{ rule: means.settings.rules[0], match }],
    why: null,
    known,
  });
  // What is asked about our own domain does not wait behind what a stranger makes us ask.
  expect([dns.own.asked.includes('TXT _dmarc.example.com'), dns.others.asked]).toEqual([true, ['TXT mail.example']]);
});

test('a mail that no rule holds passes', async () => {
  const { means, known } = meansOf();
  expect(await screenMail(arrival('bob@mail.example'), means)).toEqual({
    outcome: 'accept',
    results: expect.objectContaining({ authenticated: 'yes' }),
    decided: null,
    dry: [],
    why: null,
    known,
  });
});

test('the store is asked about each domain and those above it down to the registered one, once', async () => {
  const { means, asked } = meansOf();
  await screenMail(arrival('Ada <ada@a.b.mail.example>'), means);
  await screenMail(arrival('ada@a.mail.example, bob@mail.example, c@other.co.uk, d@x.other.co.uk'), means);
  await screenMail(arrival('nobody'), means);
  expect(asked).toEqual([
    {
      names: ['a.b.mail.example', 'b.mail.example', 'mail.example'],
      author: ['a.b.mail.example', 'b.mail.example', 'mail.example'],
      source: '203.0.113.0/24',
    },
    { names: ['a.mail.example', 'mail.example', 'other.co.uk', 'x.other.co.uk'], author: [], source: null },
    { names: [], author: [], source: null },
  ]);
});

test('of very many domains fifty are asked about', async () => {
  const { means, asked } = meansOf();
  const names = Array.from({ length: 51 }, (_, n) => `d${n}.example`);
  await screenMail(arrival(names.map((name) => `x@${name}`).join(', ')), means);
  expect(asked[0]!.names).toEqual(names.slice(0, 50));
});

test.each([
  ['about us', { own: new Error('it is away') }, 0],
  ['about the author', { about: new Error('it is away') }, 1],
])('a store that does not answer %s leaves a mail unjudged, with what was verified', async (_, failing, times) => {
  const { means, asked } = meansOf(failing);
  expect(await screenMail(arrival('ada@example.com'), means)).toEqual({
    outcome: 'unjudged',
    results: expect.objectContaining({ authenticated: 'no', source: 'mail.example' }),
    decided: null,
    dry: [],
    why: 'The store did not answer: it is away',
    known: null,
  });
  expect(asked).toHaveLength(times);
});

test.each([
  ['about us', 'own'],
  ['about the author', 'about'],
])('a store that has no time to answer %s has the mail come again', async (_, what) => {
  const busy = new TransientError('store_busy', 'Not now.');
  await expect(screenMail(arrival('ada@example.com'), meansOf({ [what]: busy }).means)).rejects.toBe(busy);
  const other = new PermanentError('other', 'No.');
  expect(await screenMail(arrival('ada@example.com'), meansOf({ [what]: other }).means)).toMatchObject({ outcome: 'unjudged' });
});

test.each<[string, Zone, object, string]>([
  [
    'about its sender',
    { 'example.com': 'unknown', '_dmarc.example.com': 'unknown' },
    { mail_from: 'ada@example.com' },
    'Nobody could say what example.com holds.',
  ],
  // Without a policy, too: it is the rule that asks for proof.
  [
    'about its sender, who has no policy',
    { 'example.com': 'unknown' },
    { mail_from: 'ada@example.com' },
    'Nobody could say what example.com holds.',
  ],
  [
    'about its key',
    { 's1._domainkey.example.com': 'unknown', 's1._domainkey.mail.example': 'unknown' },
    {},
    'Nobody could say what s1._domainkey.example.com holds.',
  ],
])('a name server that does not answer %s leaves a mail unjudged, with what was known', async (_, zone, part, why) => {
  const { means, known } = meansOf({
    rules: [
      { when: 'own_domain', do: 'tag', dry_run: true },
      { when: 'lookalike', do: 'reject', dry_run: true },
      { when: 'own_domain', do: 'hold' },
    ],
    known: { lookalikes: [{ name: 'examp1e.com', domain: 'example.com', fresh: false }] },
    zone,
  });
  const bh = createHash('sha256').update('Hello.\r\n').digest('base64');
  const signed = (domain: string) =>
    `v=1; a=rsa-sha256; c=relaxed/relaxed; d=${domain}; s=s1; h=from; bh=${bh}; b=${'A'.repeat(342)}==`;
  const raw = mail({ ...usual('ada@example.com'), 'DKIM-Signature': [signed('mail.example'), signed('example.com')] });
  expect(await screenMail({ ...arrival('ada@example.com'), message: arrived(raw), ...part }, means)).toEqual({
    outcome: 'unjudged',
    results: expect.objectContaining({ authenticated: 'unknown' }),
    decided: null,
    dry: [{ rule: means.settings.rules[1], match: { code: 'lookalike', name: 'examp1e.com', domain: 'example.com' } }],
    why: `Nobody could say whether the author is proven. ${why}`,
    known,
  });
});
