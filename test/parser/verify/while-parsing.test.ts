import { expect, test } from 'vitest';
import { verdictsWhileParsing, verdictUnverified, verifiesAny } from '../../../services/parser/verify/while-parsing.ts';
import type { Config } from '../../../services/shared/settings/config.ts';

const claim = { org_name: 'Reporter', org_email: 'dmarc@reporter.example' };
const settings = (check: Config['trust']['check']): Config['trust'] => ({ check, authserv_ids: [] });
const message = (mailbox: string) => ({ message_key: 1, mailbox, received_at: new Date(0) }) as never;

test('imports, and all mailboxes when verification is off, count unverified under the reporter that they name', () => {
  expect(verdictUnverified('import', 'verify')!(claim)).toMatchObject({
    reporter_trust: null,
    trust: 'ok',
    reason: 'Not verified: imported by hand.',
    reporter: { key: 'reporter.example' },
  });
  expect(verdictUnverified('rua', 'off')!(claim).reason).toBe('Not verified: trust.check is off.');
  expect([verdictUnverified('rua', 'verify'), verdictUnverified('rua', 'authserv')]).toEqual([null, null]);
});

test('authors are established when one of the messages is to be verified', () => {
  expect(verifiesAny([message('import'), message('rua')], settings('verify'))).toBe(true);
  expect(verifiesAny([message('import')], settings('verify'))).toBe(false);
  expect(verifiesAny([message('rua')], settings('off'))).toBe(false);
});

test('without an origin the verdict is left to the verifier; with one the header decides, unless a report is in doubt', async () => {
  const pending = await verdictsWhileParsing(null, 'rua', settings('verify'));
  expect([pending(claim, null), pending(claim, 'it was forwarded')]).toEqual([null, null]);
  const open = { state: 'open', from: 'reporter.example', address: 'dmarc@reporter.example' } as const;
  const header = await verdictsWhileParsing(open, 'rua', settings('verify'));
  expect(header(claim, null)).toBeNull();
  expect(header(claim, 'it was forwarded')).toMatchObject({ trust: 'bad', reason: 'Not proven: it was forwarded.' });
  const unverified = await verdictsWhileParsing(open, 'import', settings('verify'));
  expect(unverified(claim, 'it was forwarded')).toMatchObject({ trust: 'ok' });
});
