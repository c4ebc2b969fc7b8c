import type { DayTotal } from '../../store/alerts/digests.ts';

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const HEIGHT = 36;
const PASS = '#2e8b57';
const PASS_BEFORE = '#a5cfb8';
const FAIL = '#d4581a';
const FAIL_BEFORE = '#eab795';

/**
 * A column of blocks a day, the largest day the highest, a bar between the weeks; a day without mail is a
 * blank.
 */
export function sparkline(days: readonly DayTotal[], from: string): string {
  const most = Math.max(1, ...days.map((day) => day.messages));
  const block = ({ messages }: DayTotal) => (messages === 0 ? ' ' : BLOCKS[Math.min(7, Math.floor((messages / most) * 8))]!);
  return days.map((day) => `${day.day === from ? '|' : ''}${block(day)}`).join('');
}

/** A bar of `width` blocks for a share from 0 to 1; it is neither full nor empty unless the share is. */
export function shareBar(share: number, width: number): string {
  const full = share >= 1 ? width : share <= 0 ? 0 : Math.min(width - 1, Math.max(1, Math.round(share * width)));
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/**
 * A column a day of cells and background colours, which every mail program draws: no image, no SVG, no
 * script. The days before `from` are paler; failing mail is on top of passing mail.
 */
export function columns(days: readonly DayTotal[], from: string): string {
  const most = Math.max(1, ...days.map((day) => day.messages));
  const cells = days.map(({ day, messages, passed }) => {
    const height = Math.max(2, Math.round((HEIGHT * messages) / most));
    const failed = messages - passed;
    const top = failed === 0 ? 0 : Math.min(height, Math.max(1, Math.round((height * failed) / messages)));
    const old = day < from;
    const part = (px: number, colour: string, kind: string) =>
      px === 0
        ? ''
        : `<tr><td class="${kind}" bgcolor="${colour}" height="${px}" style="line-height:${px}px;font-size:1px;">&nbsp;</td></tr>`;
    const bars =
      messages === 0
        ? part(1, '#dde3e9', 'track')
        : part(top, old ? FAIL_BEFORE : FAIL, old ? 'old-fail' : 'fail') +
          part(height - top, old ? PASS_BEFORE : PASS, old ? 'old' : 'pass');
    return `<td valign="bottom" style="padding:0 1px;vertical-align:bottom;"><table role="presentation" width="100%" cellpadding="0" cellspacing="0">${bars}</table></td>`;
  });
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="table-layout:fixed;"><tr>${cells.join('')}</tr></table>`;
}

/** What passes and what fails, as one bar. */
export function passBar(passed: number, messages: number): string {
  if (messages === 0) return '';
  const share = passed / messages;
  const width = share >= 1 ? 100 : share <= 0 ? 0 : Math.min(99, Math.max(1, Math.round(share * 100)));
  const cell = (percent: number, colour: string, kind: string) =>
    percent === 0
      ? ''
      : `<td class="${kind}" bgcolor="${colour}" width="${percent}%" height="6" style="height:6px;line-height:6px;font-size:1px;background:${colour};">&nbsp;</td>`;
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>${cell(width, PASS, 'pass')}${cell(100 - width, FAIL, 'fail')}</tr></table>`;
}
