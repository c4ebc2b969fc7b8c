// `npm pack` adds npm-shrinkwrap.json to the tarball: the tree of package-lock.json without development
// dependencies. So everyone who installs the tarball gets the tested versions, including transitive ones
// (`overrides` apply in a checkout only). The file is created when packing and removed again, since in a
// checkout npm would read it instead of package-lock.json.
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
