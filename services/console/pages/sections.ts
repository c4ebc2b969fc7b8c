import { fragment, type Html, html } from '../html.ts';
import { words } from '../page-words/en.ts';

/** A part of a long page, which its list of contents names by its title. */
export interface Part {
  /** Where links into the page lead. */
  id: string;
  title: string;
  /** Null or false where there is nothing to show: then it is not in the list of contents either. */
  html: Html | null | false;
}

/** A long page: what it has, each a link, and then the parts themselves. */
export function sections(parts: readonly Part[]): Html {
  const shown = parts.filter((one) => one.html);
  return html`<nav class="contents" aria-label="${words.contents}"><ul>${shown.map(
    ({ id, title }) => html`<li><a href="${fragment(id)}">${title}</a></li>`,
  )}</ul></nav>
${shown.map((one) => html`<section id="${one.id}"><h2>${one.title}</h2>${one.html}</section>`)}`;
}
