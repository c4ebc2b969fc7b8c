/** Packets as a mail server writes them, for tests of what reads them. */

/** A packet of its command letter and its data. */
export function packet(command: string, data: Buffer | string = ''): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length + 1, 0);
  head.write(command, 4, 'latin1');
  return Buffer.concat([head, bytes]);
}

/** Strings that each end with a NUL. */
export const strings = (...texts: string[]): string => texts.map((text) => `${text}\0`).join('');

export function negotiate(version = 6, actions = 0x1ff, steps = 0x1fffff): Buffer {
  const data = Buffer.alloc(12);
  for (const [i, value] of [version, actions, steps].entries()) data.writeUInt32BE(value, i * 4);
  return packet('O', data);
}

/** A client with an address; `family` as the protocol has it. */
export function connect(host: string, address: string, port = 25): Buffer {
  const data = Buffer.alloc(3);
  data.write(address.includes(':') ? '6' : '4', 0, 'latin1');
  data.writeUInt16BE(port, 1);
  return packet('C', Buffer.concat([Buffer.from(`${host}\0`), data, Buffer.from(`${address}\0`)]));
}

export const macros = (stage: string, values: Record<string, string>): Buffer =>
  packet(
    'D',
    `${stage}${Object.entries(values)
      .map(([name, value]) => strings(name, value))
      .join('')}`,
  );
