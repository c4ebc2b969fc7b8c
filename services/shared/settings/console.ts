import { z } from 'zod';
import { oidcSchema } from './oidc.ts';

/** An address to which a path can be added, and which may stand in a mail. */
const isPageUrl = (value: string) => /^https?:\/\/[a-z0-9.:[\]-]+(?:\/[\w.~/-]*)?$/i.test(value) && URL.canParse(value);

/** Where people reach the console: docs/console.md. */
export const consoleSchema = z
  .strictObject({
    /** The address at which people reach the console: alerts link to it. */
    url: z
      .string()
      .refine(isPageUrl, 'must be the address of the console, such as https://ruawatch.example.org, without user, ? and #')
      .optional(),
    /** PEM files of a certificate and its key, where no proxy in front of the console speaks TLS. */
    tls_cert_file: z.string().min(1).optional(),
    tls_key_file: z.string().min(1).optional(),
    /** Addresses and networks of the proxies in front: they are believed whom a request comes from. */
    proxies: z.array(z.string().min(1)).default([]),
    oidc: oidcSchema.optional(),
  })
  .prefault({});
