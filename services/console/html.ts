import { escaped } from '../shared/escape.ts';

/** What is known only when a page is put out. */
export interface Context {
  /** The value of the field that shows a form to be ours (form-token.ts). */
  guard: string;
  /** The form that came back; null on a page that is asked for. */
  again: Again | null;
}

/** A form that could not be done, on the page that has it. */
export interface Again {
  form: Part;
  /** The field that is wrong; null where it is none, or not on the form. */
  wrong: Part | null;
  sent: Sent;
  /** The address of the page. */
  address: string;
}

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

/** A part of a page that is written when the page is put out. */
export interface Part {
  /** What it encloses. */
  readonly inner: Html | null;
  /** Of a field, its name. */
  readonly field?: string;
  write(context: Context): string;
  /** Of a form, whether it is the one that was sent. @param own where forms lead that do not say it */
  isFormOf?(sent: Sent, own: string): boolean;
}

/** Markup that is safe to send: only `html` and form.ts make it, so no text of a report can become one. */
export class Html {
  readonly parts: readonly (string | Part)[];

  /**
   * Not for pages: they use the template `html`. @param parts markup in which every value is escaped already
   */
  constructor(...parts: readonly (string | Part)[]) {
    this.parts = parts;
  }

  /** The markup as text. */
  put(context: Context): string {
    return this.parts.map((one) => (typeof one === 'string' ? one : one.write(context))).join('');
  }

  /** As `put` writes it for nobody. */
  toString(): string {
    return this.put({ guard: '', again: null });
  }
}

/**
 * An address that may stand in href, src or action: a path of ours made by `path`, or an https page made by
 * `external`.
 */
export class Address {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** Attributes of a tag, made by `attributes`. */
export class Attributes {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Value = Html | Address | Attributes | string | number | null | undefined | false | readonly Value[];

type Place = 'text' | 'tag' | 'value' | 'address';

/** Attributes whose value is an address. */
const ADDRESSES = new Set(['href', 'src', 'action', 'formaction', 'poster', 'xlink:href', 'hx-get', 'hx-post']);
/** Attributes that a browser runs or obeys as code. */
const CODE = /^(?:on.*|style|srcdoc|hx-on.*|hx-vals|hx-headers)$/;
const RAW_ELEMENT = /<(?:script|style|iframe|object|embed|base)\b/i;

const placesOf = new WeakMap<TemplateStringsArray, Place[]>();

/**
 * Markup with values, each escaped for the place where it stands: there is no way to leave that out. Values
 * may stand in text, in attributes in double quotes, and (made by `attributes` alone) among attributes.
 * @throws TypeError for a template in which a value would stand elsewhere, such as in an attribute without
 *   quotes
 */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  let places = placesOf.get(strings);
  if (places === undefined) {
    places = readPlaces(strings);
    placesOf.set(strings, places);
  }
  const parts: (string | Part)[] = [strings[0]!];
  for (let i = 0; i < values.length; i++) {
    write(values[i], places[i]!, parts);
    add(parts, strings[i + 1]!);
  }
  return new Html(...parts);
}

/** A path of ours. Each value is one segment or the value of a parameter, percent-encoded. */
export function path(strings: TemplateStringsArray, ...values: (string | number)[]): Address {
  const text = strings.reduce((before, string, i) => `${before}${encodeURIComponent(String(values[i - 1]))}${string}`);
  return localAddress(text) ?? failed(`"${text}" is no path`);
}

/** The address of a part of the same page. @param id letters and hyphens */
export function fragment(id: string): Address {
  return new Address(`#${encodeURIComponent(id)}`);
}

/** A part of a page of ours. @param id letters and hyphens */
export function withFragment(address: Address, id: string): Address {
  return new Address(`${address}#${encodeURIComponent(id)}`);
}

/** A path with parameters; those that are null, undefined or empty are left out. */
export function withQuery(address: Address, query: Record<string, string | number | null | undefined>): Address {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '');
  if (given.length === 0) return address;
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)] as [string, string]));
  return new Address(`${address}${String(address).includes('?') ? '&' : '?'}${text}`);
}

/** The address where `text` is a path on this host, else null: "//host" and "/\host" are not. */
export function localAddress(text: string): Address | null {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(text) && !text.includes('\\') ? new Address(text) : null;
}

/** The address of a page elsewhere; null where `text` is not an https URL. */
export function external(text: string): Address | null {
  if (!/^https:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  return url.username === '' && url.password === '' ? new Address(url.href) : null;
}

/** Attributes with their values: null, undefined and false are left out, and true has no value. */
export function attributes(given: Readonly<Record<string, string | number | boolean | null | undefined>>): Attributes {
  const written = Object.entries(given).flatMap(([name, value]) => {
    if (!/^[a-z-]+$/.test(name) || CODE.test(name) || ADDRESSES.has(name)) failed(`the attribute ${name} takes no value`);
    if (value === null || value === undefined || value === false) return [];
    return value === true ? [name] : [`${name}="${escapeHtml(String(value))}"`];
  });
  return new Attributes(written.join(' '));
}

/** Adds a value to the parts of a page. */
function write(value: Value, place: Place, parts: (string | Part)[]): void {
  if (value === null || value === undefined || value === false) return;
  if (place === 'text' && value instanceof Html) for (const part of value.parts) add(parts, part);
  else if (Array.isArray(value)) for (const one of value as readonly Value[]) write(one, place, parts);
  else {
    const text = textIn(place, value);
    // No attribute needs no space before it.
    if (place === 'tag' && text === '') parts.push(String(parts.pop()).trimEnd());
    add(parts, text);
  }
}

function textIn(place: Place, value: NonNullable<Value>): string {
  if (place === 'tag') return value instanceof Attributes ? value.text : failed('no text may stand among attributes');
  if (value instanceof Attributes) return failed('attributes stand in a tag alone');
  if (place === 'address')
    return value instanceof Address ? escapeHtml(String(value)) : failed('an address is made by path or external');
  return value instanceof Html ? failed('markup may not stand in an attribute') : escapeHtml(String(value));
}

/** Adds a part; text is joined with the text before it. */
function add(parts: (string | Part)[], part: string | Part): void {
  const last = parts.length - 1;
  if (typeof part === 'string' && typeof parts[last] === 'string') parts[last] += part;
  else parts.push(part);
}

/** Printable ASCII and line feeds, without what is markup. */
const PLAIN = /^[\n !#-%(-;=?-~]*$/;
const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/**
 * Text for an element or an attribute in quotes. Characters that are invisible or change the direction of
 * text are written as `\u202e`: names come from reports, which anybody may write. Line feeds stay.
 */
function escapeHtml(text: string): string {
  // Nearly all text is plain, and this test is faster.
  if (PLAIN.test(text)) return text;
  return text
    .split('\n')
    .map(escaped)
    .join('\n')
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** Where the value after each string stands. */
function readPlaces(strings: TemplateStringsArray): Place[] {
  const places: Place[] = [];
  let place: Place = 'text';
  let open = '';
  for (const string of strings.slice(0, -1)) {
    if (RAW_ELEMENT.test(string)) failed('a template with a value may not have an element whose content is not text');
    ({ place, open } = after(string, place, open));
    places.push(place);
  }
  return places;
}

/**
 * The place at the end of a part of a template. @param open the tag or the value that is open, from its
 * first character
 */
function after(string: string, place: Place, open: string): { place: Place; open: string } {
  let at: Place = place === 'address' ? 'value' : place;
  let text = open;
  for (const character of string) {
    text += character;
    if (at === 'text' && character === '<') [at, text] = ['tag', '<'];
    else if (at === 'tag' && character === '>') [at, text] = ['text', ''];
    else if (at === 'tag' && character === '"') {
      if (!/\s[\w:-]+="$/.test(text)) failed(`a value must have the form name="…": ${text}`);
      at = 'value';
    } else if (at === 'value' && character === '"') [at, text] = ['tag', '<'];
    else if (at === 'tag' && character === "'") failed('attributes are in double quotes');
  }
  if (at === 'tag' && !/\s$/.test(text)) failed(`a value may not stand in ${text}`);
  if (at !== 'value') return { place: at, open: text };
  const [, name = '', before = ''] = /\s([\w:-]+)="([^"]*)$/.exec(text) ?? [];
  if (CODE.test(name.toLowerCase())) failed(`the attribute ${name} takes no value`);
  if (!ADDRESSES.has(name.toLowerCase())) return { place: 'value', open: text };
  if (before !== '') failed(`the whole of ${name} is one address`);
  return { place: 'address', open: text };
}

function failed(why: string): never {
  throw new TypeError(`A template of the console is wrong: ${why}.`);
}
