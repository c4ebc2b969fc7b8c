import { domainToUnicode } from 'node:url';
import type { Random } from '../../demo/random.ts';

/** What a document is in: the name of it, how text becomes bytes, and which characters it has. */
type Encoding = [name: string, encode: (text: string) => Buffer, fits?: (character: string) => boolean];
const UTF8: Encoding = ['UTF-8', (text) => Buffer.from(text)];
const UTF8_MARKED: Encoding = ['utf-8', (text) => Buffer.from(`\ufeff${text}`)];
const UTF16LE: Encoding = ['utf-16', (text) => Buffer.from(`\ufeff${text}`, 'utf16le')];
const UTF16BE: Encoding = ['UTF-16', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()];
const LATIN1: Encoding = ['ISO-8859-1', (text) => Buffer.from(text, 'latin1'), (character) => character < '\u0100'];
const ASCII: Encoding = ['us-ascii', (text) => Buffer.from(text), (character) => character < '\x80'];

/** An encoding of one or two bytes a character, by turning round what the platform's decoder says. */
function legacy(name: string): Encoding {
  const decoder = new TextDecoder(name);
  const table = new Map<string, Buffer>();
  const keep = (...bytes: number[]) => {
    const character = decoder.decode(Buffer.from(bytes));
    if ([...character].length === 1 && !table.has(character)) table.set(character, Buffer.from(bytes));
  };
  for (let lead = 0; lead < 256; lead++) keep(lead);
  for (let lead = 0x81; lead < 0xfd; lead++) for (let trail = 0x40; trail < 0xff; trail++) keep(lead, trail);
  return [name, (text) => Buffer.concat([...text].map((one) => table.get(one)!)), (one) => one !== '\ufffd' && table.has(one)];
}

const plain = (value: string) => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(']]>', ']]&gt;');
const named = (value: string) => plain(value).replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;');
/** A section; its own end cannot stand in it (XML 1.0 section 2.7). */
const cdata = (value: string) => `<![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;

/** References by number, decimal or hexadecimal, for what is markup and for `also`. */
function numbered(value: string, also: RegExp, random: Random): string {
  const reference = (point: number) =>
    random.pick([`&#${point};`, `&#x${point.toString(16)};`, `&#x${point.toString(16).toUpperCase().padStart(6, '0')};`]);
  return [...value].map((one) => (/[&<>]/.test(one) || also.test(one) ? reference(one.codePointAt(0)!) : one)).join('');
}

/** A value in two or three pieces: text and sections, and what a reader has to leave out between them. */
function pieces(value: string, random: Random): string {
  const all = [...value];
  const cuts = Array.from({ length: random.int(1, 2) }, () => random.int(0, all.length)).sort((a, b) => a - b);
  const between = () => random.pick(['', '<!-- folded -->', '<?fold?>', '<!-- <count>1</count> & so on -->', '<![CDATA[]]>']);
  const parts = [0, ...cuts].map((from, i) => random.pick([named, cdata])(all.slice(from, cuts[i]).join('')));
  return parts.reduce((a, b) => a + between() + b);
}

/** A value as it was drawn, markup as it stands, or an element with what is in it. */
export type Piece = { value: string } | { raw: string } | Element;
export type Element = { name: string; attributes: string; kids: Piece[] };

/** The document in the bytes of the dialect; what its encoding lacks is a reference (XML 1.0 section 4.1). */
export function document(root: Element, dialect: Dialect, random: Random): Buffer {
  const { indent, prefix, tail } = dialect;
  const [, encode, fits] = dialect.encoding;
  const line = (depth: number) => (indent === null ? '' : `\n${indent.repeat(depth)}`);
  const write = (element: Element, depth: number): string => {
    const name = element.name.includes(':') ? element.name : prefix + element.name;
    if (element.kids.length === 0) return dialect.empty(name);
    const kids = element.kids.map((kid) => {
      if ('value' in kid) return dialect.text(kid.value, element.name, random);
      return line(depth + 1) + ('raw' in kid ? kid.raw : write(kid, depth + 1));
    });
    const end = element.kids.every((kid) => 'value' in kid) ? '' : line(depth);
    return `<${name}${element.attributes && ` ${element.attributes}`}${tail}>${kids.join('')}${end}</${name}${tail}>`;
  };
  const text = `${dialect.prolog}${write(root, 0)}${indent === null ? '' : '\n'}`.replaceAll('\n', dialect.eol);
  return encode(text.replace(/[^\x00-\x7f]/gu, (one) => (fits?.(one) !== false ? one : `&#${one.codePointAt(0)};`)));
}

const xml = (rest: string) => `<?xml version="1.0"${rest}?>\n`;
const NAMED = 'xmlns="urn:ietf:params:xml:ns:dmarc-2.0"';
const wide = (ip: string) => ip.replace('::', `:${'0:'.repeat(Math.max(1, 9 - ip.split(':').length))}`);
type Others = ((random: Random) => string) | undefined;
/** What most programs do; `null` as indentation is no white space between elements. */
const USUAL = {
  ...{ prolog: '', eol: '\n', indent: '  ' as string | null, prefix: '', tail: '', root: 'feedback', attributes: '' },
  empty: (name: string) => `<${name}/>`,
  text: (value: string, _name: string, _random: Random) => plain(value),
  // The elements of a group that may come in any order (`xs:all`).
  order: (kids: Piece[], _random: Random) => kids,
  languages: [''], // attributes of texts
  spelled: (domain: string) => domain,
  modern: false, // RFC 9990, with its elements and results; otherwise RFC 7489
  empties: false, // what is not told is an empty element
  // Chances of telling something, and the most signatures.
  told: { to: 0.5, from: 1, scope: 1, human: 0.15, reason: 0.1, helo: 0, signatures: 3 },
  texts: ['arc=pass', 'signed by <forwarder@lists.example>', 'body hash did not verify', 'key & record "unavailable"'],
  // What others wrote: attributes of a record, markup in it in front and behind, markup before all records.
  ...{ marks: undefined as Others, before: undefined as Others, after: undefined as Others, extension: '' },
  container: 'gzip' as 'gzip' | 'zip' | 'stored' | 'plain',
  shape: 'mixed' as 'bare' | 'mixed' | 'first' | 'nested' | 'signed',
  naming: 'quoted' as 'quoted' | 'token' | 'segments' | 'extended' | 'none',
};
export type Dialect = typeof USUAL & { org: string; at: string; encoding: Encoding };
type Own = Partial<Omit<typeof USUAL, 'told'>> & { told?: Partial<(typeof USUAL)['told']> };

function receiver(org: string, name: string, encoding: Encoding, own: Own): Dialect {
  const prolog = xml(` encoding="${encoding[0]}"`);
  return { ...USUAL, prolog, ...own, told: { ...USUAL.told, ...own.told }, org, at: `${name}.example`, encoding };
}
const HARBOUR = receiver('Harbour Mail', 'harbour', UTF8, { shape: 'bare' });
const CORVID = receiver('Corvid', 'corvid', UTF8, {
  ...{ prolog: xml(''), indent: null, attributes: NAMED, modern: true, naming: 'token' },
  told: { to: 0, reason: 0.2, signatures: 4 },
});
/** Where one is there more than once, it sends as many times the mails. */
export const RECEIVERS: Dialect[] = [
  ...[HARBOUR, HARBOUR, CORVID, CORVID],
  // Java: the root is qualified, what is in it is not.
  receiver('Nordpost Ålesund', 'nordpost', UTF8, {
    ...{ prolog: xml(' encoding="UTF-8" standalone="yes"'), root: 'ns2:feedback', indent: '    ', container: 'zip' },
    ...{ attributes: 'xmlns:ns2="http://dmarc.org/dmarc-xml/0.1"', told: { human: 0.4 } },
    texts: ['nøkkelen "s1" finnes ikke', 'videresendt av løsningen på Østlandet', 'ugyldig: b=… & bh=…', 'ok'],
  }),
  // .NET: UTF-16, CRLF, namespaces nobody needs, a space before the end of an empty tag.
  receiver('Ferrum', 'ferrum', UTF16LE, {
    ...{ eol: '\r\n', attributes: 'xmlns:xsd="http://www.w3.org/2001/XMLSchema"', empties: true, empty: (name) => `<${name} />` },
    ...{ told: { from: 0.7, human: 0.3, signatures: 1 }, container: 'zip', shape: 'nested' },
  }),
  // Perl's XML::Writer with its new lines inside tags, and a hash: elements come in any order.
  receiver('Lumen Réseaux', 'lumen', LATIN1, {
    ...{ tail: '\n', indent: null, text: named, order: (kids, random) => random.shuffle(kids), naming: 'token' },
    told: { helo: 0.3, scope: 0.8, signatures: 6 },
    texts: ["l'empreinte du corps diffère", 'relayé par la liste « été »', 'clé révoquée', 'délai (5 s) → 3 €'],
  }),
  // ASCII whatever comes, dots and colons by number against harvesters.
  receiver('Tessera Łódź', 'tessera', ASCII, {
    ...{ indent: ' ', container: 'plain', shape: 'bare' },
    text: (value, name, random) => numbered(value, name === 'source_ip' ? /[.:]/ : /[^\x00-\x7f]/, random),
    texts: ['podpis nieważny', 'źródło zaufane: <mx1>', 'klucz 𝔎 & 鍵 za krótki', 'przekazano dalej ✉'],
  }),
  // PHP: a style sheet for people, and notes in each record.
  receiver('Osprey Hosting', 'osprey', UTF8, {
    ...{ indent: '\t', told: { helo: 0.2 }, empties: true, empty: (name) => `<${name}></${name}>`, container: 'plain' },
    prolog: `${xml('')}<?xml-stylesheet type="text/xsl" href="dmarc.xsl"?>\n<!-- osprey <feedback> 4.1 -->\n`,
    attributes: "xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:noNamespaceSchemaLocation='rua.xsd?a=1&amp;b=2'",
    text: (value, name, random) => plain(value) + (name === 'source_ip' && random.chance(0.3) ? '<!-- no PTR > -->' : ''),
    before: (random) => `<!-- shard ${random.int(1, 64)}: <row><count>${random.int(1, 99)}</count></row> & more -->`,
    after: (random) => (random.chance(0.1) ? '<?osprey <record> sampled="no" ?>' : ''),
  }),
  // Values in sections, texts in pieces.
  receiver('Vellum & Söhne', 'vellum', UTF8, {
    text: (value, name, random) => (/comment|human/.test(name) || random.chance(0.05) ? pieces(value, random) : cdata(value)),
    ...{ told: { reason: 0.3, human: 0.4 }, empties: true, shape: 'signed', naming: 'segments' },
    texts: ['Schlüssel <fehlt>', 'a[b[0]]>c: Regel »ARC« & Co.', 'weitergeleitet für Jürgen', 'Prüfsumme 💥 stimmt nicht'],
  }),
  // A gateway's attributes with references, numbers between white space, and a verdict beside ours.
  receiver('Meridian', 'meridian', UTF8_MARKED, {
    ...{ modern: true, eol: '\r\n', indent: '\t', attributes: `${NAMED} xmlns:m="urn:meridian:gateway&#x3a;2"` },
    ...{ order: (kids) => [...kids].reverse(), languages: ['', '', 'lang="de"', "lang='en&#45;GB'"] },
    text: (value, name) => (/^(count|begin|end)$/.test(name) ? `\n\t${value}\n\t` : plain(value)),
    marks: (random) => `m:queue="q&#${random.int(48, 57)};" m:rule='a > b &amp;&amp; "c" &lt; d/>'`,
    after: (random) => `<m:count m:of="&quot;s&quot;">${random.int(0, 9)}<m:row><m:source_ip>::</m:source_ip></m:row></m:count>`,
    extension: '<m:record><m:row><m:count>1</m:count></m:row></m:record>',
    ...{ container: 'zip', shape: 'first', naming: 'extended' },
  }),
  // The report's names are prefixed; those without a prefix are another's.
  receiver('Karst', 'karst', UTF16BE, {
    ...{ modern: true, attributes: `xmlns='urn:karst:audit' ${NAMED.replace('xmlns', 'xmlns:d')}`, prefix: 'd:' },
    ...{ told: { to: 0, scope: 0.4 }, text: named, naming: 'none' },
    after: (random) => (random.chance(0.4) ? '<row><count>77</count><domain>audit.example</domain></row>' : ''),
  }),
  // Each record declares its namespace, and the verdict in it another one as the default.
  receiver('Sable', 'sable', UTF8, {
    ...{ modern: true, root: 'r:feedback', attributes: `${NAMED} ${NAMED.replace('xmlns', 'xmlns:r')}`, marks: () => NAMED },
    after: (random) => `<record xmlns="urn:sable:risk"><count>${random.int(1, 99)}</count><spf xmlns=""><result/></spf></record>`,
    extension: '<policy_published xmlns="urn:sable:risk"><domain>other.example</domain><p>none</p></policy_published>',
    ...{ indent: '   ', told: { to: 1 }, container: 'stored', naming: 'segments' },
  }),
  // A mainframe: counts of eight digits, lines that end in CR alone, addresses in full.
  receiver('Базальт', 'basalt', legacy('windows-1251'), {
    ...{ eol: '\r', indent: ' ', told: { from: 0.8, human: 0.3, signatures: 1 }, empties: true },
    text: (value, name) => (name === 'count' ? value.padStart(8, '0') : plain(name === 'source_ip' ? wide(value) : value)),
    texts: ['подпись неверна', 'переслано: «рассылка»', 'ключ отозван — см. журнал', 'нет записи'],
  }),
  // Domains as people read them, IPv6 in capitals.
  receiver('港メール株式会社', 'minato', legacy('Shift_JIS'), {
    text: (value, name) => named(name === 'source_ip' ? value.toUpperCase() : value),
    texts: ['署名が一致しません', '転送<メーリングリスト>', '鍵が見つかりません', '表示ソ能: 本文が変更された'],
    ...{ spelled: domainToUnicode, told: { human: 0.5 }, container: 'zip', shape: 'nested', naming: 'extended' },
  }),
];
