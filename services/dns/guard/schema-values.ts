import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { labelsOf } from '../client/name.ts';

const WORD = /^[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?$/;
const SELECTOR = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** Names of environments, workloads, and things in Kubernetes. */
export const word = z.string().regex(WORD, 'must be lower-case letters, digits, "-", "_" and "."');
export const domainName = z.string().refine(isDomain, {
  error: ({ input }) => {
    const inDns = domainToASCII(String(input));
    return /[^\x00-\x7f]/.test(String(input)) && isDomain(inDns)
      ? `must be written as in DNS: ${inDns}`
      : 'must be a domain in lower case, without a dot at the end';
  },
});
export const selectorName = z.string().regex(SELECTOR, 'must be a selector, such as s1');
export const labelMap = z.record(z.string(), z.string());

export const network = z.string().refine(isNetwork, {
  error: ({ input }) => `"${String(input)}" must be an address or a network, such as 192.0.2.10 or 192.0.2.0/28`,
});

/** Nothing after the colon of a key is the same as an empty object. */
export const given = <Schema extends z.ZodType>(schema: Schema) => z.preprocess((value) => value ?? {}, schema);

/** Where a private key is in Kubernetes: a key of a Secret. */
export const secretPlace = z.strictObject({
  namespace: word.optional(),
  name: word,
  key: z.string().min(1).optional(),
});
export type SecretPlace = z.output<typeof secretPlace>;

function isDomain(text: string): boolean {
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/.test(text) && labelsOf(text) !== null;
}

/** Whether text is an address, or an address and the length of a network's prefix. */
export function isNetwork(text: string): boolean {
  const [address, bits, ...rest] = text.split('/');
  const family = isIP(address!);
  if (family === 0 || address!.includes('%') || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
