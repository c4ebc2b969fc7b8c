import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { approvalsSchema } from '../../services/requests/rules.ts';
import type { Clock } from '../../services/shared/clock.ts';
import type { Config } from '../../services/shared/settings/config.ts';
import type { DnsTarget } from '../../services/shared/settings/dns-servers.ts';
import type { UpdateKey } from '../dns/answer.ts';
import { BOOKS } from '../senders.ts';

/** The two who decide. Nobody decides alone. */
export const ADA = `ada@${BOOKS}`;
export const BEN = `ben@${BOOKS}`;

/**
 * The service that sends for PAY without being set up, and the record that its documentation gives to every
 * customer.
 */
export const VENDOR = 'postbird.example';
export const VENDOR_KEY = { name: 'pb1._domainkey', value: `pb1._domainkey.${VENDOR}` };

/** The database that people look something up in. */
export const SHOP = 'shop';

/** Something that the story waits for did not come. */
export class NotToday extends Error {}

/** The key that the applier signs updates of the demo's zones with. */
export const demoKey = (): UpdateKey => ({ name: 'ruawatch-demo', algorithm: 'hmac-sha256', secret: randomBytes(32) });

/** Who decides, where records are changed, and what is known of the vendor. */
export function actSettings(config: Config, { home, domains }: { home: string; domains: readonly string[] }): void {
  config.approvals = approvalsSchema.parse({
    groups: { mail: [ADA], security: [BEN] },
    rules: [
      { name: 'routine', when: { kinds: ['sender.approve'], risk: 'low' }, decide: 'automatic', ceiling: { per_day: 5 } },
      { name: 'lending', when: { kinds: ['access.database', 'access.dns'] }, stages: [{ group: 'security' }] },
      { name: 'dns', stages: [{ group: 'mail' }, { group: 'security' }] },
    ],
  });
  const keyFile = path.join(home, 'gateway.key');
  writeFileSync(keyFile, randomBytes(48).toString('base64'), { mode: 0o600 });
  config.gateway = { listen: { host: '127.0.0.1', port: 0 }, keyFile };
  const demo = { name: 'demo', for: [], services: [], longestSeconds: 3_600, risk: 'low' as const };
  config.access = { ...config.access, dns: [demo] };
  config.domains = [...domains];
  config.sendersFile = path.join(home, 'senders.json');
  const vendor = {
    id: 'postbird',
    name: 'Postbird',
    kind: 'bulk',
    dkim_domains: [VENDOR],
    spf_domains: [VENDOR],
    align: `Publish the CNAME ${VENDOR_KEY.name} → ${VENDOR_KEY.value}.`,
    records: [{ name: `${VENDOR_KEY.name}.{domain}`, type: 'CNAME', value: VENDOR_KEY.value }],
  };
  writeFileSync(config.sendersFile, JSON.stringify({ senders: [vendor] }));
}

/** The demo's name server as the applier's target. */
export function demoTarget(
  server: { address: string; port: number },
  { name, algorithm, secret }: UpdateKey,
  zones: readonly string[],
): DnsTarget {
  return { kind: 'rfc2136', name: 'demo', zones, server, key: { name, algorithm }, secret: () => Buffer.from(secret) };
}

/** A clock that the story moves on by whole days. */
export class StoryClock implements Clock {
  private ahead = 0;

  now(): Date {
    return new Date(Date.now() + this.ahead);
  }

  /** @returns the moment that it is now */
  moveTo(moment: Date): Date {
    this.ahead = Math.max(this.ahead, moment.getTime() - Date.now());
    return this.now();
  }
}
