import { BEGIN, DAY, type TestReport, type TestRow } from '../helpers/report.ts';
import { type DkimKey, dailyReport, dkimKey, GOOGLE, type Reporter, type World } from './harness.ts';

const YAHOO: Reporter = { org: 'Yahoo', domain: 'dmarc.yahoo.com', email: 'noreply@dmarc.yahoo.com' };
const MICROSOFT: Reporter = {
  org: 'Enterprise Outlook',
  domain: 'microsoft.com',
  email: 'dmarcreport@microsoft.com',
};
export const KNOWN = [GOOGLE, YAHOO, MICROSOFT] as const;

/** Somebody with a domain of his own, whose mail is as well signed as anybody's. */
export const stranger = (domain: string): Reporter => ({ org: domain, domain, email: `dmarc@${domain}` });
export const BROTHERS = ['one', 'two', 'three', 'four', 'five'].map((name) => stranger(`${name}-receiver.example`));

/**
 * A network of the attacker's, and his mail from there as a truthful reporter tells of it, and as he would
 * have it.
 */
export const ATTACKER = '203.0.113.0/24';
export const attack = (count: number): TestRow => ({
  ip: '203.0.113.7',
  count,
  disposition: 'none',
  dkim: 'fail',
  spf: 'fail',
  auth_dkim: null,
  auth_spf: null,
});
export const whitewash = (count: number): TestRow => ({ ip: '203.0.113.7', count });
/** The domain's own server. */
export const OWN = '192.0.2.0/24';
export const own = (count = 500): TestRow => ({ ip: '192.0.2.1', count });

export const noonAfter = (day: number) => new Date((BEGIN + (day + 1) * DAY + 12 * 3600) * 1000);

/** A world's reporters with their keys, published. */
export class Cast {
  readonly world: World;
  readonly #keys = new Map<string, DkimKey>();

  private constructor(world: World) {
    this.world = world;
  }

  static async of(world: World, reporters: readonly Reporter[]): Promise<Cast> {
    const cast = new Cast(world);
    for (const { domain } of reporters) {
      const key = dkimKey();
      cast.#keys.set(domain, key);
      await world.publish(domain, key);
    }
    return cast;
  }

  report(reporter: Reporter, day: number, rows: TestRow[], report: TestReport = {}): Buffer {
    return dailyReport(reporter, this.#keys.get(reporter.domain)!, day, rows, report);
  }

  /** Reports of days that came on the day after each, judged as one. */
  async past(reporters: readonly Reporter[], days: Iterable<number>, rows: TestRow[], report: TestReport = {}): Promise<void> {
    let last = 0;
    for (const day of days) {
      await this.world.deliver(
        reporters.map((reporter) => this.report(reporter, day, rows, report)),
        noonAfter(day),
      );
      last = day;
    }
    this.world.setNow(noonAfter(last));
    await this.world.settle();
  }

  /** What comes at noon after a day, judged. */
  async bring(day: number, mails: readonly Buffer[]): Promise<void> {
    this.world.setNow(noonAfter(day));
    await this.world.bring(mails, noonAfter(day));
  }

  async classOf(source: string, domain = 'example.com'): Promise<string | null> {
    return (await this.world.classes()).find((one) => one.domain === domain && one.source === source)?.class ?? null;
  }

  /** Kind, severity and state of each finding, in the order of the alphabet. */
  async told(domain = 'example.com'): Promise<string[]> {
    const findings = await this.world.findings();
    return findings
      .filter((one) => one.domain === domain)
      .map(({ kind, severity, state }) => `${kind} ${severity} ${state}`)
      .sort();
  }
}

export const daysFrom = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
