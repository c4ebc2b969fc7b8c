import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { readSecretFile } from './secret-file.ts';
import { isListen } from './values.ts';

/** Characters of the key file: 32 octets in base64 have 44. */
const LEAST_KEY = 32;

/** `gateway:` of ruawatch.yaml: where updates signed with lent keys are taken (docs/gateway.md). */
export const gatewaySchema = z
  .strictObject({
    /** host:port, over UDP and TCP; port 0 lets the system choose one, "off" takes none. */
    listen: z.string().refine(isListen, 'must be host:port, or off').default('off'),
    /** A file with at least 32 random characters: the secrets of lent keys are stored encrypted with it. */
    key_file: z.string().min(1).optional(),
  })
  .prefault({})
  .superRefine(({ listen, key_file }, ctx) => {
    if (listen !== 'off' && key_file === undefined)
      ctx.addIssue({
        code: 'custom',
        message: 'listen is set and key_file is not: name a file with 32 random characters or more',
      });
  });

export interface Gateway {
  /** Null when it is off. */
  listen: { host: string; port: number } | null;
  /** Absolute; null when none is set. */
  keyFile: string | null;
}

/**
 * The key that secrets are kept with, read each time: it is kept no longer than it is needed. @throws Error
 * that continues the name of the setting
 */
export function readKeyFile(file: string | null): Buffer {
  if (file === null) throw new Error('gateway.key_file is not set: name a file with 32 random characters or more.');
  let text: string;
  try {
    text = readSecretFile(file, '/');
  } catch (error) {
    throw new Error(`gateway.key_file ${messageOf(error)}.`, { cause: error });
  }
  if (text.length < LEAST_KEY) throw new Error(`gateway.key_file has ${text.length} characters, and ${LEAST_KEY} are needed.`);
  return Buffer.from(text);
}
