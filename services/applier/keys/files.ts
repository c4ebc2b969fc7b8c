import { createPublicKey, generateKeyPair, randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { chmod, chown, link, mkdir, open, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../shared/errors.ts';
import { type KeyStore, KeyStoreError } from './layout.ts';

const generate = promisify(generateKeyPair);

/** Where the files of a layout are. */
interface Places {
  /** The private key of a selector. */
  key(selector: string): string;
  /** The table that says which key signs. */
  table: string;
  /**
   * The table's line for a selector, and the selector that a line names; null when it is about something
   * else.
   */
  line(selector: string): string;
  selectorIn(line: string): string | null;
  /** The private key of such a line; null where it is not named: it is where keys of its selector are. */
  keyIn(line: string): string | null;
}

/**
 * OpenDKIM's layout: `<folder>/<domain>/<selector>.private`, and `<folder>/KeyTable`, in which the key named
 * as the domain is the one that signs (`SigningTable`, which is not changed, leads to that name).
 */
const openDkim = (folder: string, domain: string): Places => {
  const key = (selector: string) => path.join(folder, domain, `${selector}.private`);
  return {
    key,
    table: path.join(folder, 'KeyTable'),
    line: (selector) => `${domain} ${domain}:${selector}:${key(selector)}`,
    selectorIn: (line) => {
      const [name, value] = line.trim().split(/\s+/);
      return name === domain ? (value?.split(':')[1] ?? null) : null;
    },
    keyIn: (line) => line.trim().split(/\s+/)[1]?.split(':').slice(2).join(':') || null,
  };
};

/**
 * rspamd's layout: `<folder>/<domain>.<selector>.key`, and `<folder>/dkim_selectors.map` as `selector_map`.
 */
const rspamd = (folder: string, domain: string): Places => ({
  key: (selector) => path.join(folder, `${domain}.${selector}.key`),
  table: path.join(folder, 'dkim_selectors.map'),
  line: (selector) => `${domain} ${selector}`,
  selectorIn: (line) => {
    const [name, selector] = line.trim().split(/\s+/);
    return name === domain ? (selector ?? null) : null;
  },
  keyIn: () => null,
});

const LAYOUTS = { opendkim: openDkim, rspamd };

/** Keys in files. The private half is never anywhere else, and only its owner can read it. */
export function keyFiles(layout: keyof typeof LAYOUTS, folder: string, domain: string, bits: number): KeyStore {
  const places = LAYOUTS[layout](folder, domain);
  const lines = async (): Promise<string[]> => {
    try {
      return (await readFile(places.table, 'utf8')).split('\n');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new KeyStoreError(`The table ${places.table} cannot be read: ${messageOf(error)}`);
    }
  };
  return {
    async current() {
      return (await lines()).map(places.selectorIn).find((selector) => selector !== null) ?? null;
    },
    async make(selector) {
      const file = places.key(selector);
      try {
        const signs = (await lines()).find((line) => places.selectorIn(line) !== null);
        const at = signs === undefined ? null : (places.keyIn(signs) ?? places.key(places.selectorIn(signs)!));
        const like = at === null ? null : await stat(at).catch(missing);
        const made = await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
        if (made !== undefined && like !== null) await giveTo(made, like);
        const { privateKey } = await generate('rsa', { modulusLength: bits });
        await writeNew(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), like);
        return recordOf(await readFile(file, 'utf8'));
      } catch (error) {
        throw new KeyStoreError(`The key ${file} cannot be made: ${messageOf(error)}`);
      }
    },
    async switchTo(selector) {
      try {
        await stat(places.key(selector));
        const others = (await lines()).filter((line) => line.trim() !== '' && places.selectorIn(line) === null);
        await replaceFile(places.table, `${[...others, places.line(selector)].join('\n')}\n`);
      } catch (error) {
        throw new KeyStoreError(`${places.table} cannot be switched to ${selector}: ${messageOf(error)}`);
      }
    },
  };
}

/** A name beside a file that nobody can have put there before. */
const partOf = (file: string) => `${file}.${randomBytes(9).toString('hex')}.part`;

/** Rights that a key may have: its owner's, and reading by a group. */
const MOST_RIGHTS = 0o640;

/**
 * Writes a file unless it is there: a process that ended after it wrote one has left the key that counts.
 * @param like the key that signs now, whose owner, group and rights the new one gets: the signer runs as a
 *   user of its own
 */
async function writeNew(file: string, text: string, like: Stats | null): Promise<void> {
  const part = partOf(file);
  await writeFile(part, text, { mode: 0o600, flag: 'wx' });
  try {
    if (like !== null) {
      await giveTo(part, like);
      await chmod(part, like.mode & MOST_RIGHTS);
    }
    await link(part, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await unlink(part);
  }
}

/** Gives a file or folder to the user and group that another one has. */
async function giveTo(file: string, { uid, gid }: Stats): Promise<void> {
  const made = await stat(file);
  if (uid !== made.uid || gid !== made.gid) await chown(file, uid, gid);
}

/** Null for a file that is not there. */
function missing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

/**
 * Replaces a file in one step, so that a signer that reads it meanwhile sees the one before or the new one.
 * Its owner and rights stay.
 */
async function replaceFile(file: string, text: string): Promise<void> {
  const part = partOf(file);
  const there = await stat(file).catch(missing);
  const handle = await open(part, 'wx', there === null ? 0o644 : there.mode & 0o777);
  try {
    if (there !== null) await giveTo(part, there);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, file);
}

/** The DKIM record of a private key in PEM. */
export function recordOf(pem: string): string {
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  return `v=DKIM1; k=rsa; p=${der.toString('base64')}`;
}
