import type { Limits } from '../limits.ts';
import { decodeBytes, detectCharset } from './charset.ts';
import { decodeBody, readMail } from './mime.ts';

/** How much of a mail's text is shown, in characters. */
const MOST = 100_000;
/** How many octets of a part are looked at for it. */
const LOOKED_AT = 1_000_000;

const HIDDEN = new Set(['script', 'style', 'head', 'title', 'template', 'noscript', 'svg', 'math', 'iframe', 'object']);
const BREAKS = new Set([
  'br',
  'p',
  'div',
  'tr',
  'li',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'table',
  'ul',
  'ol',
  'blockquote',
  'hr',
  'section',
]);
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/**
 * The text of a mail for people, without anything that does something: of HTML, its text, and where a link
 * leads beside it.
 * @returns null for a mail that has no text
 * @throws Refusal for a mail above the limits
 */
export function visibleText(raw: Buffer, limits: Limits): { text: string; from: 'plain' | 'html'; cut: boolean } | null {
  const parts = readMail(raw, limits)?.parts ?? [];
  const texts = parts.filter(({ name }) => name === null);
  const plain = texts.find(({ type }) => type === 'text/plain');
  const part = plain ?? texts.find(({ type }) => type === 'text/html');
  if (part === undefined) return null;
  const bytes = decodeBody(part.bytes, part.encoding).subarray(0, LOOKED_AT);
  const all = decodeBytes(bytes, detectCharset(bytes, part.charset).encoding);
  const text = (part === plain ? all : textOfHtml(all)).replace(/\r\n?/g, '\n');
  return { text: text.slice(0, MOST).toWellFormed(), from: part === plain ? 'plain' : 'html', cut: text.length > MOST };
}

/** The text of HTML. One pass: whatever it is, its length is the time it takes. */
export function textOfHtml(html: string): string {
  const out: string[] = [];
  let hidden: string | null = null;
  let link: string | null = null;
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf('<', at);
    const end = open === -1 ? html.length : open;
    if (hidden === null && end > at) out.push(entities(html.slice(at, end)).replace(/\s+/g, ' '));
    if (open === -1) break;
    if (html.startsWith('<!--', open)) {
      const close = html.indexOf('-->', open + 4);
      at = close === -1 ? html.length : close + 3;
      continue;
    }
    const close = html.indexOf('>', open);
    if (close === -1) break;
    const tag = html.slice(open + 1, close);
    const [, slash = '', name = ''] = /^(\/?)\s*([a-z][a-z0-9]*)/i.exec(tag.slice(0, 40)) ?? [];
    const element = name.toLowerCase();
    if (hidden !== null) {
      if (slash !== '' && element === hidden) hidden = null;
    } else if (slash === '' && HIDDEN.has(element) && !tag.endsWith('/')) hidden = element;
    else if (element === 'a') {
      if (slash === '') link = hrefOf(tag);
      else if (link !== null) out.push(` [${link}]`);
      if (slash !== '') link = null;
    } else if (element === 'img' && slash === '') out.push('[picture]');
    else if (BREAKS.has(element)) out.push('\n');
    at = close + 1;
  }
  return out
    .join('')
    .split('\n')
    .map((line) => line.trim())
    .filter((line, i, all) => line !== '' || all[i - 1] !== '')
    .join('\n')
    .trim();
}

function hrefOf(tag: string): string | null {
  const [, double, single, bare] = /\shref\s{0,20}=\s{0,20}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(tag.slice(0, 5000)) ?? [];
  const found = double ?? single ?? bare;
  return found === undefined ? null : entities(found).slice(0, 1000);
}

function entities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole;
    const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code).toWellFormed() : '\ufffd';
  });
}
