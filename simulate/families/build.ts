import type { Random } from '../../demo/random.ts';
import type { World } from '../model.ts';
import type { Family } from './family.ts';
import { Site } from './site.ts';

/** Families without a wish of their own: long enough for a habit, short enough for minutes. */
const DAYS = [65, 100] as const;

/**
 * One world of a family. The same options give the same world.
 * @param nameless the same world where no address has a reverse name or a known owner
 */
export function buildFamilyWorld(family: Family, random: Random, nameless = false): World {
  const [least, most] = family.days ?? DAYS;
  const site = new Site(random, random.fork('days').int(least, most), nameless);
  family.plant(site);
  const { world } = site;
  if (world.domains.length === 0) throw new Error(`The family ${family.name} planted no domain.`);
  const [first] = world.incidents.filter(({ expected }) => !expected?.optional);
  if (family.benign && first) throw new Error(`The family ${family.name} is benign, but expects an alarm: ${first.type}.`);
  if (!family.benign && !first) throw new Error(`The family ${family.name} is an incident, but expects nothing: call expect().`);
  return world;
}
