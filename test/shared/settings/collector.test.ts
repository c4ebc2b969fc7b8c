import { expect, test } from 'vitest';
import { collectorSchema, isLogNetwork, listensForLogs, toCollector } from '../../../services/shared/settings/collector.ts';

const mistakes = (given: unknown) => collectorSchema.safeParse(given).error?.issues.map(({ message }) => message) ?? [];

test('without settings nothing is listened on, and the limits are those of the documents', () => {
  const settings = collectorSchema.parse(undefined);
  expect(settings).toMatchObject({
    listen: 'off',
    window_seconds: 120,
    keep_raw_days: 7,
    keep_messages_days: 30,
    max_line_bytes: 16_384,
  });
  const means = { listenOf: () => null, absolute: () => null };
  expect(listensForLogs(toCollector(settings, means))).toBe(false);
  const address = { host: 'x', port: 1 };
  const one = toCollector(collectorSchema.parse({ syslog: { listen: 'x:1' } }), {
    listenOf: (text) => (text === 'off' ? null : address),
    absolute: (file) => file ?? null,
  });
  expect(one).toMatchObject({ listen: null, syslogListen: address, syslogTlsListen: null, tls: null, keyFile: null });
  expect(listensForLogs(one)).toBe(true);
});

test.each<[unknown, RegExp]>([
  [{ listen: '9810' }, /must be host:port/],
  [{ listen: 'x:65536' }, /must be host:port/],
  [{ syslog: { tls_listen: 'x:1' } }, /has syslog\.tls_listen and no certificate/],
  [{ tls_cert_file: 'a' }, /needs both/],
  [{ client_ca_file: 'a' }, /has client_ca_file/],
  [{ keep_raw_days: 31 }, /keeps lines longer than messages/],
  [{ programs: [] }, /./],
  [{ programs: ['sendmail'] }, /./],
  [{ max_line_bytes: 100 }, /./],
  [{ window_seconds: 0 }, /./],
  [{ inside_networks: ['10.0.0.0/33'] }, /must be an address or a network/],
  [{ sources: [{ name: 'a b', token_file: 'x' }] }, /must have 1 to 63/],
  [
    {
      sources: [
        { name: 'a', token_file: 'x' },
        { name: 'a', token_file: 'y' },
      ],
    },
    /names a source twice/,
  ],
  [{ sources: [{ name: 'a' }] }, /./],
])('%j is refused', (given, message) => {
  expect(mistakes(given).join(' ')).toMatch(message);
});

test.each([
  ['10.0.0.0/8', true],
  ['192.0.2.1', true],
  ['2001:db8::/32', true],
  ['2001:db8::/128', true],
  ['2001:db8::/129', false],
  ['10.0.0.0/32', true],
  ['10.0.0.0/33', false],
  ['10.0.0.0/8/8', false],
  ['mail', false],
  ['', false],
])('%s is a network: %s', (text, is) => expect(isLogNetwork(text)).toBe(is));

test('the highest port is taken, and lines may be kept as long as messages', () => {
  expect(mistakes({ listen: 'x:65535', keep_raw_days: 30, keep_messages_days: 30 })).toEqual([]);
});

test('paths are absolute, and TLS needs its files', () => {
  const settings = collectorSchema.parse({
    ...{ listen: 'a:1', syslog: { listen: 'b:2', tls_listen: 'c:3' }, client_ca_file: 'ca', key_file: 'key' },
    ...{ tls_cert_file: 'cert', tls_key_file: 'tls-key', sources: [{ name: 's', token_file: 'token' }] },
  });
  const read = toCollector(settings, {
    listenOf: (text) => ({ host: text, port: 1 }),
    absolute: (file) => (file === undefined ? null : `/etc/${file}`),
  });
  expect(read).toMatchObject({
    listen: { host: 'a:1' },
    syslogListen: { host: 'b:2' },
    syslogTlsListen: { host: 'c:3' },
    tls: { certFile: '/etc/cert', keyFile: '/etc/tls-key', clientCaFile: '/etc/ca' },
    keyFile: '/etc/key',
    sources: [{ name: 's', token_file: '/etc/token', cluster: '', environment: '', workload: '' }],
  });
  const off = { ...read, listen: null, syslogListen: null };
  expect(
    [off, { ...off, syslogTlsListen: null }, { ...off, listen: read.listen, syslogTlsListen: null }].map(listensForLogs),
  ).toEqual([true, false, true]);
});
