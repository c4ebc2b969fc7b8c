import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  contradictedQuery,
  domainQuery,
  forgedQuery,
  policyQuery,
  recordsQuery,
  reportsQuery,
  subdomainQuery,
} from '../../services/store/findings/kind-queries.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(path.join(ROOT, name), 'utf8');
const sources = (folder: string) =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(folder, name));

describe('what SECURITY.md and docs/trust.md say of the code', () => {
  test.each(['SECURITY.md', 'docs/trust.md', 'docs/attacks.md'])('%s names tests, files and documents that exist', (document) => {
    const named = [...read(document).matchAll(/`((?:test|services|data)\/[\w./-]+)`|\((docs\/[\w.-]+)\)/g)].map(
      (m) => m[1] ?? m[2]!,
    );
    expect(named.length).toBeGreaterThan(1);
    for (const name of named) expect(existsSync(path.join(ROOT, name)), name).toBe(true);
  });

  test('settings that they name are settings', () => {
    const known = sources('services/shared/settings').map(read).join('\n');
    const named = [
      ...`${read('SECURITY.md')}${read('docs/trust.md')}`.matchAll(
        /`(?:alerts|trust|parser|retention|failure_reports|enrich)\.([a-z_]+)(?:: \w+)?`/g,
      ),
    ].map((m) => m[1]!);
    expect(named.length).toBeGreaterThan(4);
    for (const name of named) expect(known, name).toMatch(new RegExp(`\\b${name}:|\\b${name},`));
  });

  test('statements outside services/store/ have no values in them', () => {
    const elsewhere = sources('services').filter((file) => !file.startsWith('services/store/'));
    expect(elsewhere.length).toBeGreaterThan(100);
    for (const file of elsewhere) {
      for (const [call, , argument] of read(file).matchAll(/\.query(<[^(]*>)?\(\s*([^\n]{0,200})/g)) {
        expect(argument, `${file}: ${call}`).toMatch(/^(['"])[^$]*?\1/);
      }
    }
  });

  test('the queries that alerts show hold values as quoted literals', () => {
    const evil = "x'; drop table dmarc.findings; --\\'";
    const queries = [
      contradictedQuery(evil, evil, evil, evil),
      domainQuery(evil),
      forgedQuery(evil, evil, evil, evil),
      policyQuery(evil, evil, evil),
      recordsQuery({ domain: evil, sources: [evil], from: evil, to: evil, rows: 'all' }),
      reportsQuery(evil, evil, evil),
      subdomainQuery(evil, evil, evil),
    ];
    for (const query of queries) {
      expect(query).toContain('drop table');
      expect(query.replace(/'(?:[^']|'')*'/g, '?')).not.toMatch(/drop table|'/);
    }
  });

  test('nothing that reads mails and archives can write to a disk', () => {
    const readers = [
      ...sources('services/report'),
      'services/parser/reading/read.ts',
      'services/parser/reading/protocol.ts',
      'services/parser/reading/thread.ts',
    ];
    for (const file of readers) {
      const imports = [...read(file).matchAll(/from '(node:)?(fs|fs\/promises|child_process|net|http|https|dgram)'/g)].map(
        (m) => m[2],
      );
      if (imports.length === 0) continue;
      // The catalogues are read once from data/.
      expect(read(file), file).toMatch(/import \{ readFileSync \} from 'node:fs'/);
      expect(imports, file).toEqual(['fs']);
    }
  });
});
