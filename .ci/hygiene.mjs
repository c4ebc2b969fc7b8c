// What must not be in the repository: see the list below. Prints each finding with its place; exit code 1
// when there is one.
import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';

const MAX_BYTES = 300 * 1024;
const files = execFileSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(Boolean);
const found = [];

const code = (file) => /\.(ts|mjs|js|cjs|sh|sql)$/.test(file);
const rules = [
  {
    what: 'an absolute path of somebody’s machine',
    where: (file) => !file.startsWith('.ci/'),
    pattern: /(?<![\w.:/-])\/(?:work|root|home\/\w+|Users\/\w+)\//,
  },
  { what: 'the address of a registry', where: (file) => /(^|\/)(package-lock\.json|\.npmrc)$/.test(file), pattern: /"resolved"|registry\s*=/ },
  { what: 'a test that keeps the others from running', where: (file) => file.startsWith('test/'), pattern: /\.only\(/ },
  {
    what: 'a test that is skipped whatever the machine has (use skipIf with what it needs)',
    where: (file) => file.startsWith('test/'),
    pattern: /\b(?:describe|suite|it|test)\.(?:skip|todo)\(|\bx(?:it|describe)\(/,
  },
  { what: 'work left undone', where: (file) => file.startsWith('services/') && code(file), pattern: /\b(?:TODO|FIXME|XXX)\b/ },
  { what: 'a private key', where: () => true, pattern: /-----BEGIN (?:\w+ )?PRIVATE KEY-----\r?$/ },
];

/** Longest line of comments and documents; the code's own is the formatter's. */
const COLUMNS = 110;
const COMMENT = { ts: /^\s*(?:\/\/|\/?\*\*?) /, sql: /^\s*-- /, yaml: /^\s*# / };
const commentOf = (file) => {
  if (/\.(?:ts|mjs|js|css)$/.test(file)) return COMMENT.ts;
  if (file.endsWith('.sql') && !file.startsWith('migrations/')) return COMMENT.sql;
  return /\.(?:ya?ml|sh|toml)$|^\.ci\/(?:run|full)$|Dockerfile$/.test(file) ? COMMENT.yaml : null;
};

/**
 * The lines of comments and prose that are too long: not tables, code, addresses and headings of documents.
 */
function* longLines(file, lines) {
  const document = file.endsWith('.md');
  const comment = commentOf(file);
  if (!document && comment === null) return;
  let fence = false;
  for (const [i, line] of lines.entries()) {
    if (document && /^\s*```/.test(line)) fence = !fence;
    const counts = document ? !fence && !/^\s*(?:\||#|<|\[)/.test(line) : comment.test(line);
    const breakable = line.trimStart().replace(/`[^`]*`/g, '').lastIndexOf(' ') > 4;
    if (counts && breakable && [...line].length > COLUMNS && !/https?:|biome-ignore/.test(line)) yield i + 1;
  }
}

for (const file of files) {
  const info = lstatSync(file, { throwIfNoEntry: false });
  if (!info?.isFile()) continue;
  if (info.size > MAX_BYTES) found.push(`${file}: ${info.size} bytes, above ${MAX_BYTES}`);
  const bytes = readFileSync(file);
  if (bytes.includes(0)) continue;
  const lines = bytes.toString('utf8').split('\n');
  for (const i of longLines(file, lines)) found.push(`${file}:${i}: a line of more than ${COLUMNS} characters`);
  for (const [i, line] of lines.entries()) {
    for (const { what, where, pattern } of rules) if (where(file) && pattern.test(line)) found.push(`${file}:${i + 1}: ${what}: ${line.trim().slice(0, 120)}`);
  }
}
for (const line of found) console.log(line);
console.log(`${files.length} tracked files, ${found.length} findings`);
process.exitCode = found.length > 0 || files.length === 0 ? 1 : 0;
