/**
 * Whose connections count together: an IPv4 address, and the /64 of an IPv6 one, as whoever has one address
 * of it has all.
 * @param address as a socket tells it
 */
export function clientNetwork(address: string): string {
  if (address.startsWith('::ffff:')) return address;
  const [head, tail] = address.split('%')[0]!.split('::') as [string, string?];
  const [first, last] = [head, tail ?? ''].map((part) => part.split(':').filter(Boolean)) as [string[], string[]];
  const middle = tail === undefined ? [] : Array<string>(8 - first.length - last.length).fill('0');
  return [...first, ...middle, ...last].slice(0, 4).join(':');
}
