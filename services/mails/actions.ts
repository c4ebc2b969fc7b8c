import type { Action } from '../findings/sentences/commands.ts';
import { escapeHtml as e } from './plain-text.ts';

const MONO = 'font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace';
const FOLD = 78;
const LONGEST_WORD = 30;

/**
 * What can be done in ruawatch: the page of the console, where all of it is done by clicks, and a command a
 * line, never broken.
 */
export function actionLines(actions: readonly Action[], page: string | null, about = ''): string[] {
  return [`In ruawatch${about}:`, ...(page === null ? [] : [`  ${page}`]), ...actions.map(({ command }) => `  ${command}`)];
}

/** The same in HTML: each command below the sentence that says when to use it. */
export function actionsHtml(actions: readonly Action[], page: string | null): string {
  const rows = actions.map(
    ({ when, command }) =>
      `<p class="soft" style="margin:0 0 2px;font-size:13px;line-height:18px;color:#5b6875;">${e(when)}:</p>
<p class="code" style="margin:0 0 8px;padding:4px 8px;background:#f3f5f7;border:1px solid #dde3e9;border-radius:4px;color:#26313c;${MONO};font-size:12px;line-height:17px;overflow-wrap:anywhere;">${words(command)}</p>`,
  );
  return [...(page === null ? [] : [pageLink(page, 'Open it in the console')]), ...rows].join('\n');
}

/** Words that fit a telephone are not broken: half an option is none. */
function words(command: string): string {
  return command
    .split(' ')
    .map((word) => (word.length > LONGEST_WORD ? e(word) : `<span style="white-space:nowrap;">${e(word)}</span>`))
    .join(' ');
}

/** A link to a page of the console. */
export function pageLink(page: string, words: string): string {
  return `<p style="margin:4px 0 0;font-size:14px;line-height:20px;"><a class="link" href="${e(page)}" style="color:#1d66b8;">${e(words)}</a></p>`;
}

/** What stands below everything else of a text: the query, for those who use psql. */
export function belowFold(query: string): string[] {
  return ['', '_'.repeat(FOLD), 'For psql:', '', query];
}
