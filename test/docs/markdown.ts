import { readFileSync } from 'node:fs';

/**
 * A part of a document: its heading with the number of hashes, and what stands below it up to the next
 * heading of any level.
 */
export interface Section {
  level: number;
  title: string;
  text: string;
}

export function readDocument(name: string): string {
  return readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
}

/** The document cut at its headings. */
export function sections(document: string): Section[] {
  return document
    .split(/^(?=#{1,6} )/m)
    .filter((part) => part.startsWith('#'))
    .map((part) => {
      const [, hashes, title] = /^(#+) (.*)$/m.exec(part) as RegExpExecArray;
      return { level: hashes!.length, title: title!.trim(), text: part.slice(part.indexOf('\n') + 1) };
    });
}

/** The cells of the first table whose header begins with this word; the header row itself is left out. */
export function tableOf(text: string, header: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line, i) => line.startsWith(`| ${header} |`) && lines[i + 1]?.startsWith('|---'));
  if (start < 0) return [];
  const rows: string[][] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  }
  return rows;
}

/** The fenced blocks of SQL. */
export function sqlBlocks(text: string): string[] {
  return [...text.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, sql]) => sql!);
}

/** The names in backquotes of a line "Columns: `a`, `b`"; null when there is no such line. */
export function promisedColumns(text: string): string[] | null {
  const line = /^Columns: ((?:.|\n(?!\n))*)/m.exec(text)?.[1];
  return line === undefined ? null : [...line.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}
