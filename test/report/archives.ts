import { Readable } from 'node:stream';
import { crc32, deflateRawSync } from 'node:zlib';
import yazl from 'yazl';

/** One member of an archive to build. */
export interface Entry {
  name: string;
  data?: Uint8Array | string;
  stored?: boolean;
}

/** A zip archive as a real zip writer makes it; entries without data are directories. */
export async function zipOf(entries: Entry[], { zip64 = false, streamed = false } = {}): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const { name, data, stored } of entries) {
    if (data === undefined) {
      zip.addEmptyDirectory(name);
      continue;
    }
    const options = { compress: stored !== true, forceZip64Format: zip64 };
    // A stream of unknown length is written with a data descriptor after it.
    if (streamed) zip.addReadStreamLazy(name, options, (callback) => callback(null, streamOf(data)));
    else zip.addBuffer(Buffer.from(data as string), name, options);
  }
  zip.end({ forceZip64Format: zip64, comment: '' });
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function streamOf(data: Uint8Array | string): Readable {
  return Readable.from([Buffer.from(data as string)]);
}

/** A tar archive of regular files (ustar); a name that ends in "/" is a directory. */
export function tarOf(entries: Entry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const { name, data = '' } of entries) {
    const body = Buffer.from(data as string);
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write('0000644\0', 100);
    header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(name.endsWith('/') ? '5' : '0', 156);
    header.write('ustar\x0000', 257);
    blocks.push(header, body, Buffer.alloc((512 - (body.length % 512)) % 512));
  }
  blocks.push(Buffer.alloc(1024));
  return Buffer.concat(blocks);
}

/** A zip of one member whose headers are written by hand: for what no writer would make. */
export function crookedZip(name: string, data: Buffer, { flags = 0, method = 8, crc = 0, cut = 0 } = {}): Buffer {
  const body = method === 8 ? deflateRawSync(data) : data;
  const label = Buffer.from(name);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt16LE(flags, 6);
  local.writeUInt16LE(method, 8);
  local.writeUInt32LE(crc, 14);
  local.writeUInt32LE(body.length, 18);
  local.writeUInt32LE(data.length, 22);
  local.writeUInt16LE(label.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(20, 6);
  central.writeUInt16LE(flags, 8);
  central.writeUInt16LE(method, 10);
  central.writeUInt32LE(crc, 16);
  central.writeUInt32LE(body.length, 20);
  central.writeUInt32LE(data.length, 24);
  central.writeUInt16LE(label.length, 28);
  const end = Buffer.alloc(22);
  const start = 30 + label.length + body.length;
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(46 + label.length, 12);
  end.writeUInt32LE(start, 16);
  const whole = Buffer.concat([local, label, body, central, label, end]);
  return cut > 0 ? whole.subarray(0, cut) : whole;
}

/** A zip whose directory names the same bytes many times. */
export function overlappingZip(bytes: Buffer, times: number): Buffer {
  const body = deflateRawSync(bytes);
  const local = Buffer.alloc(31);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(8, 8);
  local.writeUInt32LE(body.length, 18);
  local.writeUInt32LE(bytes.length, 22);
  local.writeUInt16LE(1, 26);
  local.write('a', 30);
  const entry = Buffer.alloc(47);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(8, 10);
  entry.writeUInt32LE(crc32(bytes), 16);
  entry.writeUInt32LE(body.length, 20);
  entry.writeUInt32LE(bytes.length, 24);
  entry.writeUInt16LE(1, 28);
  entry.write('a', 46);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(times, 8);
  end.writeUInt16LE(times, 10);
  end.writeUInt32LE(times * entry.length, 12);
  end.writeUInt32LE(local.length + body.length, 16);
  return Buffer.concat([local, body, ...Array.from({ length: times }, () => entry), end]);
}
