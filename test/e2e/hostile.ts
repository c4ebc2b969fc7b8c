import { deflateRawSync, gzipSync } from 'node:zlib';
import { crookedZip, overlappingZip, tarOf, zipOf } from '../report/archives.ts';
import { METADATA, POLICY, recordXml, reportXml } from '../report/build.ts';

const MIB = 1024 * 1024;

/** Limits that are lowered so that the mails which exceed them stay small; all others are the defaults. */
export const LIMITS = { mailBytes: 2 * MIB, unpackedBytes: 32 * MIB, heldBytes: 8 * MIB, records: 30_000 };

export interface Hostile {
  name: string;
  /** What must become of it. */
  code: string;
  raw: Buffer;
}

const HEAD = `<feedback>${METADATA}${POLICY}`;
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
/** Text that compresses some forty times, not hundreds of times. */
const dull = (length: number): string => {
  let text = '';
  for (let i = 0; text.length < length; i++) text += `${Math.imul(i, 2654435761) >>> 0}${' plain'.repeat(40)}`;
  return text.slice(0, length);
};
const nest = (n: number, bytes: Buffer, wrap: (bytes: Buffer, i: number) => Buffer): Buffer =>
  n === 0 ? bytes : nest(n - 1, wrap(bytes, n), wrap);

/** Mails that go against every limit of reading, each in several ways, made now and stored nowhere. */
export async function hostileMails(): Promise<Hostile[]> {
  const mails: Hostile[] = [];
  const add = (name: string, code: string, make: (id: string) => Buffer | string) => {
    const id = `Message-ID: <h${mails.length}@hostile.example>\r\nFrom: x@hostile.example\r\nSubject: ${name}\r\n`;
    mails.push({ name, code, raw: Buffer.from(make(id) as string) });
  };
  const attach = (name: string, code: string, bytes: Buffer | string) =>
    add(name, code, (id) => attached(id, Buffer.from(bytes as string)));
  const packed = (name: string, code: string, document: Buffer | string) => attach(name, code, gzipSync(document));

  // Size, and decompressed size.
  add('one attachment too large', 'mail_too_large', (id) => attached(id, Buffer.from(dull(2 * MIB))));
  add('many texts too large', 'mail_too_large', (id) =>
    multipart(
      id,
      times(50, () => `Content-Type: text/plain\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(650)}`),
    ),
  );
  packed(
    'zeros behind the beginning of a report',
    'ratio_too_high',
    Buffer.concat([Buffer.from(`${HEAD}<record>`), Buffer.alloc(20 * MIB)]),
  );
  packed('elements without end', 'ratio_too_high', HEAD + '<a/>'.repeat(5 * MIB));
  attach(
    'a bomb in several gzip members',
    'ratio_too_high',
    Buffer.concat([gzipSync(HEAD), ...times(10, () => gzipSync(Buffer.alloc(2 * MIB, '<a/>')))]),
  );
  attach('a bomb in a zip', 'ratio_too_high', await zipOf([{ name: 'a.xml', data: HEAD + '<a/>'.repeat(5 * MIB) }]));
  attach('a directory that names one member many times', 'too_many_members', overlappingZip(Buffer.alloc(MIB, ' '), 1_001));
  attach('a bomb in a tar', 'ratio_too_high', gzipSync(tarOf([{ name: 'a.xml', data: Buffer.alloc(20 * MIB, ' ') }])));
  packed('a long document', 'unpacked_too_large', HEAD + `<x>${dull(10_000)}</x>`.repeat(3_500));
  attach(
    'many long documents',
    'unpacked_too_large',
    await zipOf(times(9, (i) => ({ name: `${i}.txt`, data: dull(4 * MIB - 9) }))),
  );
  packed('a zip that must be held', 'unpacked_too_large', await zipOf([{ name: 'a', data: dull(9 * MIB), stored: true }]));

  // Members and nesting.
  attach('a zip of very many members', 'too_many_members', await zipOf(times(1_001, (i) => ({ name: `${i}`, data: 'x' }))));
  attach('a zip of very many folders', 'too_many_members', await zipOf(times(1_001, (i) => ({ name: `${i}/` }))));
  attach('a tar of very many files', 'too_many_members', gzipSync(tarOf(times(1_001, (i) => ({ name: `${i}`, data: 'x' })))));
  attach('very many gzip members', 'too_many_members', Buffer.concat(times(1_100, () => gzipSync(' '))));
  attach(
    'gzip in gzip',
    'nested_too_deep',
    nest(6, Buffer.from(reportXml()), (bytes) => gzipSync(bytes)),
  );
  attach(
    'zip in zip',
    'nested_too_deep',
    nest(6, Buffer.from(reportXml()), (bytes) => crookedZip('a', bytes)),
  );
  attach(
    'gzip and zip by turns',
    'nested_too_deep',
    nest(8, Buffer.from(reportXml()), (bytes, i) => (i % 2 ? gzipSync(bytes) : crookedZip('a', bytes))),
  );

  // The document.
  packed('very many records', 'too_many_records', HEAD + recordXml().repeat(30_001));
  packed(
    'very many records before the policy',
    'records_before_policy',
    `<feedback>${METADATA}${recordXml().repeat(20_001)}${POLICY}</feedback>`,
  );
  const inRecord = (part: string) => reportXml(recordXml({ inner: '' }).replace('<auth_results>', `<auth_results>${part}`));
  packed('very many signatures', 'too_many_children', inRecord('<dkim/>'.repeat(1_001)));
  packed('very many rows', 'too_many_children', reportXml(recordXml({ inner: '<row></row>'.repeat(1_002) })));
  packed(
    'very many reasons',
    'too_many_children',
    reportXml(recordXml().replace('</policy_evaluated>', `${'<reason/>'.repeat(1_001)}</policy_evaluated>`)),
  );
  packed('depth', 'xml_too_deep', HEAD + '<a>'.repeat(40) + '</a>'.repeat(40));
  packed('depth without end', 'xml_too_deep', HEAD + '<a>'.repeat(200_000));
  packed('attributes', 'too_many_attributes', `${HEAD}<a ${times(65, (i) => `a${i}="1"`).join(' ')}/>`);
  packed('attributes without end', 'too_many_attributes', `${HEAD}<a ${times(100_000, (i) => `a${i}="1"`).join(' ')}`);
  packed('a long attribute', 'text_too_long', `${HEAD}<a b="${dull(70_000)}"/>`);
  packed('a long text', 'metadata_missing', `<feedback><report_metadata><org_name>${dull(70_000)}</org_name>`);
  packed('a long comment', 'text_too_long', `${HEAD}<!--${dull(MIB)}`);
  packed('long CDATA', 'metadata_missing', `<feedback><report_metadata><org_name><![CDATA[${dull(MIB)}`);
  packed('a long name', 'text_too_long', `${HEAD}<${'a'.repeat(600_000)}`);
  packed(
    'a record of many long texts',
    'record_too_long',
    inRecord(`<dkim><human_result>${dull(60_000)}</human_result></dkim>`.repeat(20)),
  );
  packed(
    'metadata of many long texts',
    'record_too_long',
    `<feedback><report_metadata>${`<error>${dull(60_000)}</error>`.repeat(20)}`,
  );
  packed('references', 'too_many_references', HEAD + `<x>${'&amp;'.repeat(1_000)}${dull(400)}</x>`.repeat(1_100));
  packed('character references', 'too_many_references', HEAD + `<x>${'&#65;'.repeat(1_000)}${dull(400)}</x>`.repeat(1_100));

  // What a DOCTYPE can do.
  const laughs = times(9, (i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');
  packed('a billion laughs', 'doctype_refused', `<!DOCTYPE feedback [<!ENTITY l0 "lol">${laughs}]><feedback>&l9;</feedback>`);
  packed(
    'a long entity many times',
    'doctype_refused',
    `<!DOCTYPE feedback [<!ENTITY a "${'a'.repeat(50_000)}">]><feedback>${'&a;'.repeat(50_000)}</feedback>`,
  );
  packed(
    'a file of the machine',
    'doctype_refused',
    '<!DOCTYPE feedback [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedback>&x;</feedback>',
  );
  packed('an address of the network', 'doctype_refused', '<!DOCTYPE feedback SYSTEM "http://192.0.2.1/x.dtd"><feedback/>');
  packed(
    'a DOCTYPE in UTF-16',
    'doctype_refused',
    Buffer.from('\ufeff<!DOCTYPE feedback [<!ENTITY a "b">]><feedback>&a;</feedback>', 'utf16le'),
  );

  // MIME.
  add('very many parts', 'too_many_parts', (id) =>
    multipart(
      id,
      times(1_001, () => 'Content-Type: text/plain\r\n\r\nx'),
    ),
  );
  add('forwarded again and again', 'mime_too_deep', (id) => id + 'Content-Type: message/rfc822\r\n\r\n'.repeat(1_000));
  add(
    'multiparts in multiparts',
    'mime_too_deep',
    (id) => id + times(200, (i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`).join(''),
  );
  add('a long header', 'header_too_long', (id) => `${id}X-Long: ${'x'.repeat(300_000)}\r\n\r\nbody`);
  add('very many headers', 'header_too_long', (id) => `${id}${'X-Flood: y\r\n'.repeat(40_000)}\r\nbody`);
  add('a long header of a part', 'header_too_long', (id) => multipart(id, [`X-Long: ${'x'.repeat(300_000)}\r\n\r\nbody`]));

  // Archives that cannot be opened, and what looks like a report and holds none.
  attach('an encrypted zip', 'archive_encrypted', crookedZip('a.xml', Buffer.from(reportXml()), { flags: 1 }));
  attach('an unknown method', 'archive_method_unknown', crookedZip('a.xml', Buffer.from(reportXml()), { method: 99 }));
  attach(
    'names that leave the folder',
    'report_not_found',
    await withNames(['../../../../tmp/ruawatch-was-here', '/tmp/ruawatch-was-here']),
  );
  attach('a zip cut off', 'archive_damaged', crookedZip('a.xml', Buffer.from(reportXml()), { cut: 25 }));
  attach('a gzip of which only the header came', 'archive_damaged', gzipSync(reportXml()).subarray(0, 12));
  attach(
    'a gzip of noise',
    'archive_damaged',
    Buffer.concat([gzipSync('').subarray(0, 10), Buffer.from(times(500, (i) => (i * 7919) % 251))]),
  );
  attach('nothing but NUL', 'archive_damaged', Buffer.alloc(5_000));
  attach('metadata that say nothing', 'metadata_missing', gzipSync('<feedback><report_metadata/></feedback>'));
  packed('JSON too large', 'json_too_large', `{"policies": [${`"${dull(10_000)}",`.repeat(1_700)}`);

  // What only a watch from outside can stop: see faults.mjs.
  packed('a hang', 'time_budget', 'FAULT:hang');
  packed('an expression that backtracks', 'time_budget', 'FAULT:backtrack');
  packed('a hunger for memory', 'memory_budget', 'FAULT:eat');
  packed('what kills its process', 'killed_worker', 'FAULT:kill');
  return mails;
}

function attached(id: string, bytes: Buffer): Buffer {
  const name = 'hostile.example!example.com!1700000000!1700086399.xml.gz';
  const body = bytes.toString('base64').replace(/.{76}/g, '$&\r\n');
  return multipart(id, [`Content-Type: application/gzip; name="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}`]);
}

function multipart(id: string, parts: string[]): Buffer {
  const bodies = parts.map((part) => `--b-1\r\n${part}\r\n`).join('');
  return Buffer.from(`${id}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b-1"\r\n\r\n${bodies}--b-1--\r\n`);
}

/** A zip of members with names that no writer accepts. */
async function withNames(names: string[]): Promise<Buffer> {
  const placeholder = (i: number) => `member-${i}`.padEnd(40, '_');
  let zip = (await zipOf(names.map((_, i) => ({ name: placeholder(i), data: deflateRawSync('no report') })))).toString('latin1');
  for (const [i, name] of names.entries()) zip = zip.replaceAll(placeholder(i), name.padEnd(40, 'x'));
  return Buffer.from(zip, 'latin1');
}
