import { expect, test } from 'vitest';
import * as el from '../../../services/report/xml/report-elements.ts';

/** The names of RFC 9990 appendix A by container, with those that differ in little beside each other. */
const NAMES: [number, Record<string, number>][] = [
  [el.FEEDBACK, { version: el.VERSION, report_metadata: el.METADATA, policy_published: el.POLICY, record: el.RECORD }],
  [
    el.METADATA,
    {
      org_name: el.ORG_NAME,
      email: el.EMAIL,
      error: el.ERROR,
      report_id: el.REPORT_ID,
      extra_contact_info: el.EXTRA_CONTACT,
      generator: el.GENERATOR,
    },
  ],
  [
    el.POLICY,
    {
      domain: el.P_DOMAIN,
      adkim: el.P_ADKIM,
      aspf: el.P_ASPF,
      p: el.P_P,
      sp: el.P_SP,
      np: el.P_NP,
      pct: el.P_PCT,
      fo: el.P_FO,
      testing: el.P_TESTING,
      discovery_method: el.P_DISCOVERY,
    },
  ],
  [el.ROW, { source_ip: el.SOURCE_IP, count: el.COUNT }],
  [el.REASON, { type: el.REASON_TYPE, comment: el.REASON_COMMENT }],
  [el.DKIM, { domain: el.D_DOMAIN, selector: el.D_SELECTOR, result: el.D_RESULT, human_result: el.D_HUMAN }],
  [el.SPF, { domain: el.S_DOMAIN, scope: el.S_SCOPE, result: el.S_RESULT, human_result: el.S_HUMAN }],
];

test.each(NAMES)('the children of container %i are known by any prefix and letter case', (parent, names) => {
  for (const [name, what] of Object.entries(names)) {
    for (const tag of [name, `d:${name}`, name.toUpperCase(), `:${name}`]) expect(el.childOf(parent, tag), tag).toBe(what);
    for (const tag of [`${name}s`, name.slice(1), `x${name.slice(1)}`, `${name.slice(0, -1)}x`, `d:e:${name}`, '']) {
      if (!(tag in names)) expect(el.childOf(parent, tag), tag).toBe(el.SKIPPED);
    }
  }
});

test('outside of feedback an unknown element is looked into, inside of a leaf or a skipped one nothing is', () => {
  expect(el.childOf(el.DOCUMENT, 'xs:schema')).toBe(el.DOCUMENT);
  expect(el.childOf(el.DOCUMENT, 'ns2:Feedback')).toBe(el.FEEDBACK);
  for (const parent of [el.SKIPPED, el.COUNT]) expect(el.childOf(parent, 'record')).toBe(el.SKIPPED);
});
