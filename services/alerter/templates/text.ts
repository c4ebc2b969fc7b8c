import type { Content } from './content.ts';
import { atMost, wrap } from './plain-text.ts';

const WIDTH = 78;
const LABEL = 12;
/** Before the query. */
const MOST_LINES = 25;

/** The plain text of a finding: at most 25 lines of 78 columns before the query. */
export function findingText(content: Content): string {
  const lines = [
    ...(content.lead === null ? [] : [...atMost(wrap(content.lead, WIDTH), 2, WIDTH), '']),
    ...atMost(wrap(content.what, WIDTH), 3, WIDTH),
    content.label,
    '',
    ...row('Who', whoLines(content)),
    ...(content.many === null ? [] : row('How many', atMost(wrap(content.many, WIDTH - LABEL), 2, WIDTH - LABEL))),
    ...(content.since === null ? [] : row('Since', [content.since])),
    ...row('How sure', atMost(wrap(content.sure, WIDTH - LABEL), 2, WIDTH - LABEL)),
  ];
  const foot = ['', 'The rows, in psql:'];
  if (content.advice.length > 0) {
    const advice = content.advice.flatMap((sentence) =>
      wrap(sentence, WIDTH - LABEL - 2).map((line, i) => (i === 0 ? `- ${line}` : `  ${line}`)),
    );
    const room = MOST_LINES - lines.length - 1 - foot.length;
    lines.push('', ...row('What to do', atMost(advice, room, WIDTH - LABEL)));
  }
  return `${[...lines, ...foot, '', content.query].join('\n')}\n`;
}

function whoLines(content: Content): string[] {
  const amounts = Math.max(0, ...content.who.map((who) => [...who.amount].length));
  const room = WIDTH - LABEL - 2 - amounts;
  const names = content.who.map((who) => cut(who.source, room));
  const widest = Math.max(0, ...names.map((name) => [...name].length));
  const lines = content.who.map((who, i) =>
    `${names[i]}${' '.repeat(widest - [...names[i]!].length)}  ${who.amount.padStart(amounts)}`.trimEnd(),
  );
  return content.others === null ? lines : [...lines, content.others];
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}

/** The label before the first line, the others below it. */
function row(label: string, lines: string[]): string[] {
  return lines.map((line, i) => (i === 0 ? label : '').padEnd(LABEL) + line);
}
