import { describe, expect, test } from 'vitest';
import { applyRules, type Knowledge } from '../../services/milter/rules.ts';
import type { Results } from '../../services/milter/verify/results.ts';
import { type MilterRule, milterOf, milterSchema } from '../../services/shared/settings/milter.ts';
import { arrived, mail, usual } from './mails.ts';
import { knowledge, results } from './sample.ts';

const rules = (given?: unknown): readonly MilterRule[] =>
  milterOf(milterSchema.parse(given === undefined ? {} : { rules: given }), '/').rules;
const judged = (
  from: string | readonly string[],
  {
    found = {},
    known = {},
    by,
    sealers = [],
  }: { found?: Partial<Results>; known?: Partial<Knowledge>; by?: unknown; sealers?: string[] } = {},
) => {
  const { authors } = arrived(mail({ ...usual('x'), From: from }));
  return applyRules(rules(by), { authors, results: results(found), known: knowledge(known), sealers });
};
const decided = (...given: Parameters<typeof judged>) => judged(...given).decided?.match ?? null;
const YES = { authenticated: 'yes' } as const;

describe('an own domain in the From field', () => {
  test.each(['ada@example.com', 'Ada <ada@news.example.com>', '<ADA@EXAMPLE.COM>'])('that nothing proves is held: %s', (from) => {
    expect(decided(from)).toEqual({
      code: 'own_domain',
      domain: from.includes('news') ? 'news.example.com' : 'example.com',
      clear: true,
    });
  });

  test('passes when it is proven, or a trusted list vouches for it', () => {
    expect(decided('ada@example.com', { found: YES })).toBeNull();
    expect(decided('ada@example.com', { found: { vouched_by: 'lists.example' } })).toBeNull();
  });

  test.each(['authorized', 'misaligned', 'forwarded'])(
    'passes from a source of the class %s, unless that is left out',
    (source_class) => {
      expect(decided('ada@example.com', { known: { source_class } })).toBeNull();
      const by = [{ when: 'own_domain', do: 'hold', unless_class: [] }];
      expect(decided('ada@example.com', { known: { source_class }, by })).toMatchObject({ code: 'own_domain' });
    },
  );

  test.each([null, 'unauthorized', 'unknown'])('does not pass from a source of the class %s', (source_class) => {
    expect(decided('ada@example.com', { known: { source_class } })).toMatchObject({ code: 'own_domain' });
  });

  test('of a stranger whose name ends alike is not own', () => {
    expect(decided('ada@notexample.com')).toBeNull();
    expect(decided('ada@example.com.stranger.example')).toMatchObject({ code: 'lookalike', domain: 'example.com' });
  });

  test('is unsure when a name server did not answer, and what a later rule holds is held', () => {
    expect(judged('ada@example.com', { found: { authenticated: 'unknown' } })).toMatchObject({ decided: null, unsure: true });
    const lookalikes = [{ name: 'example.com', domain: 'example.com', fresh: false }];
    expect(judged('ada@example.com', { found: { authenticated: 'unknown' }, known: { lookalikes } })).toMatchObject({
      decided: { match: { code: 'lookalike' } },
      unsure: false,
    });
    const by = [{ when: 'own_domain', do: 'hold', dry_run: true }];
    expect(judged('ada@example.com', { found: { authenticated: 'unknown' }, by }).unsure).toBe(false);
  });

  test.each([
    ['two fields', ['ada@example.com', 'x@stranger.example']],
    ['two fields, the own one last', ['x@stranger.example', 'ada@example.com']],
    ['two mailboxes', 'x@stranger.example, ada@example.com'],
    ['a group', 'Team: ada@example.com;'],
  ])('is seen in %s, whatever proves the other, and no class lets it pass', (_, from) => {
    const by = [{ when: 'own_domain', do: 'hold' }];
    expect(decided(from, { found: YES, known: { source_class: 'authorized' }, by })).toEqual({
      code: 'own_domain',
      domain: 'example.com',
      clear: false,
    });
    expect(decided(from, { found: YES })).toMatchObject({ code: 'unclear_from' });
  });

  test.each(['#', '/', '?', '\\', ':', '%23', '|'])('is seen behind a %s, at which a URL would end the host', (mark) => {
    const from = Buffer.from(`Bob <bob@stranger.example${mark}\u00e9.example.com>`).toString('latin1');
    expect(decided(from, { found: YES })).toMatchObject({ code: 'unclear_from' });
    if (/[#/?|%]/.test(mark))
      expect(decided(from, { found: YES, by: [{ when: 'own_domain', do: 'hold' }] })).toMatchObject({ code: 'own_domain' });
  });

  test('is seen beside the author of another own domain, which alone is proven', () => {
    const from = `<=?utf-8?b?${Buffer.from('ada@example.net\0').toString('base64')}?=@example.com>`;
    const known = { own: ['example.com', 'example.net'] };
    expect(decided(from, { found: YES, known })).toEqual({ code: 'own_domain', domain: 'example.net', clear: false });
  });

  test('is seen in an encoded address, though DMARC passes for what follows it', () => {
    const from = `<=?utf-8?b?${Buffer.from('ada@example.com\0').toString('base64')}?=@stranger.example>`;
    expect(decided(from, { found: YES })).toMatchObject({ code: 'own_domain', domain: 'example.com', clear: false });
  });
});

test.each([
  ['a full-width "@"', '"ada\uff20example.com" <x@mail.example>'],
  ['UTF-7', '=?utf-7?q?ada+AEA-example.com?= <x@mail.example>'],
  ['a control character in it', `=?utf-8?b?${Buffer.from('ada@exam\u0000ple.com').toString('base64')}?= <x@mail.example>`],
])('an own address that is shown with %s is held', (_, from) => {
  expect(decided(Buffer.from(from).toString('latin1'), { found: YES })).toMatchObject({
    code: 'own_address_shown',
    domain: 'example.com',
  });
});

describe('the name of one of our people', () => {
  test.each([
    'Ada Lovelace <x@mail.example>',
    '"Lovelace, Ada" <x@mail.example>',
    'ADA LOVELACE <x@mail.example>',
    'AdaLovelace <x@mail.example>',
    'Ada M. Lovelace (CEO) <x@mail.example>',
    'Ada Lovelace via Portal <x@mail.example>',
    'x@mail.example (Ada Lovelace)',
    `=?utf-8?q?Ada_L=C3=B6velace?= <x@mail.example>`,
    `=?utf-8?b?${Buffer.from('Аdа Lоvеlаcе').toString('base64')}?= <x@mail.example>`,
    `=?utf-8?b?${Buffer.from('A\u200bda Love\u00adlace').toString('base64')}?= <x@mail.example>`,
    `=?utf-8?b?${Buffer.from('𝐀𝐝𝐚 𝐋𝐨𝐯𝐞𝐥𝐚𝐜𝐞').toString('base64')}?= <x@mail.example>`,
    `${'. '.repeat(400)}"Ada Lovelace" <x@mail.example>`,
  ])('on a mail from elsewhere is held: %s', (from) => {
    expect(decided(from, { found: YES, by: [{ when: 'display_name', do: 'hold' }] })).toMatchObject({
      code: 'person',
      person: 'Ada Lovelace',
    });
  });

  const shown = (name: string) => `=?utf-8?b?${Buffer.from(name).toString('base64')}?= <x@mail.example>`;
  test.each([
    'Ada Love\u200alace, CEO',
    'Ada Love\u2800lace CEO',
    'Ada Love\u{1d159}lace CEO',
    'ADALOVELACE CEO',
    'AdaLovelaceCEO',
    'A.da Lovelace CEO',
    'CEO Lovelace, A.d.a',
    'Ada Lovelace\u02bcs Office',
    'Ada Lovelace2',
    'Ad\u0000a Lovelace CEO',
    'A\u17b4da Love\u17b4lace CEO',
    'Ada Lovela\u03f2e',
    'CEO \u202eadA\u202c \u202eecalevoL\u202c',
    ...['\u17b4', '\uffa0', '\u2065', '\u00a0', '\u0301', '.', '\u2800', '\u2003 ', '\u{1f600}'].map(
      (gap) => `Ada${gap.repeat(270)} Lovelace`,
    ),
  ])('however it is parted or put together is held: %j', (name) => {
    expect(decided(shown(name), { found: YES })).toMatchObject({ code: 'person', person: 'Ada Lovelace' });
  });

  test.each(['Adam Love Lacey', 'Ada Love', 'Canada Lovelacey', 'Ada Lovelyace', 'A. Lovelace', 'Ada Lacelove'])(
    'is not in %s, whose words are others',
    (name) => {
      expect(decided(shown(name), { found: YES })).toBeNull();
    },
  );

  test.each([
    ['in UTF-8 with a hard blank', '"Ada\u00a0Lovelace" <x@mail.example>'],
    ['in Cyrillic letters with a hard blank', '"\u0410d\u0430\u00a0L\u043evel\u0430ce" <x@mail.example>'],
    [
      'in Cyrillic letters beside a character with the octet A0',
      '"\u0410d\u0430 L\u043evel\u0430ce \u{1f4e0}\u00e0" <x@mail.example>',
    ],
    ['in Cyrillic letters beside an encoded word', '\u0410d\u0430 L\u043evel\u0430ce =?utf-8?q?=C3=A9?= <x@mail.example>'],
    [
      'in Cyrillic letters beside an encoded word of other letters',
      '\u0410d\u0430 L\u043evel\u0430ce =?utf-8?q?=E2=82=AC?= <x@mail.example>',
    ],
    ['in Cyrillic letters with an octet that is no text', ['"\u0410d\u0430 L\u043evel\u0430ce', '\xff" <x@mail.example>']],
    ['with an octet in a word that is no text', ['Ad', '\xffa Lovelace <x@mail.example>']],
    ['in Latin-1', ['Ada L', '\xf6velace <x@mail.example>']],
    ['in UTF-7', '=?utf-7?q?+AEEAZABhACAATABvAHYAZQBsAGEAYwBl-?= <x@mail.example>'],
    ['in UTF-7, of which a part is plain', '=?UNICODE-1-1-UTF-7?q?+AEE-da_Lovel+AGE-ce?= <x@mail.example>'],
    ['in UTF-7 in a comment', 'x@mail.example (=?utf-7?q?+AEEAZABhACAATABvAHYAZQBsAGEAYwBl-?=)'],
    [
      'in UTF-32',
      `=?utf-32be?b?${Buffer.from([...'\u0410da Lovelace'].flatMap((c) => [0, 0, c.charCodeAt(0) >> 8, c.charCodeAt(0) & 255])).toString('base64')}?= <x@mail.example>`,
    ],
    ['in UTF-8 that is said to be ASCII', '=?us-ascii?q?=D0=90d=D0=B0_Lovelace?= <x@mail.example>'],
  ])('%s is held', (_, from) => {
    const octets =
      typeof from === 'string' ? Buffer.from(from) : Buffer.concat([Buffer.from(from[0]!), Buffer.from(from[1]!, 'latin1')]);
    expect(decided(octets.toString('latin1'), { found: YES })).toMatchObject({ code: 'person' });
  });

  test.each(['cp037', 'utf-16', 'punycode', 'x-imap4-modified-utf7', 'iso-2022-kr'])(
    'in %s, which programs read in several ways or none, makes the From field unclear',
    (charset) => {
      const from = `=?${charset}?b?wYSBQNOWpYWTgYOF?= <x@mail.example>`;
      expect(decided(from, { found: YES })).toEqual({
        code: 'unclear_from',
        why: `the From field is in the charset "${charset}", which programs may read otherwise`,
      });
    },
  );

  test.each([
    'utf-8',
    'ISO-8859-15',
    'windows-1251',
    'unknown-8bit',
    'x-unknown',
    'latin-1',
    'cp932',
    'us-ascii',
    'utf8mb4',
    'utf-8*de',
  ])('in the charset %s is read', (charset) => {
    expect(decided(`=?${charset}?q?Grace_Hopper?= <x@mail.example>`, { found: YES })).toBeNull();
  });

  test.each([
    'Ada <x@mail.example>',
    'Lovelace <x@mail.example>',
    'Adam Lovelacey <x@mail.example>',
    'Grace Hopper <x@mail.example>',
    'x@mail.example',
  ])('is not in %s', (from) => {
    expect(decided(from, { found: YES })).toBeNull();
  });

  test('is free for an own domain, for her other addresses when they are proven, and for nobody who forges those', () => {
    expect(decided('Ada Lovelace <ada@example.com>', { found: YES })).toBeNull();
    const known = { people: [{ name: 'Ada Lovelace', addresses: ['ada@private.example'] }] };
    expect(decided('Ada Lovelace <ADA@private.example>', { found: YES, known })).toBeNull();
    expect(decided('Ada Lovelace <ada@private.example>', { known })).toMatchObject({ code: 'person' });
    expect(decided('Ada Lovelace <other@private.example>', { found: YES, known })).toMatchObject({ code: 'person' });
  });

  test('is free for a list that is trusted and proven', () => {
    const from = 'Ada Lovelace via dev <dev@lists.example.org>';
    expect(decided(from, { found: YES, sealers: ['example.org'] })).toBeNull();
    expect(decided(from, { sealers: ['example.org'] })).toMatchObject({ code: 'person' });
    expect(decided(from, { found: YES, sealers: ['sts.example.org'] })).toMatchObject({ code: 'person' });
  });

  test('may be replaced by an address of ours', () => {
    expect(decided('"ada@example.com" <x@mail.example>', { found: YES })).toMatchObject({
      code: 'own_address_shown',
      domain: 'example.com',
    });
    expect(decided('"ada@mail.example" <x@mail.example>', { found: YES })).toBeNull();
  });

  test('is told with what is shown, up to five hundred characters', () => {
    const sender = 'Ben <b@mail.example>';
    const { authors } = arrived(mail({ ...usual(`"Ada Lovelace${' x'.repeat(300)}" <x@mail.example>`), Sender: sender }));
    const shown = `Ada Lovelace${' x'.repeat(300)}`.slice(0, 500);
    const judgement = applyRules(rules(), { authors, results: results(YES), known: knowledge(), sealers: [] });
    expect(judgement.decided?.match).toEqual({ code: 'person', person: 'Ada Lovelace', shown });
    expect(decided('"ada@example.com" <x@mail.example>', { found: YES })).toEqual({
      code: 'own_address_shown',
      domain: 'example.com',
      shown: 'ada@example.com',
    });
  });

  test('is in a charset whose name is told up to forty characters', () => {
    expect(decided(`=?${'x'.repeat(41)}?q?a?= <x@mail.example>`, { found: YES })).toMatchObject({
      why: `the From field is in the charset "${'x'.repeat(40)}", which programs may read otherwise`,
    });
  });

  test.each([
    ['full-width signs', '"ada＠example.com" <x@mail.example>', 'own_address_shown'],
    ['letters of another script', '"ada@еxample.com" <x@mail.example>', 'own_address_shown'],
    ['a name that marks turn around', '"\u202eecalevoL adA" <x@mail.example>', 'person'],
  ])('is found in %s, as a reader sees it', (_, from, code) => {
    const encoded = from.replace(/"(.*)"/, (_all, name: string) => `=?utf-8?B?${Buffer.from(name).toString('base64')}?=`);
    const known = { people: [{ name: 'Ada Lovelace', addresses: ['ada@private.example'] }] };
    expect(decided(encoded, { found: YES, known })).toMatchObject({ code });
  });
});

describe('what fresh eyes got through once', () => {
  const b64 = (text: string) => Buffer.from(text).toString('base64');
  const raw = (text: string) => Buffer.from(text).toString('latin1');
  const by = [
    { when: 'unclear_from', do: 'hold' },
    { when: 'own_domain', do: 'hold' },
    { when: 'display_name', do: 'hold' },
  ];
  test.each([
    ['UTF-7', '=?utf-7?q?+AEEAZABhACAATABvAHYAZQBsAGEAYwBl-?= <x@mail.example>'],
    ['UTF-7 for an address', '=?UTF-7?q?ada+AEA-example.com?= <x@mail.example>'],
    ['a charset that nobody has to know', '=?cp037?b?wYSBQNOWpYWTgYOF?= <x@mail.example>'],
    ['a no-break space in UTF-8', raw('"Ada\u00a0Lovelace" <x@mail.example>')],
    ['a full-width at sign in UTF-8', raw('"ada＠example.com" <x@mail.example>')],
    ['Cyrillic letters and an octet that is no character', `${raw('"Аdа Lоvеlаcе')}\xff" <x@mail.example>`],
    ['Cyrillic letters beside an encoded word', `${raw('Аdа Lоvеlаcе')} =?utf-8?q?=C4=80?= <x@mail.example>`],
    ['a hair space within a word', `=?utf-8?b?${b64('Ada Love\u200alace, CEO')}?= <x@mail.example>`],
    ['a braille blank within a word', `=?utf-8?b?${b64('Ada Love\u2800lace, CEO')}?= <x@mail.example>`],
    ['a note without a shape within a word', `=?utf-8?b?${b64('Ada Love\u{1D159}lace, CEO')}?= <x@mail.example>`],
    ['no blank, and a title', 'ADALOVELACE CEO <x@mail.example>'],
    ['a dot within a word, and a title', '"A.da Lovelace CEO" <x@mail.example>'],
    ['another apostrophe', `=?utf-8?b?${b64('Ada Lovelace\u02bcs Office')}?= <x@mail.example>`],
    ['270 vowels that are not shown', `=?utf-8?b?${b64(`Ada${'\u17b4'.repeat(270)} Lovelace`)}?= <x@mail.example>`],
    ['270 fillers', `=?utf-8?b?${b64(`Ada${'\uffa0'.repeat(270)} Lovelace`)}?= <x@mail.example>`],
    ['a host that a URL would cut', raw('Bob <bob@mail.example#é.example.com>')],
    ['the same with a slash', raw('Bob <bob@mail.example/é.example.com>')],
    ['the same with a full-width one', raw('Bob <bob@mail.example／é.example.com>')],
  ])('is held: %s', (_, from) => {
    expect(decided(from, { found: YES, by })).not.toBeNull();
  });

  test.each([
    ['a real name in Latin-1', '=?iso-8859-1?q?J=F6rg_M=FCller?= <x@mail.example>'],
    ['one in the charset of DOS', '=?cp850?q?J=94rg?= <x@mail.example>'],
    ['one that a program did not know', '=?unknown-8bit?q?J=C3=B6rg?= <x@mail.example>'],
    ['one in raw UTF-8', raw('"Zoë à la Carte" <x@mail.example>')],
    ['a plus sign', '"C++ Weekly & Friends" <x@mail.example>'],
    ['a first name that begins like a whole one', '"Ada L." <x@mail.example>'],
  ])('passes: %s', (_, from) => {
    expect(decided(from, { found: YES, by })).toBeNull();
  });
});

describe('a Sender field, which some programs show before the author', () => {
  const sent = (sender: string | readonly string[], found: Partial<Results> = YES) => {
    const { authors } = arrived(mail({ ...usual('Bob <bob@mail.example>'), Sender: sender }));
    const judgement = applyRules(rules(), { authors, results: results(found), known: knowledge(), sealers: [] });
    return judgement.decided?.match ?? null;
  };

  test.each([
    ['an own address', 'ada@example.com', 'own_address_shown'],
    ['an own address, last of two', ['x@mail.example', '<ada@news.example.com>'], 'own_address_shown'],
    ['one of our people', 'Ada Lovelace <x@mail.example>', 'person'],
  ])('is held for %s', (_, sender, code) => {
    expect(sent(sender)).toMatchObject({ code });
  });

  test('is what an own mailing list writes, whose mail comes back with its signature', () => {
    const dkim = [
      { domain: 'example.com', selector: 's1', result: 'pass' as const, why: null, aligned: false },
      { domain: 'mail.example', selector: 's1', result: 'pass' as const, why: null, aligned: true },
    ];
    expect(sent('dev-bounces@example.com', { ...YES, dkim })).toBeNull();
    expect(sent('dev-bounces@example.com', { ...YES, dkim: dkim.slice(1) })).toMatchObject({ code: 'own_address_shown' });
    expect(sent('list@mail.example')).toBeNull();
    const spf = {
      result: 'pass' as const,
      domain: 'lists.example.com',
      identity: 'mailfrom' as const,
      why: null,
      aligned: false,
    };
    expect(sent('dev-bounces@example.com', { ...YES, spf })).toBeNull();
    for (const other of [
      { ...spf, result: 'fail' as const },
      { ...spf, domain: 'mail.example' },
    ])
      expect(sent('dev-bounces@example.com', { ...YES, spf: other })).toMatchObject({ code: 'own_address_shown' });
  });
});

test('a mail without a name is shown under what is before the "@"', () => {
  for (const from of ['ada.lovelace@mail.example', '<Ada_Lovelace@mail.example>', '<"Ada Lovelace"@mail.example>'])
    expect(decided(from, { found: YES })).toMatchObject({ code: 'person' });
  for (const from of ['ada%example.com@mail.example', '<example.com!ada@mail.example>'])
    expect(decided(from, { found: YES })).toMatchObject({ code: 'own_address_shown' });
  expect(decided('Bob <ada.lovelace@mail.example>', { found: YES })).toBeNull();
});

describe('a look-alike', () => {
  test('that the watcher does not know is held by its looks, unless people ignore it', () => {
    expect(decided('ada@examp1e.com', { found: YES })).toEqual({
      code: 'lookalike',
      name: 'examp1e.com',
      domain: 'example.com',
    });
    expect(decided('ada@mail.examp1e.com', { found: YES, known: { settled: ['examp1e.com'] } })).toBeNull();
  });

  const lookalikes = [{ name: 'examp1e.com', domain: 'example.com', fresh: true }];
  test('is read as it is written: a capital I among small letters is an l', () => {
    expect(decided('ada@exampIe.com', { found: YES })).toMatchObject({ code: 'lookalike', name: 'exampie.com' });
    for (const from of ['ada@exampie.com', 'ADA@EXAMPIE.COM', 'ada@mail.exampIe.org'])
      expect(decided(from, { found: YES })).toBeNull();
  });

  test('is held, and where that is no rule, its first mail is tagged', () => {
    expect(decided('x@examp1e.com', { found: YES, known: { lookalikes } })).toMatchObject({
      code: 'lookalike',
      name: 'examp1e.com',
    });
    const by = [{ when: 'new_domain', do: 'tag' }];
    expect(decided('x@examp1e.com', { found: YES, known: { lookalikes }, by })).toMatchObject({ code: 'new_domain' });
    expect(decided('x@examp1e.com', { found: YES, known: { lookalikes, contacted: ['examp1e.com'] }, by })).toBeNull();
    expect(decided('x@examp1e.com', { found: YES, known: { lookalikes: [{ ...lookalikes[0]!, fresh: false }] }, by })).toBeNull();
  });
});

describe('rules', () => {
  test('are tried in their order, and a dry run decides nothing', () => {
    const by = [
      { when: 'display_name', do: 'reject', dry_run: true },
      { when: 'own_domain', do: 'tag' },
      { when: 'own_domain', do: 'hold' },
    ];
    const { decided, dry } = judged(['Ada Lovelace <x@mail.example>', 'ada@example.com'], { by });
    expect(decided?.rule.do).toBe('tag');
    expect(dry.map(({ rule }) => `${rule.do} ${rule.when}`)).toEqual(['reject display_name']);
    expect(
      judged('ada@example.com', {
        by: [
          { when: 'own_domain', do: 'accept' },
          { when: 'own_domain', do: 'hold' },
        ],
      }).decided?.rule.do,
    ).toBe('accept');
    expect(judged('ada@example.com', { by: [] })).toEqual({ decided: null, dry: [], unsure: false });
    expect(judged('bob@mail.example', { found: YES })).toEqual({ decided: null, dry: [], unsure: false });
  });
});
