import { type Address, attributes, Html, html, type Part, type Value } from './html.ts';
import { words } from './page-words/en.ts';

type Given = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** The field with which a form that came back says where it stands: its address is not that of the page. */
export const PLACE = 'place';

const PROBLEM_ID = 'problem';

/** What is wrong with a form, in view where no field is: the browser goes there. */
export const problem = (sentence: string, inView: boolean): Html =>
  html`<p class="problem-line" ${attributes({ id: PROBLEM_ID, role: 'alert', tabindex: inView && -1, autofocus: inView })}>${sentence}</p>`;

const hiddenField = (name: string, value: string | number): Html => html`<input type="hidden" name="${name}" value="${value}">`;

/** What a form is, apart from its fields. */
interface FormOptions {
  /** Where it leads: to its own page where it does not say it. */
  to?: Address;
  /** Fields that nobody sees. */
  values?: Readonly<Record<string, string | number | null | undefined>>;
  /** What it was made of: whoever sends it has seen that, and it is no part of what the form is. */
  basis?: string;
  /** Its attributes. */
  as?: Given;
}

/** A form; one that came back is filled as it was sent. */
function form(inner: Html, { to, values = {}, basis, as = {} }: FormOptions): Html {
  const listed = Object.entries(values);
  const part: Part = {
    inner,
    // Of several forms that lead to one place, it is the one with the same values.
    isFormOf: ({ action, fields }, own) =>
      String(to ?? own) === action && listed.every(([name, value]) => (fields[name]?.[0] ?? `${value}`) === `${value}`),
    write({ guard, again }) {
      const back = again?.form === part ? again : null;
      const hidden = listed.map(([name, value]) => (value ?? '') !== '' && hiddenField(name, value!));
      const all = html`${as.method === 'post' && hiddenField('form', guard)}${hidden}${basis !== undefined && hiddenField('basis', basis)}${back && hiddenField(PLACE, back.address)}
${back && back.wrong === null && problem(back.sent.sentence, true)}${inner}</form>`;
      const tag = to ? html`<form action="${to}" ${attributes(as)}>` : html`<form ${attributes(as)}>`;
      return html`${tag}${all}`.put({ guard, again: back });
    },
  };
  return new Html(part);
}

/** Draws a field as it was sent, where it was, with the attributes that mark it where it is wrong. */
type Drawn = (sent: readonly string[] | undefined, again: boolean, marks: Given) => Html;

/** A field of a form, with its label and what is said of it below. */
function field({ name, below = null }: { name: string; below?: Html | null }, drawn: Drawn): Html {
  const part: Part = {
    inner: null,
    field: name,
    write({ guard, again }) {
      const wrong = again?.wrong === part;
      const marks = wrong ? { 'aria-invalid': 'true', 'aria-errormessage': PROBLEM_ID, autofocus: true } : {};
      const shown = drawn(again?.sent.fields[name], again !== null, marks);
      return html`${shown}${wrong && problem(again.sent.sentence, false)}${below}`.put({ guard, again: null });
    },
  };
  return new Html(part);
}

/** What is folded away, but where it has the form that came back. @param heard what is read out for it */
export const fold = (as: string, summary: Value, inner: Html, heard?: string): Html =>
  new Html({
    inner,
    write(context) {
      const open = context.again !== null && [...partsOf(inner)].includes(context.again.form);
      return html`<details ${attributes({ class: as, open })}><summary ${attributes({ 'aria-label': heard })}>${summary}</summary>${inner}</details>`.put(
        context,
      );
    },
  });

/** The parts of a page, those within others too. */
export function* partsOf(page: Html): Generator<Part> {
  for (const one of page.parts) {
    if (typeof one === 'string') continue;
    yield one;
    if (one.inner !== null) yield* partsOf(one.inner);
  }
}

/** A form that changes something. @param as its attributes; it is a stack of fields by default */
export const postForm = (
  to: Address,
  inner: Value,
  { values, basis, as = { class: 'stack' } }: Omit<FormOptions, 'to'> = {},
): Html =>
  form(html`${inner}`, {
    to,
    ...(values && { values }),
    ...(basis !== undefined && { basis }),
    as: { method: 'post', ...as },
  });

/** A form that is one button. @param heard what is read out instead of its word */
export const buttonForm = (
  to: Address,
  word: string,
  { values, heard, as }: { values?: NonNullable<FormOptions['values']>; heard?: string; as?: string } = {},
): Html =>
  postForm(to, html`<button ${attributes({ class: as, 'aria-label': heard })}>${word}</button>`, {
    ...(values && { values }),
    as: {},
  });

/** A form that asks for a page with other parameters: for its own by default. */
export const askForm = (inner: Html, options: FormOptions = {}): Html => form(inner, options);

/** The fields that choose what a page shows. */
export const filters = (
  inner: Value,
  { button = words.findings.apply, ...options }: FormOptions & { button?: string } = {},
): Html => askForm(html`${inner}<button>${button}</button>`, { ...options, as: { class: 'filters', role: 'search' } });

/** A form behind the word for what it does. */
interface Act {
  word: string;
  to: Address;
  values?: NonNullable<FormOptions['values']>;
  /** What its button says, where that is not the word. */
  button?: string;
  /** What is read out instead of the word. */
  heard?: string;
  /** See FormOptions. */
  basis?: string;
  as?: string;
}

/** A form that is folded away until somebody wants to do what it does. */
export const actForm = ({ word, to, values = {}, button = word, heard, basis, as = 'act' }: Act, inner: Value): Html =>
  fold(
    as,
    word,
    postForm(to, html`${inner}<button class="primary">${button}</button>`, { values, ...(basis !== undefined && { basis }) }),
    heard,
  );

interface FieldOptions {
  label: string;
  name: string;
  /** What is said of it below; `id` or the name must be the only ones on the page. */
  hint?: string;
  id?: string;
}

interface LineOptions extends FieldOptions {
  value?: string | undefined;
  type?: 'search' | 'email' | 'password';
  class?: string;
  required?: boolean;
  maxlength?: number;
  size?: number;
  autocomplete?: string;
  inputmode?: 'numeric';
  pattern?: string;
  placeholder?: string;
}

/** A field for a line of text. Passwords are typed again. */
export function line({ label, value, hint, ...as }: LineOptions): Html {
  const { hintId, below } = hintOf({ hint, ...as });
  return field({ name: as.name, below }, (sent, _, marks) => {
    const now = as.type === 'password' ? undefined : (sent?.[0] ?? value);
    return html`<label>${label}<input ${attributes({ ...as, 'aria-describedby': hintId, value: now, ...marks })}></label>`;
  });
}

/** The field for the password of whoever is signed in. */
export const passwordLine = (autocomplete = 'current-password'): LineOptions => ({
  label: words.sign_in.password,
  name: 'password',
  type: 'password',
  autocomplete,
  required: true,
});

/** The field for why somebody does what a form does. */
export const reasonLine = (as: Partial<LineOptions> = {}): Html =>
  line({ label: words.finding.reason, name: 'why', required: true, maxlength: 500, ...as });

/** Values with the text of each. */
export const each = <V extends string | number>(values: readonly V[], text: (value: V) => string): [V, string][] =>
  values.map((one) => [one, text(one)]);

/** A choice of one. @param chosen the value that is chosen at first */
export function choice(
  { label, name, id, hint }: FieldOptions,
  options: readonly (readonly [value: string | number, text: string])[],
  chosen: string | number | null = null,
): Html {
  const { hintId, below } = hintOf({ hint, id, name });
  return field({ name, below }, (sent, _, marks) => {
    const now = sent?.[0] ?? String(chosen);
    const listed = options.map(
      ([value, text]) => html`<option ${attributes({ value, selected: String(value) === now })}>${text}</option>`,
    );
    return html`<label>${label}<select ${attributes({ id, name, 'aria-describedby': hintId, ...marks })}>${listed}</select></label>`;
  });
}

/** A choice of one, each with what it does; the first is chosen at first. */
export function choices(
  { label, name }: FieldOptions,
  options: readonly (readonly [value: string, text: string, hint: string])[],
): Html {
  return field({ name }, (sent, _, marks) => {
    const listed = options.map(([value, text, hint], i) => {
      const checked = sent === undefined ? i === 0 : sent[0] === value;
      const as = attributes({ type: 'radio', name, value, checked, ...(i === 0 && marks) });
      return html`<label class="check"><input ${as}><span>${text}<span class="hint">${hint}</span></span></label>`;
    });
    return html`<fieldset class="choices"><legend>${label}</legend>${listed}</fieldset>`;
  });
}

/** A box to check. One that is not checked is not sent. */
export function checkbox({ label, name, value = 'yes', checked }: FieldOptions & { value?: string; checked: boolean }): Html {
  return field({ name }, (sent, again, marks) => {
    const now = again ? (sent ?? []).includes(value) : checked;
    return html`<label class="check"><input ${attributes({ type: 'checkbox', name, value, checked: now, ...marks })}> ${label}</label>`;
  });
}

/** What is said of a field below it, and its id. */
function hintOf({ hint, id, name }: { hint?: string | undefined; id?: string | undefined; name: string }): {
  hintId?: string;
  below: Html | null;
} {
  if (hint === undefined) return { below: null };
  const hintId = `${id ?? name}-hint`;
  return { hintId, below: html`<p class="hint" id="${hintId}">${hint}</p>` };
}
