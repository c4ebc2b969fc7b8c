import { labelsOf, lowerName, nameOf } from '../../../dns/client/name.ts';
import type { Member } from '../../../requests/plan.ts';
import { aliasOf, stringsIn, targetIn, txtMember } from '../../../requests/plans/members.ts';

const OCTAL = /^[0-7]{3}/;

/**
 * The strings of a TXT value as Route 53 writes it: quoted strings with blanks between them, `\"` and `\\`
 * inside, and octets that are no printable ASCII as `\` and three octal digits. Null for what is no such
 * value: without quotes or an end, with a string of more than 255 octets, or with none.
 */
function stringsOfValue(value: string): string[] | null {
  const strings: string[] = [];
  let at = 0;
  while (at < value.length) {
    if (value[at] === ' ' || value[at] === '\t') {
      at++;
      continue;
    }
    if (value[at] !== '"') return null;
    let text = '';
    for (at++; value[at] !== '"'; ) {
      const c = value[at];
      if (c === undefined) return null;
      const octal = c === '\\' ? OCTAL.exec(value.slice(at + 1))?.[0] : undefined;
      if (octal !== undefined) {
        text += String.fromCharCode(Number.parseInt(octal, 8) & 255);
        at += 4;
      } else if (c === '\\') {
        text += value[at + 1] ?? '';
        at += 2;
      } else {
        // A character that is not escaped is sent in UTF-8.
        text += Buffer.from(String.fromCodePoint(value.codePointAt(at)!)).toString('latin1');
        at += value.codePointAt(at)! > 0xffff ? 2 : 1;
      }
    }
    at++;
    if (text.length > 255) return null;
    strings.push(text);
  }
  return strings.length === 0 ? null : strings;
}

const octal = (c: string) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`;

/** A TXT member as Route 53 takes it, its strings as they are. */
const valueOfTxt = (member: Member): string =>
  stringsIn(member)
    .map((text) => `"${text.replace(/["\\]/g, '\\$&').replace(/[^ -~]/g, octal)}"`)
    .join(' ');

/**
 * A name as Route 53 gives it (`\052.example.com.`) in presentation format, in lower case; null for one that
 * no zone can hold.
 */
export function nameOfRoute53(text: string): string | null {
  const decimal = text.replace(/\\([0-7]{3})/g, (_, digits) => `\\${String(Number.parseInt(digits, 8)).padStart(3, '0')}`);
  const labels = labelsOf(decimal);
  return labels === null ? null : lowerName(nameOf(labels));
}

/** A name of ours as Route 53 takes it, with the final dot. */
export function route53Name(name: string): string {
  const labels = labelsOf(name) ?? [];
  const written = labels.map((label) => label.replace(/[^!#-)+,\-/0-9:;<=>?@A-Z[\]^_`a-z{|}~]/g, octal));
  return `${written.join('.')}.`;
}

/** A value of a record set as a member; null when it cannot be read. */
export function memberOfValue(type: 'TXT' | 'CNAME', value: string): Member | null {
  if (type === 'CNAME') {
    const target = nameOfRoute53(value);
    return target === null ? null : aliasOf(target);
  }
  const strings = stringsOfValue(value);
  return strings === null ? null : txtMember(strings);
}

/** A member as a value of a record set. */
export const valueOfMember = (type: 'TXT' | 'CNAME', member: Member): string =>
  type === 'TXT' ? valueOfTxt(member) : route53Name(targetIn(member));
