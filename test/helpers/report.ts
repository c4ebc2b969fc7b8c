import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { transaction } from '../../services/shared/runtime/db.ts';
import type { Config } from '../../services/shared/settings/config.ts';
import { type Imported, storeImports } from '../../services/store/messages/imports.ts';
import type { TestDatabase } from './database.ts';

export interface TestRow {
  ip?: string;
  count?: number;
  disposition?: string;
  dkim?: 'pass' | 'fail';
  spf?: 'pass' | 'fail';
  header_from?: string;
  /** auth_results: domain and result. */
  auth_dkim?: [string, string] | null;
  auth_spf?: [string, string] | null;
}

export interface TestReport {
  org?: string;
  id?: string;
  domain?: string;
  /** Seconds. */
  begin?: number;
  end?: number;
  p?: string;
  rows?: TestRow[];
}

/** The setting `trust`, with no server of one's own to be believed. */
export const trusting = (check: Config['trust']['check']): Config['trust'] => ({ check, authserv_ids: [] });

export const DAY = 86_400;
export const BEGIN = Date.UTC(2026, 8, 1) / 1000;

/** A small, well-formed RFC 7489 report; what is not given has an ordinary value. */
export function reportXml(report: TestReport = {}): string {
  const domain = report.domain ?? 'example.com';
  const begin = report.begin ?? BEGIN;
  const rows = (report.rows ?? [{}]).map((r) => {
    const dkim = r.auth_dkim === undefined ? [domain, 'pass'] : r.auth_dkim;
    const spf = r.auth_spf === undefined ? [domain, 'pass'] : r.auth_spf;
    return `<record><row><source_ip>${r.ip ?? '192.0.2.1'}</source_ip><count>${r.count ?? 1}</count><policy_evaluated><disposition>${r.disposition ?? 'none'}</disposition><dkim>${r.dkim ?? 'pass'}</dkim><spf>${r.spf ?? 'pass'}</spf></policy_evaluated></row><identifiers><header_from>${r.header_from ?? domain}</header_from></identifiers><auth_results>${dkim ? `<dkim><domain>${dkim[0]}</domain><selector>s1</selector><result>${dkim[1]}</result></dkim>` : ''}${spf ? `<spf><domain>${spf[0]}</domain><scope>mfrom</scope><result>${spf[1]}</result></spf>` : ''}</auth_results></record>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<feedback><report_metadata><org_name>${report.org ?? 'reporter.example'}</org_name><email>dmarc@reporter.example</email><report_id>${report.id ?? 'r1'}</report_id><date_range><begin>${begin}</begin><end>${report.end ?? begin + DAY - 1}</end></date_range></report_metadata><policy_published><domain>${domain}</domain><adkim>r</adkim><aspf>r</aspf><p>${report.p ?? 'reject'}</p><sp>reject</sp><pct>100</pct></policy_published>${rows.join('\n')}</feedback>`;
}

/** A report mail: multipart, one gzip attachment; `unique` makes two mails of the same report differ. */
export function reportMail(xml: string | Buffer, options: { unique?: string; name?: string; date?: Date } = {}): Buffer {
  const body = gzipSync(xml).toString('base64').replace(/.{76}/g, '$&\r\n');
  const name = options.name ?? 'reporter.example!example.com!1!2.xml.gz';
  return Buffer.from(
    `From: dmarc@reporter.example\r\nTo: rua@example.com\r\nSubject: Report Domain: example.com Submitter: reporter.example\r\nDate: ${(options.date ?? new Date(Date.UTC(2026, 8, 2))).toUTCString()}\r\nMessage-ID: <${options.unique ?? 'm1'}@reporter.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b1"\r\n\r\n--b1\r\nContent-Type: text/plain\r\n\r\nThis is a report.\r\n--b1\r\nContent-Type: application/gzip; name="${name}"\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n--b1--\r\n`,
  );
}

/**
 * Puts raw mails into the database as waiting messages, received one second apart in their order. @returns
 * their keys
 */
export async function receive(
  database: TestDatabase,
  raws: readonly Buffer[],
  receivedAt: Date = new Date(Date.UTC(2026, 8, 2)),
): Promise<number[]> {
  const imported: Imported[] = await transaction(database.db, (tx) =>
    storeImports(
      tx,
      raws.map((raw, i) => ({
        uid: null,
        file: `mail-${i}`,
        receivedAt: new Date(receivedAt.getTime() + i * 1000),
        sender: 'dmarc@reporter.example',
        subject: 'a report',
        messageId: null,
        size: raw.length,
        sha256: createHash('sha256').update(raw).digest(),
        raw,
      })),
    ),
  );
  return imported.map((i) => i.message_key);
}
