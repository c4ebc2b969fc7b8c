import { domainToASCII } from 'node:url';
import type { Random } from '../../demo/random.ts';
import { LOAD_DAY } from '../load.ts';
import { TEXTS, TRICKY } from './texts.ts';

/** What is drawn for a receiver's reports. */
export interface Habits {
  rfc: 7489 | 9990;
  /** The language of its texts, of `TEXTS`. */
  language: string;
  /** How it writes names: as U-labels, or as long as they come; without: as A-labels. */
  names?: 'unicode' | 'long';
  /** How often an element that may be left out is there. */
  optional: number;
  /** At most so many results of DKIM and of SPF a record. */
  most: [dkim: number, spf: number];
  ids: (random: Random) => string;
  /** How whole numbers are written (xs:integer has signs and leading zeros). */
  integer?: (value: number) => string;
  addresses: readonly AddressForm[];
}

export type AddressForm = 'v4' | 'short' | 'full' | 'upper' | 'dotted';

export interface AuthResult {
  domain: string;
  selector?: string;
  scope?: string | null;
  result: string;
  human_result: string | null;
}

export interface RecordFacts {
  source_ip: string;
  count: number;
  disposition: string;
  dkim: string;
  spf: string;
  reasons: { type: string; comment: string | null }[];
  header_from: string;
  envelope_from: string | null;
  envelope_to: string | null;
  auth: { dkim: AuthResult[]; spf: AuthResult[] };
}

export interface ReportFacts {
  report_id: string;
  begin: number;
  end: number;
  contact: string | null;
  errors: string[];
  generator: string | null;
  policy: Record<'domain', string> & Partial<Record<'p' | 'sp' | 'np' | 'adkim' | 'aspf' | 'pct' | 'fo' | Later, string>>;
  records: RecordFacts[];
}
type Later = 'testing' | 'discovery_method';

const DKIM_RESULTS = ['pass', 'pass', 'pass', 'fail', 'none', 'policy', 'neutral', 'temperror', 'permerror'];
const SPF_RESULTS = ['pass', 'pass', 'fail', 'softfail', 'neutral', 'none', 'temperror', 'permerror'];
const REASONS = { 7489: ['forwarded', 'sampled_out'], 9990: ['policy_test_mode'] };
const BOTH_REASONS = ['trusted_forwarder', 'mailing_list', 'local_policy', 'other'];
const HOSTS = ['mail', 'NEWS', 'x', '3.eu-west', 'smtp_out', 'bounce.list', 'müller', 'почта', '例え', 'correo-ñandú'];

/** The domain that one round of reports is about: plain, an IDN as A-labels, or a label of 63 letters. */
export function domainOf(round: number): string {
  const form = round % 5;
  if (form === 3) return domainToASCII(`bücherei-${round}.example`);
  return form === 4 ? `${`customer-${round}-`.padEnd(63, 'long')}.example` : `customer-${round}.example`;
}

/**
 * An address in one of the forms of RFC 3986 section 3.2.2; without zeros in a row but one, so that each form
 * is sure.
 */
function address(form: AddressForm, random: Random): string {
  const v4 = [random.pick([192, 198, 203, 8, 41]), random.int(0, 255), random.int(0, 255), random.int(1, 254)].join('.');
  if (form === 'v4') return v4;
  if (form === 'dotted') return `64:ff9b::${v4}`;
  const tail = Array.from({ length: 3 }, () => random.int(1, 0xffff));
  const groups = [0x2001, 0xdb8, random.int(1, 0xfff), 0, 0, ...tail].map((group) => group.toString(16));
  if (form === 'short') return `${groups.slice(0, 3).join(':')}::${groups.slice(5).join(':')}`;
  const full = groups.map((group) => group.padStart(4, '0')).join(':');
  return form === 'full' ? full : full.toUpperCase();
}

class Facts {
  private readonly habits: Habits;
  private readonly domain: string;
  private readonly random: Random;

  constructor(habits: Habits, domain: string, random: Random) {
    this.habits = habits;
    this.domain = domain;
    this.random = random;
  }

  private maybe<T>(draw: () => T): T | null {
    return this.random.chance(this.habits.optional) ? draw() : null;
  }

  private text(): string {
    return this.random.pick(this.random.chance(0.3) ? TRICKY : TEXTS[this.habits.language]!);
  }

  private below(domain: string): string {
    const { names } = this.habits;
    const labels = names === 'long' ? this.random.int(1, 4) : this.random.int(0, 1);
    const hosts = Array.from({ length: labels }, () =>
      names === 'long' ? this.random.hex(this.random.int(20, 40)) : this.random.pick(HOSTS),
    );
    const name = [...hosts, domain].join('.');
    // An underscore is no letter of a host name, but of a name in DNS.
    return names === 'unicode' || !/[^ -~]/.test(name) ? name : domainToASCII(name);
  }

  private name(): string {
    return this.below(this.random.chance(0.65) ? this.domain : `service-${this.random.int(1, 40)}.example`);
  }

  private selector(): string {
    const { random } = this;
    return random.pick(['s', 'K1', 'mta-2026', 'a.b.c', '_x', `sel${random.digits(8)}`, random.hex(63)]);
  }

  record(): RecordFacts {
    const { random, habits } = this;
    const human_result = () => this.maybe(() => this.text());
    const dkim = Array.from({ length: random.int(0, habits.most[0]) }, () => {
      const [domain, selector, result] = [this.name(), this.selector(), random.pick(DKIM_RESULTS)];
      return { domain, selector, result, human_result: human_result() };
    });
    const spf = Array.from({ length: random.int(habits.rfc === 7489 ? 1 : 0, habits.most[1]) }, (_, i) => {
      const scope = this.maybe(() => (i > 0 && habits.rfc === 7489 ? 'helo' : 'mfrom'));
      return { domain: this.name(), scope, result: random.pick(SPF_RESULTS), human_result: human_result() };
    });
    const aligned = (results: AuthResult[]) =>
      results.some(({ domain, result, scope }) => result === 'pass' && scope !== 'helo' && domain.endsWith(this.domain));
    const passes = aligned(dkim) || aligned(spf);
    const failed = random.pick(['none', 'quarantine', 'reject']);
    const reasons = Array.from({ length: random.chance(0.25) ? random.int(1, 3) : 0 }, () => ({
      type: random.pick([...BOTH_REASONS, ...REASONS[habits.rfc]]),
      comment: this.maybe(() => this.text()),
    }));
    return {
      source_ip: address(random.pick(habits.addresses), random),
      count: random.chance(0.02) ? random.int(1e5, 2e6) : random.chance(0.7) ? random.int(1, 4) : random.int(5, 9_000),
      disposition: passes ? (habits.rfc === 9990 ? 'pass' : 'none') : failed,
      dkim: aligned(dkim) ? 'pass' : 'fail',
      spf: aligned(spf) ? 'pass' : 'fail',
      reasons,
      header_from: this.below(this.domain),
      envelope_from: this.maybe(() => this.name()),
      envelope_to: this.maybe(() => this.below(`recipients-${random.int(1, 9)}.example`)),
      auth: { dkim, spf },
    };
  }

  report(records: number): ReportFacts {
    const { random, habits, domain } = this;
    const action = () => random.pick(['none', 'quarantine', 'reject']);
    const mode = () => random.pick(['r', 's']);
    const late = habits.rfc === 9990;
    const begin = LOAD_DAY + 3600 * random.pick([0, 0, 0, 5, 12]);
    const length = random.pick([86_399, 86_399, 86_400, 3_599]);
    const errors = Array.from({ length: random.chance(0.1) ? random.int(1, late ? 1 : 3) : 0 }, () => this.text());
    const optional: [string, () => string][] = [
      ['sp', action],
      ['adkim', mode],
      ['aspf', mode],
      ['fo', () => random.pick(['0', '1', 'd', '1:d:s'])],
      ...(late
        ? ([
            ['np', action],
            ['testing', () => random.pick(['n', 'y'])],
            ['discovery_method', () => random.pick(['psl', 'treewalk'])],
          ] as [string, () => string][])
        : [['pct', () => String(random.int(0, 100))] as [string, () => string]]),
    ];
    return {
      report_id: habits.ids(random),
      begin,
      end: begin + length,
      contact: this.maybe(() => random.pick([this.text(), 'https://postmaster.example/?a=1&b=<2>'])),
      errors,
      generator: late ? this.maybe(() => `reportd/${random.int(1, 9)}.${random.int(0, 40)} (${this.text()})`) : null,
      policy: {
        domain,
        p: action(),
        ...Object.fromEntries(optional.flatMap(([name, draw]) => (random.chance(habits.optional) ? [[name, draw()]] : []))),
      },
      records: Array.from({ length: records }, () => this.record()),
    };
  }
}

/** What a receiver says of a domain in one report. */
export function drawReport(habits: Habits, domain: string, draw: { records: number; random: Random }): ReportFacts {
  return new Facts(habits, domain, draw.random).report(draw.records);
}
