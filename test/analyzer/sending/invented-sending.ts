import { rulesOf } from '../../../services/analyzer/rules/index.ts';
import type { SendingRule } from '../../../services/analyzer/rules/rule.ts';
import type { SendingWindow } from '../../../services/analyzer/rules/window.ts';
import type { KnownFinding } from '../../../services/store/findings/findings.ts';
import { expectLines } from '../expect-lines.ts';
import { Dice } from '../invented.ts';
import { ago, DOMAIN } from '../rows.ts';
import { answered, declares, egress, hoursAgo, received, sendingOf, sent, verified } from '../sent-rows.ts';
import { SEEDS } from './invented-seeds.ts';

type Life = (seed: number) => unknown;

const KEY = 's1._domainkey.example.com';

/** What the logs show of a few workloads, and what DNS, reports and the declaration say beside it. */
function inventedSending(dice: Dice): SendingWindow {
  const count = () => dice.of([1, 2, 3, 4, 19, 20, 999, 1000]);
  const workloads = ['shop', 'news', ''].slice(0, dice.int(1, 3));
  const days = workloads.flatMap((workload) => {
    const environment = dice.of(['production', 'production', 'staging']);
    const oldest = dice.of([1, 3, 7, 20]);
    const turn = dice.of([0, 1, 2, 6]);
    const part = dice.of([0, 0, 0.05, 0.5]);
    return Array.from({ length: oldest }, (_, n) => {
      const hours = 24 * n + dice.of([1, 2, 12, 25]);
      const of = { workload, environment, refused_dmarc: dice.of([0, 0, 0, 1, 3]) };
      const selector = n < turn ? dice.of(['', 's1', 's2']) : dice.of(['s1', 's1', 's2']);
      const own = sent(count(), hours, Math.max(0, hours - dice.of([0, 1, 5, 12])), { ...of, selector });
      const rest = sent(Math.ceil(part * own.messages), hours, hours - 1, { ...of, refused_dmarc: 0, selector: '' });
      return part > 0 ? [own, rest] : [own];
    }).flat();
  });
  const checked = workloads.flatMap((workload) =>
    Array.from({ length: dice.int(0, 3) }, (_, n) =>
      verified(dice.of([0, 1, 10, 100]), dice.of([0, 0, 2, 3, 10]), 24 * n + 2, {
        workload,
        ...(dice.chance(0.1) && { last_failed_at: null }),
      }),
    ),
  );
  const value = dice.of(['v=DKIM1; p=MIIB', 'v=DKIM1; p=', null, undefined]);
  const key = answered(
    dice.of([KEY, KEY, 's2._domainkey.example.com']),
    value,
    hoursAgo(dice.of([0, 1, 30])),
    dice.chance(0.3) ? hoursAgo(40) : null,
  );
  const record = answered(
    `_dmarc.${DOMAIN}`,
    dice.of(['v=DMARC1; p=none; rua=mailto:a@example.com', 'v=DMARC1; p=none', null]),
    hoursAgo(1),
  );
  const published = {
    records: [...key.records, ...record.records],
    questions: [...key.questions, ...record.questions],
    servers: [],
  };
  const receivers = dice.chance(0.5)
    ? [
        received(
          Array.from({ length: dice.int(2, 14) }, () => dice.of([999, 1000, 1000, 5000])),
          {
            last_here: dice.of([null, ago(1), ago(3), ago(9), ago(20)]),
            last_elsewhere: dice.of([null, ago(1), ago(2), ago(4), ago(9)]),
            usual_delay: dice.of([0, 1, 3]),
            mailboxes: Array.from({ length: dice.of([1, 12]) }, (_, i) => `m${i}.example`),
          },
        ),
      ]
    : [];
  const refusal = { receivers: ['gmx.net'], words: dice.of([null, 'not signed']) };
  return sendingOf(days, {
    verified: checked,
    refusals: new Map(dice.chance(0.5) ? [['eu-1/production/shop', refusal]] : []),
    receivers,
    egress: Array.from({ length: dice.int(0, 6) }, (_, n) =>
      egress(n + 1, {
        reported: dice.of([19, 20, 400]),
        passed: dice.of([0, 19, 380]),
        logged: dice.of([0, 0, 1, 40]),
        complete: dice.chance(0.8),
      }),
    ),
    declared: dice.of([
      null,
      null,
      undefined,
      declares(),
      declares(`production/news ${DOMAIN}`),
      declares(`staging/shop ${DOMAIN}`),
    ]),
    published: dice.chance(0.9) ? published : null,
  });
}

/** What a rule finds, and what becomes of it if it was found before in other mail. */
const lifeOf =
  (rule: SendingRule): Life =>
  (seed) => {
    const dice = new Dice(seed);
    const window = inventedSending(dice);
    const now = rule.find(window);
    const file = [...now, ...rule.find(inventedSending(dice))].slice(-1).map((one): KnownFinding => {
      const days = dice.chance(0.5) ? {} : { first_day: ago(20), last_day: ago(dice.of([0, 1, 2, 7, 8])) };
      const of = { finding_key: 1, summary: '', revision: 1, told: null, heard: true, acknowledged: false, snoozed: false };
      const state = dice.of(['open', 'open', 'resolved'] as const);
      const kind = dice.chance(0.95) ? one.kind : 'another';
      return { ...one, ...days, ...of, kind, pending: false, waiting: [], state };
    });
    const later = { ...window, known: file };
    return { now, state: file[0]?.state, later: rule.find(later), over: file.map((one) => rule.over(one, later)) };
  };

const LIVES: Readonly<Record<string, Life>> = Object.fromEntries(rulesOf('sending').map((rule) => [rule.kind, lifeOf(rule)]));

/** As a line: numbers to six digits, and without the query. */
const lineOf = (seed: number, told: unknown): string =>
  `${seed}: ${JSON.stringify(told, (key, value) =>
    key === 'query' ? undefined : typeof value === 'number' ? Number(value.toPrecision(6)) : value,
  )}`;

/** Holds what is said of invented lives against the golden file of that name. */
export const expectLives = (name: string): Promise<void> =>
  expectLines(import.meta.filename, name, SEEDS[name] ?? [], (seed) => lineOf(seed, LIVES[name]!(seed)));
