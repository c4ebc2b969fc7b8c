import { domainToASCII } from 'node:url';
import { gzipSync } from 'node:zlib';
import { base64Lines, encodedWords, entity, type Header, mailDate, multipart } from '../demo/mime.ts';
import { Random } from '../demo/random.ts';
import { DEMO_AUTHSERV_ID, zip } from '../demo/write.ts';
import { type Dialect, document, type Element, type Piece, RECEIVERS } from './eighth/dialects.ts';
import { LOAD_DAY, type LoadMail, reportSizes, type Spread } from './load.ts';

/** A mail of the load, with what was drawn for it: a reader gives the same, what is not told as null. */
type DrawnMail = LoadMail & { head: ReturnType<typeof drawHead>; rows: ReturnType<typeof drawRow>[] };

/** What most do, seldom something else. */
const mostly = <T>(random: Random, usual: T, ...others: T[]): T => (random.chance(0.75) ? usual : random.pick(others));
const domainOf = (n: number) => domainToASCII(`${n % 9 === 4 ? 'münze' : n % 9 === 7 ? '例え' : 'shop'}-${n}.example`);

function address(random: Random): string {
  if (random.chance(0.2)) return `2001:db8:${random.int(16, 0xfff).toString(16)}::${random.int(1, 0xffff).toString(16)}`;
  return `203.${random.int(0, 113)}.${random.int(0, 255)}.${random.int(1, 254)}`;
}

function drawHead({ org, at, modern, texts }: Dialect, domain: string, random: Random) {
  const begin = LOAD_DAY + random.pick([0, 0, 0, 3600, -7200]);
  const maybe = <T>(value: T) => (random.chance(0.5) ? value : null);
  const policy = () => random.pick(['none', 'quarantine', 'reject']);
  return {
    ...{ org_name: org, org_email: `dmarc-noreply@${at}`, domain, begin, end: begin + random.pick([86_399, 86_400]) },
    extra_contact_info: maybe(`https://${at}/dmarc?lang=en&id=${random.digits(3)}`),
    report_id: random.pick([random.digits(19), `${random.hex(8)}$${random.hex(6)}=${random.hex(12)}@${at}`]),
    version: modern ? maybe('1.0') : '1.0',
    generator: modern ? maybe(`${at}/4.${random.int(0, 9)} <rua>`) : null,
    errors: random.chance(0.05) ? [random.pick(texts)] : [],
    policy: {
      ...{ domain, adkim: maybe('r'), aspf: maybe(random.pick(['r', 's'])), p: policy(), sp: maybe(policy()) },
      ...(modern ? { np: maybe('reject'), testing: maybe('n'), discovery_method: maybe('treewalk') } : {}),
      ...(modern ? {} : { pct: maybe(random.pick(['10', '50', '100'])), fo: maybe(random.pick(['0', '1', '1:d:s'])) }),
    },
  };
}

function drawRow(dialect: Dialect, { domain, policy }: DrawnMail['head'], source_ip: string, random: Random) {
  const { modern, told, texts, spelled } = dialect;
  const human = () => ({ human_result: random.chance(told.human) ? random.pick(texts) : null });
  const service = `bounce.service-${random.int(1, 30)}.example`;
  const signatures = Math.min(told.signatures, mostly(random, 1, 0, 2, 2, random.int(3, 6)));
  const dkim = Array.from({ length: signatures }, (_, i) => ({
    domain: mostly(random, i ? service : domain, service),
    selector: modern || random.chance(0.8) ? `s${random.int(1, 4)}._${random.pick(['mail', '2026', 'k'])}` : null,
    result: mostly(random, 'pass', 'fail', 'neutral', 'temperror', 'permerror', 'policy'),
    ...human(),
  }));
  const envelope = mostly(random, domain, service, `news.${domain}`);
  const spf = (random.chance(told.helo) ? ['helo', 'mfrom'] : ['mfrom']).map((scope) => ({
    ...{ domain: scope === 'helo' ? `mx.${service}` : envelope, scope: random.chance(told.scope) ? scope : null },
    result: mostly(random, 'pass', 'fail', 'softfail', 'none', 'neutral', 'temperror', 'permerror'),
    ...human(),
  }));
  const signed = dkim.some((one) => one.result === 'pass' && one.domain === domain);
  const sent = spf.at(-1)!.result === 'pass' && envelope !== service;
  const spared = !signed && !sent && random.chance(0.3);
  const types = ['local_policy', 'mailing_list', 'trusted_forwarder', 'other', modern ? 'policy_test_mode' : 'sampled_out'];
  const reasons = Array.from({ length: spared || random.chance(told.reason) ? mostly(random, 1, 2) : 0 }, () => ({
    ...{ type: random.pick(types), comment: random.chance(0.7) ? random.pick(texts) : null },
  }));
  return {
    source_ip,
    count: mostly(random, random.int(1, 4), random.int(5, 90), random.int(91, 9999)),
    disposition: signed || sent ? (modern && policy.p !== 'none' ? 'pass' : 'none') : spared ? 'none' : policy.p,
    ...{ dkim: signed ? 'pass' : 'fail', spf: sent ? 'pass' : 'fail', reasons, auth: { dkim, spf } },
    header_from: spelled(mostly(random, domain, `news.${domain}`)),
    envelope_from: random.chance(told.from) ? spelled(envelope) : null,
    envelope_to: random.chance(told.to) ? `recipients-${random.int(1, 9)}.example` : null,
  };
}

/** The elements of a report, each value as it was drawn. */
function feedback(dialect: Dialect, { head, rows }: Pick<DrawnMail, 'head' | 'rows'>, random: Random): Element {
  const leaf = ([name, value]: [string, unknown]): Piece[] => {
    const text = /human|comment|contact|error/.test(name);
    if (value != null)
      return [{ name, attributes: text ? random.pick(dialect.languages) : '', kids: [{ value: String(value) }] }];
    return dialect.empties && (text || /selector|envelope|sp$/.test(name)) ? [{ name, attributes: '', kids: [] }] : [];
  };
  const leaves = (values: object) => Object.entries(values).flatMap(leaf);
  const all = (name: string, kids: Piece[]) => ({ name, attributes: '', kids: dialect.order(kids, random) });
  const raw = (markup = ''): Piece[] => (markup ? [{ raw: markup }] : []);
  const { org_name, org_email: email, extra_contact_info, report_id, begin, end, version, generator, errors, policy } = head;
  const range = all('date_range', leaves({ begin, end }));
  const about = leaves({ org_name, email, extra_contact_info, report_id, ...(errors[0] && { error: errors[0] }), generator });
  const records = rows.map(({ source_ip, count, disposition, dkim, spf, reasons, auth, ...names }): Element => {
    const evaluated = [...leaves({ disposition, dkim, spf }), ...reasons.map((one) => all('reason', leaves(one)))];
    const row = all('row', [...leaves({ source_ip, count }), { name: 'policy_evaluated', attributes: '', kids: evaluated }]);
    const results = (['dkim', 'spf'] as const).flatMap((name) => auth[name].map((one) => all(name, leaves(one))));
    const kids = [row, all('identifiers', leaves(names)), { name: 'auth_results', attributes: '', kids: results }];
    const around = [raw(dialect.before?.(random)), raw(dialect.after?.(random))] as const;
    return { name: 'record', attributes: dialect.marks?.(random) ?? '', kids: [...around[0], ...kids, ...around[1]] };
  });
  const top = [...leaves({ version }), all('report_metadata', [...about, range]), all('policy_published', leaves(policy))];
  const kids = [...top, ...raw(dialect.extension && `<extension>${dialect.extension}</extension>`), ...records];
  return { name: dialect.root, attributes: dialect.attributes, kids };
}

/** RFC 2045 section 6.7. */
function printable(line: string): string {
  const coded = line.replace(/[^ -<>-~]| $/g, (one) => `=${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
  return (coded.match(/(?:=..|[^=]){1,24}/g) ?? []).join('=\r\n');
}
/** RFC 2045 section 5.1, and RFC 2231 sections 3 and 4. */
const NAMINGS: Record<Dialect['naming'], (key: string, name: string) => string> = {
  none: () => '',
  token: (key, name) => `; ${key}=${name}`,
  quoted: (key, name) => `;\r\n\t${key}="${name}"`,
  segments: (key, name) => name.replace(/.{1,40}/g, (part, at) => `;\r\n ${key}*${at / 40}="${part}"`),
  extended: (key, name) => `;\r\n ${key}*=UTF-8''${name.replaceAll('!', '%21')}`,
};
const TYPES = { gzip: 'application/gzip', zip: 'application/zip', stored: 'application/octet-stream', plain: 'text/xml' };
const part = (type: string, body: string, ...more: Header[]) => entity([['Content-Type', type], ...more], body);

/** The mail as its receiver sends it. */
async function mailOf({ at, shape, container, naming }: Dialect, head: DrawnMail['head'], xml: Buffer, random: Random) {
  const date = new Date((head.end + random.int(600, 36_000)) * 1000);
  const stem = `${at}!${head.domain}!${head.begin}!${head.end}!${random.digits(5)}`;
  const packed = container === 'gzip' ? gzipSync(xml) : await zip(`${stem}.xml`, xml, date, container === 'zip');
  const lines = () => xml.toString('latin1').split('\n').map(printable).join('\r\n');
  const [end, code, body] = container === 'plain' ? ['.xml', 'quoted-printable', lines()] : ['', 'base64', base64Lines(packed)];
  const name = stem + (end || (container === 'gzip' ? '.xml.gz' : '.zip'));
  const subject = `Report Domain: ${head.domain} Submitter: ${at} Report-ID: <${head.report_id}>`;
  const parts = (kind: string, ...content: string[]) => {
    const boundary = `=_${random.hex(16)}`;
    return part(`multipart/${kind};\r\n boundary="${boundary}"`, multipart(boundary, content, random.pick(['', 'MIME\r\n'])));
  };
  const disposition: Header = ['Content-Disposition', `attachment${NAMINGS[naming]('filename', name)}`];
  const file = part(TYPES[container] + NAMINGS[naming]('name', name), body, disposition, ['Content-Transfer-Encoding', code]);
  const note = part('text/plain; charset=utf-8', `This is a DMARC report about ${head.domain}.\r\n`);
  const [page, signature] = [part('text/html', '<p>A report.</p>\r\n'), part('application/pkcs7-signature', random.hex(900))];
  const content = {
    bare: () => file,
    mixed: () => parts('mixed', note, file),
    first: () => parts('mixed', file, note),
    nested: () => parts('mixed', parts('alternative', note, page), file),
    signed: () => parts('signed; protocol="application/pkcs7-signature"', parts('mixed', note, file), signature),
  }[shape]();
  const headers = [
    ...[`Return-Path: <${head.org_email}>`, `Authentication-Results: ${DEMO_AUTHSERV_ID};`, `\tdmarc=pass header.from=${at}`],
    ...[`From: "DMARC reports" <${head.org_email}>`, `To: <dmarc@${head.domain}>`, `Date: ${mailDate(date, 60)}`],
    `Subject: ${naming === 'extended' ? encodedWords(subject) : subject.replaceAll(' Rep', '\r\n Rep')}`,
    ...[`Message-ID: <${random.hex(20)}@${at}>`, 'MIME-Version: 1.0', content],
  ];
  return Buffer.from(headers.join('\r\n').replace(/\r\n/g, naming === 'token' ? '\n' : '$&'), 'latin1'); // some are kept with LF
}

/** A day of reports of these receivers; the same options give the same bytes. */
export async function* eighthLoad(options: { seed: number; mails: number; sources: Spread }): AsyncGenerator<DrawnMail> {
  const root = new Random(`eighth/${options.seed}`);
  for (const [i, records] of reportSizes(options.mails, root.fork('sizes')).entries()) {
    const random = root.fork(String(i));
    const dialect = random.pick(RECEIVERS);
    const domain = domainOf(random.int(1, Math.ceil(options.mails / 5)));
    const known = root.fork(domain);
    const pool = Array.from({ length: 40 }, () => address(known));
    const stranger = options.sources === 'pool' ? 0.1 : 1;
    const source = () => (random.chance(stranger) ? address(random) : pool[Math.floor(random.next() ** 3 * 40)]!);
    const head = drawHead(dialect, domain, random);
    const rows = Array.from({ length: records }, () => drawRow(dialect, head, source(), random));
    const xml = document(feedback(dialect, { head, rows }, random), dialect, random);
    const raw = await mailOf(dialect, head, xml, random);
    yield { raw, domain, records, messages: rows.reduce((sum, { count }) => sum + count, 0), head, rows };
  }
}
