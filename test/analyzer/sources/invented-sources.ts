import { total } from '../../../services/analyzer/rules/window.ts';
import type { Catalogue } from '../../../services/analyzer/senders/catalogue.ts';
import { identify, isOwnByName, isOwnServer } from '../../../services/analyzer/sources/identity.ts';
import { handfulOf, handsOn, isForwardingHost, isGateway, relayedBy } from '../../../services/analyzer/sources/relays.ts';
import { countedOf, decidersOf } from '../../../services/analyzer/standing.ts';
import { bearable, certainty, stated, wilson, witnessed, witnesses } from '../../../services/analyzer/statistics/confidence.ts';
import type { ReporterFacts } from '../../../services/store/analysis/reporters.ts';
import type { NetworkFacts } from '../../../services/store/sources/identities.ts';
import { expectLines } from '../expect-lines.ts';
import { Dice, inventedService } from '../invented.ts';
import { ago, DOMAIN, row, TODAY } from '../rows.ts';
import { SEEDS } from './invented-seeds.ts';

type Life = (seed: number) => unknown;

const SERVICE = { ...inventedService('bulk'), dkim_domains: ['service.example'], spf_domains: ['bounce.example'] };
const GATEWAY = inventedService('security_gateway');
const CATALOGUE: Catalogue = {
  senders: new Map([[SERVICE.id, SERVICE]]),
  dkim: new Map([['service.example', SERVICE]]),
  spf: new Map([['bounce.example', SERVICE]]),
  reverse: new Map([
    ['service.example', SERVICE],
    ['gateway.example', GATEWAY],
  ]),
};

function inventedFacts(dice: Dice, source: string): NetworkFacts {
  const answered = dice.of([0, 1, 2, 4]);
  const organization = dice.of([null, 'example.com', 'service.example', 'gateway.example', 'hoster.example', 'amazonaws.com']);
  const messages = dice.of([10, 100]);
  return {
    source,
    messages,
    passed: Math.round(messages * dice.of([0, 0.02, 0.03, 1])),
    answered,
    organization,
    organization_addresses: Math.round(answered * dice.of([0.49, 0.5, 1, 1])),
    name: dice.chance(0.9) && organization !== null ? `mail.${organization}` : null,
    ...(dice.chance(0.5) && { admitted_by: dice.of([null, 'ip4:192.0.2.0/24']) }),
    asn: dice.of([null, 64500]),
    owner: dice.of([null, 'Hoster']),
    country: dice.of([null, 'DE']),
  };
}

/** Who a source is. */
const identity: Life = (seed) => {
  const dice = new Dice(seed);
  const source = dice.of([
    '192.0.2.0/24',
    '192.0.2.0/24',
    'service.example',
    'shop.service.example',
    'bounce.example',
    'other.example',
    'unknown',
  ]);
  const kind = () => dice.of(['dkim', 'foreignDkim', 'foreignSpf', 'unauthenticated', 'list'] as const);
  const signing_domain = dice.of([null, source, 'service.example']);
  const rows = Array.from({ length: dice.int(0, 3) }, (_, i) =>
    row(ago(i), kind(), dice.of([1, 50]), { source, signing_domain }),
  );
  const facts = dice.chance(0.9) ? inventedFacts(dice, source) : null;
  const { identity: told, sender } = identify({ domain: DOMAIN, source, rows }, facts, CATALOGUE);
  const given = facts ?? undefined;
  return { ...told, sender: sender?.id, own: [isOwnServer(DOMAIN, given, CATALOGUE), isOwnByName(DOMAIN, given)] };
};

/** Who passes on mail. */
const relays: Life = (seed) => {
  const dice = new Dice(seed);
  const kinds = ['bulk', 'mailbox_provider', 'security_gateway', 'forwarder', 'other'] as const;
  const sender = dice.chance(0.6) ? inventedService(dice.of(kinds)) : null;
  const rows = Array.from({ length: dice.int(1, 3) }, (_, i) => {
    const n = dice.of([1, 10, 20, 100]);
    const kind = dice.of(['dkim', 'foreign', 'foreignSpf', 'unauthenticated', 'unauthenticated', 'list'] as const);
    return row(ago(i), kind, n, { failed_list: Math.round(n * dice.of([0, 0.4, 0.5, 1])) });
  });
  const sum = total(rows);
  const relayed = Math.round((sum.messages - sum.passed) * dice.of([0, 0.49, 0.5, 1]));
  const facts = inventedFacts(dice, '192.0.2.0/24');
  const host = (source: string) => {
    const failed = dice.of([0, 1, 20, 50, 100]);
    return { source, failed, relayed: Math.round(failed * dice.of([0.4, 0.5, 1])) };
  };
  const [hosts, of] = [['a', 'b', 'c'].map(host), dice.of([20, 400, 1000, 2000, 9000])];
  return [
    relayedBy({ sender, relayed }, sum),
    [isGateway(facts, CATALOGUE), isForwardingHost(facts, CATALOGUE)],
    handfulOf(hosts, of),
    handsOn({ ...hosts[0]!, of }),
  ];
};

/** Whose word decides. */
const standing: Life = (seed) => {
  const dice = new Dice(seed);
  const names = ['google.com', 'yahoo.com', 'a.example', 'b.example', 'c.example', 'd.example', 'e.example', 'f.example'];
  const facts = names
    .filter((name) => dice.chance(name.endsWith('.example') ? 0.8 : 0.4))
    .map(
      (reporter): ReporterFacts => ({
        reporter,
        last_day: ago(dice.of([0, 1, 2, 41, 42, 43])),
        proven: dice.chance(0.9),
        first_arrived: dice.of([null, ago(27), ago(28), ago(100), ago(100)]),
        arrival_days: dice.of([9, 10, 40]),
        agreed: dice.of([0, 9, 10, 90]),
        contradicted: dice.of([0, 1, 10]),
      }),
    );
  const deciders = decidersOf(facts, TODAY, 42);
  return { ...deciders, counted: countedOf(deciders, ago(41), TODAY) };
};

/** How sure it is. */
const sure: Life = (seed) => {
  const dice = new Dice(seed);
  const whole = dice.of([0, 1, 3, 10, 1000]);
  const severity = dice.of(['info', 'low', 'medium', 'high', 'critical'] as const);
  const seen = Array.from({ length: dice.int(0, 4) }, () => ({ reporter: dice.of(['a', 'b']), day: dice.of([TODAY, ago(1)]) }));
  const given = {
    ...(dice.chance(0.7) && { chance: dice.of([0, 0.01, 0.5, 1, 2]) }),
    ...(dice.chance(0.7) && { otherwise: dice.of([0, 0.1, 0.4]) }),
    ...(dice.chance(0.7) && { witnesses: dice.int(0, 5) }),
  };
  return [
    wilson(Math.min(whole + 1, dice.of([0, 1, 3, 10, 999, 1001])), whole),
    witnessed(dice.int(0, 9)),
    witnesses(seen),
    certainty(given),
    bearable(severity, dice.of([0, 0.49, 0.5, 0.69, 0.7, 1])),
    stated(dice.of([-1, 0.004, 0.005, 0.996, 2])),
  ];
};

const LIVES: Readonly<Record<string, Life>> = { identity, relays, standing, sure };

/** As a line: numbers to six digits. */
const lineOf = (seed: number, said: unknown): string =>
  `${seed}: ${JSON.stringify(said, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value))}`;

/** Holds what is said of invented lives against the golden file of that name. */
export const expectLives = (name: string): Promise<void> =>
  expectLines(import.meta.filename, name, SEEDS[name] ?? [], (seed) => lineOf(seed, LIVES[name]!(seed)));
