import { parse } from '@babel/parser';

/** How a statement begins. A sentence that begins with the same word has a capital letter. */
const STATEMENT = new RegExp(
  `^\\s*\\(?\\s*(?:${[
    'select\\s[\\s\\S]*\\sfrom\\s',
    'select\\s+(?:\\w+\\(|exists\\b|\\d+\\b)',
    'with\\s+(?:recursive\\s+)?\\w+\\s+as\\s',
    'insert\\s+into\\s',
    'update\\s+[\\w."]+\\s+(?:(?:as\\s+)?\\w+\\s+)?set\\s',
    'delete\\s+from\\s',
    'merge\\s+into\\s',
    'truncate\\s+(?:table\\s+)?[\\w.]+\\s*$',
    'copy\\s+[\\w.]+\\s*(?:\\(|from\\s|to\\s)',
    'lock\\s+table\\s',
    '(?:create|alter|drop)\\s+(?:or\\s+replace\\s+|unlogged\\s+|temp(?:orary)?\\s+|unique\\s+|materialized\\s+)*(?:table|schema|role|user|database|index|view|function|sequence|type|trigger|extension)\\s+(?:if\\s|[\\w."$]+\\s*(?:[(;]|$|\\w+\\s))',
    '(?:grant|revoke)\\s[\\s\\S]*\\s(?:on|to|from)\\s+\\w',
    'set\\s+(?:local\\s+|session\\s+)?\\w+\\s*(?:=|to\\s)',
    'do\\s+\\$',
  ].join('|')})`,
  'i',
);
/**
 * The views are the public interface: mails and the terminal quote statements on them for people to paste.
 */
const FOR_PEOPLE = /\b(?:from|join)\s+dmarc\./i;

/** Calls of a method `query`, and texts that are statements, wherever they are handed to later. */
export function statementsIn(text) {
  const found = [];
  const show = (node) => text.slice(node.start, node.end).replace(/\s+/g, ' ').slice(0, 80);
  const visit = (node) => {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) return node.forEach(visit);
    if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression' && node.callee.property.name === 'query') {
      found.push(show(node));
      return;
    }
    const words =
      node.type === 'StringLiteral'
        ? node.value
        : node.type === 'TemplateLiteral'
          ? node.quasis.map((quasi) => quasi.value.cooked).join('x')
          : '';
    if (STATEMENT.test(words) && !/^\s*[A-Z][a-z]/.test(words) && !FOR_PEOPLE.test(words)) found.push(show(node));
    for (const [key, child] of Object.entries(node)) if (key !== 'loc' && !key.endsWith('Comments')) visit(child);
  };
  visit(parse(text, { sourceType: 'module', plugins: ['typescript'] }).program);
  return found;
}
