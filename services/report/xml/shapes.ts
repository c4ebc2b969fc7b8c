/**
 * Shapes that are remembered, shapes with the same beginning that are tried, and steps and characters of
 * markup in one shape.
 */
const SHAPES = 128;
const TRIED = 8;
const STEPS = 256;
const MARKUP_LENGTH = 8_192;
/**
 * The text of a value in a shape: no reference, no bracket, no carriage return, nothing that saxes must
 * decide.
 */
const VALUE = '([^<&\\]\\x00-\\x08\\x0b-\\x1f\\ud800-\\udfff\\ufffe\\uffff]*)';

export const OPENED = 0;
export const CLOSED = 1;
export const BLANKS = 2;
export const FILLED = 3;

/** One token of an element. */
export interface Step {
  what: typeof OPENED | typeof CLOSED | typeof BLANKS | typeof FILLED;
  /**
   * As written; '' for a value, which differs from element to element, and for the end of an empty element.
   */
  raw: string;
  /** What the listener receives: a name, or white space. */
  reported: string;
}

/**
 * An element that recurs with other values: all of its markup and white space, and the places of its values.
 */
interface Shape {
  steps: Step[];
  /** Matches such an element; null until a second one has been seen. */
  pattern: RegExp | null;
}

/**
 * The shapes of recent documents, since reporters send the same ones every day; and those with a pattern by
 * their beginning, the latest first. What a shape matches consists of exactly the tokens it names, so no
 * result depends on which shapes are known.
 */
const known = new Map<string, Shape>();
const recent = new Map<string, Shape[]>();

/** An element that was recognised. */
export interface Recognised {
  steps: readonly Step[];
  /** The whole element, then its values. */
  values: readonly string[];
}

/** The element that begins at `start`, if its shape is known. */
export function recognise(text: string, start: number): Recognised | null {
  const shapes = recent.get(text.slice(start, text.indexOf('<', start + 1)));
  if (shapes === undefined) return null;
  for (let k = 0; k < shapes.length; k++) {
    const shape = shapes[k] as Shape;
    const pattern = shape.pattern as RegExp;
    pattern.lastIndex = start;
    const values = pattern.exec(text);
    if (values === null) continue;
    toFront(shapes, shape, k);
    return { steps: shape.steps, values };
  }
  return null;
}

/** Remembers the shape of an element that was not recognised; from the second such element on it will be. */
export function remember(steps: readonly Step[]): void {
  const [first, second] = steps;
  // Shapes are found by their beginning, up to the second tag, so a value cannot be part of it.
  if (first === undefined || second === undefined || second.what === FILLED || steps.length > STEPS) return;
  let source = '';
  for (const { what, raw } of steps) source += what === FILLED ? VALUE : raw.replace(/\./g, '\\.');
  if (source.length > MARKUP_LENGTH) return;
  const shape = known.get(source);
  if (shape === undefined) {
    if (known.size >= SHAPES) {
      known.clear();
      recent.clear();
    }
    known.set(copied(source), {
      steps: steps.map(({ what, raw, reported }) => ({ what, raw: copied(raw), reported: copied(reported) })),
      pattern: null,
    });
    return;
  }
  shape.pattern ??= new RegExp(source, 'y');
  const beginning = first.raw + (second.what === BLANKS ? second.raw : '');
  const shapes = recent.get(beginning);
  if (shapes === undefined) {
    recent.set(copied(beginning), [shape]);
  } else {
    const at = shapes.indexOf(shape);
    toFront(shapes, shape, at < 0 ? shapes.length : at);
    if (shapes.length > TRIED) shapes.pop();
  }
}

function toFront(shapes: Shape[], shape: Shape, from: number): void {
  for (let k = from; k > 0; k--) shapes[k] = shapes[k - 1] as Shape;
  shapes[0] = shape;
}

/**
 * A copy of a string: a string cut out of a large one keeps all of the large one in memory, the copy does
 * not.
 */
export function copied(text: string): string {
  return Buffer.from(text).toString();
}
