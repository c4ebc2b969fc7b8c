import { z } from 'zod';
import { DNS_SCOPE, namesInZone, scopeText } from '../scope.ts';
import type { GrantKind } from './kinds.ts';

const scope = z.strictObject(DNS_SCOPE).superRefine(namesInZone);
export type ProviderScope = z.infer<typeof scope>;

/** Credentials of a DNS provider for some records of one zone, which the provider makes and lets end. */
export const providerGrant: GrantKind<ProviderScope> = {
  kind: 'access.dns-provider',
  scope,
  words: (one, server) => `credentials of ${server}: ${scopeText(one)}`,
  usage: (_, server) => `Once it is granted, "ruawatch access secret" opens the credentials of ${server} with the key.`,
};
