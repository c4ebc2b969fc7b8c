import type { Facts } from './facts.ts';
import { atMost, wrap } from './words.ts';

const WIDTH = 78;
const LABEL = 12;
/** Before the query. */
const MOST_LINES = 25;

/** The plain text of a finding: at most 25 lines of 78 columns before the query. */
export function findingText(facts: Facts): string {
  const lines = [
    ...(facts.lead === null ? [] : [...atMost(wrap(facts.lead, WIDTH), 2, WIDTH), '']),
    ...atMost(wrap(facts.what, WIDTH), 3, WIDTH),
    facts.label,
    '',
    ...row('Who', whoLines(facts)),
    ...(facts.many === null ? [] : row('How many', atMost(wrap(facts.many, WIDTH - LABEL), 2, WIDTH - LABEL))),
    ...(facts.since === null ? [] : row('Since', [facts.since])),
    ...row('How sure', atMost(wrap(facts.sure, WIDTH - LABEL), 2, WIDTH - LABEL)),
  ];
  const foot = ['', 'The rows, in psql:'];
  if (facts.advice.length > 0) {
    const advice = facts.advice.flatMap((sentence) =>
      wrap(sentence, WIDTH - LABEL - 2).map((line, i) => (i === 0 ? `- ${line}` : `  ${line}`)),
    );
    const room = MOST_LINES - lines.length - 1 - foot.length;
    lines.push('', ...row('What to do', atMost(advice, room, WIDTH - LABEL)));
  }
  return `${[...lines, ...foot, '', facts.query].join('\n')}\n`;
}

function whoLines(facts: Facts): string[] {
  const amounts = Math.max(0, ...facts.who.map((who) => [...who.amount].length));
  const room = WIDTH - LABEL - 2 - amounts;
  const names = facts.who.map((who) => cut(who.source, room));
  const widest = Math.max(0, ...names.map((name) => [...name].length));
  const lines = facts.who.map((who, i) =>
    `${names[i]}${' '.repeat(widest - [...names[i]!].length)}  ${who.amount.padStart(amounts)}`.trimEnd(),
  );
  return facts.others === null ? lines : [...lines, facts.others];
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}

/** The label before the first line, the others below it. */
function row(label: string, lines: string[]): string[] {
  return lines.map((line, i) => (i === 0 ? label : '').padEnd(LABEL) + line);
}
