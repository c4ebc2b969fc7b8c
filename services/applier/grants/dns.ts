import { askAuthorities } from '../../dns/client/authorities.ts';
import { type DnsGrantScope, dnsGrant } from '../../requests/grants/dns.ts';
import { notCovered } from '../../requests/scope.ts';
import type { GrantMeans, GrantWorker } from './grant-kind.ts';

/**
 * Changes of DNS records in a scope. The right is its row in the store: the gateway and requests ask for it
 * at each use, so that it ends with the row, whatever the name server does, and nobody can use it while the
 * store does not answer.
 */
export const dnsWorker: GrantWorker = {
  kind: 'access.dns',

  async apply({ server: name, scope: given }, { access, dnsTargets }) {
    const scope = dnsGrant.scope.parse(given) as DnsGrantScope;
    const server = dnsTargets.find((one) => one.name === name);
    if (server === undefined || !server.zones.includes(scope.zone))
      return { state: 'failed', answer: `The settings (dns.servers) have no server ${name} with the zone ${scope.zone}.` };
    const lends = access.dns.find((one) => one.name === name)?.names ?? null;
    const other = lends === null ? null : notCovered(scope.names, lends);
    if (other !== null) return { state: 'failed', answer: `The settings (access.dns) do not lend ${other} at ${name}.` };
    if (scope.use === 'key' && server.kind !== 'rfc2136')
      return { state: 'failed', answer: `${name} takes no updates (RFC 2136): only requests can be lent for it.` };
    return {
      state: 'active',
      answer: scope.use === 'key' ? 'The gateway knows the key.' : 'Requests in its scope need no further decision.',
    };
  },

  async end() {
    return { state: 'ended', answer: 'It counts for nothing any more.' };
  },

  async done({ scope: given }, means) {
    const { task, zone } = dnsGrant.scope.parse(given) as DnsGrantScope;
    if (task === null) return null;
    return (await isPublished(task, zone, means))
      ? `Its task is done: all authoritative servers have the ${task.type} record of ${task.name}.`
      : null;
  },
};

async function isPublished(
  { name, type, value }: NonNullable<DnsGrantScope['task']>,
  zone: string,
  { dns, dnsTargets, signal }: GrantMeans,
): Promise<boolean> {
  const primary = dnsTargets.find((one) => one.zones.includes(zone));
  const answers = await askAuthorities({ dns, zone, name, type, signal }, primary?.kind === 'rfc2136' ? primary.server : null);
  if (answers === null || answers.length === 0) return false;
  return answers.every(
    (answer) =>
      answer.state === 'records' &&
      (answer.records as readonly (string | string[])[]).some((one) =>
        typeof one === 'string' ? one === value.toLowerCase().replace(/\.$/, '') : one.join('') === value,
      ),
  );
}
