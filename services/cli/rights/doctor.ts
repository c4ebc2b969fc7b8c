import { probeKey } from '../../applier/index.ts';
import { list } from '../../shared/format.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Config } from '../../shared/settings/config.ts';
import type { UpdatedServer } from '../../shared/settings/dns-servers.ts';
import { excessRights, whoAmI } from '../../store/grants/standing.ts';
import type { Checks, Note } from '../doctor-checks.ts';

const MOST_NAMED = 5;

/**
 * Names what is wider than our services need: the log-in of DATABASE_URL, our roles in the database, and TSIG
 * keys.
 */
export async function checkRights(db: Db | null, config: Config, checks: Checks): Promise<void> {
  if (db !== null && config.databaseUrl !== null) await checks.run('rights in the database', () => ofDatabase(db));
  for (const one of config.dnsTargets) if (one.kind === 'rfc2136') await checks.run(`TSIG key ${one.key.name}`, () => ofKey(one));
}

async function ofDatabase(db: Db): Promise<string | Note> {
  const { name, superuser, owner } = await whoAmI(db);
  const excess = await excessRights(db);
  const said: string[] = [];
  if (superuser)
    said.push(`DATABASE_URL logs in as ${name}, a superuser: give each service a log-in with its role alone (docs/scaling.md).`);
  if (excess.length > 0) {
    const named = excess.slice(0, MOST_NAMED).map(({ role, right }) => `${role} may also ${right.replace(/^to /, '')}`);
    const more = excess.length > MOST_NAMED ? ` and ${excess.length - MOST_NAMED} more` : '';
    said.push(`${list(named)}${more}: "ruawatch migrate --roles" gives each role exactly what it needs.`);
  }
  if (said.length > 0) return { note: said.join(' ') };
  return owner
    ? `${name} owns the tables, which migrations need; our roles have what their services need`
    : 'our roles have what their services need';
}

async function ofKey(server: UpdatedServer): Promise<string | Note> {
  const [zone] = server.zones;
  const probed = await probeKey(server, zone!);
  switch (probed.state) {
    case 'narrow':
      return `may not change A records of ${zone}`;
    case 'wide':
      return {
        note: `may change records of every type in ${zone}: limit it to TXT and CNAME of the names that are needed (update-type and update-owner of Knot, update-policy of BIND; docs/changes.md).`,
      };
    case 'unknown':
      return { note: `what it may do is not known: ${probed.why}` };
  }
}
