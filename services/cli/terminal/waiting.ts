import { hostNameOf } from '../../report/hostname.ts';
import { isFreeMail } from '../../report/reporters/reporters.ts';
import { shown } from '../../report/text.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Config } from '../../shared/settings/config.ts';
import { anyOwn, foreignDomains, isOwn } from '../../store/domains/domains.ts';

/** Domains told one by one; strangers invent any number. */
const MOST_TOLD = 10;

/**
 * What waits for the operator's word, a sentence each, with the command to say it: domains that are reported on and that DNS does not
 * prove to be his, and mailboxes with which it cannot. For `doctor` and `start`.
 */
export async function waitingForWord(db: Db, config: Config): Promise<string[]> {
  const lines: string[] = [];
  const { domains, count } = await foreignDomains(db, { limit: MOST_TOLD });
  if (count === 0 && config.domains.length === 0 && !(await anyOwn(db))) {
    lines.push(
      'none is known to be yours yet, and nothing is found of others: list them under domains: in ruawatch.yaml, or say "ruawatch domains add example.com"; those whose reports DNS leads to your mailbox are found by themselves.',
    );
  }
  for (const { domain, vouched, reason } of domains.filter((one) => one.vouched)) {
    const why = reason === null ? (vouched ? 'DNS was not asked yet' : '') : shown(reason, 300);
    lines.push(
      `if ${shown(domain, 253)} is yours: ruawatch domains add ${shown(domain, 253)} (it is reported on and not proven: ${why})`,
    );
  }
  const told = domains.filter((one) => one.vouched).length;
  if (count > told) {
    lines.push(`${count - told} ${told > 0 ? 'more ' : ''}that nobody said are yours: ruawatch domains list --state observed`);
  }
  for (const mailbox of config.mailboxes) {
    const name = shown(mailbox.name, 120);
    if (mailbox.addresses.length === 0) {
      lines.push(
        `mailbox ${name}: its user is no mail address, so no rua= can be known to lead there: name its addresses under addresses: of the mailbox.`,
      );
    }
    const others = mailbox.addresses.map((address) => hostNameOf(address.slice(address.lastIndexOf('@') + 1)));
    for (const domain of new Set(others)) {
      if (domain === null || (await isOwn(db, domain))) continue;
      const whose = isFreeMail(domain) ? "is a mail provider's" : 'is not known to be yours';
      lines.push(
        `mailbox ${name}: ${shown(domain, 253)} ${whose}, and DNS proves a domain with a mailbox elsewhere only where that publishes a record for it (RFC 9990 section 4): say which are yours with "ruawatch domains add example.com".`,
      );
    }
  }
  return lines;
}
