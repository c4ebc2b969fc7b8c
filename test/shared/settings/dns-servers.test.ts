import { describe, expect, test } from 'vitest';
import { dnsSchema, dnsTargets, targetFor } from '../../../services/shared/settings/dns-servers.ts';

const KEY = { name: 'ruawatch', secret: 'c2VjcmV0' };
const targets = (...servers: object[]) => {
  const mistakes: string[] = [];
  return { found: dnsTargets(dnsSchema.parse({ servers }), '/etc/ruawatch', mistakes), mistakes };
};

test('the longest zone that holds a name decides', () => {
  const { found, mistakes } = targets(
    { name: 'outer', zones: ['example.com', 'example.org'], address: '192.0.2.1', key: KEY },
    { name: 'inner', zones: ['eu.example.com'], command: ['./publish', '--now'] },
  );
  expect(mistakes).toEqual([]);
  const nameOf = (name: string) => targetFor(found, name)?.target.name;
  expect(nameOf('_dmarc.example.com')).toBe('outer');
  expect(nameOf('_dmarc.eu.example.com')).toBe('inner');
  expect(nameOf('eu.example.com')).toBe('inner');
  expect(nameOf('neu.example.com')).toBe('outer');
  expect(nameOf('notexample.com')).toBeUndefined();
  expect(found[1]).toMatchObject({ command: ['/etc/ruawatch/publish', '--now'] });
  expect(targets({ name: 'a', zones: ['example.com'], command: ['publish'] }).found[0]).toMatchObject({ command: ['publish'] });
});

test('hosted zones of Route 53 need no settings of their own', () => {
  const { found, mistakes } = targets(
    { name: 'aws', zones: ['example.com'], route53: {} },
    { name: 'other', zones: ['example.org'], route53: { profile: 'dns', hosted_zone: 'Z1', region: 'cn-north-1' } },
  );
  expect(mistakes).toEqual([]);
  const plain = { kind: 'route53', profile: null, hostedZone: null, region: 'us-east-1', endpoint: null };
  expect(found).toEqual([
    { name: 'aws', zones: ['example.com'], ...plain },
    { name: 'other', zones: ['example.org'], ...plain, profile: 'dns', hostedZone: 'Z1', region: 'cn-north-1' },
  ]);
});

describe('entries that cannot work', () => {
  test.each([
    [{ name: 'a', zones: ['example.com'] }, /address and key, or command/],
    [{ name: 'a', zones: ['example.com'], address: '192.0.2.1', key: KEY, command: ['x'] }, /either/],
    [{ name: 'a', zones: ['example.com'], address: '192.0.2.1' }, /no key/],
    [{ name: 'a', zones: ['example.com'], address: 'ns.example.com', key: KEY }, /address/],
    [{ name: 'a', zones: ['example.com'], address: '192.0.2.1', key: { name: 'k' } }, /secret_file/],
    [{ name: 'a', zones: ['example.com'], address: '192.0.2.1', key: { ...KEY, secret_file: 'x' } }, /secret_file/],
    [{ name: 'a', zones: ['example.com'], address: '192.0.2.1', key: { ...KEY, algorithm: 'hmac-md5' } }, /algorithm/],
    [{ name: 'a', zones: ['example.com'], command: ['x'], route53: {} }, /or route53/],
    [{ name: 'a', zones: ['example.com'], route53: { hosted_zone: '/hostedzone/Z1' } }, /id of a hosted zone/],
    [{ name: 'a', zones: ['example.com', 'example.org'], route53: { hosted_zone: 'Z1' } }, /one zone, and several/],
    [{ name: 'a', zones: ['example.com'], route53: { endpoint: 'ftp://x' } }, /endpoint/],
    [{ name: 'A b', zones: ['example.com'], command: ['x'] }, /name/],
    [{ name: 'a', zones: ['example.com.'], command: ['x'] }, /zone/],
  ])('%#', (server, message) => {
    const read = dnsSchema.safeParse({ servers: [server] });
    expect(read.error?.issues.map(({ path, message: said }) => `${path.join('.')} ${said}`).join('\n')).toMatch(message);
  });

  test('two with one name, two with one zone', () => {
    const one = { name: 'a', zones: ['example.com'], command: ['x'] };
    expect(targets(one, one).mistakes).toEqual([
      'dns.servers[1]: two servers are named "a": give each its own name.',
      'dns.servers[1]: two servers change the zone example.com: keep one.',
    ]);
  });

  test('a secret that is no base64 is said when it is needed', () => {
    const secretOf = (secret: string) => {
      const [target] = targets({
        name: 'a',
        zones: ['example.com'],
        address: '192.0.2.1',
        key: { name: 'k', secret },
      }).found;
      expect(target).toMatchObject({ server: { address: '192.0.2.1', port: 53 }, key: { name: 'k', algorithm: 'hmac-sha256' } });
      return target!.kind === 'rfc2136' ? target!.secret() : null;
    };
    // One letter is no octet.
    for (const wrong of ['not base64!', 'A', '=', 'c2VjcmV0 x']) expect(() => secretOf(wrong), wrong).toThrow(/not base64/);
    expect(secretOf('c2VjcmV0')).toEqual(Buffer.from('secret'));
  });
});
