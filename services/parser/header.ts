/** One header field as it stands in a mail. */
export interface Field {
  /** Lower case. */
  name: string;
  /** Unfolded, without the line ends. */
  value: string;
  /** The field with all its lines, as bytes (latin1), without the last line end. */
  text: string;
}

export interface HeaderSection {
  fields: Field[];
  /** Where the body begins, after the empty line. */
  body: number;
}

/** Reporters' mails have a few kilobytes of header in some dozen lines; what verifies them must not work on more than is plausible. */
const LONGEST = 128 * 1024;
const MOST_LINES = 2_000;

/**
 * All fields of a mail's header, in their order, by the letter of RFC 5322 section 2.2: what forwards, signs or forges a mail is told
 * from it, so nothing is repaired here. Null when it is no header section, or longer than a mail of a reporter has any reason to be.
 */
export function headerSection(raw: Buffer): HeaderSection | null {
  const end = endOf(raw);
  if (end === null) return null;
  const lines = raw.toString('latin1', 0, end.fields).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length > MOST_LINES) return null;
  const folded: string[][] = [];
  for (const [i, line] of lines.entries()) {
    if (/^[ \t]/.test(line)) {
      if (folded.length === 0) return null;
      folded.at(-1)!.push(line);
    } else if (i === 0 && /^>?From /.test(line)) {
      // The envelope line of an mbox is no field.
    } else if (/^[!-9;-~]+[ \t]*:/.test(line)) folded.push([line]);
    else return null;
  }
  const fields = folded.map((each): Field => {
    const whole = each.join('');
    const colon = whole.indexOf(':');
    return { name: whole.slice(0, colon).trim().toLowerCase(), value: whole.slice(colon + 1).trim(), text: each.join('\r\n') };
  });
  return { fields, body: end.body };
}

/** The empty line that ends a header section: where the fields end before it, and where the body begins after it. */
function endOf(raw: Buffer): { fields: number; body: number } | null {
  const head = raw.subarray(0, LONGEST);
  for (let at = head.indexOf(10); at >= 0; at = head.indexOf(10, at + 1)) {
    if (head[at + 1] === 10) return { fields: at + 1, body: at + 2 };
    if (head[at + 1] === 13 && head[at + 2] === 10) return { fields: at + 1, body: at + 3 };
  }
  return raw.length <= LONGEST ? { fields: raw.length, body: raw.length } : null;
}

/**
 * The domain of the one author (RFC 5322 section 3.6.2): lower case. Null when there is no From field, more than one, or one with
 * several addresses: DMARC has nothing to align with then (RFC 9989 section 5.3.1), and readers would differ on who it is.
 */
export function fromDomain(fields: readonly Field[]): string | null {
  const address = fromAddress(fields);
  return address === null ? null : address.slice(address.lastIndexOf('@') + 1);
}

/** The whole address of the one author, lower case; null where fromDomain is. A quoted local part is left out. */
export function fromAddress(fields: readonly Field[]): string | null {
  const from = fields.filter((field) => field.name === 'from');
  if (from.length !== 1) return null;
  const bare = withoutComments(from[0]!.value)
    .replace(/"(?:[^"\\]|\\.)*"/g, '')
    .trim();
  const angles = /^[^<>,;:]*<([^<>]*)>$/.exec(bare);
  const address = (angles ? angles[1]! : bare).trim();
  const [, local, domain] = /^([^\s@<>,;:]*)@([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)\.?$/i.exec(address) ?? [];
  return domain === undefined ? null : `${local}@${domain}`.toLowerCase();
}

/** A structured value without its comments (RFC 5322 section 3.2.2), which nest, and do not begin within quotes. */
export function withoutComments(value: string): string {
  let out = '';
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const c = value[i]!;
    if (c === '\\' && (quoted || depth > 0)) {
      if (depth === 0) out += c + (value[i + 1] ?? '');
      i++;
    } else if (c === '"' && depth === 0) {
      quoted = !quoted;
      out += c;
    } else if (c === '(' && !quoted) {
      depth++;
      out += depth === 1 ? ' ' : '';
    } else if (c === ')' && depth > 0) depth--;
    else if (depth === 0) out += c;
  }
  return out;
}
