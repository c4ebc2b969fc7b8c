/**
 * The lines of a text within a width, each after an indent. A word that is longer than a line has one of its
 * own.
 */
export function* wrapped(text: string, indent: string, width: number): Generator<string> {
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + word.length >= width) {
      yield indent + line;
      line = '';
    }
    line += (line === '' ? '' : ' ') + word;
  }
  yield indent + line;
}
