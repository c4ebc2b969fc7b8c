/** Marks, embeddings, overrides and isolates of direction (Unicode Bidirectional Algorithm, UAX #9). */
const CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** Letters of the scripts that are written from the right. */
const FROM_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const LETTER = /[\p{L}\p{N}]/u;
/** What opens a level: whether it is from the right, and whether it turns letters around. */
const OPENS = new Map([
  ['\u202a', [false, false]],
  ['\u202b', [true, false]],
  ['\u202d', [false, true]],
  ['\u202e', [true, true]],
  ['\u2066', [false, false]],
  ['\u2067', [true, false]],
  ['\u2068', [false, false]],
]);
/** UAX #9 stops at this depth. */
const DEEPEST = 125;

interface Placed {
  c: string;
  level: number;
  /** 'L', 'R', or none of its own. */
  way: 'L' | 'R' | null;
  base: number;
}

/**
 * A text with marks of direction in the order in which it is shown, for a line that begins at the left and
 * one that begins at the right; nothing for a text without such marks. Isolates count as embeddings, and
 * digits as letters, which changes how some numbers are placed and no more.
 */
export function asDirected(text: string): string[] {
  return CONTROLS.test(text) ? [0, 1].map((base) => inOrder(placed(text, base))) : [];
}

function placed(text: string, base: number): Placed[] {
  const found: Placed[] = [];
  const open: { level: number; turns: boolean }[] = [{ level: base, turns: false }];
  for (const c of text) {
    const { level, turns } = open.at(-1)!;
    const opens = OPENS.get(c);
    if (opens !== undefined) {
      const [fromRight, turn] = opens as [boolean, boolean];
      const next = level + ((level % 2 === 1) === fromRight ? 2 : 1);
      open.push(next > DEEPEST ? { level, turns } : { level: next, turns: turn });
    } else if (c === '\u202c' || c === '\u2069') {
      if (open.length > 1) open.pop();
    } else {
      const right = c === '\u200f' || c === '\u061c' || FROM_RIGHT.test(c);
      const own = right ? 'R' : c === '\u200e' || LETTER.test(c) ? 'L' : null;
      const way = turns ? (level % 2 === 1 ? 'R' : 'L') : own;
      found.push({ c: /[\u200e\u200f\u061c]/u.test(c) ? '' : c, level, way, base: level });
    }
  }
  // What has no direction of its own has that of its neighbours where they agree (rules N1 and N2).
  for (let at = 0; at < found.length; at++) {
    let end = at;
    while (end < found.length && found[end]!.way === null) end++;
    const [before, after] = [found[at - 1]?.way, found[end]?.way];
    for (; at < end; at++) {
      const one = found[at]!;
      one.way = before !== undefined && before === after ? before : one.base % 2 === 1 ? 'R' : 'L';
    }
  }
  for (const one of found) if ((one.way === 'R') !== (one.level % 2 === 1)) one.level++;
  return found;
}

/** Turns every run of a level around, from the highest to the lowest odd one (rule L2). */
function inOrder(letters: Placed[]): string {
  let shown = letters;
  const highest = Math.max(...letters.map(({ level }) => level));
  for (let level = highest; level > 0; level--) {
    const next: Placed[] = [];
    for (let at = 0; at < shown.length; ) {
      let end = at;
      while (end < shown.length && shown[end]!.level >= level) end++;
      if (end === at) next.push(shown[at++]!);
      else {
        next.push(...shown.slice(at, end).reverse());
        at = end;
      }
    }
    shown = next;
  }
  return shown.map(({ c }) => c).join('');
}
