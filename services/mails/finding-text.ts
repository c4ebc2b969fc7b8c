import { actionLines, belowFold } from './actions.ts';
import { awaited, type Content } from './finding-words.ts';
import { wrap } from './plain-text.ts';

const WIDTH = 78;
const LABEL = 12;
/** Two lines, of which a long name may leave the end free. */
const MISSING = 100;
/** Before what can be done in ruawatch. */
const MOST_LINES = 34;

/**
 * The plain text of a finding: about 25 lines of 78 columns, then the commands, and the query below a line;
 * when it is over, three lines and the page of the console. No sentence is cut: advice for which there is no
 * room is left out.
 */
export function findingText(content: Content): string {
  if (content.over !== null)
    return `${overLines(content)
      .flatMap((line) => wrap(line, WIDTH))
      .join('\n')}\n`;
  const missing = awaited(content, MISSING);
  const lines = [
    ...(content.lead === null ? [] : [...wrap(content.lead, WIDTH), '']),
    ...wrap(content.what, WIDTH),
    content.label,
    '',
    ...labelled('Who', whoLines(content)),
    ...(content.many === null ? [] : labelled('How many', wrap(content.many, WIDTH - LABEL))),
    ...(content.since === null ? [] : labelled('Since', [content.since])),
    ...labelled('How sure', wrap(content.sure, WIDTH - LABEL)),
    ...(missing === null ? [] : labelled('Not heard', wrap(missing, WIDTH - LABEL))),
  ];
  const advice = adviceLines(content.advice, MOST_LINES - lines.length - 1);
  if (advice.length > 0) lines.push('', ...labelled('What to do', advice));
  return `${[...lines, '', ...actionLines(content.actions, content.page), ...(content.query === '' ? [] : belowFold(content.query))].join('\n')}\n`;
}

/** Whole sentences, as many as there is room for and the first in any case. */
export function adviceLines(advice: readonly string[], room: number): string[] {
  const lines: string[] = [];
  for (const sentence of advice) {
    const more = wrap(sentence, WIDTH - LABEL - 2).map((line, i) => (i === 0 ? `- ${line}` : `  ${line}`));
    if (lines.length > 0 && lines.length + more.length > room) break;
    lines.push(...more);
  }
  return lines;
}

/** What is over: why, what it was, where its history is, and its page in the console. */
export function overLines({ over, headline, was, key, page }: Content): string[] {
  return [
    over || `Resolved: ${headline}.`,
    // The longest that fits a line.
    was.find((sentence) => [...sentence].length <= WIDTH) ??
      was.at(-1) ??
      (over ? `It was about ${headline}.` : 'No reason was noted.'),
    `Its history: ruawatch findings show ${key}`,
    ...(page === null ? [] : [page]),
  ];
}

function whoLines(content: Content): string[] {
  const amounts = Math.max(...content.who.map((who) => [...who.amount].length));
  const room = WIDTH - LABEL - 2 - amounts;
  const names = content.who.map((who) => cut(who.source, room));
  const widest = Math.max(...names.map((name) => [...name].length));
  const lines = content.who.flatMap((who, i) => {
    const line = `${names[i]}${' '.repeat(widest - [...names[i]!].length)}  ${who.amount.padStart(amounts)}`.trimEnd();
    if (who.whose === '') return [line];
    const one = `${line}  ${who.whose}`;
    return [...one].length <= WIDTH - LABEL ? [one] : [line, `  ${cut(who.whose, WIDTH - LABEL - 2)}`];
  });
  return content.others === null ? lines : [...lines, content.others];
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}

/** The label before the first line, the others below it. */
export function labelled(label: string, lines: readonly string[]): string[] {
  return lines.map((line, i) => (i === 0 ? label : '').padEnd(LABEL) + line);
}
