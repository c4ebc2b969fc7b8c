// Mutation testing: `npm run mutate -- --files 'services/poller/*.ts' [--most 150] [--seed 1] [--tests 8]`.
// Changes one thing at a time in a copy of the tree, runs the tests nearest to the file (by imports), and lists the changes that no
// test detected. Each survivor is either a missing test or code without effect. Exit code 1 when fewer than 90 % were detected.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from '@babel/parser';

const root = path.resolve(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    files: { type: 'string', multiple: true },
    most: { type: 'string', default: '150' },
    seed: { type: 'string', default: '1' },
    tests: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '180' },
  },
});
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((file) => file !== '' && existsSync(path.join(root, file)));
const patterns = (values.files ?? []).map(
  (glob) =>
    new RegExp(
      `^${glob
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replace(/\*\*\/?/g, '\0')
        .replace(/\*/g, '[^/]*')
        .replaceAll('\0', '.*')}$`,
    ),
);
const chosen = tracked.filter((file) => /^services\/.*\.ts$/.test(file) && patterns.some((pattern) => pattern.test(file)));
if (chosen.length === 0) {
  console.error("Name the files to break: npm run mutate -- --files 'services/poller/*.ts'");
  process.exit(2);
}

/** Which files import which, and so how far each test is from each file. */
const imports = new Map();
for (const file of tracked.filter((name) => /\.ts$/.test(name))) {
  const text = readFileSync(path.join(root, file), 'utf8');
  const targets = [...text.matchAll(/(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)['"](\.[^'"\n]+)['"]/g)].map(([, specifier]) =>
    path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)),
  );
  imports.set(file, targets);
}
function nearestTests(file) {
  const importers = new Map();
  for (const [from, targets] of imports)
    for (const target of targets) importers.set(target, [...(importers.get(target) ?? []), from]);
  const distance = new Map([[file, 0]]);
  for (const queue = [file]; queue.length > 0; ) {
    const at = queue.shift();
    for (const from of importers.get(at) ?? [])
      if (!distance.has(from)) {
        distance.set(from, distance.get(at) + 1);
        queue.push(from);
      }
  }
  // Whole runs of many processes say little about one line, and take minutes.
  return [...distance]
    .filter(([name]) => /\.test\.ts$/.test(name) && !/^test\/(?:e2e|chaos|bench|fuzz|deploy|simulate)\//.test(name))
    .sort(([a, n], [b, m]) => n - m || shared(b, file) - shared(a, file) || (a < b ? -1 : 1))
    .slice(0, Number(values.tests))
    .map(([name]) => name);
}
const shared = (test, file) => {
  const [a, b] = [test.split('/').slice(1), file.split('/').slice(1)];
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
};

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
/** The breaks of a file: the place, what stands there, what is put there. */
function mutantsOf(file) {
  const text = readFileSync(path.join(root, file), 'utf8');
  const mutants = [];
  const add = (node, replacement, what) =>
    mutants.push({ file, start: node.start, end: node.end, line: node.loc.start.line, replacement, what });
  const visit = (node, parent) => {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const each of node) visit(each, parent);
      return;
    }
    if (
      typeof node.type !== 'string' ||
      (node.type.startsWith('TS') && !['TSNonNullExpression', 'TSAsExpression', 'TSSatisfiesExpression'].includes(node.type))
    )
      return;
    const source = text.slice(node.start, node.end);
    if (
      (node.type === 'IfStatement' || node.type === 'ConditionalExpression' || node.type === 'WhileStatement') &&
      node.test.type !== 'BooleanLiteral'
    ) {
      add(node.test, 'false', `${node.type === 'ConditionalExpression' ? '?:' : 'condition'} never true`);
      if (node.type !== 'WhileStatement')
        add(node.test, 'true', `${node.type === 'ConditionalExpression' ? '?:' : 'condition'} always true`);
    }
    if (
      (node.type === 'BinaryExpression' || node.type === 'LogicalExpression') &&
      SWAPS[node.operator] &&
      !(node.operator === '+' && /['"`]/.test(source))
    ) {
      const from = text.indexOf(node.operator, node.left.end);
      mutants.push({
        file,
        start: from,
        end: from + node.operator.length,
        line: node.loc.start.line,
        replacement: SWAPS[node.operator],
        what: `${node.operator} as ${SWAPS[node.operator]}`,
      });
    }
    if (node.type === 'BooleanLiteral') add(node, String(!node.value), 'the other boolean');
    if (node.type === 'NumericLiteral' && parent?.type !== 'TSLiteralType') add(node, String(node.value + 1), 'one more');
    if (node.type === 'ExpressionStatement' && !/^(?:'use|"use)/.test(source)) add(node, ';', 'statement left out');
    if (node.type === 'ReturnStatement' && node.argument === null) add(node, ';', 'return left out');
    if (node.type === 'ContinueStatement' || node.type === 'BreakStatement') add(node, ';', `${source} left out`);
    if (node.type === 'ThrowStatement') add(node, ';', 'throw left out');
    if (node.type === 'UnaryExpression' && node.operator === '!')
      add(node, text.slice(node.argument.start, node.argument.end), '! left out');
    for (const [key, child] of Object.entries(node))
      if (
        ![
          'loc',
          'leadingComments',
          'trailingComments',
          'innerComments',
          'typeAnnotation',
          'typeParameters',
          'typeArguments',
          'returnType',
        ].includes(key)
      )
        visit(child, node);
  };
  visit(parse(text, { sourceType: 'module', plugins: ['typescript', 'explicitResourceManagement'] }).program, null);
  return mutants;
}

function shuffled(list, seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

const copy = mkdtempSync(path.join(tmpdir(), 'ruawatch-mutate-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
execFileSync('chmod', ['755', copy]);
for (const file of tracked) cpSync(path.join(root, file), path.join(copy, file));
symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
if (existsSync(path.join(root, 'dist'))) cpSync(path.join(root, 'dist'), path.join(copy, 'dist'), { recursive: true });

/** 'noticed', 'survived', or 'late' when the tests did not end: a break that hangs is noticed as well. */
function runTests(tests) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--bail=1', '--reporter=dot', ...tests], {
      cwd: copy,
      stdio: 'ignore',
      detached: true,
      env: { ...process.env, CI: '' },
    });
    const timer = setTimeout(() => {
      process.kill(-child.pid, 'SIGKILL');
    }, Number(values.seconds) * 1000);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve(signal === 'SIGKILL' ? 'late' : code === 0 ? 'survived' : 'noticed');
    });
  });
}

const results = [];
const all = shuffled(chosen.flatMap(mutantsOf), Number(values.seed)).slice(0, Number(values.most));
console.log(`${all.length} breaks in ${chosen.length} files`);
const sound = new Map();
for (const mutant of all) {
  const tests = nearestTests(mutant.file);
  if (tests.length > 0 && !sound.has(mutant.file)) sound.set(mutant.file, (await runTests(tests)) === 'survived');
  if (tests.length > 0 && !sound.get(mutant.file)) {
    console.log(`UNUSABLE ${mutant.file}: its nearest tests fail unbroken (${tests.join(' ')})`);
    results.push({ ...mutant, result: 'unusable' });
    continue;
  }
  const original = readFileSync(path.join(copy, mutant.file), 'utf8');
  writeFileSync(path.join(copy, mutant.file), original.slice(0, mutant.start) + mutant.replacement + original.slice(mutant.end));
  const result = tests.length === 0 ? 'survived' : await runTests(tests);
  writeFileSync(path.join(copy, mutant.file), original);
  results.push({ ...mutant, result });
  if (result === 'survived') {
    const line = original.split('\n')[mutant.line - 1].trim();
    console.log(
      `SURVIVED ${mutant.file}:${mutant.line} ${mutant.what}: ${line.slice(0, 110)}${tests.length === 0 ? ' (no test imports it)' : ''}`,
    );
  }
}
console.log('');
const byRoom = new Map();
for (const { file, result } of results) {
  const room = file.split('/')[1];
  const sum = byRoom.get(room) ?? { noticed: 0, all: 0 };
  sum.all += result === 'unusable' ? 0 : 1;
  sum.noticed += result === 'noticed' || result === 'late' ? 1 : 0;
  byRoom.set(room, sum);
}
let [noticed, total] = [0, 0];
for (const [room, sum] of [...byRoom].sort()) {
  console.log(`${room.padEnd(10)} ${String(sum.noticed).padStart(4)} of ${sum.all} noticed`);
  noticed += sum.noticed;
  total += sum.all;
}
console.log(`${noticed} of ${total} noticed (${total === 0 ? 0 : Math.round((100 * noticed) / total)} %)`);
process.exitCode = total > 0 && noticed >= 0.9 * total ? 0 : 1;
