import { declared, incident, type LogFamily, NEWS as news, reported, SHOP as shop, usual } from './families.ts';
import { BEGIN, DAY, DAYS, DOMAIN, HOUR, subjectOf } from './world.ts';

/** Those that were written when the rules were done; nothing is tuned on them. */
export const HELD_OUT: LogFamily[] = [
  {
    name: 'half of the pods unsigned',
    group: 'held out',
    plant(world) {
      const from = incident(world);
      world.traffic(shop, { signed: (at) => (at >= from && world.random.next() < 0.5 ? null : 's1') });
      world.traffic(news);
      world.expect('unsigned_mail', subjectOf(shop), from);
    },
  },
  {
    name: 'a nightly job without a signer',
    group: 'held out',
    plant(world) {
      usual(world);
      const day = world.random.int(5, 8);
      for (let on = day; on < DAYS; on++)
        for (let i = 0; i < 25; i++) world.mail({ workload: shop, at: BEGIN + on * DAY + 3 * HOUR + i * 90_000, signed: null });
      world.expect('unsigned_mail', subjectOf(shop), BEGIN + day * DAY);
    },
  },
  {
    name: 'a rotation as it should be',
    group: 'held out',
    plant(world) {
      const from = incident(world);
      world.keys.push(
        { selector: 's2', from: from - 2 * DAY, state: 'records' },
        { selector: 's1', from: from + 3 * DAY, state: 'absent' },
      );
      world.traffic(shop, { signed: (at) => (at >= from ? 's2' : 's1') });
      world.traffic(news, { signed: (at) => (at >= from ? 's2' : 's1') });
    },
  },
  {
    name: 'the old key withdrawn too early',
    group: 'held out',
    plant(world) {
      const from = incident(world);
      world.keys.push({ selector: 's1', from, state: 'absent' });
      world.traffic(shop);
      world.traffic(news, { signed: () => 's2' });
      world.keys.push({ selector: 's2', from: BEGIN, state: 'records' });
      world.expect('key_not_published', `s1._domainkey.${DOMAIN}`, from);
    },
  },
  {
    name: 'staging as production',
    group: 'held out',
    plant(world) {
      usual(world);
      world.declared = declared({ environment: 'staging', name: 'shop', domain: `staging.${DOMAIN}` });
      const from = incident(world);
      const staging = { name: 'shop', environment: 'staging', rate: 15 };
      world.traffic(staging, { from, to: from + 2 * DAY });
      world.expect('unauthorized_workload', subjectOf(staging), from);
    },
  },
  {
    name: 'the wrong private key',
    group: 'held out',
    plant(world) {
      const from = incident(world);
      world.traffic(shop, { to: from });
      world.traffic(news);
      for (let at = from; at < from + 2 * DAY; at += 12 * 60_000)
        world.mail({
          workload: shop,
          at,
          signed: 's1',
          ...(world.random.next() < 0.3 && {
            refused: '550 5.7.26 Unauthenticated mail is not accepted due to the DMARC policy',
          }),
        });
      world.expect('verify_failed', subjectOf(shop), from);
    },
  },
  {
    name: 'a receiver that refuses a few for other reasons',
    group: 'held out',
    plant(world) {
      usual(world);
      for (let i = 0; i < 20; i++)
        world.mail({
          workload: shop,
          at: BEGIN + Math.floor(world.random.next() * DAYS * DAY),
          signed: 's1',
          refused: '550 5.1.1 No such user',
        });
    },
  },
  {
    name: 'reports that stay away',
    group: 'held out',
    plant(world) {
      usual(world);
      bulk(world);
      const day = world.random.int(4, 6);
      for (let on = 0; on < DAYS; on++) {
        const of = { day: on, reporter: 'gmx', address: '198.51.100.9', messages: 2400, passed: 2400 };
        world.reports.push({ ...of, domain: 'example.org' });
        if (on < day) world.reports.push({ ...of, domain: DOMAIN });
      }
      world.expect('sending_not_reported', 'gmx', BEGIN + day * DAY);
    },
  },
  {
    name: 'a reporter that is out of order for all',
    group: 'held out',
    plant(world) {
      usual(world);
      bulk(world);
      const day = world.random.int(4, 6);
      for (let on = 0; on < day; on++)
        for (const domain of [DOMAIN, 'example.org'])
          world.reports.push({ day: on, reporter: 'gmx', address: '198.51.100.9', messages: 2400, passed: 2400, domain });
    },
  },
  {
    name: 'a shipper that loses a day, beside reports',
    group: 'held out',
    plant(world) {
      const from = incident(world);
      const lost = (at: number) => (at >= from && at < from + DAY ? null : 5_000);
      world.traffic(shop, { delay: lost });
      world.traffic(news, { delay: lost });
      reported(world, () => 0.9);
    },
  },
  {
    name: 'a workload that is shut down',
    group: 'held out',
    plant(world) {
      world.traffic(shop);
      world.traffic(news, { to: incident(world) });
      world.declared = declared();
    },
  },
  {
    name: 'the signer down for an hour',
    group: 'held out',
    plant(world) {
      const from = incident(world);
      const down = (at: number) => at >= from && at < from + HOUR;
      world.traffic({ ...shop, rate: 400 }, { signed: (at) => (down(at) ? null : 's1') });
      world.traffic(news);
      world.expect('unsigned_mail', subjectOf(shop), from);
    },
  },
];

/** Thousands of messages a day to one receiver. */
function bulk(world: Parameters<LogFamily['plant']>[0]): void {
  for (let day = 0; day < DAYS; day++) world.bulk.push({ day, workload: news, selector: 's1', to: 'gmx.de', messages: 3000 });
}
