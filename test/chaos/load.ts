import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { generateLoad } from '../../bench/load.ts';
import { PRESS } from '../../demo/incidents.ts';
import { Random } from '../../demo/random.ts';
import { generateDemo } from '../../demo/world.ts';
import { DEMO_AUTHSERV_ID } from '../../demo/write.ts';
import { reportMail, reportXml, type TestReport } from '../helpers/report.ts';

export interface ChaosMail {
  raw: Buffer;
  /**
   * What the IMAP server gives as INTERNALDATE, in whole seconds: it decides between two reports of one
   * identity.
   */
  received: Date;
  kind: string;
}

/** Mails above this are left in the mailbox by the settings of a run. */
export const MAIL_BYTES = 3_000_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The reporter of most of what is made here, which no catalogue knows. */
export const ORG = 'reporter.example';
/** Domains on which several reports of one identity come. */
export const RIVAL_DOMAINS = 7;

/**
 * About `count` mails as a bad month brings them, sorted by when they were received: weeks of reports with
 * planted incidents, the same mail again, the same report in another mail, other reports under the same
 * identity, cut ones with and without intact copies, forged ones, hostile ones, spam, and the readers'
 * fixtures. The same options give the same bytes.
 */
export async function chaosLoad(seed: number, count: number, today: Date): Promise<ChaosMail[]> {
  const random = new Random(`chaos/${seed}`);
  const midnight = Math.floor(today.getTime() / DAY_MS) * DAY_MS;
  const days = count >= 1200 ? 42 : 24;
  const mails: ChaosMail[] = [];
  const at = (daysAgo: number, hour = 12) => new Date(midnight - daysAgo * DAY_MS + hour * HOUR_MS + random.int(0, 3599) * 1000);
  const anywhen = () => at(random.int(1, days - 1), random.int(0, 23));
  const add = (kind: string, raw: Buffer, received: Date) => mails.push({ raw, received, kind });

  const world = await generateDemo({ seed, today, days, more: true });
  // Three of its domains are enough: the fourth has nothing that the others and the load below have not.
  const demo = world.mails.filter(({ domain }) => domain !== PRESS);
  for (const { raw, received } of demo) add('report', raw, received);
  const part = Math.max(8, Math.round(count / 50));

  for (const { raw, received } of random.shuffle(demo).slice(0, part)) {
    const later = new Date(Math.min(received.getTime() + random.int(1, 300) * 60_000, today.getTime() - 60_000));
    // Copied into the folder once more, which keeps its date (RFC 3501 section 6.4.7).
    add('same mail again', raw, received);
    if (random.chance(0.7)) add('same report again', again(raw, random.hex(8)), later);
  }
  for (let i = 0; i < part; i++) {
    const r = random.fork(`rivals/${i}`);
    const daysAgo = r.int(2, days - 2);
    for (const { raw, hour, kind } of rivals(i, midnight - daysAgo * DAY_MS, r)) add(kind, raw, at(daysAgo - 1, hour));
  }
  for (let i = 0; i < part; i++) {
    const r = random.fork(`forged/${i}`);
    const daysAgo = r.int(1, 13);
    add('forged', forged(i, midnight - (daysAgo + 1) * DAY_MS, r), at(daysAgo, r.int(0, 20)));
  }
  for (const [i, raw] of hostile(random.fork('hostile'), part).entries()) add(`hostile ${i}`, raw, anywhen());
  for (const raw of fixtures()) add('fixture', raw, anywhen());
  for (let i = 0; i < part; i++) {
    const r = random.fork(`tls/${i}`);
    const daysAgo = r.int(2, days - 2);
    for (const [hour, raw] of tlsRivals(i, r).entries()) add('TLS report', raw, at(daysAgo, hour));
  }
  for (let i = 0; i < part; i++) add('spam', spam(i, random.fork(`spam/${i}`)), anywhen());

  const rest = count - mails.length;
  if (rest > 0) for await (const { raw } of generateLoad({ seed, mails: rest })) add('other customers', raw, anywhen());
  return mails.sort((a, b) => a.received.getTime() - b.received.getTime());
}

/** What one's own server writes on top of an authentic mail. */
function proven(raw: Buffer): Buffer {
  const trace = `Authentication-Results: ${DEMO_AUTHSERV_ID}; dmarc=pass header.from=${ORG}\r\nReceived: from out.${ORG} by ${DEMO_AUTHSERV_ID} with ESMTPS id 1; Tue, 1 Sep 2026 00:00:00 +0000\r\n`;
  return Buffer.concat([Buffer.from(trace), raw]);
}

/** The same report in another mail. */
function again(raw: Buffer, unique: string): Buffer {
  return Buffer.concat([Buffer.from(`X-Resent-By: backup-mx-${unique}\r\n`), raw]);
}

function rowsOf(n: number, random: Random): NonNullable<TestReport['rows']> {
  return Array.from({ length: n }, () => {
    const pass = random.chance(0.8);
    return {
      ip: `198.19.${random.int(0, 30)}.${random.int(1, 254)}`,
      count: random.int(1, 90),
      dkim: pass ? ('pass' as const) : ('fail' as const),
      spf: 'fail' as const,
      disposition: pass ? 'none' : random.pick(['none', 'reject']),
      auth_dkim: pass ? null : ([`signer-${random.int(1, 9)}.example`, 'pass'] as [string, string]),
      auth_spf: ['bounce.example', random.pick(['pass', 'fail'])] as [string, string],
    };
  });
}

/**
 * Mails about one identity: tellings that differ, copies of each, a forged one, a cut one and its intact
 * copy.
 */
function rivals(i: number, begin: number, random: Random): { raw: Buffer; hour: number; kind: string }[] {
  const identity = { org: ORG, id: `rival-${i}`, domain: `rivals-${i % RIVAL_DOMAINS}.example`, begin: begin / 1000 };
  const telling = () => reportXml({ ...identity, rows: rowsOf(random.int(2, 12), random) });
  const mail = (xml: string | Buffer, name: string) => reportMail(xml, { unique: `${i}-${name}` });
  const first = telling();
  const second = telling();
  const cut = Buffer.from(first).subarray(0, Math.floor(first.length * (0.5 + random.next() * 0.4)));
  const all = [
    { kind: 'rival', hour: 1, raw: proven(mail(first, 'first')) },
    { kind: 'rival', hour: 3, raw: proven(mail(second, 'second')) },
    { kind: 'rival again', hour: 5, raw: proven(mail(first, 'first-again')) },
    { kind: 'rival', hour: 7, raw: proven(mail(telling(), 'third')) },
    { kind: 'forged rival', hour: 9, raw: mail(telling(), 'forged') },
    { kind: 'copy of unknown origin', hour: 11, raw: mail(second, 'copied') },
    { kind: 'cut', hour: random.pick([2, 13]), raw: proven(mail(cut, 'cut')) },
    {
      kind: 'cut and forged',
      hour: 15,
      raw: mail(Buffer.from(second).subarray(0, Math.floor(second.length * 0.7)), 'cut-forged'),
    },
  ];
  return all.filter((_, n) => n === i % all.length || random.chance(0.6));
}

/** In the name of Google, from somebody else, whose own mail passes DMARC or not. */
function forged(i: number, begin: number, random: Random): Buffer {
  const rows = Array.from({ length: 3 }, () => ({
    ip: `203.0.113.${random.int(1, 250)}`,
    count: random.int(100, 5000),
    dkim: 'fail' as const,
    spf: 'fail' as const,
    auth_dkim: null,
  }));
  const xml = reportXml({
    org: 'google.com',
    id: `forged-${i}`,
    domain: random.pick(['kestrel-books.example', 'kestrel-pay.example']),
    begin: begin / 1000,
    p: 'none',
    rows,
  });
  const raw = reportMail(xml, { unique: `forged-${i}` });
  return random.chance(0.4) ? proven(raw) : raw;
}

function hostile(random: Random, part: number): Buffer[] {
  const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('');
  const bomb = gzipSync(Buffer.alloc(96 * 1024 * 1024));
  const noise = (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => random.int(0, 255)));
  const attach = (bytes: Buffer, name: string, unique: string) =>
    Buffer.from(
      `From: a@attacker.example\r\nTo: rua@example.com\r\nSubject: Report Domain: kestrel-pay.example\r\nMessage-ID: <${unique}@attacker.example>\r\nMIME-Version: 1.0\r\nContent-Type: application/gzip; name="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${bytes.toString('base64').replace(/.{76}/g, '$&\r\n')}\r\n`,
    );
  const fixed = [
    attach(bomb, 'bomb.xml.gz', 'bomb'),
    attach(gzipSync(bomb), 'bomb.xml.gz.gz', 'bomb-2'),
    reportMail(`<!DOCTYPE feedback [<!ENTITY l0 "ha">${laughs}]><feedback>&l9;</feedback>`, { unique: 'laughs' }),
    reportMail('<a>'.repeat(50_000), { unique: 'deep' }),
    Buffer.from('From: x\0y@attacker.example\r\nSubject: \0\xff\xfe\r\n\r\n\0\0\0', 'latin1'),
    Buffer.from('\r\n'),
    Buffer.from(`Subject: ${'x'.repeat(900_000)}\r\n\r\nbody`),
    // Streamed in pieces, and too large to be taken at all.
    attach(noise(1_650_000), 'large.gz', 'large'),
    attach(noise(2_600_000), 'too-large.gz', 'too-large'),
  ];
  const many = Array.from({ length: part }, (_, i) => {
    const whole = gzipSync(reportXml({ id: `hostile-${i}`, rows: rowsOf(40, random) }));
    return random.pick([
      () => attach(noise(random.int(10, 4000)), `report-${i}.xml.gz`, `noise-${i}`),
      () => attach(whole.subarray(0, random.int(20, whole.length - 1)), `report-${i}.xml.gz`, `short-${i}`),
      () => noise(random.int(1, 3000)),
    ])();
  });
  return [...fixed, ...many];
}

/** Two tellings of one TLS report, and a copy of the older that comes last. */
function tlsRivals(i: number, random: Random): Buffer[] {
  const mail = (failed: number, unique: string) => {
    const report = {
      'organization-name': ORG,
      'date-range': { 'start-datetime': '2026-09-01T00:00:00Z', 'end-datetime': '2026-09-01T23:59:59Z' },
      'contact-info': `tls@${ORG}`,
      'report-id': `tls-${i}`,
      policies: [
        {
          policy: { 'policy-type': 'sts', 'policy-string': ['version: STSv1'], 'policy-domain': 'kestrel-books.example' },
          summary: { 'total-successful-session-count': 100, 'total-failure-session-count': failed },
        },
      ],
    };
    return reportMail(JSON.stringify(report), { unique: `tls-${i}-${unique}`, name: `${ORG}!kestrel-books.example!1!2.json.gz` });
  };
  const [first, second] = [random.int(0, 50), random.int(51, 99)];
  return [mail(first, 'first'), mail(second, 'second'), mail(first, 'first-again')].filter(() => random.chance(0.8));
}

function spam(i: number, random: Random): Buffer {
  return Buffer.from(
    `From: "Offers" <offers-${random.int(1, 99)}@spam.example>\r\nTo: rua@example.com\r\nSubject: ${random.pick(['You have won', 'Invoice', 'Delivery failed', 'Report Domain: example.com'])} ${i}\r\nMessage-ID: <spam-${i}@spam.example>\r\n\r\n${random.hex(random.int(20, 2000))}\r\n`,
  );
}

/** The mails among the reader's fixtures, and its bare documents as attachments. */
function fixtures(): Buffer[] {
  // Both from the sources and from dist/, the checkout's folder is the nearest with test/fixtures in it.
  const root = [
    path.resolve(import.meta.dirname, '../fixtures'),
    path.resolve(import.meta.dirname, '../../../test/fixtures'),
  ].find((folder) => readdirSync(path.dirname(folder)).includes('fixtures'))!;
  return ['aggregate', 'container', 'failure', 'ignored', 'tlsrpt'].flatMap((folder) =>
    readdirSync(path.join(root, folder))
      .filter((name) => /\.(eml|xml)$/.test(name))
      .sort()
      .map((name) => {
        const bytes = readFileSync(path.join(root, folder, name));
        return name.endsWith('.eml') ? bytes : reportMail(bytes, { unique: name });
      }),
  );
}
