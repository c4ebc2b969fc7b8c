/** A file encoded in the text of a mail. */
export interface Encoded {
  name: string | null;
  bytes: Buffer;
}

/** `begin 644 report.xml.gz`, and the same for base64 (POSIX uuencode). */
const BEGIN = /(?:^|[\r\n])begin(-base64)?[ \t]+[0-7]{3,4}(?:[ \t]+([^\r\n]{1,1000}))?(?=[\r\n])/g;
const BEGIN_MARK = Buffer.from('begin');
/** What programs put on a line, and its length. */
const FULL_BYTES = 45;
const FULL_LENGTH = 1 + (FULL_BYTES / 3) * 4;
/** Files that are looked for in one text. */
const FILES = 100;

/**
 * The files in a text that are encoded as uuencode does it (POSIX), in their order. A file that is cut off
 * ends where its last line does, and blanks that were lost at the end of a line are put back.
 */
export function encodedFiles(text: Buffer): Encoded[] {
  if (!text.includes(BEGIN_MARK)) return [];
  const files: Encoded[] = [];
  const letters = text.toString('latin1');
  BEGIN.lastIndex = 0;
  for (let match = BEGIN.exec(letters); match !== null && files.length < FILES; match = BEGIN.exec(letters)) {
    const start = match.index + match[0].length;
    const { bytes, end } = match[1] === undefined ? uuencoded(letters, start) : base64(letters, start);
    if (bytes.length === 0) continue;
    files.push({ name: match[2]?.trim() ?? null, bytes });
    BEGIN.lastIndex = end;
  }
  return files;
}

/** Lines of a length, in one character, and up to 45 bytes in groups of four characters. */
function uuencoded(text: string, start: number): { bytes: Buffer; end: number } {
  const lines: Buffer[] = [];
  let at = start;
  for (;;) {
    while (text[at] === '\r' || text[at] === '\n') at++;
    if (at >= text.length) break;
    let stop = at;
    while (stop < text.length && text[stop] !== '\r' && text[stop] !== '\n') stop++;
    const line = lineOf(text.slice(at, stop));
    if (line === null) break;
    at = stop;
    if (line.length === 0) break;
    lines.push(line);
  }
  return { bytes: Buffer.concat(lines), end: at };
}

/** The bytes of one line; null when it is none. A length of zero ends the file. */
function lineOf(line: string): Buffer | null {
  if (line.length > 128 || line.length === 0 || /[^\x20-\x60]/.test(line)) return null;
  const said = (line.charCodeAt(0) - 32) & 63;
  // A line may lack the blanks at its end, and have a checksum after it.
  const tooLong = line.length > 1 + Math.ceil(said / 3) * 4 + 2;
  // A length that contradicts a line of the usual length is wrong, and not the line.
  if (tooLong && (line.length !== FULL_LENGTH || said === 0)) return null;
  const size = tooLong ? FULL_BYTES : said;
  const groups = Math.ceil(size / 3);
  const bytes = Buffer.alloc(groups * 3);
  for (let i = 0; i < groups; i++) {
    let bits = 0;
    for (let j = 1; j <= 4; j++) {
      const c = line.charCodeAt(i * 4 + j);
      bits = (bits << 6) | (Number.isNaN(c) ? 0 : (c - 32) & 63);
    }
    bytes.writeUIntBE(bits, i * 3, 3);
  }
  return bytes.subarray(0, size);
}

function base64(text: string, start: number): { bytes: Buffer; end: number } {
  const body = /[A-Za-z0-9+/=\s]*/y;
  body.lastIndex = start;
  const found = body.exec(text)?.[0] ?? '';
  return { bytes: Buffer.from(found, 'base64'), end: start + found.length };
}
