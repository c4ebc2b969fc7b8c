import { readFileSync, statSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { type Observation, observation } from './observe.ts';
import type { AddressSource } from './source.ts';

/** `cluster.addresses_file`: addresses by environment, and by the names of its ways (docs/cluster.md). */
const addressFile = z.strictObject({
  version: z.literal(1, { error: 'must be 1, the version of this form' }),
  environments: z.record(z.string(), z.record(z.string(), z.array(z.string()))),
});

const MOST_LENGTH = 1024 * 1024;

/**
 * Addresses from a file, which is read again when it changes. One that cannot be read makes everything
 * unknown.
 */
export class AddressFile implements AddressSource {
  private readonly file: string;
  private readonly log: Log;
  private version = '';
  private read: z.infer<typeof addressFile> | null = null;
  private mistake: string | null = null;

  constructor(file: string, log: Log) {
    this.file = file;
    this.log = log;
  }

  observe(environment: string, egress: string): Observation {
    this.refresh();
    if (this.mistake !== null) return { state: 'unknown', why: this.mistake };
    const found = this.read!.environments[environment]?.[egress];
    if (found === undefined)
      return { state: 'unknown', why: `${this.file} does not list environments.${environment}.${egress}.` };
    return observation(found);
  }

  failure(): string | null {
    this.refresh();
    return this.mistake;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  private refresh(): void {
    const before = this.mistake;
    try {
      const { mtimeMs, size, ino } = statSync(this.file);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version === this.version) return;
      if (size > MOST_LENGTH) throw new Error('it is larger than 1 MiB');
      this.read = readAddresses(readFileSync(this.file, 'utf8'));
      this.version = version;
      this.mistake = null;
      this.log.info({ file: this.file }, 'the file of addresses was read');
    } catch (error) {
      this.version = '';
      this.mistake = `${this.file} cannot be used: ${messageOf(error)}.`;
      if (this.mistake !== before) this.log.error({ file: this.file }, this.mistake);
    }
  }
}

/** @throws Error that says what is wrong */
function readAddresses(text: string): z.infer<typeof addressFile> {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw new Error(error.message.split('\n')[0]);
  const read = addressFile.safeParse(document.toJS());
  if (read.success) return read.data;
  const [{ path, message }] = read.error.issues as [z.core.$ZodIssue];
  throw new Error(`${path.map(String).join('.') || 'the file'}: ${message}`);
}
