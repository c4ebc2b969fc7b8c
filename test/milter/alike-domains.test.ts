import { domainToASCII } from 'node:url';
import { expect, test } from 'vitest';
import { ownDomainAlike } from '../../services/milter/alike-domains.ts';

const OWN = ['example.com', 'modern-pay.example', 'shop.kestrel.example'];

test.each([
  ['exаmple.com', 'example.com'],
  ['еxamplе.com', 'example.com'],
  ['exämple.com', 'example.com'],
  ['mail.exаmple.com', 'example.com'],
  ['examp1e.com', 'example.com'],
  ['exarnple.com', 'example.com'],
  ['modem-pay.example', 'modern-pay.example'],
  ['shop.kestre1.example', 'shop.kestrel.example'],
  ['example.com.stranger.example', 'example.com'],
  ['login.example.com.stranger.example', 'example.com'],
  ['examp1e.com.stranger.example', 'example.com'],
  ['example-com.stranger.example', 'example.com'],
  ['example.com-login.example', 'example.com'],
  ['examp1e.com-login.example', 'example.com'],
  ['mail.example.com–login.example', 'example.com'],
  ['example.com⁄.stranger.example', 'example.com'],
  ['example-com.example', 'example.com'],
  ['modern-pay-example.test', 'modern-pay.example'],
  // Of a name with letters beyond ASCII the words are compared, of another its letters.
  ['modernpäy.example', 'modern-pay.example'],
  ['modernpay.example', null],
  ['moclern-pay.example', null],
  ['my-example.com', null],
  ['example-mail.com', null],
  ['example.company-login.example', null],
  ['example.net', null],
  ['examples.com', null],
  ['exampie.com', null],
  ['example.com.br', null],
  ['notexample.com.stranger.example', null],
  ['kestrel.example', null],
  ['com', null],
  ['bücher.example', null],
])('%s: %s', (name, expected) => {
  expect(ownDomainAlike(domainToASCII(name), OWN)).toBe(expected);
});

test('an own domain with letters beyond ASCII has look-alikes too', () => {
  const own = [domainToASCII('bücher.example')];
  expect(ownDomainAlike(domainToASCII('bücһer.example'), own)).toBe(own[0]);
  expect(ownDomainAlike('bucher.example', own)).toBe(own[0]);
});
