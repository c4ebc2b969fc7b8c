// The mutants of a file: the place, what stands there, and what is put there.
import { parse } from '@babel/parser';

const SWAPS = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '&&': '||',
  '||': '&&',
  '??': '&&',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
};
const TYPES_AND_COMMENTS = new Set([
  'loc',
  'leadingComments',
  'trailingComments',
  'innerComments',
  'typeAnnotation',
  'typeParameters',
  'typeArguments',
  'returnType',
]);
const WITH_VALUE = new Set(['TSNonNullExpression', 'TSAsExpression', 'TSSatisfiesExpression']);
const CHOICES = { IfStatement: 'condition', ConditionalExpression: '?:', WhileStatement: 'condition' };

/**
 * Statements whose effect is nothing that a user relies on: lines of the log below warnings, timers that do
 * not keep the process alive, and the heartbeat of a loop, which only five minutes of silence would show.
 */
const WITHOUT_EFFECT = /^(?:[\w.]*\blog(?:ger)?\.(?:trace|debug|info)\(|[\w.]+\??\.unref\??\.?\(\)|turned\(\))/;

/** What is more than a value: it may matter where the value does not. */
const ACTS = /^(?:Await|Assignment|Update|Yield|Call|New|TaggedTemplate)Expression$/;

/** Whether evaluating it may do something; the callee and the call of the log do not count. */
function acts(node, call = null) {
  if (node === null || typeof node !== 'object') return false;
  if (Array.isArray(node)) return node.some((each) => acts(each, call));
  if (node !== call && (ACTS.test(node.type ?? '') || node.operator === 'delete')) return true;
  return Object.entries(node).some(([key, child]) => !TYPES_AND_COMMENTS.has(key) && acts(child, call));
}

/** A line of the log below warnings, or a condition that decides about nothing else. */
function onlyLogs(node, text) {
  if (node.type === 'ExpressionStatement')
    return WITHOUT_EFFECT.test(text.slice(node.start, node.end)) && !acts(node.expression, node.expression);
  if (node.type === 'BlockStatement') return node.body.length > 0 && node.body.every((each) => onlyLogs(each, text));
  return node.type === 'IfStatement' && node.alternate === null && !acts(node.test) && onlyLogs(node.consequent, text);
}

/** A moment is never hit exactly, so whether a comparison with the clock includes it makes no difference. */
const WITH_CLOCK = /\b(?:performance|Date)\.now\(\)/;
const BOUNDARY = /^[<>]=?$/;
/** A duration that is one millisecond or second longer: only a test that asserts time could detect it. */
const DURATION = /(?:_MS|Ms|_SECONDS|_ms)$|[Tt]imeout$|^delay$/;

/** Where a name or a text is cut in a sentence: one character later says the same. */
const isCut = (parent) => parent?.type === 'CallExpression' && /^(?:short|excerpt|clean)$/.test(parent.callee.name ?? '');
/** Columns of a terminal's table, each at most so wide: the same. */
const areWidths = (node) => node.type === 'ObjectProperty' && node.key.name === 'widths';
const isSign = (node) =>
  node.type === 'UnaryExpression'
    ? node.operator === '-' && isSign(node.argument)
    : node.type === 'NumericLiteral' && node.value <= 1;
/** `a < b ? -1 : 1`: only the sign counts, and the values that are sorted differ. */
const isOrder = (node) =>
  node.type === 'ConditionalExpression' &&
  /^[<>]$/.test(node.test.operator ?? '') &&
  isSign(node.consequent) &&
  (isSign(node.alternate) || isOrder(node.alternate));

/** What replaces a node: a list of [replacement, description]. */
function replacements(node, parent, source) {
  switch (node.type) {
    case 'BooleanLiteral':
      return [[String(!node.value), 'the other boolean']];
    case 'NumericLiteral':
      return parent?.type === 'TSLiteralType' ? [] : [[String(node.value + 1), 'one more']];
    case 'ExpressionStatement':
      return WITHOUT_EFFECT.test(source) ? [] : [[';', 'statement left out']];
    case 'ReturnStatement':
      return node.argument === null ? [[';', 'return left out']] : [];
    case 'ContinueStatement':
    case 'BreakStatement':
      return [[';', `${source} left out`]];
    case 'ThrowStatement':
      return [[';', 'throw left out']];
    default:
      return [];
  }
}

/**
 * @param {string} file its path
 * @param {string} text its TypeScript
 * @returns {{ file: string, start: number, end: number, line: number, code: string, replacement: string,
 *   what: string }[]} in the order of the text; `code` is the line without its indentation
 */
export function mutantsOf(file, text) {
  const lines = text.split('\n');
  const mutants = [];
  const add = (start, end, node, [replacement, what]) => {
    const { line } = node.loc.start;
    mutants.push({ file, start, end, line, code: lines[line - 1].trim(), replacement, what });
  };
  const visit = (node, parent, ofDuration = false) => {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const each of node) visit(each, parent, ofDuration);
      return;
    }
    if (typeof node.type !== 'string' || (node.type.startsWith('TS') && !WITH_VALUE.has(node.type))) return;
    if (onlyLogs(node, text)) return;
    const source = text.slice(node.start, node.end);
    const choice = CHOICES[node.type];
    if (choice && node.test.type !== 'BooleanLiteral') {
      add(node.test.start, node.test.end, node.test, ['false', `${choice} never true`]);
      if (node.type !== 'WhileStatement') add(node.test.start, node.test.end, node.test, ['true', `${choice} always true`]);
    }
    const swap = /^(?:Binary|Logical)Expression$/.test(node.type) ? SWAPS[node.operator] : undefined;
    const unseen = BOUNDARY.test(node.operator) && (WITH_CLOCK.test(source) || (isOrder(parent ?? node) && parent.test === node));
    if (swap && !unseen && !(node.operator === '+' && /['"`]/.test(source))) {
      const from = text.indexOf(node.operator, node.left.end);
      add(from, from + node.operator.length, node, [swap, `${node.operator} as ${swap}`]);
    }
    if (node.type === 'UnaryExpression' && node.operator === '!')
      add(node.start, node.end, node, [text.slice(node.argument.start, node.argument.end), '! left out']);
    const duration = ofDuration || DURATION.test(node.id?.name ?? node.key?.name ?? '');
    const kept = node.type === 'NumericLiteral' && (duration || isCut(parent));
    for (const replacement of kept ? [] : replacements(node, parent, source)) add(node.start, node.end, node, replacement);
    for (const [key, child] of Object.entries(node))
      if (!TYPES_AND_COMMENTS.has(key) && !(isOrder(node) && key !== 'test' && isSign(child ?? {})) && !areWidths(node))
        visit(child, node, duration && node.type !== 'ArrowFunctionExpression' && !node.body);
  };
  visit(parse(text, { sourceType: 'module', plugins: ['typescript', 'explicitResourceManagement'] }).program, null);
  return mutants;
}
