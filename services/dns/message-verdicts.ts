import { type KnownRecord, keyAt, spfOfKnown } from './known.ts';

/** A key as the watcher saw it. */
interface Key {
  name: string;
  value: string | null;
  first_seen: Date | null;
  gone_at: Date | null;
}

/** What is read of a mail to judge it by DNS. */
export interface JudgedMail {
  domain: string;
  hops: readonly { started_at: Date }[];
  keys: readonly Key[];
  spf: { domain: string; networks: readonly string[]; records: readonly KnownRecord[] } | null;
}

/**
 * Judges a mail by the records of its time.
 * @param organization the organizational domain of a name, for relaxed alignment (RFC 9989 section 4.4)
 */
export async function messageVerdicts(mail: JudgedMail, organization: (name: string) => string) {
  const at = mail.hops[0]!.started_at;
  const own = organization(mail.domain);
  const isAligned = (name: string) => organization(name) === own;
  const { spf } = mail;
  return {
    keys: new Map(mail.keys.map((key) => [key.name, keyAt(key, at)] as const)),
    spf: spf === null ? null : await spfOfKnown(spf.domain, spf.networks, spf.records),
    aligned: new Set(
      mail.keys.map(({ name }) => name).filter((name) => isAligned(name.slice(name.indexOf('._domainkey.') + 12))),
    ),
    spfAligned: spf !== null && isAligned(spf.domain),
  };
}
