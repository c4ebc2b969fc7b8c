import { setMaxListeners } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import type { CheckOptions } from '../dns/check/check.ts';
import type { Dns } from '../dns/client/types.ts';
import { GuardChecker, type GuardedCheck } from '../dns/guard/check.ts';
import { type Guard, type GuardedDomain, readGuard } from '../dns/guard/file.ts';
import { GuardFileError } from '../dns/guard/mistakes.ts';
import { messageOf } from '../shared/errors.ts';
import type { Context } from '../shared/runtime/service.ts';

/** Declared domains of one own domain that are compared in a round, and the time for all of them. */
const MOST_DOMAINS = 40;
const TIMEOUT_MS = 60_000;

/** mail-guard.yaml, read again when it changes. While it cannot be read, the version before is used. */
export class GuardWatch {
  private readonly file: string | null;
  private readonly log: Context['log'];
  private version = '';
  private guard: Guard | null = null;
  /** What is wrong with the file now, as it was logged. */
  private mistake: string | null = null;

  /** @param file null: nothing is declared */
  constructor(file: string | null, log: Context['log']) {
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
      this.complain(error instanceof GuardFileError ? error.mistakes.join(' ') : messageOf(error));
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

/** The declared domains and all names above them, any of which may be an own domain. */
export function namesAround({ environments }: Guard): string[] {
  const domains = environments.flatMap((one) => one.domains.map(({ domain }) => domain));
  return [...new Set(domains.flatMap((domain) => above(domain)))];
}

/** A name and the names above it. */
function above(domain: string): string[] {
  const labels = domain.split('.');
  return labels.slice(0, -1).map((_, n) => labels.slice(n).join('.'));
}

/**
 * The declarations that are compared in the round of an own domain: those of the domain and of names below it that
 * are below no other own domain, and those of domains that are not own and are compared with one of them.
 */
export function guardedBy(own: string, { environments }: Guard, watched: ReadonlySet<string>): GuardedDomain[] {
  const ownerOf = (domain: string) => above(domain).find((name) => watched.has(name)) ?? null;
  return environments
    .flatMap(({ domains }) => domains)
    .filter(({ domain, like }) => (ownerOf(domain) ?? (like === null ? null : ownerOf(like))) === own)
    .slice(0, MOST_DOMAINS);
}

/** Compares declared domains with DNS, one after the other. */
export async function compareDeclared(
  guard: Guard,
  domains: readonly GuardedDomain[],
  dns: Dns,
  { signal, ...options }: CheckOptions,
): Promise<GuardedCheck[]> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const both = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  setMaxListeners(0, both);
  const checker = new GuardChecker(guard, dns, { ...options, signal: both });
  const found: GuardedCheck[] = [];
  for (const one of domains) found.push(await checker.of(one));
  return found;
}
