import { expect, test } from 'vitest';
import { policiesOf } from '../../../services/dns/dmarc/applied.ts';
import { parseDmarc } from '../../../services/dns/dmarc/record.ts';

test.each([
  ['p=reject', ['reject', 'reject', 'reject']],
  ['p=reject; t=y', ['quarantine', 'quarantine', 'quarantine']],
  ['p=quarantine; t=y', ['none', 'none', 'none']],
  ['p=none; t=y', ['none', 'none', 'none']],
  ['p=none; sp=reject; np=quarantine', ['none', 'reject', 'quarantine']],
  ['p=none; sp=reject; t=y', ['none', 'quarantine', 'quarantine']],
])('%s is applied as %j (RFC 9989 section 4.7)', (text, [policy, subdomains, nonexistent]) => {
  const record = parseDmarc(`v=DMARC1; ${text}`)!;
  expect(policiesOf(record, record.p!)).toEqual({ policy, subdomains, nonexistent });
});
