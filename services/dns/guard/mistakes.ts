import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
} from 'yaml';
import type { z } from 'zod';

/** A file that cannot be used; each mistake is a sentence. */
export class GuardFileError extends Error {
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join(' '));
    this.mistakes = mistakes;
  }
}

/** Where something stands in a file: the keys and indexes that lead there. */
export type Path = readonly PropertyKey[];

/** YAML, and the lines in which its values stand. */
export class GuardText {
  readonly data: unknown;
  private readonly document: Document.Parsed;
  private readonly lines = new LineCounter();

  /** @throws GuardFileError for what is no YAML */
  constructor(text: string) {
    this.document = parseDocument(text, { merge: true, lineCounter: this.lines });
    if (this.document.errors.length > 0)
      throw new GuardFileError(this.document.errors.map(({ message }) => `It is no YAML: ${firstLine(message)}.`));
    keepSelectors(this.document);
    try {
      this.data = this.document.toJS();
    } catch (error) {
      // Aliases of aliases, more than the reader resolves.
      throw new GuardFileError([`It is no YAML: ${firstLine(error instanceof Error ? error.message : String(error))}.`]);
    }
  }

  /** A mistake as a sentence: where, what, and the line. */
  mistake(path: Path, said: string): string {
    const at = path.map(String).join('.');
    const line = this.lineOf(path);
    return `${at === '' ? 'The file' : `${at}:`} ${said}${line === null ? '' : ` (line ${line})`}.`;
  }

  /** Everything that the schema has to say against the file. */
  issues(error: z.ZodError): string[] {
    return error.issues.flatMap((issue) => this.issue(issue, []));
  }

  private issue(issue: z.core.$ZodIssue, above: Path): string[] {
    const path = [...above, ...issue.path];
    if (issue.code === 'invalid_union' && issue.message === 'Invalid input') {
      // Of several forms, the one that was meant: it fails inside, not as a whole.
      const meant = issue.errors.find((issues) => issues.every((one) => one.code !== 'invalid_type' || one.path.length > 0));
      if (meant !== undefined && meant.length > 0) return meant.flatMap((one) => this.issue(one, path));
    }
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => {
        const line = this.lineOf([...path, key]);
        const at = path.length === 0 ? 'The file' : path.map(String).join('.');
        return `${at}: unrecognized key: "${key}"${line === null ? '' : ` (line ${line})`}.`;
      });
    return [this.mistake(path, saidOf(issue, this.valueAt(path)))];
  }

  private valueAt(path: Path): unknown {
    return path.reduce<unknown>((value, step) => (value as Record<PropertyKey, unknown> | null)?.[step], this.data);
  }

  /** The line of the deepest part of a path that is in the file, from 1. */
  private lineOf(path: Path): number | null {
    let offset: number | null = null;
    let node: Node | null = this.document.contents;
    for (const step of path) {
      const next: Step | null = this.step(node, step);
      if (next === null) break;
      offset = next.offset ?? offset;
      node = next.node;
    }
    return offset === null ? null : this.lines.linePos(offset).line;
  }

  private step(from: Node | null, step: PropertyKey): Step | null {
    const node = isAlias(from) ? ((from as Alias).resolve(this.document) ?? null) : from;
    if (isSeq(node)) {
      const item = node.items[Number(step)] as Node | undefined;
      return item === undefined ? null : { offset: startOf(item), node: item };
    }
    if (!isMap(node)) return null;
    for (const pair of node.items)
      if (isPair(pair) && isScalar(pair.key) && String(pair.key.value) === String(step))
        return { offset: startOf(pair.key), node: pair.value as Node | null };
    return null;
  }
}

/** What the schema expects, and what YAML has, as a person calls it. */
const TYPES: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a block of keys',
  record: 'a block of keys',
};

/** What is wrong with a value, in words of the file instead of the schema. */
function saidOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_key') return saidOf(issue.issues[0]!, value);
  if (issue.code === 'invalid_value' && issue.message.startsWith('Invalid '))
    return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map((one) => `"${String(one)}"`).join(', ')}`;
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')) {
    const wanted = TYPES[issue.expected] ?? issue.expected;
    if (value === undefined) return `is missing: it must be ${wanted}`;
    if (value === null) return `is empty: it must be ${wanted}`;
    const is = Array.isArray(value) ? 'a list' : (TYPES[typeof value] ?? typeof value);
    const quoted = wanted === 'a text' && typeof value !== 'object' ? `: put "${String(value)}" into quotes` : '';
    return `must be ${wanted}, and is ${is}${quoted}`;
  }
  const said = firstLine(issue.message);
  return `${said.charAt(0).toLowerCase()}${said.slice(1)}`;
}

/** Selectors are often dates: 20240101, 1e5 and 007 are names and no numbers, quoted or not. */
function keepSelectors(document: Document): void {
  const asWritten = (node: unknown) => {
    if (isScalar(node) && typeof node.value !== 'string' && node.value !== null)
      node.value = (node as Scalar).source ?? String(node.value);
  };
  visit(document, {
    Pair(_, { key, value }) {
      const name = isScalar(key) ? key.value : null;
      if (name === 'selector') asWritten(value);
      if (name !== 'selectors') return;
      if (isSeq(value)) value.items.forEach(asWritten);
      if (isMap(value)) for (const item of value.items) asWritten(item.key);
    },
  });
}

interface Step {
  offset: number | null;
  node: Node | null;
}

function startOf(node: Node): number | null {
  return node.range?.[0] ?? null;
}

function firstLine(text: string): string {
  return text.split('\n')[0]!.replace(/[.:]+$/, '');
}
