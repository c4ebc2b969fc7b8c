import { expect, test } from 'vitest';
import { checkDomain, correctedRecords, needsDecision } from '../../../services/dns/check/check.ts';
import type { Finding, Publication } from '../../../services/dns/check/finding.ts';
import { withPlanned } from '../../../services/dns/planned.ts';
import { add, stringsOf } from '../../../services/dns/zonefile.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';
import { dnsOf, type Zone } from '../zone.ts';
import { CASES, type Case } from './cases.ts';
import { FIXTURES, GOOD } from './fixtures.ts';

/**
 * Everything that is known to go wrong: the fixture of each code, and the cases of the goldens. Documents
 * have no corrections.
 */
const AREAS: [string, Record<string, Case>][] = [['fixtures', FIXTURES], ...Object.entries(CASES)];

const published = ({ zone = {} }: Case): Zone => ({ ...GOOD, 'default._bimi.example.com': {}, ...zone });
const optionsOf = ({ selectors = ['sel'], mailboxes = [] }: Case) => ({
  selectors,
  mailboxes,
  registrable: organizationalDomain,
});

function planned(zone: Zone, records: readonly Publication[]) {
  const plan: Parameters<typeof withPlanned>[0] = new Map();
  for (const { name, value } of records) add(plan, name, 'TXT', stringsOf(value!));
  return withPlanned(plan, dnsOf(zone));
}

/** What depends on other names is seen only once a record is right. */
const ELSEWHERE = /^(?:spf_(?:void|include_|lookups|loop|mx_many|pass_all)|ptr_|dmarc_destination)/;
const bad = ({ severity }: Finding) => severity === 'error' || severity === 'warning';
const said = ({ code, message, publish }: Finding) => `${code}: ${message} ${publish?.value ?? ''}`;

test.each(AREAS)('what is proposed instead is clean itself: %s', async (_, cases) => {
  const wrong: string[] = [];
  for (const [name, one] of Object.entries(cases)) {
    const { domain = 'example.com' } = one;
    const { findings } = await checkDomain(domain, dnsOf(published(one)), optionsOf(one));
    const before = new Set(findings.map(({ code }) => code));
    for (const { code, publish } of findings) {
      if (publish?.value == null) continue;
      const after = await checkDomain(domain, planned(published(one), [publish]), optionsOf(one));
      const fresh = after.findings.filter(
        (found) => bad(found) && !before.has(found.code) && found.record?.name === publish.name && !ELSEWHERE.test(found.code),
      );
      wrong.push(...fresh.map((found) => `${name}: ${code} proposes ${publish.value}, which is ${said(found)}`));
    }
  }
  expect(wrong).toEqual([]);
});

test.each(AREAS)('all corrections together leave nothing to correct: %s', async (_, cases) => {
  const wrong: string[] = [];
  for (const [name, one] of Object.entries(cases)) {
    const { domain = 'example.com' } = one;
    const dns = dnsOf(published(one));
    const records = await correctedRecords(await checkDomain(domain, dns, optionsOf(one)), dns, optionsOf(one));
    const { findings } = await checkDomain(domain, planned(published(one), records), optionsOf(one));
    const own = findings.filter(
      ({ record, publish }) => record !== null && publish?.value != null && publish.name === record.name,
    );
    wrong.push(...own.filter((found) => bad(found) && !needsDecision(found)).map((found) => `${name}: ${said(found)}`));
  }
  expect(wrong).toEqual([]);
});
