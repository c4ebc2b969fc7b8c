import { expect, test } from 'vitest';
import { clientOf } from '../../../../services/applier/targets/route53/client.ts';
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
