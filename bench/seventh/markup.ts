import type { Random } from '../../demo/random.ts';

/** Ways to write the same text and the same structure in XML 1.0. */

const NAMED: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

export const declared = (charset: string) => `<?xml version="1.0" encoding="${charset}"?>\n`;

export function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (c) => NAMED[c]!);
}

/** Any letter may be a reference, to base 10 or 16; else no more than must be is escaped. */
export function references(share: number, base: 10 | 16) {
  const number = (c: string, random: Random) => {
    const digits = c.codePointAt(0)!.toString(base);
    if (base === 10) return `&#${random.chance(0.2) ? '00' : ''}${digits};`;
    return `&#x${random.chance(0.5) ? digits : digits.toUpperCase()};`;
  };
  return (value: string, random: Random) =>
    value.replace(/./gsu, (c) => (c === '<' || c === '&' || c === '>' || random.chance(share) ? number(c, random) : c));
}

const section = (value: string) => `<![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;

/** Some texts whole in CDATA. */
export function cdata(share: number) {
  return (value: string, random: Random) => (random.chance(share) ? section(value) : escaped(value));
}

/** Comments, instructions and CDATA amid a text. */
export function split(value: string, random: Random): string {
  if (random.chance(0.6)) return escaped(value);
  const letters = [...value];
  const at = random.int(0, letters.length);
  const [before, behind] = [letters.slice(0, at).join(''), letters.slice(at).join('')];
  return random.pick([
    () => `${escaped(before)}<!-- 1 < 2 & <count>3</count> -->${escaped(behind)}`,
    () => `${escaped(before)}${section(behind)}`,
    () => `${section(before)}<?cut here?>${escaped(behind)}`,
    () => `${escaped(before)}<![CDATA[]]>${escaped(behind)}`,
  ])();
}

/** White space around a text. */
export function padded(value: string, random: Random): string {
  return random.pick([(text: string) => `\n   ${text}\n  `, (text: string) => ` ${text}`, (text: string) => text])(
    escaped(value),
  );
}

/** Attributes and white space in a start tag. */
export function tagged(name: string, random: Random): string {
  if (random.chance(0.7)) return '';
  return random.pick([
    ' ',
    '\n\t',
    ` xml:space = "preserve"`,
    " x='&lt;record>'",
    ` id="${name}>1"  class='"'`,
    ' xml:lang="en"\n',
  ]);
}

/** Between elements, what says nothing. */
export function quiet(random: Random): string {
  return random.pick([
    '<!-- <record><row><count>1</count></row></record> -->',
    '<!---->',
    '<!-- it\'s "quoted" & <open -->',
    '<?php echo "<record>"; ?>',
    '<?x?>',
  ]);
}

/** Between elements, one of another namespace. */
export function foreign(random: Random): string {
  return random.pick([
    `<v:score xmlns:v="urn:v">${random.int(0, 99)}</v:score>`,
    '<v:note xmlns:v="urn:v"><v:line/><v:line a="/>">text</v:line></v:note>',
    '<geo xmlns="https://geo.example/ns" lat="1" lon="2"/>',
  ]);
}
