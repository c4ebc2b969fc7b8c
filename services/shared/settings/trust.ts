import { z } from 'zod';

/** How reports are authenticated: docs/trust.md. */
export const trustSchema = z
  .strictObject({
    /**
     * How reports are authenticated. `verify`: by the Authentication-Results of `authserv_ids`, else by the
     * mail's own DKIM signature. `authserv`: by those Authentication-Results alone. `off`: not at all,
     * every report counts.
     */
    check: z.enum(['verify', 'authserv', 'off']).default('verify'),
    /**
     * The authserv-ids (RFC 8601 section 2.5) of your own receiving servers; all other headers are ignored.
     */
    authserv_ids: z
      .array(z.string().regex(/^[^\s;()"]+$/, 'must be the name your mail server writes, such as mx.example.org'))
      .default([]),
  })
  .prefault({});
