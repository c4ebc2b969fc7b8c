import { z } from 'zod';

/** As much of JSON Schema as zod writes of ours. */
interface Node {
  type?: string;
  properties?: Record<string, Node>;
  required?: string[];
  additionalProperties?: Node | boolean;
  items?: Node;
  anyOf?: Node[];
  oneOf?: Node[];
  allOf?: Node[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  const?: unknown;
  enum?: unknown[];
}

type End = number | string | undefined;
const isShown = (one: End) => one !== undefined && Math.abs(Number(one)) !== Number.MAX_SAFE_INTEGER;
const range = (least: End, most: End): string =>
  isShown(least) || isShown(most) ? ` ${[least, most].map((one) => (isShown(one) ? one : '')).join('..')}` : '';

function textOf(node: Node): string {
  const least = node.exclusiveMinimum === undefined ? node.minimum : `>${node.exclusiveMinimum}`;
  const most = node.exclusiveMaximum === undefined ? node.maximum : `<${node.exclusiveMaximum}`;
  const ends = [range(least, most), range(node.minLength, node.maxLength), range(node.minItems, node.maxItems)].join('');
  const words = node.enum ?? ('const' in node ? [node.const] : null);
  const kind = words === null ? (node.type ?? '') : words.map((each) => JSON.stringify(each)).join('|');
  return `${kind}${ends}${'default' in node ? ` = ${JSON.stringify(node.default)}` : ''}`.trim();
}

function linesOf(node: Node, path: string): string[] {
  const alternatives = node.anyOf ?? node.oneOf ?? node.allOf;
  const here = alternatives !== undefined && !('default' in node) ? [] : [`${path}: ${textOf(node)}`];
  const inner = Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    linesOf(child, path === '' ? name : `${path}.${name}`),
  );
  return [
    ...here,
    ...(alternatives ?? []).flatMap((child) => linesOf(child, path)),
    ...inner,
    ...(node.items === undefined ? [] : linesOf(node.items, `${path}[]`)),
    ...(typeof node.additionalProperties === 'object' ? linesOf(node.additionalProperties, `${path}.*`) : []),
  ];
}

/** A value that may be anything of its kind, and has no default. */
const PLAIN = /: (?:string|number|integer|boolean|object|array|null|true)?$/;

/**
 * What a schema accepts, a line for each value that has ends, a length, a choice of words or a default, in
 * this order: `>0..72` is more than 0 and at most 72.
 */
export function limitsOf(schema: z.ZodType): string {
  const node = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Node;
  const lines = linesOf(node, '').filter((line) => !PLAIN.test(line));
  return `${lines.join('\n')}\n`;
}
