import { type ManualChange, readPlan } from '../requests/plan.ts';
import { notCovered } from '../requests/scope.ts';
import type { Access } from '../shared/settings/access.ts';
import type { DnsTarget } from '../shared/settings/dns-servers.ts';
import { isGone } from '../store/grants/standing.ts';
import { awaited, endAwaited } from '../store/requests/applying.ts';
import type { Applying } from './apply.ts';

/** The parts of the settings by which it is seen that something was done by hand. */
export interface SeenSettings {
  access: Pick<Access, 'databases' | 'dns' | 'mail' | 'providers' | 'console'>;
  dnsTargets: readonly DnsTarget[];
}

/** Ends the requests of which people have done by hand what they ask for. */
export async function closeManual(means: Applying, settings: SeenSettings): Promise<void> {
  for (const request of await awaited(means.db)) {
    if (request.kind !== 'rights.reduce' || request.state !== 'handed_over') continue;
    const { changes } = readPlan({ text: request.plan, digest: request.digest });
    const manual = changes.flatMap((change) => (change.target === 'manual' ? [change] : []));
    const done = await Promise.all(manual.map(async (one) => (await isGone(means.db, one)) ?? isSet(one, settings)));
    if (done.every(Boolean))
      await endAwaited(means.db, request.request_key, means.at(), { says: 'It is done: what it asked to take away is gone.' });
  }
}

/**
 * Whether the settings of this process are what a change asks for: a target lends no longer than so many
 * seconds, or a key is gone.
 */
export function isSet({ seen }: Pick<ManualChange, 'seen'>, { access, dnsTargets }: SeenSettings): boolean {
  const [what = '', name = ''] = seen.id.split(':');
  if (what === 'key')
    return !dnsTargets.some((one) => one.kind === 'rfc2136' && one.name === name && one.key.name === seen.value);
  const targets = [
    ...access.databases,
    ...access.dns,
    ...access.mail,
    ...access.providers,
    ...(access.console === null ? [] : [access.console]),
  ];
  const found = targets.find((one) => one.name === name);
  if (what === 'longest') return found === undefined || found.longestSeconds <= Number(seen.value);
  if (what === 'default') return found === undefined || (found.defaultSeconds ?? found.longestSeconds) <= Number(seen.value);
  if (what === 'names') {
    const lends = [...access.dns, ...access.providers].find((one) => one.name === name);
    return lends === undefined || (lends.names != null && notCovered(lends.names, seen.value.split(' ')) === null);
  }
  // A role that is not to be lent any more.
  if (what === 'group') return !access.databases.some((one) => one.name === name && one.groups.includes(seen.value));
  return false;
}
