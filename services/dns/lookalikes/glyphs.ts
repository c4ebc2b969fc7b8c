/**
 * Letters that NFD does not take apart: strokes, hooks, small capitals, and letters of other shapes that look
 * the same.
 */
const SINGLE: Record<string, string> = {
  a: 'ɑəạȧǎ',
  b: 'dʙɓƅ',
  c: 'eƈᴄȼ',
  d: 'bɗđɖ',
  e: 'cəɇ',
  f: 'ƒꜰ',
  g: 'qɢɡǥʠ',
  h: 'ɦħⱨ',
  i: '1lɨıɩɪ',
  j: 'ʝɉ',
  k: 'ĸⱪᴋ',
  l: '1iłɫʟ',
  m: 'nrᴍɱ',
  n: 'mrŋɴꞑ',
  o: '0ᴏøƍ',
  p: 'ƿƥᴘ',
  q: 'gʠ',
  r: 'ʀɼɽɾɍ',
  s: 'ʂꜱƽ',
  t: 'ƫŧᴛ',
  u: 'vʉᴜ',
  v: 'uᶌᴠⱴⱱ',
  w: 'ŵⱳᴡ',
  x: '',
  y: 'ƴɏʏỿ',
  z: 'ʐƶⱬᴢʒ',
  0: 'o',
  1: 'il',
  2: 'ƻ',
  3: '8ʒ',
  5: 'ƽ',
  6: '9',
  8: '3',
  9: '6',
};

/** Letters that one or two others together look like, and the other way. */
const SEVERAL: Record<string, readonly string[]> = {
  b: ['lb', 'ib', '1b'],
  d: ['cl', 'dl', 'di', 'd1'],
  h: ['lh', 'ih', '1h'],
  k: ['lk', 'ik', 'lc', 'ic', '1c'],
  m: ['nn', 'rn', 'rr'],
  w: ['vv', 'uu', 'uv', 'vu'],
  cl: ['d'],
  ci: ['d', 'a'],
  rn: ['m'],
  nn: ['m'],
  nr: ['m'],
  vv: ['w'],
  uu: ['w'],
  lc: ['k'],
  lo: ['b'],
  ae: ['æ'],
  oe: ['œ'],
};

/** Latin letters with marks, by their base letter, in lower case: those that NFD decomposes. */
const MARKED = new Map<string, string[]>();
for (const [from, to] of [
  [0xc0, 0x24f],
  [0x1e00, 0x1eff],
] as const) {
  for (let code = from; code <= to; code++) {
    const letter = String.fromCodePoint(code);
    const base = letter.normalize('NFD')[0]!;
    if (letter.toLowerCase() === letter && base !== letter && /^[a-z]$/.test(base))
      MARKED.set(base, [...(MARKED.get(base) ?? []), letter]);
  }
}

/**
 * Cyrillic letters that have the shape of a Latin one (UTS 39): for names that are wholly Cyrillic, which
 * browsers show as they are.
 */
export const CYRILLIC: Readonly<Record<string, string>> = {
  a: 'а',
  b: 'ь',
  c: 'с',
  d: 'ԁ',
  e: 'е',
  g: 'ԍ',
  h: 'һ',
  i: 'і',
  j: 'ј',
  k: 'к',
  l: 'ӏ',
  m: 'м',
  o: 'о',
  p: 'р',
  q: 'ԛ',
  s: 'ѕ',
  t: 'т',
  v: 'ѵ',
  w: 'ԝ',
  x: 'х',
  y: 'у',
};

/** What one or two characters of a name can be taken for; in ASCII first, then letters of Unicode. */
export function glyphsOf(characters: string): readonly string[] {
  return [...(SEVERAL[characters] ?? []), ...(SINGLE[characters] ?? ''), ...(MARKED.get(characters) ?? [])];
}
