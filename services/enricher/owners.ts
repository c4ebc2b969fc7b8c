import { networkOf } from '../report/address.ts';
import { messageOf } from '../shared/errors.ts';
import type { Db } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';
import { addressesAfter, comparedAsnFile, noteAsnFile, type Owner, saveOwners } from '../store/sources/addresses.ts';
import { type AsnFile, watchedAsnFile } from './asn.ts';

/** Addresses compared with a new ASN file between two writes. */
const BATCH = 5_000;

/** The network owners in asn_file, which may be replaced or damaged while the service runs. */
export class NetworkOwners {
  private readonly read: () => AsnFile;
  private readonly log: Log;
  private file: AsnFile | null;
  /** The id of a file that turned out to be damaged: it is not used again until it is replaced. */
  private damaged: string | null = null;

  /**
   * @throws SettingsError when the file cannot be used now; later failures are logged, and the last good file
   *   stays in use
   */
  constructor(path: string, log: Log) {
    this.read = watchedAsnFile(path);
    this.log = log;
    this.file = this.read();
  }

  /** The owner of an address; null when there is no usable file. */
  ownerOf(address: string): Owner | null {
    if (this.file === null) return null;
    try {
      return this.file.ownerOf(address);
    } catch (error) {
      this.damaged = this.file.id;
      this.file = null;
      this.log.warn({ err: messageOf(error) }, 'asn_file is not used until it is replaced');
      return null;
    }
  }

  /**
   * Reads the file again if it was replaced, and then compares the owners of all stored addresses with it.
   */
  async refresh(db: Db, signal: AbortSignal): Promise<void> {
    try {
      const file = this.read();
      this.file = file.id === this.damaged ? null : file;
    } catch (error) {
      this.log.warn({ err: messageOf(error) }, 'asn_file cannot be used; its previous content stays in use');
    }
    const file = this.file;
    if (file === null || (await comparedAsnFile(db)) === file.id) return;
    let sources = 0;
    for (let after: string | null = null; !signal.aborted; ) {
      const addresses = await addressesAfter(db, after, BATCH);
      if (addresses.length === 0) {
        await noteAsnFile(db, file.id);
        this.log.info({ file: file.title, sources }, 'all addresses were compared with the ASN file');
        return;
      }
      const owners = addresses.flatMap((address) => {
        const owner = this.ownerOf(address);
        return owner === null ? [] : [{ address, ...owner }];
      });
      if (this.file === null) return;
      sources += await saveOwners(db, owners, networkOf);
      after = addresses.at(-1)!;
    }
  }
}
