/** Writes small MMDB files (MaxMind DB format 2.0), so that no binary lies in the repository. */

type Value = string | number | bigint | readonly Value[] | { readonly [key: string]: Value };

/** The octets of a file in which the first record that begins with a field cannot be read. */
export function damagedAt(bytes: Buffer, field: string): Buffer {
  const copy = Buffer.from(bytes);
  // Before the length of its name stands the type of the map: there is none of this number.
  copy[copy.indexOf(field) - 2] = 0;
  return copy;
}

/** Networks ("203.0.113.0/24", "2001:db8::/32") and the record of each; a more exact one wins. */
export function mmdb(networks: Record<string, Value>, { databaseType = 'Test-ASN', ipVersion = 6 } = {}): Buffer {
  const built = new Date(Date.UTC(2026, 8, 1));
  interface Node {
    sides: [Node | Buffer | null, Node | Buffer | null];
  }
  const root: Node = { sides: [null, null] };
  const sorted = Object.entries(networks).sort(([a], [b]) => prefixOf(a).length - prefixOf(b).length);
  for (const [network, value] of sorted) {
    const bits = ipVersion === 4 ? prefixOf(network).slice(96) : prefixOf(network);
    let node = root;
    for (const bit of bits.slice(0, -1)) {
      const next = node.sides[bit]!;
      if (next === null || Buffer.isBuffer(next)) node.sides[bit] = { sides: [next, next] };
      node = node.sides[bit] as Node;
    }
    node.sides[bits.at(-1)!] = encode(value);
  }

  const nodes: Node[] = [];
  const number = new Map<Node, number>();
  const walk = (node: Node) => {
    number.set(node, nodes.length);
    nodes.push(node);
    for (const side of node.sides) if (side !== null && !Buffer.isBuffer(side)) walk(side);
  };
  walk(root);
  const data: Buffer[] = [];
  let size = 0;
  const tree = Buffer.alloc(nodes.length * 6);
  nodes.forEach((node, i) => {
    node.sides.forEach((side, n) => {
      let pointer = nodes.length;
      if (Buffer.isBuffer(side)) {
        pointer = nodes.length + 16 + size;
        data.push(side);
        size += side.length;
      } else if (side !== null) pointer = number.get(side)!;
      tree.writeUIntBE(pointer, i * 6 + n * 3, 3);
    });
  });
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: BigInt(Math.floor(built.getTime() / 1000)),
    database_type: databaseType,
    description: { en: 'A test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 24,
  });
  return Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), metadata]);
}

/** The bits of a network from the top of an IPv6 tree; IPv4 lies under ::/96. */
function prefixOf(network: string): (0 | 1)[] {
  const [address, length] = network.split('/') as [string, string];
  const bits = (text: string, width: number) =>
    [...Number(text).toString(2).padStart(width, '0')].map((bit) => Number(bit) as 0 | 1);
  if (!address.includes(':')) {
    const all = address.split('.').flatMap((octet) => bits(octet, 8));
    return [...new Array<0>(96).fill(0), ...all.slice(0, Number(length))];
  }
  const [head, tail] = address.split('::') as [string, string?];
  const groups = (part = '') => (part === '' ? [] : part.split(':'));
  const middle = new Array<string>(8 - groups(head).length - groups(tail).length).fill('0');
  return [...groups(head), ...middle, ...groups(tail)].flatMap((group) => bits(`0x${group}`, 16)).slice(0, Number(length));
}

function encode(value: Value): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([control(2, bytes.length), bytes]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([control(6, 4), bytes]);
  }
  if (typeof value === 'bigint') {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    return Buffer.concat([control(9, 8), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  const entries = Object.entries(value as Record<string, Value>);
  return Buffer.concat([control(7, entries.length), ...entries.flatMap(([key, inner]) => [encode(key), encode(inner)])]);
}

function control(type: number, size: number): Buffer {
  const small = Math.min(size, 29);
  const head = type > 7 ? [small, type - 7] : [(type << 5) | small];
  return Buffer.from(size < 29 ? head : [...head, size - 29]);
}
