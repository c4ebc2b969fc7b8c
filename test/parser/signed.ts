import { TransientError } from '../../services/shared/errors.ts';
import { transaction } from '../../services/shared/runtime/db.ts';
import type { Resolver } from '../../services/shared/runtime/resolver.ts';
import { storeMails } from '../../services/store/messages/intake.ts';
import { dkimKey, dkimSigned } from '../attacks/dkim.ts';
import { arrivalOf } from '../helpers/arrival.ts';
import type { TestDatabase } from '../helpers/database.ts';
import { reportMail, reportXml, type TestReport } from '../helpers/report.ts';

const key = dkimKey();
const RECORD = key.record;

/** A name service of the test's own. `down` names do not answer; `asked` is what was looked up, in order. */
export interface TestResolver extends Resolver {
  down: Set<string>;
  asked: string[];
}

/** Publishes the key of `signed` for these domains, under selector `s1`. */
export function resolverOf(...domains: string[]): TestResolver {
  const records = new Map(domains.map((domain) => [`s1._domainkey.${domain}`, [[RECORD.slice(0, 200), RECORD.slice(200)]]]));
  const resolver: TestResolver = {
    down: new Set(),
    asked: [],
    async txt(name) {
      resolver.asked.push(name);
      if (resolver.down.has(name)) throw new TransientError('dns_failed', `The name service could not say what ${name} holds.`);
      return records.get(name) ?? [];
    },
  };
  return resolver;
}

/** Signs a mail for `domain`, as its own server would. */
export async function signed(
  mail: Buffer,
  domain: string,
  options: { headerList?: string[]; maxBodyLength?: number } = {},
): Promise<Buffer> {
  return dkimSigned(mail, {
    domain,
    key,
    ...(options.headerList ? { headers: options.headerList } : {}),
    ...(options.maxBodyLength === undefined ? {} : { length: options.maxBodyLength }),
    tags: { t: String(Date.UTC(2026, 8, 2) / 1000) },
  });
}

/** Puts header fields on top of a mail, as a server does. */
export function under(fields: string[], mail: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${fields.join('\r\n')}\r\n`), mail]);
}

let serial = 0;

/** A report's mail from an address of `from`; the report itself says it is from `org`, `email`. */
export function mailFrom(from: string, report: TestReport & { email?: string } = {}): Buffer {
  const xml = reportXml(report).replace('dmarc@reporter.example', report.email ?? 'dmarc@reporter.example');
  const mail = reportMail(xml, { unique: `m${serial++}` }).toString('latin1');
  return Buffer.from(mail.replace('From: dmarc@reporter.example', `From: DMARC <dmarc@${from}>`), 'latin1');
}

/**
 * Puts mails into the database as a poller does, received a minute apart. @returns their keys, in the order
 * of `raws`
 */
export async function receivePolled(
  database: TestDatabase,
  raws: readonly Buffer[],
  receivedAt: Date = new Date(Date.UTC(2026, 8, 2)),
): Promise<number[]> {
  const mails = raws.map((raw, i) => arrivalOf(raw, new Date(receivedAt.getTime() + i * 60_000)));
  await transaction(database.db, (tx) => storeMails(tx, { mailbox: 'rua', folder: 'INBOX', uidValidity: 1 }, mails));
  // Keys are given in the order of the hashes, and a signature is another each time.
  const { rows } = await database.db.query<{ message_key: number; sha256: string }>(
    "select message_key, encode(sha256, 'hex') as sha256 from ruawatch.messages where mailbox = 'rua'",
  );
  const keys = new Map(rows.map((row) => [row.sha256, row.message_key]));
  return mails.map((mail) => keys.get(mail.sha256.toString('hex'))!);
}
