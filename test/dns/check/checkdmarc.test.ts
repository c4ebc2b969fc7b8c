import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { checkDomain } from '../../../services/dns/check/check.ts';
import type { Code } from '../../../services/dns/check/codes.ts';
import type { RecordType } from '../../../services/dns/client/types.ts';
import { soa, startFake } from '../../helpers/dns.ts';
import { dnsOf, type Zone } from '../zone.ts';
import { FIXTURES, GOOD } from './fixtures.ts';

/** A Python that has checkdmarc 6.0.4 (`pip install checkdmarc==6.0.4` into an environment of its own). */
const PYTHON = process.env.CHECKDMARC_PYTHON;
const TYPES = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'TXT'];

/** Where the two differ in what is an error, and why we say what we say. All other fixtures of SPF and DMARC agree. */
const DIFFERENCES: Partial<Record<Code, string>> = {
  spf_pass_all: 'valid for checkdmarc: an include with +all lets everybody send (RFC 7208 section 5.1)',
  spf_unknown: 'an error for checkdmarc: what times out is a temperror, and not "no SPF record" (RFC 7208 section 5.2)',
  dmarc_unknown: 'an error for checkdmarc: what times out says nothing of the record (RFC 9989 section 4.10.1)',
  dmarc_destination: 'a warning for checkdmarc: receivers must not send there (RFC 9990 section 4)',
  dmarc_destination_no_mail: 'a warning for checkdmarc: the reports cannot arrive (RFC 7505 section 3, RFC 5321 section 5.1)',
};

const present = PYTHON !== undefined && PYTHON !== '';
describe.skipIf(!present)(`beside checkdmarc${present ? '' : ' (SKIPPED: CHECKDMARC_PYTHON names no Python)'}`, () => {
  test('both take the same domains for wrong, but for the differences that are listed', { timeout: 240_000 }, async () => {
    let zone: Zone = GOOD;
    const fake = await startFake(async ({ name, sent, type }) => {
      const code = /^(.*)\.control$/.exec(name)?.[1]?.replaceAll('-', '_') as Code | undefined;
      if (code !== undefined) zone = { ...GOOD, ...FIXTURES[code].zone };
      const none = { authorities: [soa('example', 60)] };
      if (code !== undefined || !TYPES.includes(type)) return none;
      const answer = await dnsOf(zone).ask(name, type as RecordType);
      if (answer.state === 'unknown') return { rcode: 2 };
      if (answer.state !== 'records') return { rcode: answer.state === 'nxdomain' ? 3 : 0, ...none };
      const strings = (record: unknown) => (record as string[]).flatMap((text) => text.match(/[\s\S]{1,255}/g) ?? ['']);
      return {
        answers: answer.records.map((record) => ({
          name: sent,
          type: type as 'A',
          ttl: 60,
          data: (type === 'TXT' ? strings(record) : record) as string,
        })),
      };
    });
    const codes = (Object.keys(FIXTURES) as Code[]).filter((code) => /^(?:spf|dmarc|domain)_/.test(code));
    const domainOf = (code: Code) => FIXTURES[code].domain ?? 'example.com';
    const script = fileURLToPath(new URL('./beside_checkdmarc.py', import.meta.url));
    const { stdout } = await promisify(execFile)(PYTHON!, [
      script,
      String(fake.port),
      JSON.stringify(codes.map((code) => [code, domainOf(code)])),
    ]);
    await fake.stop();
    const theirs = JSON.parse(stdout) as Record<Code, { spf: boolean; dmarc: boolean }>;
    const differing: Code[] = [];
    for (const code of codes) {
      const { findings } = await checkDomain(domainOf(code), dnsOf({ ...GOOD, ...FIXTURES[code].zone }), { selectors: ['sel'] });
      const kind = code.startsWith('dmarc_') ? 'dmarc' : 'spf';
      const wrong = findings.some(
        (one) => one.severity === 'error' && (one.code.startsWith(kind) || one.code === 'domain_missing'),
      );
      if (wrong === theirs[code][kind]) differing.push(code);
    }
    expect(differing.sort()).toEqual(Object.keys(DIFFERENCES).sort());
  });
});
