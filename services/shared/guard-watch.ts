import { readFileSync, statSync } from 'node:fs';
import { type Guard, readGuard } from '../dns/guard/file.ts';
import { messageOf } from './errors.ts';
import type { Log } from './runtime/log.ts';

/** mail-guard.yaml, read again when it changes. While it cannot be read, the version before is used. */
export class GuardWatch {
  private readonly file: string | null;
  private readonly log: Log;
  private version = '';
  private guard: Guard | null = null;
  /** What is wrong with the file now, as it was logged. */
  private mistake: string | null = null;

  /** @param file null: nothing is declared */
  constructor(file: string | null, log: Log) {
    this.file = file;
    this.log = log;
  }

  /** What is declared; null when there is no file; undefined while a file was never read. */
  get declared(): Guard | null | undefined {
    return this.guard ?? (this.file === null ? null : undefined);
  }

  /** Reads the file if it changed. @returns whether something else is declared than before */
  refresh(): boolean {
    if (this.file === null) return false;
    try {
      const { mtimeMs, size, ino } = statSync(this.file);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version === this.version) return false;
      this.version = version;
      this.guard = readGuard(readFileSync(this.file, 'utf8'));
      this.mistake = null;
      this.log.info(
        { file: this.file, environments: this.guard.environments.map(({ name }) => name) },
        'mail-guard.yaml was read',
      );
      return true;
    } catch (error) {
      this.complain(messageOf(error));
      return false;
    }
  }

  private complain(mistake: string): void {
    if (this.mistake === mistake) return;
    this.mistake = mistake;
    const goesOn = this.guard === null ? 'nothing is compared with it' : 'the version before is used';
    this.log.error(
      { file: this.file, mistake },
      `${this.file} cannot be used, and ${goesOn}: correct it (ruawatch guard check names every mistake)`,
    );
  }
}
