import { counted, list, number } from '../shared/format.ts';
import type { DayTotal } from '../store/alerts/digests.ts';

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const HEIGHT = 44;
/** Below this a cell is all border. */
const HOLLOW = 4;
/** Days named as those on which most failed. */
const MOST_NAMED = 3;

/**
 * How the cells look: passing mail is filled, failing mail is hollow, so that they differ without colours. In
 * dark schemes the classes of html.ts take over.
 */
const LOOKS = {
  pass: { fill: '#2e8b57', line: '#2e8b57' },
  fail: { fill: '#ffffff', line: '#b3400f' },
  old: { fill: '#a5cfb8', line: '#a5cfb8' },
  'old-fail': { fill: '#ffffff', line: '#d99a75' },
  track: { fill: '#dde3e9', line: '#dde3e9' },
};
type Look = keyof typeof LOOKS;

const SOFT = 'font-size:11px;line-height:14px;color:#5b6875;';

/** Month and day. */
const short = (day: string) => day.slice(5);

/**
 * A column of blocks a day, the largest day the highest, a bar between the weeks; a day without mail is a
 * blank. Dates stand at both ends, and the scale after it.
 */
export function sparkline(days: readonly DayTotal[], from: string): string {
  const first = days[0];
  if (first === undefined) return '';
  const last = days.at(-1)!;
  const most = mostOf(days);
  const block = ({ messages }: DayTotal) =>
    messages === 0 ? ' ' : BLOCKS[Math.min(7, Math.floor((messages / Math.max(1, most)) * 8))]!;
  const blocks = days.map((day) => `${day.day === from ? '|' : ''}${block(day)}`).join('');
  return `${short(first.day)} |${blocks}| ${short(last.day)}, highest: ${number(most)}`;
}

/** A bar of `width` blocks for a share from 0 to 1; it is neither full nor empty unless the share is. */
export function shareBar(share: number, width: number): string {
  const full = share >= 1 ? width : share <= 0 ? 0 : Math.min(width - 1, Math.max(1, Math.round(share * width)));
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/**
 * What the columns of the days from `from` on show, in words: the largest day, and those on which most
 * failed; the earlier of equal ones first.
 * @param days in their order
 */
export function inWords(days: readonly DayTotal[], from: string): string {
  const week = days.filter(({ day, messages }) => day >= from && messages > 0);
  if (week.length === 0) return '';
  const largest = week.reduce((a, b) => (b.messages > a.messages ? b : a));
  const failed = week
    .filter(({ messages, passed }) => passed < messages)
    .sort((a, b) => b.messages - b.passed - (a.messages - a.passed));
  const named = failed.map(({ day, messages, passed }) => `${number(messages - passed)} of ${number(messages)} on ${short(day)}`);
  const rest = named.length > MOST_NAMED ? [`some on ${counted(named.length - MOST_NAMED, 'more day')}`] : [];
  const fails = named.length === 0 ? 'None failed.' : `Failed: ${list([...named.slice(0, MOST_NAMED), ...rest], named.length)}.`;
  return `Most on ${short(largest.day)}: ${counted(largest.messages, 'message')}. ${fails}`;
}

/**
 * A column a day of cells and background colours, which every mail program draws: no image, no SVG, no
 * script. A scale stands before them and the days of both weeks below; failing mail is on top of passing
 * mail.
 * @param days every day of both weeks, those without mail too
 * @param from the first day of the week
 */
export function columns(days: readonly DayTotal[], from: string): string {
  const most = Math.max(1, mostOf(days));
  const cells = days.map((day, i) => column(day, { most, old: day.day < from, first: i === 0 }));
  const before = days.filter(({ day }) => day < from);
  const week = days.filter(({ day }) => day >= from);
  const span = (part: readonly DayTotal[], name: string) =>
    part.length === 0
      ? ''
      : `<td class="soft line" colspan="${part.length}" style="padding:3px 1px 0;border-top:1px solid #a3afbb;${SOFT}">${name}<br>${short(part[0]!.day)} to ${short(part.at(-1)!.day)}</td>`;
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>
<td class="soft" width="1" style="padding-right:6px;vertical-align:top;text-align:right;white-space:nowrap;${SOFT}">${number(most)}<div style="height:${HEIGHT - 24}px;line-height:${HEIGHT - 24}px;font-size:1px;">&nbsp;</div>0</td>
<td style="vertical-align:top;"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="table-layout:fixed;"><tr>${cells.join('')}</tr><tr>${span(before, 'week before')}${span(week, 'this week')}</tr></table></td>
</tr></table>`;
}

function column({ messages, passed }: DayTotal, { most, old, first }: { most: number; old: boolean; first: boolean }): string {
  const height = Math.max(2, Math.round((HEIGHT * messages) / most));
  const failed = messages - passed;
  const top = failed === 0 ? 0 : Math.min(height, Math.max(1, Math.round((height * failed) / messages)));
  const bars =
    messages === 0 ? part(1, 'track') : part(top, old ? 'old-fail' : 'fail') + part(height - top, old ? 'old' : 'pass');
  // One cell gives the row its height. Fourteen of these for each domain must stay small: Gmail cuts long
  // mails off.
  return `<td${first ? ` height="${HEIGHT}"` : ''} valign="bottom" style="padding:0 1px"><table width="100%" cellpadding="0" cellspacing="0">${bars}</table></td>`;
}

function part(px: number, look: Look): string {
  return px === 0 ? '' : `<tr>${cell(look, `height="${px}"`, px)}</tr>`;
}

/** A cell of so many pixels' height. */
function cell(look: Look, size: string, px: number): string {
  const { fill, line } = LOOKS[look];
  const hollow = fill !== line && px >= HOLLOW;
  const inner = hollow ? px - 2 : px;
  const style = `line-height:${inner}px;font-size:1px${hollow ? `;border:1px solid ${line}` : ''}`;
  return `<td class="${look}${hollow || fill === line ? '' : ' thin'}" bgcolor="${hollow ? fill : line}" ${size} style="${style}">&nbsp;</td>`;
}

/** What passes and what fails, as one bar. */
export function passBar(passed: number, messages: number): string {
  if (messages === 0) return '';
  const share = passed / messages;
  const width = share >= 1 ? 100 : share <= 0 ? 0 : Math.min(99, Math.max(1, Math.round(share * 100)));
  const bar = (percent: number, look: Look) => (percent === 0 ? '' : cell(look, `width="${percent}%"`, 8));
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>${bar(width, 'pass')}${bar(100 - width, 'fail')}</tr></table>`;
}

/** What the cells mean. */
export function legend(): string {
  const key = (look: Look, words: string) =>
    `<td width="12" style="width:12px;padding:0 6px 0 0;"><table role="presentation" width="12" cellpadding="0" cellspacing="0"><tr>${cell(look, 'width="12"', 12)}</tr></table></td><td class="soft" style="padding-right:16px;font-size:13px;line-height:19px;color:#5b6875;">${words}</td>`;
  return `<table role="presentation" cellpadding="0" cellspacing="0" style="margin:0 0 8px;"><tr>${key('pass', 'passes DMARC (filled)')}${key('fail', 'fails (hollow, on top)')}</tr></table>`;
}

function mostOf(days: readonly DayTotal[]): number {
  return days.reduce((most, { messages }) => Math.max(most, messages), 0);
}
