import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import { transaction } from '../../shared/runtime/db.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type EgressRecord, loadEgressRecords } from '../../store/cluster/records.ts';
import { allWays, confirmGone, type StoredWay } from '../../store/cluster/ways.ts';
import { appendAudit } from '../../store/requests/audit.ts';
import { withDatabase } from '../open.ts';
import { moment, type Terminal, wordOf } from '../terminal/options.ts';

/**
 * `cluster status`: the addresses by which mail leaves, and what the SPF records that follow them wait for.
 */
export async function runClusterStatus(config: Config, options: { json?: boolean }, { out }: Terminal): Promise<number> {
  return withDatabase(config, async (db) => {
    const [ways, records] = [await allWays(db), await loadEgressRecords(db)];
    if (options.json) return out(jsonText({ ways, records }, 2));
    if (ways.length === 0)
      return out('No addresses were observed yet: set cluster, and start the service cluster (docs/cluster.md).');
    for (const line of [...ways.flatMap(linesOfWay), ...records.flatMap(linesOfRecord)]) out(escaped(line));
  });
}

function linesOfWay({ environment, egress, observed_at, unknown, addresses }: StoredWay): string[] {
  const there = addresses.filter(({ gone_at }) => gone_at === null).map(({ address }) => address);
  const gone = addresses.flatMap(({ address, gone_at }) => (gone_at === null ? [] : [`${address} (${moment(gone_at)} UTC)`]));
  return [
    `${environment}/${egress}: ${there.length === 0 ? 'no address' : there.join(', ')}`,
    ...(unknown === null
      ? []
      : [`  Not known now${observed_at === null ? '' : `, last at ${moment(observed_at)} UTC`}: ${unknown}`]),
    ...(gone.length === 0 ? [] : [`  Gone: ${gone.join(', ')}`]),
  ];
}

function linesOfRecord({ name, request_key, state, waits, problems }: EgressRecord): string[] {
  const asked = request_key === null ? '' : ` Request ${request_key} is ${(state ?? 'gone').replace('_', ' ')}.`;
  return [
    `SPF of ${name}: ${waits ?? (problems.length === 0 ? 'no change is needed.' : 'it does not follow.')}${asked}`,
    ...problems.map(({ message }) => `  ${message}`),
  ];
}

/**
 * `cluster confirm ENVIRONMENT/EGRESS`: what is gone from it is gone for good.
 * @throws PermanentError `usage`, `no_egress`
 */
export async function runClusterConfirm(
  config: Config,
  given: string,
  options: { why: string; by?: string },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const cut = given.indexOf('/');
  if (cut < 1)
    throw new PermanentError('usage', `"${given}" is no egress: write ENVIRONMENT/EGRESS, as cluster status shows it.`);
  const [environment, egress] = [given.slice(0, cut), given.slice(cut + 1)];
  return withDatabase(config, async (db) => {
    const { by, why } = wordOf(options);
    await transaction(db, async (tx) => {
      if (!(await confirmGone(tx, { environment, egress }, by, now)))
        throw new PermanentError('no_egress', `No egress ${given} was observed: "ruawatch cluster status" lists them.`);
      await appendAudit(tx, { actor: by, verb: 'cluster.confirm', object: given, detail: { why, at: now.toISOString() } });
    });
    out(`What is gone from ${given} by now may be removed from SPF.`);
  });
}
