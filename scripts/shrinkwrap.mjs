// `npm pack` puts npm-shrinkwrap.json into the tarball: the tree that package-lock.json names, without what only developers need. So
// whoever installs the tarball gets the versions that were tested, transitive ones too (`overrides` would count in our checkout alone).
// It is made when packing and taken away again, as in a checkout npm would read it instead of package-lock.json.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const file = path.join(root, 'npm-shrinkwrap.json');
if (process.argv[2] === 'remove') rmSync(file, { force: true });
else {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  for (const [name, entry] of Object.entries(lock.packages)) {
    if (entry.dev || entry.devOptional) delete lock.packages[name];
  }
  delete lock.packages[''].devDependencies;
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
