import type { Draw } from './family-run.ts';
import { byFamily, type FamilyScore, type Figures, type Rate, type Share, scoreOf } from './family-score.ts';
import type { Layout } from './layout.ts';
import { columns, matrix } from './print.ts';
import { targetsOf } from './targets.ts';

const HEADS = ['precision', 'recall', '≥ 50', '< 50', 'days', 'false/dom/mon', 'alarms/dom/mon', 'mails/incident'];

/** What the terminal shows of some families, and with the layout `markdown` what docs/simulator.md holds. */
export function printedFamilies(draws: readonly Draw[], layout: Layout = columns): string[] {
  const families = byFamily(draws);
  const all = scoreOf('all', draws);
  const benign = draws.filter((draw) => draw.benign);
  return [
    ...layout([
      ['family', 'worlds', ...HEADS, 'words right', 'class right'],
      ...families.map((one) => [one.family + (one.benign ? ' (benign)' : ''), ...lineOf(one)]),
      ['all', ...lineOf(all)],
      ...(benign.length > 0 ? [['all benign', ...lineOf(scoreOf('benign', benign))]] : []),
    ]),
    '',
    ...layout([['', ...HEADS], ...all.systems.map((one) => [one.system, ...cellsOf(one)])]),
    '',
    ...layout([
      ['family: recall, or false alarms a domain and month', ...all.systems.map(({ system }) => system)],
      ...families.map((one) => [one.family, ...one.systems.map((figures) => besideOf(one, figures))]),
    ]),
    '',
    `class right: ${figure(all.classes.messages_right)} of messages, ${figure(all.classes.senders_right)} of senders with 10 messages and more`,
    '',
    ...layout([
      ['target', 'wanted', 'is', 'met'],
      ...targetsOf(draws).map(({ what, wanted, is, met }) => [what, wanted, is, met === null ? '-' : met ? 'yes' : 'no']),
    ]),
    '',
    ...matrix('messages', all.classes.messages, layout),
    '',
    ...matrix('senders', all.classes.senders, layout),
  ];
}

function lineOf(one: FamilyScore): string[] {
  const own = one.systems[0]!;
  const { messages_right, senders_right } = one.classes;
  return [String(own.worlds), ...cellsOf(own), of(one.wording), `${figure(messages_right)} / ${figure(senders_right)}`];
}

function cellsOf(one: Figures): string[] {
  return [
    of(one.precision),
    of(one.recall),
    of(one.recall_strong),
    of(one.recall_faint),
    one.median_days === null ? '-' : String(one.median_days),
    ofRate(one.false_per_domain_month),
    one.alarms_per_domain_month.toFixed(2),
    one.mails_per_incident === null ? '-' : one.mails_per_incident.toFixed(1),
  ];
}

const besideOf = ({ benign }: FamilyScore, { recall, false_per_domain_month }: Figures) =>
  benign ? false_per_domain_month.rate.toFixed(2) : figure(recall.share);

/** Every false alarm of a world, every incident that was missed, and what is wrong with the words. */
export function detailOf({ family, draw, judgements, wording }: Draw): string[] {
  const { wrong, found } = judgements[0]!;
  const lines = [
    ...wrong.map(
      ({ alarm, traps }) =>
        `false: day ${alarm.tick} ${alarm.kind}: ${alarm.summary}${traps.length > 0 ? ` [${traps.join(', ')}]` : ''}`,
    ),
    ...found.filter(({ delay }) => delay === null).map(({ id, messages }) => `missed: ${id}, ${messages} messages`),
    ...[...new Set(wording.faults)].map((fault) => `words: ${fault}`),
  ];
  return lines.map((line) => `${family} ${draw} ${line}`);
}

/** "0.93 (0.80-0.98)" */
function of({ share, low, high }: Share): string {
  return share === null ? '-' : `${share.toFixed(2)} (${low!.toFixed(2)}-${high!.toFixed(2)})`;
}

/** "0.05 (0.01-0.20)" */
function ofRate({ rate, low, high }: Rate): string {
  return `${rate.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
}

function figure(share: number | null): string {
  return share === null ? '-' : share.toFixed(2);
}
