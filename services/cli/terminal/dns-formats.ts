import type { Severity } from '../../dns/check/codes.ts';
import type { Finding } from '../../dns/check/finding.ts';
import { escaped } from '../../shared/escape.ts';

/** What was found of one subject: a domain, or an environment's domain. */
export interface Suite {
  domain: string;
  findings: readonly Finding<string>[];
}

/**
 * JUnit XML, as CI servers read it: a suite for each domain, a case for each finding. Errors are failures,
 * what is unknown is an error of the run; warnings fail with `strict` alone, and hints never.
 */
export function junit(checks: readonly Suite[], { strict, tool }: { strict: boolean; tool: string }): string {
  const fails = ({ severity }: Finding<string>) => severity === 'error' || (strict && severity === 'warning');
  const suites = checks.map(({ domain, findings }) => {
    const cases = findings.map((one) => {
      const name = `<testcase classname="${xml(domain)}" name="${one.code}"`;
      const what = `message="${xml(one.message)}" type="${one.code}"`;
      const where = xml(`${one.section}${one.record === null ? '' : `\n${one.record.name}: ${one.record.text}`}`);
      if (one.severity === 'unknown') return `    ${name}><error ${what}>${where}</error></testcase>`;
      if (fails(one)) return `    ${name}><failure ${what}>${where}</failure></testcase>`;
      return `    ${name}><system-out>${xml(one.message)}</system-out></testcase>`;
    });
    if (cases.length === 0) cases.push(`    <testcase classname="${xml(domain)}" name="nothing to say"/>`);
    const errors = findings.filter(({ severity }) => severity === 'unknown').length;
    const counts = `tests="${cases.length}" failures="${findings.filter(fails).length}" errors="${errors}"`;
    return `  <testsuite name="${xml(domain)}" ${counts}>\n${cases.join('\n')}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${xml(tool)}">\n${suites.join('\n')}\n</testsuites>`;
}

/** Text in XML: what is hostile, and what XML cannot hold, as `\u001b`. */
function xml(text: string): string {
  const lines = text.split('\n').map(escaped).join('\n');
  return lines.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}

const LEVELS: Record<Severity, string> = { error: 'error', warning: 'warning', hint: 'note', unknown: 'none' };

/** SARIF 2.1.0 (OASIS), as code scanners read it: each record is a logical location. */
export function sarif(checks: readonly Suite[], { version, tool }: { version: string; tool: string }): unknown {
  const found = checks.flatMap(({ findings }) => findings);
  const codes = [...new Set(found.map(({ code }) => code))].sort();
  const ruleOf = (id: string) => found.find(({ code }) => code === id)!;
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: tool,
            semanticVersion: version,
            rules: codes.map((id) => ({
              id,
              shortDescription: { text: ruleOf(id).section },
              defaultConfiguration: { level: LEVELS[ruleOf(id).severity] },
            })),
          },
        },
        results: found.map((one) => ({
          ruleId: one.code,
          ruleIndex: codes.indexOf(one.code),
          level: LEVELS[one.severity],
          kind: one.severity === 'unknown' ? 'open' : 'fail',
          message: { text: one.message },
          locations: [{ logicalLocations: [{ fullyQualifiedName: one.record?.name ?? one.domain, kind: 'resource' }] }],
          properties: { domain: one.domain, section: one.section, record: one.record?.text ?? null, publish: one.publish },
        })),
      },
    ],
  };
}
