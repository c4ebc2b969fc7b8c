import { hostNameOf } from '../../report/hostname.ts';
import { isFreeMail } from '../../report/reporters/reporters.ts';
import { shown } from '../../report/text.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Config } from '../../shared/settings/config.ts';
import { anyOwn, foreignDomains, isOwn } from '../../store/domains/domains.ts';

/** Domains that are listed one by one; strangers can invent any number. */
const MOST_LISTED = 10;

/**
 * What the operator has to decide, a sentence each, with the command for it: reported domains that DNS does
 * not prove to be his, and mailboxes for which it cannot. For `doctor` and `start`.
 */
export async function undecidedDomains(db: Db, config: Config): Promise<string[]> {
  const lines: string[] = [];
  const { domains, count } = await foreignDomains(db, { limit: MOST_LISTED });
  if (count === 0 && config.domains.length === 0 && !(await anyOwn(db))) {
    lines.push(
      'none is known to be yours yet, and findings are made about your domains only: list them under domains: in ruawatch.yaml, or run "ruawatch domains add example.com". Domains whose DMARC record names your mailbox are recognized automatically.',
    );
  }
  for (const { domain, vouched, reason } of domains.filter((one) => one.vouched)) {
    const why = reason === null ? (vouched ? 'DNS was not queried yet' : '') : shown(reason, 300);
    lines.push(
      `if ${shown(domain, 253)} is yours: ruawatch domains add ${shown(domain, 253)} (there are reports about it, and DNS does not prove it: ${why})`,
    );
  }
  const listed = domains.filter((one) => one.vouched).length;
  if (count > listed) {
    lines.push(
      `${count - listed} ${listed > 0 ? 'more ' : ''}that are not known to be yours: ruawatch domains list --state observed`,
    );
  }
  for (const mailbox of config.mailboxes) {
    const name = shown(mailbox.name, 120);
    if (mailbox.addresses.length === 0) {
      lines.push(
        `mailbox ${name}: its user is not a mail address, so no rua= can be matched with it: list its addresses under addresses: of the mailbox.`,
      );
    }
    const others = mailbox.addresses.map((address) => hostNameOf(address.slice(address.lastIndexOf('@') + 1)));
    for (const domain of new Set(others)) {
      if (domain === null || (await isOwn(db, domain))) continue;
      const whose = isFreeMail(domain) ? 'belongs to a mail provider' : 'is not known to be yours';
      lines.push(
        `mailbox ${name}: ${shown(domain, 253)} ${whose}; DNS proves that a domain's reports belong there only if it publishes a record for that domain (RFC 9990 section 4). Add your domains with "ruawatch domains add example.com".`,
      );
    }
  }
  return lines;
}
