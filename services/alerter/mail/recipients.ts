/**
 * The recipients for a domain: its own entry, else that of the nearest parent domain, else the default.
 * Sorted and without duplicates, so that the same people are the same set however they were written down.
 *
 * @param domains recipients by domain name (any case, with or without a final dot)
 */
export function recipientsOf(domain: string, domains: Record<string, string[]>, fallback: string[]): string[] {
  const byName = new Map(Object.entries(domains).map(([name, to]) => [normal(name), to]));
  const labels = normal(domain).split('.');
  for (const i of labels.keys()) {
    const to = byName.get(labels.slice(i).join('.'));
    if (to) return distinct(to);
  }
  return distinct(fallback);
}

function normal(domain: string): string {
  return domain.toLowerCase().replace(/\.$/, '');
}

function distinct(addresses: string[]): string[] {
  return [...new Set(addresses.map((address) => address.trim()))].sort();
}

/**
 * The recipients of each mail about the same thing: all that any mail server takes together, and each whose
 * local part is not ASCII apart, since his address in a header would make the mail of all others an
 * internationalized one (RFC 6531 section 3.4), which many servers refuse.
 */
export function audiencesOf(recipients: readonly string[]): string[][] {
  const plain = recipients.filter((address) => !needsSmtpUtf8(address));
  const apart = recipients.filter(needsSmtpUtf8).map((address) => [address]);
  return plain.length > 0 || apart.length === 0 ? [plain, ...apart] : apart;
}

/**
 * Whether an address can only be used with SMTPUTF8: its local part is not ASCII. A domain has an A-label
 * form.
 */
export function needsSmtpUtf8(address: string): boolean {
  return !/^[\x20-\x7e]*$/.test(address.slice(0, address.lastIndexOf('@')));
}
