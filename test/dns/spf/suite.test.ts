import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Answer, Dns, RecordType } from '../../../services/dns/client/types.ts';
import { evaluateSpf } from '../../../services/dns/spf/evaluate.ts';

/** The RFC 7208 suite (openspf, kept by pyspf), which lies beside the checkout where it is at all. */
const FILE = fileURLToPath(new URL('../../../../shared/suites/spf/rfc7208-tests.yml', import.meta.url));
const present = existsSync(FILE);

type Entry = 'TIMEOUT' | Record<string, unknown>;
interface Scenario {
  description: string;
  tests: Record<string, { helo: string; host: string; mailfrom: string; result: string | string[]; explanation?: string }>;
  zonedata: Record<string, Entry[]>;
}

/** The suite's zone data: SPF stands for TXT where a name has no TXT, TIMEOUT for what comes behind it. */
function zoneOf(data: Scenario['zonedata']): Dns {
  const zone = new Map(Object.entries(data).map(([name, entries]) => [name.toLowerCase(), entries]));
  const ask = async (given: string, type: RecordType, aliases: string[] = []): Promise<Answer> => {
    // Names come in presentation format, and are spelled out in the suite.
    const name = given
      .toLowerCase()
      .replace(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number(code)))
      .replace(/\\(.)/g, '$1');
    const told = { name, aliases, ttl: 60, authenticated: false };
    const entries = zone.get(name);
    if (entries === undefined) return { state: 'nxdomain', ...told };
    const values = (wanted: string) =>
      entries.flatMap((entry) => (entry !== 'TIMEOUT' && wanted in entry ? [entry[wanted]] : []));
    let found = values(type);
    if (type === 'TXT') found = (found.length > 0 ? found : values('SPF')).filter((value) => value !== 'NONE');
    if (found.length === 0 && entries.includes('TIMEOUT'))
      return { state: 'unknown', reason: 'timeout', message: `No answer for ${name}.` };
    const [alias] = values('CNAME');
    if (found.length === 0 && alias !== undefined) {
      if (aliases.length > 5) return { state: 'unknown', reason: 'cname_loop', message: `${name} is a circle.` };
      return await ask(String(alias), type, [...aliases, String(alias)]);
    }
    if (found.length === 0) return { state: 'nodata', ...told };
    const records = found.map((value) => {
      if (type === 'TXT') return (Array.isArray(value) ? value : [value]).map(String);
      if (type === 'MX') return { preference: Number((value as unknown[])[0]), exchange: String((value as unknown[])[1]) || '.' };
      return String(value).toLowerCase().replace(/\.$/, '');
    });
    return { state: 'records', records: records as never, ...told };
  };
  return { ask: ((name: string, type: RecordType) => ask(name, type)) as Dns['ask'] };
}

describe.skipIf(!present)(`the RFC 7208 suite${present ? '' : ' (SKIPPED: ../shared/suites/spf is not there)'}`, () => {
  const scenarios = present
    ? parseAllDocuments(readFileSync(FILE, 'utf8')).map((document) => (document as { toJS(): unknown }).toJS() as Scenario)
    : [];
  const cases = scenarios.flatMap((scenario) =>
    Object.entries(scenario.tests).map(([name, one]) => ({
      name: `${scenario.description}: ${name}`,
      one,
      zonedata: scenario.zonedata,
    })),
  );

  test('has its 163 cases', () => {
    expect(cases).toHaveLength(163);
  });

  test.each(cases)('$name', async ({ one, zonedata }) => {
    const { helo, host, mailfrom } = one;
    const told = await evaluateSpf({ ip: host, helo, mailFrom: mailfrom }, zoneOf(zonedata));
    expect([one.result].flat(), told.reason ?? '').toContain(told.result);
    if (one.explanation !== undefined) expect(told.explanation ?? 'DEFAULT').toBe(one.explanation);
  });
});
