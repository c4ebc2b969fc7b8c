import { BEGIN, DAY, DAYS, DOMAIN, HOUR, type LogWorld, subjectOf } from './world.ts';

/** A kind of world: what goes on in it, and what of it somebody should be mailed about. */
export interface LogFamily {
  name: string;
  /** Whether rules were written with it at hand. */
  group: 'tuning' | 'held out';
  plant(world: LogWorld): void;
}

const SHOP = { name: 'shop', rate: 60 };
const NEWS = { name: 'news', rate: 40 };

/** A moment in the second week, at work. */
const incident = ({ random }: LogWorld): number => BEGIN + random.int(7, 10) * DAY + random.int(8, 16) * HOUR;
const usual = (world: LogWorld): void => {
  world.traffic(SHOP);
  world.traffic(NEWS);
};
const declared = (...more: { environment: string; name: string; domain: string }[]) => [
  { environment: 'production', name: 'shop', domain: DOMAIN },
  { environment: 'production', name: 'news', domain: DOMAIN },
  ...more,
];

/** Those that the rules were written with. */
export const TUNING: LogFamily[] = [
  { name: 'quiet', group: 'tuning', plant: usual },
  {
    name: 'bounces',
    group: 'tuning',
    plant(world) {
      usual(world);
      for (let i = 0; i < 60; i++)
        world.mail({ workload: SHOP, at: BEGIN + Math.floor(world.random.next() * DAYS * DAY), signed: null, from: '' });
    },
  },
  {
    name: 'signer restarts',
    group: 'tuning',
    plant(world) {
      usual(world);
      for (const day of [3, 6, 9])
        for (let i = 0; i < 2; i++) world.mail({ workload: SHOP, at: BEGIN + day * DAY + 10 * HOUR + i * 2_000, signed: null });
    },
  },
  {
    name: 'shipper outage',
    group: 'tuning',
    plant(world) {
      const from = incident(world);
      const to = from + world.random.int(5, 30) * HOUR;
      world.traffic(SHOP, { delay: (at) => (at >= from && at < to ? to - at + 60_000 : 5_000) });
      world.traffic(NEWS);
      reported(world, () => 0.6);
    },
  },
  {
    name: 'rotation of log files',
    group: 'tuning',
    plant(world) {
      // Some lines of the minute of rotation are lost, whatever they say.
      world.traffic(SHOP, { delay: (at) => (at % DAY < 3 * 60_000 && world.random.next() < 0.5 ? null : 5_000) });
      world.traffic(NEWS);
    },
  },
  {
    name: 'new workload, undeclared',
    group: 'tuning',
    plant(world) {
      usual(world);
      world.declared = declared();
      const from = incident(world);
      const crm = { name: 'crm', rate: 30 };
      world.traffic(crm, { from, signed: () => (world.random.next() < 0.5 ? 's1' : null) });
      world.expect('unauthorized_workload', subjectOf(crm), from);
    },
  },
  {
    name: 'new workload, declared',
    group: 'tuning',
    plant(world) {
      usual(world);
      world.declared = declared({ environment: 'production', name: 'crm', domain: DOMAIN });
      world.traffic({ name: 'crm', rate: 30 }, { from: incident(world) });
    },
  },
  {
    name: 'staging noise',
    group: 'tuning',
    plant(world) {
      usual(world);
      for (let day = 2; day < DAYS; day += 3)
        world.traffic(
          { name: 'shop', environment: 'staging', rate: 20 },
          { from: BEGIN + day * DAY, to: BEGIN + (day + 1) * DAY, signed: () => null },
        );
    },
  },
  {
    name: 'unsigned after an upgrade',
    group: 'tuning',
    plant(world) {
      const from = incident(world);
      world.traffic(SHOP, { signed: (at) => (at >= from ? null : 's1') });
      world.traffic(NEWS);
      world.expect('unsigned_mail', subjectOf(SHOP), from);
    },
  },
  {
    name: 'unpublished key',
    group: 'tuning',
    plant(world) {
      const from = incident(world);
      world.traffic(SHOP, { signed: (at) => (at >= from ? 's2' : 's1') });
      world.traffic(NEWS);
      world.keys.push({ selector: 's2', from: BEGIN, state: 'absent' });
      world.expect('key_not_published', `s2._domainkey.${DOMAIN}`, from);
    },
  },
  {
    name: 'SERVFAIL of the key',
    group: 'tuning',
    plant(world) {
      usual(world);
      world.keys.push({ selector: 's1', from: incident(world), state: 'unknown' });
    },
  },
  {
    name: 'stolen egress',
    group: 'tuning',
    plant(world) {
      usual(world);
      const day = world.random.int(6, 9);
      reported(world, (at) => (at >= BEGIN + day * DAY ? 8 : 0.6));
      world.expect('source_not_in_logs', '192.0.2.5', BEGIN + day * DAY);
    },
  },
];

/** What Google counts of the shop's address: a part of what is sent, or a multiple. */
export function reported(world: LogWorld, part: (at: number) => number): void {
  for (let day = 0; day < DAYS; day++) {
    const messages = Math.round((SHOP.rate + NEWS.rate) * part(BEGIN + day * DAY));
    world.reports.push({ day, reporter: 'google.com', domain: DOMAIN, address: '192.0.2.5', messages, passed: messages });
  }
}

export { declared, incident, NEWS, SHOP, usual };
