/**
 * Whom a held mail says it is from; where letters of other scripts may hide which domain that is
 * ("exаmple.com"), with the domain as DNS has it.
 * @param cut makes a text of a stranger fit to be shown @returns null when it names no author
 */
export function authorShown(
  { header_from, header_from_domain }: { header_from: string | null; header_from_domain: string | null },
  cut: (text: string) => string,
): string | null {
  if (header_from === null) return null;
  const plain = header_from_domain === null || header_from.toLowerCase().includes(header_from_domain);
  return plain ? cut(header_from) : `${cut(header_from)} (${cut(header_from_domain)})`;
}
