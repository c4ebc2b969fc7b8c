import { examineSender } from '../../../services/analyzer/rules/authentication_regression.ts';
import { BrokenSenders } from '../../../services/analyzer/rules/broken_senders.ts';
import { rulesOf } from '../../../services/analyzer/rules/index.ts';
import type { DomainRule, SenderRule, SourceRule } from '../../../services/analyzer/rules/rule.ts';
import { strengthenedSince, weakenedSince } from '../../../services/analyzer/rules/weakened_sender.ts';
import { classify, mayCarryMix, mayForward } from '../../../services/analyzer/sources/classes.ts';
import type { KnownFinding } from '../../../services/store/findings/findings.ts';
import { expectLines } from '../expect-lines.ts';
import { asOf, inventedFile, inventedSender, type Plot } from '../invented.ts';
import { type DomainPlot, inventedDomain } from '../invented-domain.ts';
import { ago, DOMAIN, TODAY } from '../rows.ts';
import { SEEDS } from './invented-seeds.ts';

/** What is said of an invented sender of this number: the same for the same number. */
type Life = (seed: number) => unknown;

/** What must happen for most rules to find anything. */
const PLOTS: Readonly<Record<string, Plot | readonly [Plot, Plot]>> = {
  abused_sender: 'shares',
  alignment_failure: 'foreign',
  denied_source: 'denied',
  new_host: 'host',
  new_source: ['begins', 'moves'],
  sender_moved: 'moves',
  volume_surge: 'rises',
};

/** Its file: the kind of one of them is that of the rule about what nothing authenticates. */
const nameOf = ({ facts, kind, scope }: SourceRule | SenderRule): string =>
  facts ?? (kind === 'unauthorized_source' && scope === 'source' ? 'denied_source' : kind);

/** What a rule finds of a sender, and what becomes of it if it was found before. */
const lifeOf =
  (rule: SourceRule | SenderRule): Life =>
  (seed) => {
    const plot = PLOTS[nameOf(rule)] ?? 'any';
    const window = inventedSender(seed, typeof plot === 'string' ? plot : plot[seed % 2]!);
    const now = rule.find(window as never);
    const [before] = rule.find(asOf(window, 1 + (seed % 6)) as never);
    if (before === undefined) return { now };
    const file = inventedFile(before, seed);
    const later = { ...window, known: [file] };
    return { now, state: file.state, later: rule.find(later as never), over: rule.over(file, later as never) };
  };

/** The same of the senders that broke, one to three of them, which are found together. */
const broken: Life = (seed) => {
  const some = [0, 10_000, 20_000].slice(0, 1 + (seed % 3)).map((more) => inventedSender(seed + more, 'breaks'));
  const windows = some.filter(({ source }, i) => some.findIndex((one) => one.source === source) === i);
  const found = (all: typeof windows, known: KnownFinding[] = []) => {
    const senders = new BrokenSenders(DOMAIN, TODAY, known);
    for (const one of all) examineSender(senders, { ...one, known });
    return senders.candidates(windows[0]!.policy);
  };
  const now = found(windows);
  const [before] = found(windows.map((one) => asOf(one, 1 + (seed % 6))));
  if (before === undefined) return { now };
  const file = inventedFile(before, seed);
  return { now, state: file.state, later: found(windows, [file]) };
};

/** And of one whose mail still passes by the other mechanism. */
const weakened: Life = (seed) => {
  const window = inventedSender(seed, 'weakens');
  const before = weakenedSince(asOf(window, 1 + (seed % 6)), null);
  return {
    now: weakenedSince(window, null),
    ...(before !== null && { later: weakenedSince(window, before), over: strengthenedSince(before, window) }),
  };
};

const classes: Life = (seed) => {
  const window = inventedSender(seed, 'any');
  const { rows, domainDays } = window;
  return { ...classify(window), mayForward: mayForward(rows, domainDays), mayCarryMix: mayCarryMix(rows) };
};

const DOMAIN_PLOTS: Readonly<Record<string, DomainPlot>> = {
  unauthorized_source: 'forged',
  subdomain_abuse: 'below',
  reporter_silent: 'silent',
  verdict_mismatch: 'contradicted',
  policy_change: 'policy',
};

/** What a rule finds of an invented domain, and what becomes of it if it was found some days before. */
const domainLifeOf =
  (rule: DomainRule): Life =>
  (seed) => {
    const window = inventedDomain(seed, DOMAIN_PLOTS[rule.kind]!);
    const now = rule.find(window);
    const until = ago(1 + (seed % 5));
    const largest = window.networks.largest.map((one) => ({ ...one, days: one.days.filter(({ day }) => day <= until) }));
    const [before] = rule.find({
      ...window,
      networks: { ...window.networks, largest },
      policyDays: window.policyDays.filter(({ day }) => day <= until),
    });
    if (before === undefined) return { now };
    const file = inventedFile(before, seed);
    const later = { ...window, known: [file] };
    return { now, state: file.state, later: rule.find(later), over: rule.over(file, later) };
  };

const LIVES: Readonly<Record<string, Life>> = {
  ...Object.fromEntries([...rulesOf('source'), ...rulesOf('sender')].map((rule) => [nameOf(rule), lifeOf(rule)])),
  ...Object.fromEntries(rulesOf('domain').map((rule) => [rule.kind, domainLifeOf(rule)])),
  broken_senders: broken,
  weakened_sender: weakened,
  classes,
};

/** As a line: numbers to six digits, and without the query. */
const lineOf = (seed: number, told: unknown): string =>
  `${seed}: ${JSON.stringify(told, (key, value) =>
    key === 'query' ? undefined : typeof value === 'number' ? Number(value.toPrecision(6)) : value,
  )}`;

/** Holds what is said of invented lives against the golden file of that name. */
export const expectLives = (name: string): Promise<void> =>
  expectLines(import.meta.filename, name, SEEDS[name] ?? [], (seed) => lineOf(seed, LIVES[name]!(seed)));
