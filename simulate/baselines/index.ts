import type { Db } from '../../services/shared/runtime/db.ts';
import type { Alarm } from '../alarms.ts';
import type { Calendar } from '../calendar.ts';
import { looks, peerReports } from './rows.ts';
import { BASELINES } from './rules.ts';

/** The alarms that the rules of other tools would have raised on the rows in the database, by tool. */
export async function baselineAlarms(db: Db, calendar: Calendar, domains: readonly string[]): Promise<Map<string, Alarm[]>> {
  const alarms = new Map<string, Alarm[]>(BASELINES.map(({ name }) => [name, []]));
  for (const look of looks(await peerReports(db, calendar), domains, calendar.days)) {
    for (const { name, look: ask } of BASELINES) {
      const { domain, tick } = look;
      for (const alarm of ask(look)) alarms.get(name)!.push({ system: name, domain, tick, notified: true, ...alarm });
    }
  }
  return alarms;
}
