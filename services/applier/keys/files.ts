import { createPublicKey, generateKeyPair, randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
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
  /** The table's line for a selector, and the selector that a line names; null when it is about something else. */
  line(selector: string): string;
  selectorIn(line: string): string | null;
}

/**
 * OpenDKIM's layout: `<folder>/<domain>/<selector>.private`, and `<folder>/KeyTable`, in which the key named as the domain is the
 * one that signs (`SigningTable`, which is not changed, leads to that name).
 */
const openDkim = (folder: string, domain: string): Places => {
  const key = (selector: string) => path.join(folder, domain, `${selector}.private`);
  return {
    key,
    table: path.join(folder, 'KeyTable'),
    line: (selector) => `${domain} ${domain}:${selector}:${key(selector)}`,
    selectorIn: (line) => {
      const [name, value] = line.trim().split(/\s+/, 2);
      return name === domain ? (value?.split(':')[1] ?? null) : null;
    },
  };
};

/** rspamd's layout: `<folder>/<domain>.<selector>.key`, and `<folder>/dkim_selectors.map` as `selector_map`. */
const rspamd = (folder: string, domain: string): Places => ({
  key: (selector) => path.join(folder, `${domain}.${selector}.key`),
  table: path.join(folder, 'dkim_selectors.map'),
  line: (selector) => `${domain} ${selector}`,
  selectorIn: (line) => {
    const [name, selector] = line.trim().split(/\s+/, 2);
    return name === domain ? (selector ?? null) : null;
  },
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
        await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
        const { privateKey } = await generate('rsa', { modulusLength: bits });
        await writeNew(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
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

/** Writes a file unless it is there: a process that ended after it wrote one has left the key that counts. */
async function writeNew(file: string, text: string): Promise<void> {
  const part = partOf(file);
  await writeFile(part, text, { mode: 0o600, flag: 'wx' });
  try {
    await link(part, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await unlink(part);
  } finally {
    await chmod(file, 0o600);
  }
}

/** Replaces a file in one step, so that a signer that reads it meanwhile sees the one before or the new one. Its rights stay. */
async function replaceFile(file: string, text: string): Promise<void> {
  const part = partOf(file);
  const mode = await stat(file).then(
    (found) => found.mode & 0o777,
    () => 0o644,
  );
  const handle = await open(part, 'wx', mode);
  try {
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
