import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(path.join(ROOT, name), 'utf8');
const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string> | undefined>;
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version?: string }> };

/** Where copies of a package are installed. */
const copiesOf = (name: string) => Object.keys(lock.packages).filter((place) => place.endsWith(`node_modules/${name}`));

describe('package.json and package-lock.json', () => {
  // A second, older copy below another package is how GHSA-2x7j-588g-ccc2 came in.
  test.each(['nodemailer', 'libmime', 'tldts', 'fast-xml-parser'])('%s is installed once', (name) => {
    expect(copiesOf(name)).toEqual([`node_modules/${name}`]);
  });

  it('pins every direct dependency to one version', () => {
    for (const kind of ['dependencies', 'optionalDependencies', 'devDependencies']) {
      for (const [name, version] of Object.entries(manifest[kind]!)) {
        expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
        expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version);
      }
    }
  });

  it('has only dependencies that ARCHITECTURE.md gives a reason for', () => {
    const [, chapter] = read('ARCHITECTURE.md').split('\n## Dependencies\n');
    const named = chapter!
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| package'))
      .flatMap((line) => line.split('|')[1]!.replaceAll('(optional)', '').split(','))
      .map((name) => name.trim());
    expect(named.sort()).toEqual(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).sort());
    for (const name of Object.keys(manifest.devDependencies!).filter((each) => !each.startsWith('@types/')))
      expect(chapter).toContain(name);
  });
});
