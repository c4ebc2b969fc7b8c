import { z } from 'zod';
import { DNS_SCOPE, namesInZone, scopeText } from '../scope.ts';
import type { GrantKind } from './kinds.ts';

const text = z.string().min(1).max(4096);

const scope = z
  .strictObject({
    ...DNS_SCOPE,
    /**
     * `key`: updates through the gateway, signed with a lent key. `requests`: requests that need no more
     * decision; no key leaves.
     */
    use: z.enum(['key', 'requests']),
    /**
     * What it is asked for: once all authoritative servers have this record, the grant ends. Null without
     * such an end.
     */
    task: z.strictObject({ name: text.max(253), type: z.enum(['TXT', 'CNAME']), value: text }).nullable(),
  })
  .superRefine(namesInZone);
export type DnsGrantScope = z.infer<typeof scope>;

/** Records of some names and types, in one zone. */
export const dnsGrant: GrantKind<DnsGrantScope> = {
  kind: 'access.dns',
  scope,
  words: (one, server) =>
    `DNS changes at ${server}: ${scopeText(one)}, ${one.use === 'key' ? 'by a key for the gateway' : 'by requests that need no further decision'}${
      one.task === null ? '' : `, until ${one.task.name} has the ${one.task.type} record ${one.task.value.slice(0, 200)}`
    }`,
  usage: (name) => `Sign updates for the gateway (docs/gateway.md) with the TSIG key ${name}, algorithm hmac-sha256.`,
};
