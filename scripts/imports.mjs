// Checks the import rule (import-rule.mjs): which folder may import which, no cycles (imports of types
// count), SQL only in services/store/. A folder that the rule does not name fails. Part of `npm run lint`.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { BESIDE, DEMO_COMMAND, IMPURE, LIBRARIES, SERVICES, TRANSACTIONS } from './import-rule.mjs';
import { statementsIn } from './sql-statements.mjs';

const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
  maxBuffer: 2 ** 28,
})
  .split('\0')
  .filter((file) => /\.(?:ts|mts)$/.test(file) && !file.endsWith('.d.ts') && existsSync(file));
const known = new Set(files);
const problems = [];
const edges = new Map();

for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const [top, room] = file.split('/');
  const targets = [];
  for (const [, specifier] of text.matchAll(/(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)['"]([^'"\n]+)['"]/g)) {
    if (!specifier.startsWith('.')) {
      if (top === 'services' && IMPURE[room]?.includes(specifier))
        problems.push(`${file}: ${room}/ is pure and may not import ${specifier}`);
      continue;
    }
    const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
    if (!known.has(target)) continue;
    targets.push(target);
    refuse(file, target);
  }
  edges.set(file, targets);
  if (top === 'services' && room !== 'store' && file !== TRANSACTIONS) {
    for (const found of statementsIn(text)) problems.push(`${file}: SQL belongs in services/store/: ${found}`);
  }
}

function refuse(file, target) {
  const [top, room] = file.split('/');
  const [targetTop, targetRoom] = target.split('/');
  if (top === 'services') {
    if (!file.slice(9).includes('/')) return;
    if (!(room in SERVICES)) return void problems.push(`services/${room}/ is not named in the import rule (${file})`);
    const where = targetTop === 'services' ? targetRoom : targetTop;
    if (where === room || (where === 'demo' && file === DEMO_COMMAND)) return;
    if (room === 'cli' && !LIBRARIES.includes(where) && !target.endsWith(`/${where}/index.ts`))
      return void problems.push(`${file}: the command line uses services/${where}/ through its index.ts alone (${target})`);
    if (!SERVICES[room].includes(where))
      problems.push(
        `${file}: services/${room}/ may not import ${targetTop === 'services' ? `services/${where}/` : `${where}/`} (${target})`,
      );
  } else if (top in BESIDE) {
    if (top !== targetTop && BESIDE[top] !== null && !BESIDE[top].includes(targetTop))
      problems.push(`${file}: ${top}/ may not import ${target}`);
  } else if (file.includes('/')) problems.push(`${top}/ is not named in the import rule (${file})`);
}

// Tarjan's algorithm: a strongly connected set of more than one file is a cycle.
let counter = 0;
const index = new Map();
const low = new Map();
const stack = [];
const onStack = new Set();
function connect(file) {
  index.set(file, counter);
  low.set(file, counter++);
  stack.push(file);
  onStack.add(file);
  for (const target of edges.get(file) ?? []) {
    if (!index.has(target)) {
      connect(target);
      low.set(file, Math.min(low.get(file), low.get(target)));
    } else if (onStack.has(target)) low.set(file, Math.min(low.get(file), index.get(target)));
  }
  if (low.get(file) !== index.get(file)) return;
  const members = [];
  for (let member = ''; member !== file; ) {
    member = stack.pop();
    onStack.delete(member);
    members.push(member);
  }
  if (members.length > 1) problems.push(`a cycle of imports (types count): ${members.sort().join(', ')}`);
}
for (const file of files) if (!index.has(file)) connect(file);

for (const problem of problems) console.error(problem);
console.log(
  `${files.length} files, ${[...edges.values()].reduce((n, each) => n + each.length, 0)} imports, ${problems.length} against the import rule`,
);
process.exitCode = problems.length > 0 || files.length === 0 ? 1 : 0;
