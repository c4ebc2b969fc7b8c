import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startUpdatableBind, updatable } from '../helpers/update-servers.ts';
import { recordsAt, startTestGateway } from './setup.ts';

/**
 * A Python that has certbot-dns-rfc2136: `python3 -m venv DIR && DIR/bin/pip install certbot-dns-rfc2136`.
 */
const PYTHON = process.env.CERTBOT_PYTHON;
const present = updatable.bind && PYTHON !== undefined && existsSync(PYTHON);

/** The plug-in's own client, as its authenticator calls it. */
const SCRIPT = `
import sys, dns.tsig
from certbot_dns_rfc2136._internal.dns_rfc2136 import _RFC2136Client
port, name, secret, sign, step, record = sys.argv[1:]
client = _RFC2136Client('127.0.0.1', int(port), name, secret, dns.tsig.HMAC_SHA256, sign == 'sign')
(client.add_txt_record(record, 'token', 60) if step == 'add' else client.del_txt_record(record, 'token'))
`;

describe.runIf(present)(`certbot${present ? '' : ' (SKIPPED: CERTBOT_PYTHON names no Python)'}`, () => {
  test.each(['sign', 'plain'])('its plug-in finds the zone, proves a name and cleans up (%s questions)', async (sign) => {
    const key = { name: 'ruawatch', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
    const lent = { name: 'ruawatch_lent_1', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
    const upstream = await startUpdatableBind({ zone: 'example.com', records: ['@ TXT "v=spf1 -all"'], keys: [key] });
    const { name, algorithm } = key;
    const gateway = await startTestGateway(
      [
        {
          kind: 'rfc2136',
          name: 'primary',
          zones: ['example.com'],
          server: upstream.server,
          key: { name, algorithm },
          secret: () => Buffer.from(key.secret),
        },
      ],
      upstream.server,
      'example.com',
    );
    const record = '_acme-challenge.shop.example.com';
    gateway.ledger.lent = [
      { ...lent, grant_key: 1, scope: { zone: 'example.com', names: [record], types: ['TXT'], operations: ['add', 'delete'] } },
    ];
    const run = (step: string, at = record) =>
      new Promise<string>((resolve) => {
        const given = [String(gateway.server.port), lent.name, lent.secret.toString('base64'), sign, step, at];
        execFile(PYTHON!, ['-c', SCRIPT, ...given], { timeout: 60_000 }, (_, __, stderr) => resolve(stderr));
      });
    expect(await run('add')).toBe('');
    expect(await recordsAt(upstream.server, record)).toEqual(['token']);
    expect(await run('add', '_acme-challenge.example.com')).toContain('REFUSED');
    expect(await run('delete')).toBe('');
    expect(await recordsAt(upstream.server, record)).toEqual([]);
    await gateway.stop();
    await upstream.stop();
  });
});
