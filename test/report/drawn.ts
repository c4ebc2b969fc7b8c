import { createHash, sign as signBytes } from 'node:crypto';
import fc from 'fast-check';
import { type DkimKey, dkimKey } from '../attacks/dkim.ts';

/** The keys of a test's signers, by selector. */
export function drawnKeys(): Record<string, DkimKey> {
  const usual = dkimKey({ bits: 2048 });
  return {
    s1024: dkimKey({ bits: 1024 }),
    s2048: usual,
    s4096: dkimKey({ bits: 4096 }),
    'a.b_c': dkimKey({ ed25519: true }),
    // The same key in other words: no version, tags in another order, blanks, what a verifier must pass over.
    bare: { ...usual, record: usual.record.replace(/^v=DKIM1; k=rsa; /, '') },
    wordy: { ...usual, record: usual.record.replace('; p=', ' ; h = sha256 : sha1; s=email:*;t=x:z; n=a note ; zz=1;\tp= ') },
    testing: { ...usual, record: usual.record.replace('; p=', '; t=y; p=') },
    strict: { ...usual, record: usual.record.replace('; p=', '; t=s; p=') },
    other: { ...usual, record: dkimKey({ bits: 1024 }).record },
  };
}

/** A mail before it is signed: fields with their lines, line ends CRLF. */
export interface DrawnMail {
  fields: string[];
  body: string;
}

/** How a signer writes its field. White space is drawn for each gap in turn. */
export interface DrawnSignature {
  selector: string;
  canonicalization: string | null;
  names: string[];
  domain: string;
  /** Other tags, written as they are. */
  more: [string, string][];
  /** A number for each tag, which orders them. */
  order: number[];
  gaps: string[];
  fieldName: string;
  /** Characters of `b` and `bh` between two folds. */
  fold: number;
  foldBy: string;
  end: string;
  /** Among the mail's fields. */
  at: number;
  /** l= */
  length: number | null;
}

const blanks = fc.constantFrom('', '', '', ' ', '\t', '  ', ' \t ');
const folds = fc.constantFrom('\r\n ', '\r\n\t', ' \r\n  ', ' ', '\t', '');
const words = fc.array(
  fc.constantFrom(
    'word',
    'two  blanks',
    'tab\there',
    'x:y;z',
    'b=no',
    '\xe9\xff',
    '"quoted; b=1"',
    '(c)',
    'x'.repeat(1_200),
    '=',
  ),
  { maxLength: 4 },
);
const value = fc.tuple(blanks, words, folds, words, blanks).map(([before, first, fold, then, after]) => {
  // A continuation must hold more than blanks.
  const second = then.join(' ') || (fold.includes('\n') ? 'more' : '');
  return `${before}${first.join(' ')}${fold}${second}${after}`;
});
const otherField = fc
  .tuple(fc.constantFrom('X-Tag', 'x-tag', 'Subject-Not', 'Received', 'List-Id', 'X-Tag ', 'DKIM-Signature-Not', 'x_y!'), value)
  .map(([name, text]) => `${name}:${text}`);
const from = fc.constantFrom(
  'From: dmarc@mail.reporter.example',
  'From:\r\n "Reports, daily" <dmarc@mail.reporter.example>',
  'FROM : DMARC\t(x)  <dmarc@mail.REPORTER.example> ',
);
const usualFields = fc
  .tuple(
    fc.constantFrom('To: rua@example.com', 'to:rua@example.com  '),
    fc.constantFrom('Subject: Report  domain: example.com', 'Subject:\r\n\tR\xe9port', 'Subject:', 'Subject: '),
    fc.constantFrom('Content-Type: text/plain; charset=utf-8', 'Content-Type: application/octet-stream'),
    fc.subarray([
      'MIME-Version: 1.0',
      'Content-Transfer-Encoding: 8bit',
      'Message-ID: <a@b>',
      'Date: Wed, 2 Sep 2026 00:00:00 +0000',
    ]),
  )
  .map(([to, subject, type, rest]) => [to, subject, type, ...rest]);
const piece = fc.constantFrom(
  '',
  'line',
  'two  blanks',
  ' ',
  '\t',
  ' \t ',
  '\r\n',
  '\r\n\r\n',
  '\r\n \r\n',
  '\xe9\xff\x00',
  '.',
  'From me',
  '\r',
  'z'.repeat(3_000),
  '\r\n-->',
  '\r\n--b1\r\n',
  '=3D',
  '=C',
);

export const drawnMail: fc.Arbitrary<DrawnMail> = fc
  .tuple(
    from,
    usualFields,
    fc.array(otherField, { maxLength: 6 }),
    fc.array(fc.nat(99), { minLength: 14, maxLength: 14 }),
    fc.array(piece, { maxLength: 9 }),
  )
  .map(([first, usual, others, order, body]) => ({ fields: shuffled([first, ...usual, ...others], order), body: body.join('') }));

const NAMES = [
  'to',
  'Subject',
  'DATE',
  'Message-ID',
  'x-tag',
  'X-TAG',
  'x-Tag',
  'received',
  'x_y!',
  'Absent',
  'MIME-Version',
  'subject',
  'FROM',
  'List-Id',
];
const STEERING = ['Content-Type', 'content-transfer-encoding', 'Content-Disposition'];

export const drawnSignature: fc.Arbitrary<DrawnSignature> = fc.record({
  selector: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('s1024', 's2048', 's2048', 's4096', 'a.b_c', 'a.b_c', 'bare', 'wordy', 'S2048') },
    { weight: 1, arbitrary: fc.constantFrom('testing', 'strict', 'other', 'none') },
  ),
  canonicalization: fc.constantFrom(
    'relaxed/relaxed',
    'relaxed/simple',
    'simple/relaxed',
    'simple/simple',
    'relaxed',
    'simple',
    null,
  ),
  names: fc
    .tuple(
      fc.array(fc.constantFrom(...NAMES), { maxLength: 12 }),
      fc.oneof(
        { weight: 12, arbitrary: fc.constant(['From']) },
        { weight: 1, arbitrary: fc.constantFrom<string[][]>([], ['From', 'from']) },
      ),
      fc.oneof({ weight: 4, arbitrary: fc.constant(STEERING) }, { weight: 1, arbitrary: fc.subarray(STEERING) }),
      fc.array(fc.nat(99), { minLength: 18, maxLength: 18 }),
    )
    .map(([some, author, steering, order]) => shuffled([...some, ...author, ...steering], order)),
  domain: fc.oneof(
    {
      weight: 12,
      arbitrary: fc.constantFrom('reporter.example', 'mail.reporter.example', 'Reporter.Example', 'x.y.reporter.example'),
    },
    { weight: 1, arbitrary: fc.constant('other.example') },
  ),
  more: fc.uniqueArray(
    fc.oneof(
      {
        weight: 12,
        arbitrary: fc.constantFrom<[string, string]>(
          ['q', 'dns/txt'],
          ['t', '1788307200'],
          ['x', '1790000000'],
          ['i', '@$d'],
          ['i', 'a=40b@x.$d'],
          ['z', 'From:a@b|Subject:x=20b=3Dy'],
          ['zz', 'un known'],
          ['r', 'y'],
          ['n_1', ''],
          ['q', 'dns/txt:other/way'],
          ['hb', 'from'],
          ['bhb', '1'],
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom<[string, string]>(
          ['q', 'http'],
          ['t', '1999999999'],
          ['x', '1788307201'],
          ['x', '1'],
          ['i', '@elsewhere.example'],
          ['t', 'soon'],
        ),
      },
    ),
    { maxLength: 4, selector: ([tag]) => tag },
  ),
  order: fc.array(fc.nat(99), { minLength: 12, maxLength: 12 }),
  gaps: fc.array(folds, { minLength: 5, maxLength: 5 }),
  fieldName: fc.constantFrom('DKIM-Signature', 'DKIM-Signature', 'dkim-signature', 'DKIM-SIGNATURE'),
  fold: fc.constantFrom(0, 1, 7, 40, 72),
  foldBy: fc.constantFrom('\r\n ', '\r\n\t', ' ', '\r\n        '),
  end: fc.constantFrom('', '', ';', '; ', ' '),
  at: fc.nat(14),
  length: fc.oneof({ weight: 30, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(20) }),
});

/**
 * Signs a mail by the letter of RFC 6376 section 3.7, apart from the verifier: what is hashed is made from
 * the signer's own pieces and never taken out of a finished field.
 */
export function signedMail({ fields, body }: DrawnMail, how: DrawnSignature, keys: Record<string, DkimKey>): string {
  const key = keys[how.selector.toLowerCase()] ?? keys.s2048!;
  const [headerForm, bodyForm] = (how.canonicalization ?? 'simple').split('/');
  let gap = 0;
  const next = () => how.gaps[gap++ % how.gaps.length]!;
  const folded = (text: string) =>
    how.fold === 0 ? text : text.replace(new RegExp(`.{${how.fold}}(?=.)`, 'g'), `$&${how.foldBy}`);
  let canonical = canonicalBody(body, bodyForm === 'relaxed');
  if (how.length !== null) canonical = canonical.slice(0, how.length);
  const tags: [string, string][] = [
    ['v', '1'],
    ['a', key.algorithm],
    ...(how.canonicalization === null ? [] : ([['c', how.canonicalization]] as [string, string][])),
    ['d', how.domain],
    ['s', how.selector],
    [
      'h',
      how.names.map((name, i) => (i === 0 ? name : `${i % 4 === 3 ? next() : ''}:${i % 5 === 4 ? next() : ''}${name}`)).join(''),
    ],
    ['bh', folded(createHash('sha256').update(canonical, 'latin1').digest('base64'))],
    ...(how.length === null ? [] : ([['l', String(Math.min(how.length, canonical.length))]] as [string, string][])),
    ...how.more.map(([tag, text]): [string, string] => [tag, text.replace('$d', how.domain)]),
    ['b', ''],
  ];
  const ordered = shuffled(tags, how.order);
  let before = `${how.fieldName}:`;
  let after = '';
  let reached = false;
  for (const [i, [tag, text]] of ordered.entries()) {
    const last = i === ordered.length - 1;
    const written = tag === 'b' ? `${next() || ' '}b=` : `${next() || ' '}${tag}${blank(next())}=${blank(next())}${text}`;
    const closing = last ? '' : `${tag === 'b' ? '' : blank(next())};`;
    if (reached) after += written + closing;
    else before += written;
    if (tag === 'b') {
      reached = true;
      after = closing;
    } else if (!reached) before += closing;
  }
  after += ordered.at(-1)![0] === 'b' ? how.end.trim() : how.end;
  const form = headerForm === 'relaxed' ? relaxed : (field: string) => field;
  const data = Buffer.from(
    `${pick(fields, how.names)
      .map((field) => `${form(field)}\r\n`)
      .join('')}${form(before + after)}`,
    'latin1',
  );
  const b =
    key.algorithm === 'rsa-sha256'
      ? signBytes('sha256', data, key.privateKey)
      : signBytes(null, createHash('sha256').update(data).digest(), key.privateKey);
  const signature = `${before}${folded(b.toString('base64'))}${after}`;
  const all = [...fields];
  all.splice(Math.min(how.at, all.length), 0, signature);
  return `${all.join('\r\n')}\r\n\r\n${body}`;
}

const blank = (gap: string) => (gap.includes('\n') ? ' ' : gap);

/** RFC 6376 section 5.4.2: of equals the last that is left. */
export function pick(fields: readonly string[], names: readonly string[]): string[] {
  const left = [...fields];
  return names.flatMap((name) => {
    const at = left.findLastIndex((field) => field.slice(0, field.indexOf(':')).trim().toLowerCase() === name.toLowerCase());
    return at < 0 ? [] : left.splice(at, 1);
  });
}

export function relaxed(field: string): string {
  const [, name, text] = /^([^:]*):([\s\S]*)$/.exec(field)!;
  return `${name!.trim().toLowerCase()}:${text!
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/^ | $/g, '')}`;
}

export function canonicalBody(body: string, isRelaxed: boolean): string {
  const lines = body.split('\r\n').map((line) => (isRelaxed ? line.replace(/[ \t]+/g, ' ').replace(/ $/, '') : line));
  while (lines.length > 0 && lines.at(-1) === '') lines.pop();
  if (lines.length === 0) return isRelaxed ? '' : '\r\n';
  return `${lines.join('\r\n')}\r\n`;
}

function shuffled<T>(list: readonly T[], order: readonly number[]): T[] {
  return list
    .map((one, i) => ({ one, by: order[i % order.length]! * 100 + i }))
    .sort((a, b) => a.by - b.by)
    .map(({ one }) => one);
}

/** What ways, storage and forgers do to a mail. */
export const change: fc.Arbitrary<(mail: string) => string> = fc.oneof(
  fc.constant((mail: string) => mail.replaceAll('\r\n', '\n')),
  fc.constant((mail: string) => `${mail}\r\n\r\n`),
  fc.constant((mail: string) => mail.replace(/(?:\r\n)+$/, '')),
  fc.constant((mail: string) => `Received: from a by b; Wed, 2 Sep 2026 00:00:00 +0000\r\nX-Tag: new\r\n${mail}`),
  fc
    .constantFrom('From: x@reporter.example', 'Content-Type: text/html', 'Subject: again')
    .map((field) => (mail: string) => `${field}\r\n${mail}`),
  fc.constant((mail: string) => `DKIM-Signature: v=1; a=rsa-sha256; d=reporter.example; s=none; h=from; bh=x; b=y\r\n${mail}`),
  fc.constant((mail: string) => mail.replace(/:[ \t]*/, ': \t ')),
  fc.constant((mail: string) => mail.replace(/[ \t]+\r\n/g, '\r\n')),
  fc
    .record({
      line: fc.nat(40),
      back: fc.nat(3),
      cut: fc.nat(3),
      put: fc.constantFrom(
        '',
        ' ',
        '\t',
        '\r\n',
        '\r\n ',
        'X',
        'x',
        ';',
        '=',
        ':',
        '\n',
        '\r',
        'X-Tag: y\r\n',
        'From: a@b.example\r\n',
        'A',
      ),
    })
    .map(({ line, back, cut, put }) => (mail: string) => {
      let at = 0;
      for (let i = 0; i < line; i++) at = mail.indexOf('\n', at) + 1 || at;
      at = Math.max(0, at - back);
      return mail.slice(0, at) + put + mail.slice(at + cut);
    }),
  fc
    .record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      put: fc.constantFrom('', ' ', '\t', 'x', 'A', '\r\n'),
      cut: fc.nat(2),
    })
    .map(
      ({ at, put, cut }) =>
        (mail: string) =>
          mail.slice(0, Math.floor(at * mail.length)) + put + mail.slice(Math.floor(at * mail.length) + cut),
    ),
);
