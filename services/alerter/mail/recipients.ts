/**
 * The recipients for a domain: its own entry, else that of the nearest parent domain, else the default.
 * Sorted and without duplicates, so that the same people are the same set however they were written down.
 *
 * @param domains recipients by domain name (any case, with or without a final dot)
 */
export function recipientsOf(domain: string, domains: Record<string, string[]>, fallback: string[]): string[] {
  const byName = new Map(Object.entries(domains).map(([name, to]) => [normal(name), to]));
  const labels = normal(domain).split('.');
  for (let i = 0; i < labels.length; i++) {
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
