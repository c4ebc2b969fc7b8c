/** The pieces of RFC 5322 and MIME that report mails are made of. Everything is ASCII with CRLF line ends. */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const two = (n: number): string => String(n).padStart(2, '0');

/** RFC 5322 section 3.3, in a zone given as minutes east of UTC. */
export function mailDate(date: Date, zone = 0): string {
  const t = new Date(date.getTime() + zone * 60_000);
  const offset = `${zone < 0 ? '-' : '+'}${two(Math.floor(Math.abs(zone) / 60))}${two(Math.abs(zone) % 60)}`;
  const clock = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}:${two(t.getUTCSeconds())}`;
  return `${DAYS[t.getUTCDay()]}, ${t.getUTCDate()} ${MONTHS[t.getUTCMonth()]} ${t.getUTCFullYear()} ${clock} ${offset}`;
}

/** Base64 in lines of `width` characters. */
export function base64Lines(data: Buffer | string, width = 76): string {
  const text = Buffer.from(data as string).toString('base64');
  const lines: string[] = [];
  for (let i = 0; i < text.length; i += width) lines.push(text.slice(i, i + width));
  return lines.join('\r\n');
}

/** RFC 2047 encoded words of at most 75 characters, folded. */
export function encodedWords(text: string): string {
  const words: string[] = [];
  for (let i = 0; i < text.length; i += 45) words.push(`=?utf-8?B?${Buffer.from(text.slice(i, i + 45)).toString('base64')}?=`);
  return words.join('\r\n ');
}

export type Header = [name: string, value: string];

/** Headers, a blank line, and the body. A header value may be folded already; nothing is folded here. */
export function entity(headers: Header[], body: string): string {
  return `${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

/** The parts between boundaries, with an optional preamble. */
export function multipart(boundary: string, parts: string[], preamble = ''): string {
  return `${preamble}${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`;
}
