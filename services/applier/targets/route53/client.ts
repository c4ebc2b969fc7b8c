import type { Route53Client } from '@aws-sdk/client-route-53';
import { codeOf } from '../../../shared/errors.ts';
import type { Route53Zones } from '../../../shared/settings/dns-servers.ts';

const TIMEOUT_MS = 10_000;

type Sdk = typeof import('@aws-sdk/client-route-53');

/**
 * The package of the vendor, loaded when it is needed: it is optional, and larger than all other dependencies
 * together.
 */
export async function loadSdk(load: () => Promise<Sdk> = () => import('@aws-sdk/client-route-53')): Promise<Sdk> {
  try {
    return await load();
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(
      'Route 53 needs the package @aws-sdk/client-route-53, which is not installed: run npm install @aws-sdk/client-route-53 beside ruawatch, and start it again.',
    );
  }
}

/**
 * A client that takes its credentials from where all programs of AWS take them: environment, files, the role
 * of the machine.
 */
export function clientOf(sdk: Sdk, { profile, endpoint, region }: Route53Zones): Route53Client {
  return new sdk.Route53Client({
    region,
    ...(profile === null ? {} : { profile }),
    ...(endpoint === null ? {} : { endpoint }),
    maxAttempts: 4,
    requestHandler: { requestTimeout: TIMEOUT_MS, connectionTimeout: TIMEOUT_MS },
  });
}
