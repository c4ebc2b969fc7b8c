import { SaxesParser, type SaxesTagNS } from 'saxes';

/** What is wrong with a logo (SVG Tiny Portable/Secure, draft-svg-tiny-ps-abrotman). */
export interface LogoCheck {
  /** Sentences; a logo with any of them is refused by mailbox providers. */
  problems: readonly string[];
  /** Whether the view box is a square; null when it has none or one that cannot be read. */
  square: boolean | null;
}

const SVG = 'http://www.w3.org/2000/svg';
const XLINK = 'http://www.w3.org/1999/xlink';
/**
 * Elements of SVG Tiny 1.2 without those that the profile leaves out: scripts, animation, interaction, raster
 * images and other documents. SVG Tiny has no clip paths, masks, filters, patterns, symbols or style sheets,
 * which drawing programs like to write.
 */
const ELEMENTS = new Set(
  `circle defs desc ellipse font font-face font-face-src g glyph hkern line linearGradient metadata missing-glyph path polygon
  polyline radialGradient rect solidColor stop svg text textArea title tspan use`.split(/\s+/),
);
const MOST_PROBLEMS = 10;

/**
 * Checks an SVG document against the profile that BIMI wants. Any input is safe: nothing is loaded and
 * entities are not expanded.
 */
export function checkLogo(text: string): LogoCheck {
  const problems = new Set<string>();
  let square: boolean | null = null;
  let depth = 0;
  /** Whether the parser is inside the title below the root, and whether one was seen that says something. */
  let inTitle = false;
  let titled = false;
  const add = (problem: string) => {
    if (problems.size < MOST_PROBLEMS) problems.add(problem);
  };
  const root = (tag: SaxesTagNS) => {
    const value = (name: string) => tag.attributes[name]?.value;
    if (tag.local !== 'svg' || tag.uri !== SVG)
      return void add(`The document is not SVG: its root is not svg of the namespace ${SVG}.`);
    if (value('version') !== '1.2') add('version="1.2" is missing on the root.');
    if (value('baseProfile') !== 'tiny-ps') add('baseProfile="tiny-ps" is missing on the root.');
    for (const name of ['x', 'y'])
      if (value(name) !== undefined) add(`The root has the attribute ${name}, which the profile forbids.`);
    const box = /^\s*[-+.\de]+[\s,]+[-+.\de]+[\s,]+([-+.\de]+)[\s,]+([-+.\de]+)\s*$/i.exec(value('viewBox') ?? '');
    square = box === null ? null : Number(box[1]) === Number(box[2]) && Number(box[1]) > 0;
  };
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('doctype', () => add('The document has a DOCTYPE, which the profile forbids.'));
  parser.on('opentag', (tag) => {
    if (depth === 0) root(tag);
    if (depth === 1) inTitle = tag.local === 'title' && tag.uri === SVG;
    if (tag.uri === SVG && !ELEMENTS.has(tag.local) && depth > 0)
      add(`The element ${tag.local.slice(0, 40)} is not part of the profile.`);
    for (const { local, prefix, uri, value } of Object.values(tag.attributes)) {
      if (/^on/i.test(local)) add(`The attribute ${local.slice(0, 40)} would run a script.`);
      const reference = local === 'href' && (uri === XLINK || prefix === '');
      const outside = reference ? !value.trim().startsWith('#') : /url\(\s*['"]?(?!#)[^)]/i.test(value);
      if (outside) add('The document refers to something outside itself.');
    }
    depth++;
  });
  const read = (said: string) => {
    if (depth === 2 && inTitle && said.trim() !== '') titled = true;
  };
  parser.on('text', read);
  parser.on('cdata', read);
  parser.on('closetag', () => {
    depth--;
  });
  try {
    parser.write(text).close();
  } catch (error) {
    add(`The document is not well-formed XML (${(error as Error).message.replace(/\s+/g, ' ').slice(0, 120)}).`);
    return { problems: [...problems], square };
  }
  if (!titled) add('The title element, directly below the root, is missing or empty.');
  return { problems: [...problems], square };
}
