import { partsOf, problem } from './form.ts';
import { Html, html, type Sent } from './html.ts';
import { words } from './page-words/en.ts';

/** Where a form stands, and for whom. */
interface Place {
  /** The address of the page. */
  address: string;
  /** Whether null is returned where no form of the page has the field that is wrong. */
  only: boolean;
  /** See `Context`. */
  guard: string;
}

/**
 * A page whose form is filled as somebody sent it, with what is wrong beside its field, or above the form's
 * fields where none is at fault. Where the form is not on the page any more, the page begins with what is
 * wrong and what was written. Passwords are typed again.
 */
export function refilled(page: Html, sent: Sent, { address, only, guard }: Place): Html | null {
  const own = address.split('?')[0]!;
  const form = [...partsOf(page)].find((one) => one.isFormOf?.(sent, own));
  const wrong = form && [...partsOf(form.inner!)].find((one) => one.field !== undefined && one.field === sent.field);
  if (only && !wrong) return null;
  if (!form) return html`${problem(sent.sentence, true)}${written(sent)}${page}`;
  return new Html(page.put({ guard, again: { form, wrong: wrong ?? null, sent, address } }));
}

/** What was written, where there is no place for it. */
function written({ fields }: Sent): Html | null {
  const [why] = fields.why ?? [];
  return why === undefined || why === '' ? null : html`<p class="problem-line">${words.problems.you_wrote(why)}</p>`;
}
