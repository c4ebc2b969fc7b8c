import { hash as digest } from 'node:crypto';

/** Hashes a local part or the name of a user. */
export type HashName = (name: string) => string;

/** How many hashes are remembered: the same few people write most mail. */
const REMEMBERED = 20_000;
const MARK = 'h:';

/**
 * Hashes names with a key, as "h:" and 16 hexadecimal digits (64 bits of HMAC-SHA-256). Upper and lower case
 * are one name. Who has the key can find out which of a list of names a hash is; without it nobody can.
 */
export function hashWith(key: string): HashName {
  const hmac = hmacWith(key);
  const known = new Map<string, string>();
  return (name) => {
    if (name.startsWith(MARK)) return name;
    const found = known.get(name);
    if (found !== undefined) return found;
    const hash = MARK + hmac(name.toLowerCase()).slice(0, 16);
    if (known.size >= REMEMBERED) known.clear();
    known.set(name, hash);
    return hash;
  };
}

/**
 * HMAC-SHA-256 (RFC 2104) in hexadecimal, without an object for each, which costs more to collect than the
 * hash itself.
 */
function hmacWith(key: string): (text: string) => string {
  const bytes = Buffer.from(key);
  const block = Buffer.alloc(64);
  (bytes.length > 64 ? digest('sha256', bytes, 'buffer') : bytes).copy(block);
  const inner = block.map((octet) => octet ^ 0x36);
  const outer = block.map((octet) => octet ^ 0x5c);
  return (text) =>
    digest('sha256', Buffer.concat([outer, digest('sha256', Buffer.concat([inner, Buffer.from(text)]), 'buffer')]), 'hex');
}

/**
 * What of an address is kept of its local part: the hash, or nothing where a line reached a reader
 * unredacted.
 */
export const hashOf = (local: string): string => (local.startsWith(MARK) ? local : '');

/** What ends a local part that is not in angle brackets, to its left. */
const ENDS = new Set([' ', '\t', '<', '>', '"', "'", '(', ')', ',', ';', '[', ']', '{', '}', '|']);
/** What may follow the @ of an address. */
const DOMAIN = /[\p{L}\p{N}[]/u;
/** Before a Message-ID, which stays: it joins the lines of one mail, and people look for it. */
const IDS = ['message-id=<', 'message-id=', 'message-id: <', ' id=', ' id: <', 'message_id":"', 'message_id":"<'];
/** Longest of `IDS`. */
const ID_LENGTH = 15;

/**
 * A line without the personal data in it: local parts and names of users are replaced by their hashes, and
 * subjects and display names are dropped. Message-IDs, hosts and addresses of hosts stay. It takes time in
 * proportion to the length of the line.
 */
export function redact(text: string, hash: HashName): string {
  return names(addresses(headers(text), hash), hash);
}

function addresses(text: string, hash: HashName): string {
  let at = text.indexOf('@');
  if (at === -1) return text;
  let out = '';
  let from = 0;
  for (; at !== -1; at = text.indexOf('@', at + 1)) {
    if (!DOMAIN.test(text[at + 1] ?? '')) continue;
    const start = localStart(text, at, from);
    if (start === at || isId(text, start)) {
      if (isId(text, start)) {
        // The rest of the id is no address either.
        const end = idEnd(text, at);
        out += text.slice(from, end);
        from = end;
        at = end - 1;
      }
      continue;
    }
    out += text.slice(from, start) + hash(text.slice(start, at));
    from = at;
  }
  return out + text.slice(from);
}

/** Where the local part begins that ends before `at`. */
function localStart(text: string, at: number, from: number): number {
  if (text[at - 1] === '"') {
    const quote = text.lastIndexOf('"', at - 2);
    return quote >= from ? quote : at - 1;
  }
  let start = at;
  while (start > from && !ENDS.has(text[start - 1]!)) start--;
  // In angle brackets everything belongs to it; elsewhere "to=" and "said:" stand before it.
  if (text[start - 1] === '<') return start;
  const word = text.slice(start, at);
  const key = /^[\w-]+=/.exec(word)?.[0].length ?? 0;
  const colon = word.lastIndexOf(':');
  return start + (word.startsWith(MARK, key) ? key : Math.max(key, colon + 1));
}

function isId(text: string, start: number): boolean {
  const before = text.slice(Math.max(0, start - ID_LENGTH), start).toLowerCase();
  if (start === 5 && text.startsWith('id: <')) return true;
  return IDS.some((id) => before.endsWith(id));
}

function idEnd(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && !/[\s>",]/.test(text[end]!)) end++;
  return end;
}

const HEADER = /\bheader (Subject|From|To|Cc|Bcc|Reply-To|Sender|Content-[\w-]+|X-[\w-]+|[A-Z][\w-]*): /i;
const AFTER_HEADER = / from (?:local|\S+\[[^\]]*\]);/g;

/**
 * "info: header Subject: … from host[ip]; from=<…>": of what the header says, only the domain of an author
 * stays.
 */
function headers(text: string): string {
  let out = text;
  if (out.includes('header ')) {
    const header = HEADER.exec(out);
    if (header !== null) {
      const begin = header.index + header[0].length;
      const after = [...out.slice(begin).matchAll(AFTER_HEADER)].at(-1);
      const end = after === undefined ? out.length : begin + after.index;
      const domain = header[1]!.toLowerCase() === 'from' ? /@([^\s<>@"]+)>?\s*$/.exec(out.slice(begin, end))?.[1] : undefined;
      // A rule that acts on a header ends the line with its text, which may be the header's new value.
      const tail = out.slice(end).replace(/(helo=<[^>]*>): .*$/s, '$1');
      out = `${out.slice(0, begin)}${domain === undefined ? '(dropped)' : `<@${domain}>`}${tail}`;
    }
  }
  // Exim with the selector "subject", rspamd with it in its format, amavis.
  if (out.includes('T="')) out = out.replace(/ T="(?:[^"\\]|\\.)*"/, '');
  if (/subject/i.test(out)) out = out.replace(/(\bsubject(?:: |=))(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,]*)/gi, '$1(dropped)');
  return out;
}

/** "=> bob <bob@example.com>", "=> /var/mail/bob <…>" of Exim: the user of a local delivery. */
const EXIM_LOCAL = /( (?:[-=*>]>|==|\*\*) )[^\s<>@]+ </;
const USER =
  /\b((?:sasl_username|sasl_sender|orig_to|to|from|user|username|login)=<?|, user: | A=[\w-]+:| U=)([^\s<>,@;[\]]+)(?=[\s>,;]|$)/g;
/** Names of users may have blanks. */
const SASL = /\b(sasl_(?:username|sender)=)([^,]+)/g;
const UNKNOWN_USER = /(unknown user: |User unknown: )"[^"]*"/gi;

function names(text: string, hash: HashName): string {
  if (!/=|user|> /i.test(text)) return text;
  const hashed = (_: string, key: string, name: string) => key + (name.startsWith(MARK) ? name : hash(name));
  let out = text;
  // What is looked for is found faster than it is not replaced.
  if (out.includes(' <')) out = out.replace(EXIM_LOCAL, '$1(local) <');
  if (out.includes('sasl_')) out = out.replace(SASL, hashed);
  out = out.replace(USER, hashed);
  return /unknown/i.test(out) ? out.replace(UNKNOWN_USER, '$1"(dropped)"') : out;
}

/**
 * What a terminal, a mail or Postgres must not get: control characters, marks of direction, half characters.
 * Tabs are blanks.
 */
/** Of programs that write for a terminal. */
const COLOURS = /\u001b\[[0-9;]{0,20}m/g;
const PLAIN = /^[\x20-\x7e]*$/;
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

export function printable(text: string): string {
  // Nearly all lines are of these alone.
  if (PLAIN.test(text)) return text;
  return text.replace(COLOURS, '').replace(UNSAFE, (char) => (char === '\t' ? ' ' : '\ufffd'));
}

/**
 * A line as a sample of what cannot be read: without addresses, names in quotes, and numbers that may
 * identify somebody.
 */
export function sampleOf(redacted: string): string {
  return redacted
    .replace(/h:[0-9a-f]{16}/g, '*')
    .replace(/"[^"]*"|'[^']*'/g, '"*"')
    .replace(/<[^>]*>/g, '<*>')
    .replace(/[\w.+-]+@[\w.-]+/g, '*')
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7}\b/gi, '*')
    .replace(/\d{4,}/g, '#')
    .slice(0, 200);
}
