import { describe, expect, test } from 'vitest';
import { applyRules, type Knowledge, namesPerson } from '../../services/milter/rules.ts';
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
    expect(decided(from)).toMatchObject({ code: 'own_domain', clear: true });
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
    expect(decided('ada@example.com.stranger.example')).toBeNull();
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

  test('is seen in an encoded address, though DMARC passes for what follows it', () => {
    const from = `<=?utf-8?b?${Buffer.from('ada@example.com\0').toString('base64')}?=@stranger.example>`;
    expect(decided(from, { found: YES })).toMatchObject({ code: 'own_domain', domain: 'example.com', clear: false });
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

  test('of one word alone is compared as a whole', () => {
    expect(namesPerson('Voltaire', 'Voltaire')).toBe(true);
    expect(namesPerson('Voltaire Books', 'Voltaire')).toBe(false);
    expect(namesPerson('anything', '---')).toBe(false);
  });

  test('may be replaced by an address of ours', () => {
    expect(decided('"ada@example.com" <x@mail.example>', { found: YES })).toMatchObject({
      code: 'own_address_shown',
      domain: 'example.com',
    });
    expect(decided('"ada@mail.example" <x@mail.example>', { found: YES })).toBeNull();
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

describe('a look-alike', () => {
  const lookalikes = [{ name: 'examp1e.com', domain: 'example.com', fresh: true }];
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
  });
});
