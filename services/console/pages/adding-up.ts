import { type Html, html } from '../html.ts';
import { words } from '../page-words/en.ts';
import { dated } from './format.ts';

/**
 * Says which days of a page have no sums by class yet, after an upgrade.
 * @param since what classDaysSince found
 * @param from the first day of the page, YYYY-MM-DD
 */
export const addingUp = (since: string | null, from: string): Html | false =>
  since !== null &&
  (since === 'none' || since > from) &&
  html`<p class="warning" role="status">${dated(words.overview.adding_up(since))}</p>`;
