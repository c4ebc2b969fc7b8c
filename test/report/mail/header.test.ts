import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../../services/report/limits.ts';
import { firstFields, readHeader, readMailHeader } from '../../../services/report/mail/header.ts';

const FIRST_LOOK = 8192;
const read = (text: string, headerLength = DEFAULT_LIMITS.headerLength) =>
  readMailHeader(Buffer.from(text, 'latin1'), { headerLength });
/** The fields as `name=value`, the rest of the mail, and the doubt. */
const of = (text: string, headerLength?: number) => {
  const { fields, body, doubt } = read(text, headerLength);
  return [fields.map(({ name, value }) => `${name}=${value}`), text.slice(body), doubt];
};

describe('a header by RFC 5322', () => {
  test.each([['\r\n'], ['\n']])('is read without doubt, with line ends %j throughout', (eol) => {
    const lines = ['From:  a@b.example \t', 'Subject: one', '\ttwo ', 'X.y-Z_1 \t: v', 'Empty:', '', 'body', ''];
    expect(of(lines.join(eol))).toEqual([['from=a@b.example', 'subject=one\ttwo', 'x.y-z_1=v', 'empty='], `body${eol}`, null]);
  });

  test('knows the bytes of each field, wherever the section begins', () => {
    const text = 'skipped\r\nA: 1\r\n 2\r\nB: 3\r\n\r\nbody';
    const raw = Buffer.from(text);
    const { fields, body } = readHeader(raw, 9, raw.length, DEFAULT_LIMITS);
    expect(fields.map(({ start, end }) => text.slice(start, end))).toEqual(['A: 1\r\n 2', 'B: 3']);
    expect(text.slice(body)).toBe('body');
    // It ends where it is to end.
    const cut = readHeader(raw, 9, 13, DEFAULT_LIMITS);
    expect([cut.fields.map(({ value }) => value), cut.body, cut.doubt]).toEqual([['1'], 13, null]);
  });

  test('needs no body and no last line end', () => {
    expect(of('A: 1\r\nB: 2')).toEqual([['a=1', 'b=2'], '', null]);
    expect(of('A: 1\r\n\r\n')).toEqual([['a=1'], '', null]);
    expect(of('')).toEqual([[], '', null]);
    expect(of('A:1\r\nB:2\r\n\r\nbody')).toEqual([['a=1', 'b=2'], 'body', null]);
    expect(of('A: \r\nB:\t \r\n \tx\r\n\r\n')).toEqual([['a=', 'b=x'], '', null]);
  });

  test('may be longer than the first look, whatever the look cuts through', () => {
    for (const cut of [-3, -2, -1, 0, 1]) {
      const filler = `X: ${'x'.repeat(FIRST_LOOK + cut - 5)}`;
      const text = `${filler}\r\nSubject: one\r\n two\r\n\r\nbody`;
      expect(of(text)).toEqual([[`x=${filler.slice(3)}`, 'subject=one\n two'.replace('\n', '')], 'body', null]);
    }
  });
});

describe('a header is read in looks of 8, 32 and 128 KiB', () => {
  test('and no further than the limit, however large the mail is', () => {
    const raw = Buffer.from('X: '.padEnd(1_000_000, 'x'));
    const ends: (number | undefined)[] = [];
    raw.toString = (...range) => {
      ends.push(range[2]);
      return Buffer.prototype.toString.apply(raw, range);
    };
    expect(() => readHeader(raw, 0, raw.length, { headerLength: 20_000 })).toThrow('more than 20000 bytes');
    expect(ends).toEqual([FIRST_LOOK, 4 * FIRST_LOOK]);
  });

  test('and up to the end of the section alone', () => {
    const text = `skipped\r\nA: ${'x'.repeat(9_000)}\r\nB: 2\r\n\r\n`;
    const { fields, body } = readHeader(Buffer.from(text), 9, 9_005, DEFAULT_LIMITS);
    expect([fields.length, fields[0]!.value.length, body]).toEqual([1, 8_993, 9_005]);
  });

  test('where the limit is the first look, what lies beyond a lost separator does not count', () => {
    expect(of(`A: 1\r\n<${'x'.repeat(10_000)}\n`, FIRST_LOOK)).toEqual([
      ['a=1'],
      expect.stringMatching(/^<x/),
      expect.any(String),
    ]);
  });

  test('which may end between the CR and the LF of a first line that is no field', () => {
    expect(read(`${'x'.repeat(FIRST_LOOK - 1)}\r\nA: 1\r\n\r\n`).doubt).toBe('a line is neither a field nor a continuation');
    expect(read(`${'x'.repeat(FIRST_LOOK - 2)}\r\nA: 1\r\n\r\n`).doubt).toBe('a line is neither a field nor a continuation');
    // Here it is a bare CR.
    expect(read(`${'x'.repeat(FIRST_LOOK - 1)}\rA: 1\r\n\r\n`).doubt).toBe('a line holds a bare CR');
    expect(read(`${'x'.repeat(FIRST_LOOK - 2)}\rA: 1\r\n\r\n`).doubt).toBe('a line holds a bare CR');
  });
});

test.each([
  ['A: 1\r\nB: 2\n\r\nbody', 'lines end with CRLF and with a bare LF'],
  ['A: 1\nB: 2\r\n\nbody', 'lines end with CRLF and with a bare LF'],
  ['A: 1\r\nB: x\ry\r\n\r\nbody', 'a line holds a bare CR'],
  ['\r\nA: 1\r\n\r\nbody', 'a blank line precedes the first field'],
  [' A: 1\r\nB: 2\r\n\r\nbody', 'a blank line precedes the first field'],
  ['A: 1\r\n \t\r\nB: 2\r\n\r\nbody', 'a continuation line is blank'],
  ['A: 1\r\nno colon here\r\n\r\nbody', 'a line is neither a field nor a continuation'],
  ['A: 1\r\n: 2\r\n\r\nbody', 'a line is neither a field nor a continuation'],
  ['A: 1\r\na b: 2\r\n\r\nbody', 'a line is neither a field nor a continuation'],
  ['A: 1\r\nB\x7f: 2\r\n\r\nbody', 'a line is neither a field nor a continuation'],
  ['A: 1\r\nB: \0\r\n\r\nbody', 'a field holds a NUL'],
  ['From me\r\nA: 1\r\n\r\nbody', 'the first line is neither a field nor one of an mbox'],
])('readers may differ on %j', (text, doubt) => {
  expect(read(text).doubt).toBe(doubt);
});

test('a NUL of the body, and one after a lost separator, are none of the header', () => {
  expect(read('A: 1\r\n\r\n\0').doubt).toBeNull();
});

test('a section that begins with a continuation or a blank line is doubtful in a part as well', () => {
  const at = (text: string) => readHeader(Buffer.from(text), 0, text.length, DEFAULT_LIMITS);
  expect(at(' x\r\nA: 1\r\n\r\nbody')).toMatchObject({ doubt: 'the first line is a continuation', fields: [{ name: 'a' }] });
  expect(at('\r\nbody')).toMatchObject({ doubt: 'a blank line precedes the first field', fields: [], body: 2 });
  expect(at('\nbody')).toMatchObject({ doubt: 'a blank line precedes the first field', fields: [], body: 1 });
});

test('a name is of printable ASCII but the colon, and not of what parameters and XML have', () => {
  for (const c of "!#$%&'()*+,-./09;?@AZ[\\]^_`az{|}~")
    expect(of(`${c}a${c}:1\r\n\r\n`)).toEqual([[`${c.toLowerCase()}a${c.toLowerCase()}=1`], '', null]);
  for (const c of '"<=>\x7f\x80\xff\0')
    expect(read(`a${c}:1\r\n\r\n`).doubt).toBe('a line is neither a field nor a continuation');
});

describe('a damaged header is read leniently', () => {
  test.each([
    ['CR alone ends its lines', 'A: 1\rB: 2\r\rbody', ['a=1', 'b=2'], 'body'],
    ['a line of blanks ends it', 'A: 1\r\n \t\r\nB: 2', ['a=1'], 'B: 2'],
    ['the separator is missing', 'A: 1\r\n<feedback>\r\n', ['a=1'], '<feedback>\r\n'],
    ['a parameter lost its indent', 'A: 1;\r\nname="x y"\r\nB: 2\r\n\r\nb', ['a=1; name="x y"', 'b=2'], 'b'],
    ['a parameter without a field', 'name="x"\r\nB: 2\r\n\r\nb', [], 'name="x"\r\nB: 2\r\n\r\nb'],
    ['line ends are mixed', 'A: 1\n 2\r\nB: 2\n\nbody', ['a=1 2', 'b=2'], 'body'],
    ['it ends within a line', 'A: 1\nB: 2\r\nC: 3', ['a=1', 'b=2', 'c=3'], ''],
  ])('where %s', (_, text, fields, body) => {
    expect(of(text)).toEqual([fields, body, expect.any(String)]);
  });

  test('a field of it has its bytes as well', () => {
    const text = 'A: 1;\r\nname="x"\r\nB: 2\n\t3\r\n\r\nbody';
    expect(read(text).fields.map(({ start, end }) => text.slice(start, end))).toEqual(['A: 1;\r\nname="x"', 'B: 2\n\t3']);
  });

  test('a mail of CR alone is read, however long its body is', () => {
    const text = `A: 1\rB: 2\r\r${'x'.repeat(20_000)}`;
    expect(of(text, 5_000)).toEqual([['a=1', 'b=2'], text.slice(11), expect.any(String)]);
  });
});

describe('at the top of a mail', () => {
  const LINE = 'From reporter@reporter.example Tue Sep  1 00:00:00 2026';
  test.each([['\r\n'], ['\n'], ['\r']])('the line of an mbox is skipped, with line end %j', (eol) => {
    const [fields, body] = of([LINE, 'A: 1', '', 'body'].join(eol));
    expect([fields, body]).toEqual([['a=1'], 'body']);
  });

  test('the line of an mbox, quoted or not, is no doubt; one that only begins so is', () => {
    expect(of(`${LINE}\r\nA: 1\r\n\r\n`)).toEqual([['a=1'], '', null]);
    expect(of(`>${LINE}\r\nA: 1\r\n\r\n`)).toEqual([['a=1'], '', null]);
    expect(of(`From a b 2026\r\nA: 1\r\n\r\n`)).toEqual([['a=1'], '', expect.stringMatching(/^the first line is neither/)]);
  });

  test('blank lines are skipped, and are a doubt', () => {
    expect(of(' \t\r\n\n\rA: 1\r\n\r\nbody')).toEqual([['a=1'], 'body', 'a blank line precedes the first field']);
    expect(of(`\r\n${LINE}\r\nA: 1\r\n\r\n`)).toEqual([['a=1'], '', 'a blank line precedes the first field']);
    expect(of(' \r\n')).toEqual([[], '', 'a blank line precedes the first field']);
  });

  test('a From field with a blank before its colon is a field', () => {
    expect(of('From : a@b.example\r\nTo: c\r\n\r\n')).toEqual([['from=a@b.example', 'to=c'], '', null]);
    expect(read('From the beginning')).toMatchObject({ fields: [], doubt: 'a line is neither a field nor a continuation' });
    expect(read(`From ${'x'.repeat(FIRST_LOOK)}\r\nA: 1\r\n\r\n`).fields).toEqual([]);
    expect(of(`From ${'x'.repeat(FIRST_LOOK - 7)}\r\nA: 1\r\n\r\n`)).toEqual([['a=1'], '', expect.any(String)]);
  });
});

describe('a header that is too long', () => {
  const sized = (size: number) => `X: ${'x'.repeat(size - 7)}\r\n\r\n`;
  test('is refused above the limit, in bytes with its separator', () => {
    expect(read(`${sized(1000)}body`, 1000).body).toBe(1000);
    expect(() => read(`${sized(1001)}body`, 1000)).toThrow(expect.objectContaining({ code: 'header_too_long' }));
    expect(() => read('X: '.padEnd(100_000, 'x'), 20_000)).toThrow('more than 20000 bytes');
  });

  test('proves nothing above 128 KiB or 2,000 lines', () => {
    const doubt = 'it is far longer than the header of any genuine report';
    expect(read(sized(128 * 1024)).doubt).toBeNull();
    expect(read(sized(128 * 1024 + 1)).doubt).toBe(doubt);
    expect(read(`${'A: 1\r\n'.repeat(1999)}\r\n`).doubt).toBeNull();
    expect(read(`${'A: 1\r\n'.repeat(2000)}\r\n`).doubt).toBe(doubt);
  });
});

test('of several fields of one name the first counts', () => {
  expect([...firstFields(read('A: 1\r\nB: 2\r\na: 3\r\n\r\n').fields)]).toEqual([
    ['a', '1'],
    ['b', '2'],
  ]);
});

test('a mail without any LF has its header where its CR ends it, however long the body is', () => {
  const body = 'x'.repeat(3 * FIRST_LOOK);
  const [fields, rest, doubt] = of(`A: 1\rB: 2\r\r${body}`, 1000);
  expect([fields, rest, typeof doubt]).toEqual([['a=1', 'b=2'], body, 'string']);
});
