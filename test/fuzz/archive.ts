import { gzipSync } from 'node:zlib';
import { crookedZip, overlappingZip, tarOf } from '../report/archives.ts';
import { joined, mutateBytes } from './bytes.ts';
import type { Random } from './random.ts';

const NAMES = [
  'r!example.com!1700000000!1700086399.xml',
  '../../../../tmp/x',
  'C:\\x.xml',
  'a/',
  '',
  '\0',
  'é.xml',
  'x'.repeat(300),
];

/** Containers around bytes, up to six deep, some with a fault. */
export function mutateArchive(random: Random, bytes: Buffer): Buffer {
  let packed = bytes;
  for (let layers = random.size(6); layers > 0; layers--) {
    packed = wrap(random, packed);
    if (random.oneIn(6)) packed = mutateBytes(random, packed);
  }
  return packed;
}

function wrap(random: Random, bytes: Buffer): Buffer {
  const name = random.pick(NAMES);
  switch (random.below(8)) {
    case 0:
    case 1:
      return gzipSync(bytes, { level: random.pick([0, 1, 9]) });
    case 2: {
      const cut = random.below(bytes.length + 1);
      const empty = Array.from({ length: random.size(64) }, () => gzipSync(''));
      return joined(gzipSync(bytes.subarray(0, cut)), gzipSync(bytes.subarray(cut)), ...(random.oneIn(3) ? empty : []));
    }
    case 3:
      return crookedZip(name, bytes, {
        flags: random.pick([0, 0, 0, 1, 8, 0x41, 0x800]),
        method: random.pick([8, 8, 0, 0, 9, 14, 99]),
        crc: random.below(2),
      });
    case 4: {
      const zip = crookedZip(name, bytes);
      return crookedZip(name, bytes, { cut: 1 + random.below(zip.length) });
    }
    case 5:
      return gzipSync(
        tarOf([
          { name: 'a', data: 'x' },
          { name: name.slice(0, 100).replaceAll('\0', ''), data: bytes },
        ]),
      );
    case 6:
      return overlappingZip(bytes, random.size(200));
    default:
      return joined(gzipSync(bytes), Buffer.alloc(random.size(2000), random.pick([0, 10, 0x1f])));
  }
}
