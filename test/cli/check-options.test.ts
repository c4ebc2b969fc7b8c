import { expect, test } from 'vitest';
import { checkForm, serversOf } from '../../services/cli/check-options.ts';
import type { Config } from '../../services/shared/settings/config.ts';

const config = { dnsServers: ['192.0.2.53'] } as unknown as Config;

test('the name servers of the command line come before those of the settings, and a name is none', () => {
  expect(serversOf(config, {})).toEqual(['192.0.2.53']);
  expect(serversOf(config, { resolver: ['127.0.0.1:5353'] })).toEqual(['127.0.0.1:5353']);
  expect(() => serversOf(config, { resolver: ['ns.example'] })).toThrow(
    '--resolver "ns.example" is not an address or address:port.',
  );
});

test('results are asked for in one form', () => {
  expect(() => checkForm({ json: true, sarif: true })).toThrow('--json, --junit and --sarif exclude each other: keep one.');
  expect(() => checkForm({ json: true })).not.toThrow();
});
