import type { Random } from '../../demo/random.ts';
import { PLAIN, type Style } from './xml.ts';

/** How the mail around the report looks. */
export type Shape = 'text' | 'text+html' | 'html' | 'after' | 'alone' | 'only part';
export type Container = 'gzip' | 'gzip named' | 'gzip members' | 'zip' | 'zip stored' | 'xml base64' | 'xml quoted';
/**
 * How a file's name is written into the header: in quotes, as RFC 2231 has it, in sections of it, or as an
 * encoded word.
 */
export type Naming = 'quoted' | 'token' | 'extended' | 'sections' | 'word';

/** One invented receiver: who it is, and the habits it writes with. */
export interface Receiver {
  domain: string;
  org: string;
  /** What its reports name as `email`. */
  contact: string;
  rfc: 7489 | 9990;
  declaration: string;
  bom: boolean;
  encoding: 'utf8' | 'latin1';
  /** Attributes of the root. */
  attributes: string;
  /** The chance of `version`. */
  version: number;
  style: Style;
  /** Of siblings: the schema's, mixed where the schema lets them be, or mixed everywhere in a record. */
  order: 'schema' | 'mixed' | 'loose';
  /** Whether RFC 9990's extensions are used, of the namespace that `e:` stands for. */
  extends: boolean;
  /** Digits that counts are filled up to with zeros, as xs:integer lets them be; 0 for none. */
  zeros: number;
  /** The range within the day, in seconds from its start. */
  range: [begin: number, end: number];
  containers: readonly Container[];
  /** The media type of what is compressed or not. */
  mediaType: string;
  shapes: readonly Shape[];
  naming: Naming;
  /** Files with names that RFC 7489 section 7.2.1.1 does not know; null where it is followed. */
  oddName: ((random: Random) => string) | null;
  /** `n` is the number of the mail in the load: what keeps ids apart that chance could bring together. */
  id: (random: Random, n: number) => string;
}

const V2 = 'urn:ietf:params:xml:ns:dmarc-2.0';
const V1 = 'http://dmarc.org/dmarc-xml/0.1';
const XSI = 'http://www.w3.org/2001/XMLSchema-instance';
const DAY = 86_400;

const uuid = (random: Random): string =>
  `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-${random.pick(['8', '9', 'a', 'b'])}${random.hex(3)}-${random.hex(12)}`;

const BASE: Omit<Receiver, 'domain' | 'org' | 'rfc'> = {
  contact: '',
  declaration: '<?xml version="1.0" encoding="UTF-8"?>',
  bom: false,
  encoding: 'utf8',
  attributes: '',
  version: 0.5,
  style: PLAIN,
  order: 'schema',
  extends: false,
  zeros: 0,
  range: [0, DAY - 1],
  containers: ['gzip'],
  mediaType: 'application/gzip',
  shapes: ['text'],
  naming: 'quoted',
  oddName: null,
  id: (random, n) => `${random.digits(12)}.${n}`,
};

function receiver(
  own: Partial<Omit<Receiver, 'style'>> & Pick<Receiver, 'domain' | 'org' | 'rfc'>,
  style: Partial<Style>,
): Receiver {
  return { ...BASE, contact: `dmarc@${own.domain}`, ...own, style: { ...PLAIN, ...style } };
}

/** Those who write as RFC 9990 has it, namespace and all. */
const MODERN: Receiver[] = [
  receiver(
    {
      domain: 'nordpost.example',
      org: 'Nordpost AS',
      rfc: 9990,
      attributes: `xmlns="${V2}"`,
      order: 'mixed',
      shapes: ['text', 'alone'],
    },
    { empty: 'spaced', padding: 0.02 },
  ),
  receiver(
    {
      domain: 'xn--grne-post-r9a.example',
      org: 'Grüne Post eG',
      rfc: 9990,
      attributes: `xmlns:d="${V2}" xmlns:e='urn:example:gp' xmlns:xsi="${XSI}"\r\n\txsi:schemaLocation="${V2} v2.xsd"`,
      order: 'mixed',
      extends: true,
      containers: ['gzip', 'xml base64'],
      shapes: ['text+html'],
      id: (random, n) => `<${random.hex(10)}.${n}@reports.gruene-post.example>`,
    },
    { prefix: 'd:', eol: '\r\n', indent: '\t', comments: 0.02, cdata: 0.3 },
  ),
  receiver(
    {
      domain: 'kaigan-mail.example',
      org: '海岸メール 株式会社',
      contact: '海岸メール <dmarc@kaigan-mail.example>',
      rfc: 9990,
      bom: true,
      declaration: "<?xml version='1.0' encoding='utf-8' standalone='yes'?>",
      attributes: `xmlns="${V2}" xmlns:e="urn:example:kaigan"`,
      extends: true,
      containers: ['xml quoted', 'gzip'],
      mediaType: 'text/xml',
      shapes: ['text', 'after'],
      naming: 'extended',
      id: (random) => uuid(random),
    },
    { indent: '   ', references: 0.05, blankLines: 0.05, limit: 0x10ffff },
  ),
  receiver(
    {
      domain: 'quill.example',
      org: 'Quill & Daughters "Mail" <since 1999>',
      rfc: 9990,
      declaration: '',
      attributes: `xmlns='${V2}'`,
      version: 0,
      order: 'mixed',
      containers: ['xml base64', 'gzip members'],
      mediaType: 'application/octet-stream',
      shapes: ['alone'],
      naming: 'token',
      id: (random, n) => `q&d'${random.hex(6)}{${n}}~x`,
    },
    { eol: '', indent: '', references: 0.08, limit: 0x7f },
  ),
  receiver(
    {
      domain: 'meridian-isp.example',
      org: 'Meridian',
      rfc: 9990,
      attributes: `xmlns:xsi="${XSI}" xmlns:e="urn:example:m:1" xsi:schemaLocation="${V2} https://w.example/d.xsd" xmlns="${V2}"`,
      version: 1,
      extends: true,
      containers: ['gzip members', 'gzip named'],
      mediaType: 'application/x-gzip',
      shapes: ['html', 'only part'],
      naming: 'sections',
      id: (random) => random.digits(31),
    },
    { eol: '', indent: '', cdata: 0.5, empty: 'pair' },
  ),
  receiver(
    {
      domain: 'zephyr-mail.example',
      org: 'Zephyr',
      rfc: 9990,
      declaration: '<?xml version="1.0"?>\n<?zephyr build="7>6"?>\n<!-- <feedback> of one day -->',
      attributes: `xmlns="${V2}"`,
      order: 'mixed',
      containers: ['gzip', 'xml quoted'],
      shapes: ['alone', 'text+html'],
      id: (random, n) => `${n}=${random.hex(8)}@zephyr-mail.example`,
    },
    { indent: '    ', comments: 0.06, tagSpace: 0.03 },
  ),
  receiver(
    {
      domain: 'lagoon.example',
      org: 'Lagoon Web Mail',
      rfc: 9990,
      attributes: `xmlns="${V2}"`,
      order: 'mixed',
      range: [6 * 3_600, 12 * 3_600 - 1],
      containers: ['xml quoted', 'zip'],
      mediaType: 'application/xml',
      shapes: ['after', 'text'],
      oddName: (random) => `aggregate report (${random.int(1, 99)}).xml`,
    },
    { indent: '', blankLines: 0.2, padding: 0.1 },
  ),
];

/** Those who write as RFC 7489 has it, more or less. */
const CLASSIC: Receiver[] = [
  receiver(
    {
      domain: 'pochta-severa.example',
      org: 'Почта Севера',
      rfc: 7489,
      declaration: "<?xml version='1.0' encoding='US-ASCII'?>",
      containers: ['zip'],
      mediaType: 'application/zip',
      shapes: ['text', 'text+html'],
      range: [0, DAY],
      oddName: (random) => `отчёт-${random.int(1, 9_999)}.xml`,
      naming: 'extended',
    },
    { eol: '', indent: '', limit: 0x7f, empty: 'pair' },
  ),
  receiver(
    {
      domain: 'old-mill.example',
      org: 'Old Mill – Société',
      rfc: 7489,
      declaration: '<?xml version="1.0" encoding="ISO-8859-1" ?>',
      encoding: 'latin1',
      attributes: `xmlns:m='${V1}' xmlns:xsi='${XSI}' xsi:schemaLocation='${V1} rua.xsd'`,
      version: 1,
      containers: ['zip stored', 'zip'],
      mediaType: 'application/x-zip-compressed',
      id: (random, n) => `old-mill.example:${random.int(0, 9)}:${n}`,
    },
    { prefix: 'm:', prefixed: 'root', limit: 0xff, upper: 0.2, indent: ' ' },
  ),
  receiver(
    {
      domain: 'harbour-gate.example',
      org: 'Harbour Gate Appliance 4.2',
      rfc: 7489,
      order: 'loose',
      version: 0.2,
      containers: ['gzip named'],
      shapes: ['only part'],
      oddName: (random) => `REPORT_${random.hex(8).toUpperCase()}.XML`,
      id: (random, n) => `${uuid(random)}!${n}`,
    },
    { indent: '      ', padding: 0.3, blankLines: 0.1 },
  ),
  receiver(
    {
      domain: 'tabula.example',
      org: 'Tabula Oy',
      rfc: 7489,
      bom: true,
      declaration: '',
      version: 0.9,
      order: 'mixed',
      containers: ['zip', 'xml base64'],
      mediaType: 'application/octet-stream',
      shapes: ['text', 'html'],
      naming: 'word',
    },
    { eol: '\r\n', indent: '\t', cdata: 0.6, upper: 0.05, empty: 'pair' },
  ),
  receiver(
    {
      domain: 'vesper.example',
      org: "Vesper's Relay",
      rfc: 7489,
      attributes: `xmlns="${V1}"`,
      containers: ['gzip', 'zip stored'],
      mediaType: 'application/octet-stream',
      shapes: ['text+html', 'alone'],
      naming: 'sections',
      range: [0, DAY],
      id: (random, n) => `${n}${random.pick(['A', 'B'])}==+/${random.hex(4)}`,
    },
    { indent: '', tagSpace: 0.1, upper: 0.5, comments: 0.01 },
  ),
  receiver(
    {
      domain: 'ostrava-mail.example',
      org: 'Ostrava Mail s.r.o. – pošta',
      rfc: 7489,
      order: 'loose',
      containers: ['xml quoted', 'xml base64'],
      mediaType: 'text/xml',
      shapes: ['html', 'only part'],
      oddName: () => 'dmarc.xml',
    },
    { eol: '\r\n', references: 0.03, comments: 0.03, padding: 0.04 },
  ),
  receiver(
    {
      domain: 'banyan-net.example',
      org: 'Banyan',
      rfc: 7489,
      version: 0,
      attributes: `xmlns:xsi="${XSI}" xsi:noNamespaceSchemaLocation="rua.xsd"`,
      order: 'mixed',
      zeros: 4,
      containers: ['gzip', 'gzip named'],
      mediaType: 'application/x-gzip',
      shapes: ['after', 'text'],
      id: (random) => random.hex(40),
    },
    { indent: '\t', empty: 'spaced', upper: 0.02, cdata: 0.1 },
  ),
];

export const RECEIVERS: readonly Receiver[] = [...MODERN, ...CLASSIC];
