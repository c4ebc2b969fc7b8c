import { expect, test } from 'vitest';
import { clientOf, loadSdk } from '../../../../services/applier/targets/route53/client.ts';
import type { Route53Zones } from '../../../../services/shared/settings/dns-servers.ts';

class Route53Client {
  readonly given: object;
  constructor(given: object) {
    this.given = given;
  }
}
const of = (more: Partial<Route53Zones> = {}) => {
  const zones = { kind: 'route53', name: 'aws', zones: [], region: 'us-east-1', profile: null, hostedZone: null, endpoint: null };
  const client = clientOf({ Route53Client } as unknown as Parameters<typeof clientOf>[0], { ...zones, ...more } as Route53Zones);
  return (client as unknown as Route53Client).given;
};

test('AWS finds its credentials and its address itself, unless the settings name them', () => {
  const plain = {
    region: 'us-east-1',
    maxAttempts: 4,
    requestHandler: { requestTimeout: expect.any(Number), connectionTimeout: expect.any(Number) },
  };
  expect(of()).toEqual(plain);
  expect(of({ profile: 'dns', region: 'cn-north-1' })).toEqual({ ...plain, profile: 'dns', region: 'cn-north-1' });
  expect(of({ endpoint: 'http://127.0.0.1:1' })).toEqual({ ...plain, endpoint: 'http://127.0.0.1:1' });
});

test('without the package of the vendor it says what to install; another error is as it is', async () => {
  const failing = (code: string) => loadSdk(() => Promise.reject(Object.assign(new Error('its words'), { code })));
  await expect(failing('ERR_MODULE_NOT_FOUND')).rejects.toThrow(
    'Route 53 needs the package @aws-sdk/client-route-53, which is not installed: run npm install @aws-sdk/client-route-53 beside ruawatch, and start it again.',
  );
  await expect(failing('EACCES')).rejects.toThrow(/^its words$/);
});
