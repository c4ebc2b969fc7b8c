import { describe, expect, test } from 'vitest';
import { problemCodes, readAll, reportXml } from '../build.ts';

const body = (name: string): string =>
  reportXml()
    .replace(/^<\?xml.*\n/, '')
    .replace('receiver.example', name);

/** Written down, as Node 20 itself decodes windows-1252 wrongly. */
const WINDOWS_1252: Array<[string, number]> = [
  ['€', 0x80],
  ['“', 0x93],
  ['”', 0x94],
  ['–', 0x96],
];

/** Text in one of the single-byte encodings, by asking the decoder for each byte. */
function encode(text: string, encoding: string): Buffer {
  const table = new Map<string, number>();
  for (let byte = 0; byte < 256; byte++) table.set(new TextDecoder(encoding).decode(Buffer.from([byte])), byte);
  if (encoding === 'windows-1252') for (const [letter, byte] of WINDOWS_1252) table.set(letter, byte);
  return Buffer.from([...text].map((letter) => table.get(letter) as number));
}

const swap = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16();

describe('charsets', () => {
  test.each([
    ['iso-8859-1', 'Größe Ärzte'],
    ['ISO-8859-2', 'Łódź'],
    ['iso-8859-5', 'Почта'],
    ['iso-8859-7', 'Ταχυδρομείο'],
    ['iso-8859-15', '10 € café'],
    ['windows-1250', 'Příliš žluťoučký'],
    ['windows-1251', 'Почта России'],
    ['windows-1252', 'Zürich – “post” €'],
    ['koi8-r', 'Почта'],
  ])('%s as the XML declares it, and as MIME does', async (encoding, name) => {
    const declared = encode(`<?xml version="1.0" encoding="${encoding}"?>${body(name)}`, encoding);
    expect((await readAll(declared)).reports).toMatchObject([{ org_name: name, salvaged: false, problems: [] }]);
    const mail = Buffer.concat([
      Buffer.from(`Subject: x\nContent-Type: text/xml; charset="${encoding}"\n\n`),
      encode(body(name), encoding),
    ]);
    expect((await readAll(mail)).reports).toMatchObject([{ org_name: name }]);
  });

  test.each([
    ['Shift_JIS', Buffer.from([0x93, 0xfa, 0x96, 0x7b]), '日本'],
    ['GB18030', Buffer.from([0xd6, 0xd0, 0xb9, 0xfa]), '中国'],
  ])('%s', async (encoding, bytes, name) => {
    const [before, after] = `<?xml version="1.0" encoding="${encoding}"?>${body('@@')}`.split('@@') as [string, string];
    const outcome = await readAll(Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]));
    expect(outcome.reports).toMatchObject([{ org_name: name }]);
  });

  test('UTF-8 and UTF-16, each with and without a byte order mark', async () => {
    const name = 'Größe 日本 🙂';
    const utf16 = Buffer.from(`<?xml version="1.0" encoding="UTF-16"?>${body(name)}`, 'utf16le');
    const documents = [
      Buffer.from(body(name)),
      Buffer.from(`\ufeff${body(name)}`),
      Buffer.from(`\ufeff\n <?xml version="1.0"?>${body(name)}`),
      utf16,
      Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]),
      swap(utf16),
      Buffer.concat([Buffer.from([0xfe, 0xff]), swap(utf16)]),
    ];
    for (const document of documents) {
      expect((await readAll(document)).reports).toMatchObject([{ org_name: name, salvaged: false, problems: [] }]);
    }
  });

  test('a byte order mark outweighs a wrong declaration, as does text that is plainly not UTF-16', async () => {
    const marked = Buffer.from(`\ufeff<?xml version="1.0" encoding="iso-8859-1"?>${body('Größe')}`);
    expect((await readAll(marked)).reports).toMatchObject([{ org_name: 'Größe' }]);
    const claimed = Buffer.from(`<?xml version="1.0" encoding="utf-16"?>${body('Größe')}`);
    expect((await readAll(claimed)).reports).toMatchObject([{ org_name: 'Größe' }]);
  });

  test('bytes that mean nothing are replaced, never dropped, and noted', async () => {
    const outcome = await readAll(Buffer.from(body('Gr\xf6\xdfe'), 'latin1'));
    expect(outcome.reports).toMatchObject([{ org_name: 'Gr\ufffd\ufffde', salvaged: true }]);
    expect(problemCodes(outcome)).toEqual(['bytes_replaced']);
    const cut = await readAll(Buffer.concat([Buffer.from(reportXml()), Buffer.from([0xc3])]));
    expect(cut.reports).toHaveLength(1);
    expect(problemCodes(cut)).toContain('bytes_replaced');
  });

  test('an unknown charset is read as UTF-8 and noted', async () => {
    const outcome = await readAll(`<?xml version="1.0" encoding="x-klingon"?>${body('Größe')}`);
    expect(outcome.reports).toMatchObject([{ org_name: 'Größe' }]);
    expect(problemCodes(outcome)).toEqual(['charset_unknown']);
  });

  test('a character cut in two by a chunk is whole', async () => {
    // Chunks are 256 KiB: shift a run of two- to four-byte characters across their edges.
    for (let shift = 0; shift < 4; shift++) {
      const filler = `<!--${'é日🙂'.repeat(5_000)}-->`;
      const document = body('Größe').replace('<feedback>', `<feedback><x>${' '.repeat(shift)}</x>${filler.repeat(8)}`);
      expect((await readAll(document)).reports).toMatchObject([{ org_name: 'Größe', salvaged: false, problems: [] }]);
    }
  });
});
