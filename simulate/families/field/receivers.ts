import type { Family } from '../family.ts';

/**
 * The largest receiver goes from a report a day to one a week, which holds all of the week and counts on its
 * first day.
 */
export const weekInOneReport: Family = {
  name: 'week-in-one-report',
  group: 'tuning',
  benign: true,
  source: 'RFC 7489 section 6.3 (ri) and 7.2; RFC 9990 section 4.1',
  plant(site) {
    const domain = site.domain({ volume: site.between(60, 10_000) });
    const name = domain.reporter(site.random.int(0, 1));
    const { share } = domain.domain.mix.find(({ reporter }) => reporter.dialect.org_name === name)!;
    const others = domain.domain.mix.map(({ reporter }) => reporter.dialect.org_name).filter((one) => one !== name);
    const from = site.day(25);
    for (const flow of [...domain.domain.flows]) {
      const { mean, addresses, envelope_from: envelope, header_from: author, dkim, truth, what, weekend, k } = flow;
      const given = { mean: mean * share, addresses, envelope, author, dkim, truth, what, weekend: 1, k };
      const week = domain.mail(`week of ${flow.id}`, given);
      week.spf = flow.spf;
      week.reporters = new Map(others.map((one) => [one, 0]));
      const usual = flow.active;
      // What the others see goes on as it was.
      flow.active = (day) => usual(day) * (day >= from ? 1 - share : 1);
      flow.reporters = new Map(flow.reporters);
      // Five weekdays and two days of the weekend.
      week.active = (day) => (day >= from && (day - from) % 7 === 0 ? (5 + 2 * weekend) * usual(day) : 0);
    }
    for (let day = from + 1; day < site.days; day += 7) domain.silent(name, day, Math.min(site.days - 1, day + 5));
    site.trap('a week in one report', domain.name, from, site.days - 1);
  },
};

/** A large receiver's own verifier fails everybody's signatures for a day or three: its fault, not ours. */
export const verifierBroken: Family = {
  name: 'verifier-broken',
  group: 'tuning',
  benign: true,
  source: 'RFC 6376 section 6.1; https://mailop.org (threads on receivers whose DKIM checks fail)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 10_000) });
    const bad = domain.reporter(random.int(0, 2));
    const from = site.day(12);
    const to = from + random.int(0, 2);
    for (const flow of [...domain.domain.flows]) {
      if (flow.truth !== 'authorized') continue;
      const twin = domain.mail('verifier', {
        mean: flow.mean,
        addresses: flow.addresses,
        envelope: flow.envelope_from,
        dkim: flow.dkim.map((one) => ({ ...one, result: random.pick(['fail', 'temperror']) })),
        active: (day) => (day >= from && day <= to ? flow.active(day) : 0),
        weekend: flow.weekend,
      });
      const usual = flow.active;
      const others = domain.domain.mix.map(({ reporter }) => reporter.dialect.org_name).filter((name) => name !== bad);
      // The bad receiver's mail is the twin's on these days, everybody else's the flow's own.
      twin.reporters = new Map(others.map((name) => [name, 0]));
      const share = domain.domain.mix.find(({ reporter }) => reporter.dialect.org_name === bad)!.share;
      twin.mean = flow.mean * share;
      flow.active = (day) => usual(day) * (day >= from && day <= to ? 1 - share : 1);
    }
    site.trap('a verifier is broken', domain.name, from, to);
  },
};

/**
 * A receiver reports for years on little, then takes over another's mailboxes: its share grows tenfold in a
 * week.
 */
export const receiverMerged: Family = {
  name: 'receiver-merged',
  group: 'tuning',
  benign: true,
  source: 'https://www.verizon.com/about/news (AOL and Yahoo mailboxes on one platform, 2017 to 2018)',
  plant(site) {
    const domain = site.domain({ volume: site.between(200, 15_000) });
    const from = site.day(20);
    const [large, small] = [domain.reporter(1), domain.reporter(3)];
    for (const flow of [...domain.domain.flows]) {
      if (flow.what === 'noise') continue;
      const { mean, addresses, envelope_from: envelope, dkim, header_from: author, spf, truth, what, weekend } = flow;
      const share = domain.domain.mix.find(({ reporter }) => reporter.dialect.org_name === large)!.share;
      const moved = domain.mail(`moved ${flow.what}`, {
        mean: mean * share,
        addresses,
        author,
        envelope,
        spf: spf.result,
        dkim,
        truth,
        what,
        weekend,
        active: (day) => (day >= from ? Math.min(1, (day - from + 1) / 7) * flow.active(day) : 0),
      });
      moved.spf = spf;
      const names = domain.domain.mix.map(({ reporter }) => reporter.dialect.org_name);
      moved.reporters = new Map(names.filter((name) => name !== small).map((name) => [name, 0]));
    }
    // What the small one gained the large one lost: after a week it says no more.
    domain.silent(large, from + 7, site.days - 1);
    domain.expect(
      { what: 'reporter_silent', from: from + 7, to: site.days - 1, optional: true, most: 'low' },
      { reporter: large },
    );
  },
};

/** All reports of three days come a week late, because our own mailbox was full; then a day twice. */
export const mailboxFull: Family = {
  name: 'mailbox-full',
  group: 'tuning',
  benign: true,
  source: 'RFC 9990 section 4.6 and RFC 5321 section 4.5.4 (senders of reports try again for days)',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(60, 8000) });
    const second = site.domain({ volume: site.between(60, 8000) });
    const from = site.day(15);
    const to = from + random.int(1, 3);
    for (const { dialect } of site.reporters) site.late(dialect.org_name, from, to);
    for (const one of [domain, second]) one.reports('doubled', one.reporter(0), { from: to + 1, to: to + 3 });
  },
};

/**
 * Receivers that go by ARC let forwarded mail through and say so; the domain's users like to forward, more
 * each month.
 */
export const arcGrows: Family = {
  name: 'arc-grows',
  group: 'tuning',
  benign: true,
  source: 'RFC 8617 section 7.2.2 (reports name the ARC chain); RFC 7960 section 4.2',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(100, 10_000), p: random.pick(['quarantine', 'reject']) });
    const count = random.int(2, 6);
    for (let i = 0; i < count; i++) {
      const mean = site.between(0.5, Math.max(2, domain.volume * 0.02));
      const from = random.chance(0.4) ? 0 : random.int(10, site.days - 15);
      domain.list({ mean, from, growth: 0.01 });
    }
    const flow = domain.forwarder({ mean: site.between(0.5, Math.max(2, domain.volume * 0.01)), srs: null, growth: 0.02 });
    domain.breaks(flow, { from: 0, to: site.days - 1, share: 0.3 * random.next(), mechanism: 'dkim' });
  },
};

/**
 * Universities where many of our customers studied pass their mail on, each from its own servers, more at
 * term's begin.
 */
export const universities: Family = {
  name: 'universities',
  group: 'tuning',
  benign: true,
  source: 'RFC 7960 section 3.2.1 (alumni addresses); https://uit.stanford.edu/service/alumniemail',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(150, 20_000) });
    const term = site.day(15);
    const count = random.int(4, 14);
    for (let i = 0; i < count; i++) {
      const from = random.chance(0.5) ? 0 : term + random.int(0, 7);
      const flow = domain.forwarder({ mean: site.between(0.5, Math.max(3, domain.volume * 0.02)), from, at: 'ec2' });
      if (random.chance(0.5)) flow.reporters = new Map();
      if (random.chance(0.3)) domain.breaks(flow, { from, to: site.days - 1, share: random.next(), mechanism: 'dkim' });
    }
  },
};
