import { Html, html, unescapeHtml } from './html.ts';
import { words } from './page-words/en.ts';

/** What somebody sent with a form, and why it was not done. */
export interface Sent {
  /** The path that the form was sent to. */
  action: string;
  /** Each field by its name; several of one name in their order. */
  fields: Readonly<Record<string, readonly string[]>>;
  /** The name of the field that is wrong; null where it is none, or nobody knows. */
  field: string | null;
  sentence: string;
}

/** The field with which a form that came back says where it stands: its address is not that of the page. */
export const PLACE = 'place';

const PROBLEM_ID = 'problem';
/** Kinds of fields that are filled as their page has them. */
const NEVER = new Set(['hidden', 'password', 'file', 'submit']);
/** Tags of our own templates: values in double quotes, in which nothing stands that ends a tag. */
const TAG = /<(\/?)(details|form|label|input|select|option|textarea)\b([^>]*)>/g;

interface Tag {
  at: number;
  end: number;
  name: string;
  closes: boolean;
  text: string;
}

/**
 * A page whose form is filled as somebody sent it, with what is wrong beside its field, or above the form
 * where no field is at fault. Where the form is not on the page any more, the page begins with what is wrong
 * and what was written. Passwords are typed again.
 * @param place.address of the page
 * @param place.only null is returned where no form of the page has the field that is wrong
 */
export function refilled(page: Html, sent: Sent, { address, only }: { address: string; only: boolean }): Html | null {
  const text = String(page);
  const tags = [...text.matchAll(TAG)].map(([all, slash, name, inner], i, found) => ({
    at: found[i]!.index,
    end: found[i]!.index + all.length,
    name: name!,
    closes: slash === '/',
    text: inner!,
  }));
  const form = formOf(tags, sent, address.split('?')[0]!);
  const wrong = form === null || sent.field === null ? null : problemAt(form.inner, sent.field);
  if (only && wrong === null) return null;
  if (form === null) return html`${problem(sent.sentence)}${written(sent)}${page}`;
  const edits = [
    ...form.folds.map(({ end }) => ({ at: end - 1, text: ' open' })),
    { at: form.begin.end, text: `<input type="hidden" name="${PLACE}" value="${quoted(address)}">` },
    ...fills(form.inner, sent),
  ];
  if (wrong === null) edits.push({ at: form.begin.end, text: String(problem(sent.sentence)) });
  else {
    edits.push({ at: wrong.field.end - 1, text: ` aria-invalid="true" aria-errormessage="${PROBLEM_ID}" autofocus` });
    edits.push({ at: wrong.after, text: String(problem(sent.sentence)) });
  }
  return new Html(edited(text, edits));
}

const problem = (sentence: string): Html => html`<p class="problem-line" id="${PROBLEM_ID}" role="alert">${sentence}</p>`;

/** What was written, where there is no place for it. */
function written({ fields }: Sent): Html | null {
  const [why] = fields.why ?? [];
  return why === undefined || why === '' ? null : html`<p class="problem-line">${words.problems.you_wrote(why)}</p>`;
}

interface Form {
  begin: Tag;
  /** What it is folded into, the outermost first. */
  folds: Tag[];
  inner: Tag[];
}

/**
 * The form that was sent: of several that lead to one place, the one with the same hidden fields.
 * @param own where forms lead that do not say it
 */
function formOf(tags: readonly Tag[], sent: Sent, own: string): Form | null {
  const folds: Tag[] = [];
  for (const [i, tag] of tags.entries()) {
    if (tag.name === 'details') {
      if (tag.closes) folds.pop();
      else folds.push(tag);
    }
    if (tag.name !== 'form' || tag.closes || (attribute(tag, 'action') ?? own) !== sent.action) continue;
    const end = tags.findIndex((one, j) => j > i && one.name === 'form');
    const inner = tags.slice(i + 1, end === -1 ? undefined : end);
    if (inner.every((one) => isOfSent(one, sent))) return { begin: tag, folds: [...folds], inner };
  }
  return null;
}

/** Whether a hidden field is as it was sent; the one that guards forms changes with the page. */
function isOfSent(tag: Tag, { fields }: Sent): boolean {
  const name = attribute(tag, 'name');
  if (tag.name !== 'input' || attribute(tag, 'type') !== 'hidden' || name === null || name === 'form') return true;
  const given = fields[name]?.[0];
  return given === undefined || given === attribute(tag, 'value');
}

interface Edit {
  at: number;
  /** Up to where the text is replaced; nothing is by default. */
  to?: number;
  text: string;
}

/** The fields of a form as they were sent. */
function fills(inner: readonly Tag[], { fields }: Sent): Edit[] {
  let chosen: readonly string[] = [];
  const edits: Edit[] = [];
  for (const tag of inner.filter(({ closes }) => !closes)) {
    const name = attribute(tag, 'name') ?? '';
    const type = attribute(tag, 'type') ?? 'text';
    const sent = fields[name];
    if (tag.name === 'select') chosen = sent ?? [];
    if (tag.name === 'option') edits.push(marked(tag, 'selected', chosen.includes(attribute(tag, 'value') ?? '')));
    if (tag.name === 'textarea' && sent?.[0] !== undefined) edits.push({ at: tag.end, text: quoted(sent[0]) });
    if (tag.name !== 'input' || NEVER.has(type)) continue;
    if (type === 'checkbox' || type === 'radio')
      edits.push(marked(tag, 'checked', (sent ?? []).includes(attribute(tag, 'value') ?? 'on')));
    else if (sent?.[0] !== undefined) {
      const bare = tag.text.replace(/\svalue="[^"]*"/, '');
      edits.push({ at: tag.at, to: tag.end, text: `<input${bare} value="${quoted(sent[0])}">` });
    }
  }
  return edits;
}

/** A tag with an attribute that has no value, or without it. */
function marked(tag: Tag, word: 'selected' | 'checked', on: boolean): Edit {
  const bare = tag.text.replace(new RegExp(`\\s${word}(?=\\s|$)`), '').trimEnd();
  return { at: tag.at, to: tag.end, text: `<${tag.name}${bare}${on ? ` ${word}` : ''}>` };
}

/** The field of a name, and the place behind it and its label. */
function problemAt(inner: readonly Tag[], name: string): { field: Tag; after: number } | null {
  const i = inner.findIndex((tag) => !tag.closes && attribute(tag, 'name') === name && !NEVER.has(attribute(tag, 'type') ?? ''));
  const field = inner[i];
  if (field === undefined) return null;
  const ends = field.name === 'input' ? i : inner.findIndex((tag, j) => j > i && tag.closes && tag.name === field.name);
  const next = inner.slice(ends + 1).find(({ name: of }) => of === 'label');
  return { field, after: next?.closes ? next.end : inner[ends]!.end };
}

/** Text with edits, which do not overlap but for those within one tag. */
function edited(text: string, edits: readonly Edit[]): string {
  let done = '';
  let at = 0;
  for (const one of [...edits].sort((a, b) => a.at - b.at)) {
    if (one.at < at) {
      // An attribute of a tag that was written anew.
      done = `${done.slice(0, -1)}${one.text}>`;
      continue;
    }
    done += text.slice(at, one.at) + one.text;
    at = one.to ?? one.at;
  }
  return done + text.slice(at);
}

/** The value of an attribute of a tag, as text. */
function attribute({ text }: Tag, name: string): string | null {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(text)?.[1];
  return found === undefined ? null : unescapeHtml(found);
}

/** A value between double quotes. */
const quoted = (value: string): string => String(html`${value}`);
