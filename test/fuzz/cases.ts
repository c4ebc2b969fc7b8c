import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_LIMITS, type Limits } from '../../services/report/limits.ts';
import { mutateArchive } from './archive.ts';
import { mutateBytes } from './bytes.ts';
import { mailAround, mutateMime } from './mime.ts';
import { Random } from './random.ts';
import { mutateXml } from './xml.ts';

/** What is read, and with which limits other than the defaults. */
export interface Case {
  raw: Buffer;
  limits: Partial<Limits>;
}

/** The fixtures of the repository, from the sources or from dist/. */
export function loadCorpus(): Buffer[] {
  let at = import.meta.dirname;
  while (!existsSync(path.join(at, 'test', 'fixtures', 'aggregate'))) {
    if (at === path.dirname(at)) throw new Error('test/fixtures is not there: the fuzzer runs from a checkout.');
    at = path.dirname(at);
  }
  const folder = path.join(at, 'test', 'fixtures');
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.golden\.json$|\.md$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
    .map((file) => readFileSync(file));
}

/** Limits that are worth lowering, each with the values it may take. */
const LOW: Partial<Record<keyof Limits, number[]>> = {
  mailBytes: [0, 2_000],
  unpackedBytes: [0, 1_000, 100_000],
  ratio: [1, 3],
  members: [1, 3],
  nesting: [1, 2],
  heldBytes: [0, 1_000],
  records: [0, 1],
  elementDepth: [1, 4],
  attributes: [0, 2],
  textLength: [4, 1_000],
  recordLength: [10, 1_000],
  references: [0, 3],
  children: [0, 1],
  mimeParts: [1, 3],
  mimeDepth: [0, 2],
  headerLength: [10, 500],
  heldRecords: [0, 1],
  jsonBytes: [0, 100],
};

/** Case `n` of a seed. */
export function makeCase(corpus: readonly Buffer[], seed: number, n: number): Case {
  const random = new Random(seed, n);
  let raw = random.pick(corpus);
  const isMail = /^[\w-]+:|^From /.test(raw.toString('latin1', 0, 80));
  for (let changes = random.below(4); changes > 0; changes--) {
    const text = raw.toString('latin1');
    raw = Buffer.from(
      isMail && !random.oneIn(4) ? mutateMime(random, text) : mutateXml(random, text, random.pick(corpus).toString('latin1')),
      'latin1',
    );
  }
  if (random.oneIn(3)) raw = mutateBytes(random, raw);
  if (random.oneIn(3)) raw = mutateArchive(random, raw);
  if (random.oneIn(3)) {
    raw = mailAround(random, raw);
    if (random.oneIn(3)) raw = Buffer.from(mutateMime(random, raw.toString('latin1')), 'latin1');
  }
  if (random.oneIn(4)) raw = mutateBytes(random, raw);
  const limits: Partial<Limits> = {};
  if (random.oneIn(4)) {
    const name = random.pick(Object.keys(LOW) as (keyof Limits)[]);
    limits[name] = random.pick(LOW[name] as number[]);
    if (name === 'ratio') limits.ratioFloorBytes = 0;
  }
  return { raw, limits };
}

/** Limits as given on a command line. @throws when one is not a limit */
export function limitsFrom(text: string): Partial<Limits> {
  const limits = JSON.parse(text) as Partial<Limits>;
  for (const name of Object.keys(limits)) if (!(name in DEFAULT_LIMITS)) throw new Error(`There is no limit "${name}".`);
  return limits;
}
