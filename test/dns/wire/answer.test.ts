import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { answerTo, FLAG, recordOf, signedAnswer, tsigErrorAnswer } from '../../../services/dns/wire/answer.ts';
import { decodeMessage } from '../../../services/dns/wire/message.ts';
import { readSigned, signMessage, type Tsig, verifyTsig } from '../../../services/dns/wire/tsig.ts';

const key = { name: 'lent', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const asked = { id: 77, opcode: 5, questions: [{ name: 'example.com', type: 6, class: 1 }] };
const NOW = 1_800_000_000.5;
const tsigOf = (time: number): Tsig =>
  readSigned(signMessage(answerTo(asked, { rcode: 'NOERROR' }), { ...key, name: 'LENT' }, { time }).bytes).tsig!;

test('an answer repeats what was asked, and carries records', () => {
  const record = recordOf('example.com', 1, 60, Buffer.from([192, 0, 2, 1]));
  const answer = decodeMessage(answerTo(asked, { rcode: 'NXRRSET', flags: FLAG.AA, answers: [record] }));
  expect(answer).toMatchObject({ ...asked, response: true, rcode: 8, flags: FLAG.AA, answers: [record], authorities: [] });
});

test('an answer is signed with the key and the MAC of the request', () => {
  const tsig = tsigOf(Math.floor(NOW));
  const signed = readSigned(signedAnswer(answerTo(asked, { rcode: 'NOERROR' }), { tsig, key }, NOW));
  expect(verifyTsig({ tsig: signed.tsig!, unsigned: signed.unsigned }, key, tsig.mac, NOW)).toBeNull();
  expect(verifyTsig({ tsig: signed.tsig!, unsigned: signed.unsigned }, key, null, NOW)).toBe('BADSIG');
});

test.each(['BADKEY', 'BADSIG'] as const)('%s has no MAC: it must not prove anything', (error) => {
  const { message, tsig } = readSigned(tsigErrorAnswer(asked, { tsig: tsigOf(NOW | 0), key, error }, NOW));
  expect([message.rcode, tsig!.mac.length, tsig!.keyName]).toEqual([9, 0, 'LENT']);
  expect(tsig!.error).toBe(error === 'BADKEY' ? 17 : 16);
});

test('BADTIME is signed, with the time of the client and that of the server', () => {
  const request = tsigOf(1_700_000_000);
  const signed = readSigned(tsigErrorAnswer(asked, { tsig: request, key, error: 'BADTIME' }, NOW));
  expect(signed.tsig).toMatchObject({ time: 1_700_000_000, error: 18 });
  expect(signed.tsig!.other.readUIntBE(0, 6)).toBe(1_800_000_000);
  expect(verifyTsig({ tsig: signed.tsig!, unsigned: signed.unsigned }, key, request.mac, 1_700_000_000)).toBeNull();
});

test('BADTRUNC is signed, with the time of the server', () => {
  const request = tsigOf(NOW | 0);
  const signed = readSigned(tsigErrorAnswer(asked, { tsig: request, key, error: 'BADTRUNC' }, NOW));
  expect(signed.tsig).toMatchObject({ time: 1_800_000_000, error: 22, other: Buffer.alloc(0) });
  expect(signed.tsig!.mac).toHaveLength(32);
});
