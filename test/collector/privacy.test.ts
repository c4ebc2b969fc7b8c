import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashOf, hashWith, printable, redact, sampleOf } from '../../services/collector/privacy.ts';

const hash = hashWith('key');

describe('redact', () => {
  test.each<[string, string]>([
    ['to=<alice@example.com>, relay', 'alice'],
    ['to=<alice+tag=x@example.com>, orig_to=<alice>', 'alice'],
    ['to=alice@host, relay=local', 'alice'],
    ['from=<SRS0=abcd=TT=example.org=alice@example.com>', 'alice'],
    ['to=<"alice b"@example.com>', 'alice'],
    ['client=app[10.0.0.1], sasl_method=PLAIN, sasl_username=alice', 'alice'],
    ['client=app[10.0.0.1], sasl_username=alice@example.com', 'alice'],
    ['said: 550 5.1.1 <alice@example.com>: unknown', 'alice'],
    ['said: 550 5.1.1 smtp;alice@example.com unknown', 'alice'],
    ['said: 450 4.1.8 alice@localhost.localdomain: Sender', 'alice'],
    ['bounced (unknown user: "alice")', 'alice'],
    ['info: header Subject: to alice, with love from local; from=<x@y.example>', 'alice'],
    ['info: header From: Alice Liddell <alice@example.com> from app[10.0.0.1]; from=<x@y.example>', 'lice'],
    ['id: <1@x>, qid: <AB>, ip: 1.2.3.4, user: alice, from: <alice@example.com>', 'alice'],
    ['<= alice@example.com H=x [1.2.3.4] P=esmtpsa A=plain:alice S=5 id=1@x T="for alice"', 'alice'],
    ['<= x@y.example U=alice P=local S=5', 'alice'],
    ['{"id":"1","from":"alice@example.com","to":["alice@example.com"]}', 'alice'],
    ['<Alice@EXAMPLE.com>', 'lice'],
  ])('%s', (text, name) => {
    const clean = redact(text, hash);
    expect(clean).not.toContain(name);
    expect(redact(clean, hash)).toBe(clean);
  });

  test('domains, hosts and Message-IDs stay', () => {
    expect(redact('AB: message-id=<abc.1@mx.example.com>', hash)).toBe('AB: message-id=<abc.1@mx.example.com>');
    const two = 'AB: message-id=<abc@pc@mx.example.com>, relay=none';
    expect(redact(two, hash)).toBe(two);
    expect(redact('id: <abc.1@mx>, from: <a@b.example>', hash)).toBe(`id: <abc.1@mx>, from: <${hash('a')}@b.example>`);
    expect(redact('relay=mx[1.2.3.4]:25, size=5, nrcpt=1', hash)).toBe('relay=mx[1.2.3.4]:25, size=5, nrcpt=1');
    expect(redact('info: header From: A <a@b.example> from x[1.2.3.4]; from=<>', hash)).toContain(
      'header From: <@b.example> from x',
    );
  });

  test.each<[string, (h: typeof hash) => string]>([
    [
      'to=<"alice b"@example.com>, orig_to=<bob@example.com>',
      (h) => `to=<${h('"alice b"')}@example.com>, orig_to=<${h('bob')}@example.com>`,
    ],
    [
      'to=<bob@example.com>, orig_to=<"alice b"@example.com>',
      (h) => `to=<${h('bob')}@example.com>, orig_to=<${h('"alice b"')}@example.com>`,
    ],
    ['<"a b"@x.example> <"c d"@x.example>', (h) => `<${h('"a b"')}@x.example> <${h('"c d"')}@x.example>`],
    // The quote that would begin it was never written, or belongs to what stands before.
    ['to=<alice b"@example.com> bob@example.com', (h) => `to=<${h('alice')} b${h('"')}@example.com> ${h('bob')}@example.com`],
    ['"bob"@x.example"@y.example', (h) => `${h('"bob"')}@x.example${h('"')}@y.example`],
  ])('a quoted local part beside others: %s', (text, expected) => {
    expect(redact(text, hash)).toBe(expected(hash));
  });

  test('one name has one hash, whatever its case; another key has another', () => {
    expect(hash('Alice')).toBe(hash('alice'));
    expect(hash(hash('alice'))).toBe(hash('alice'));
    expect(hashWith('other')('alice')).not.toBe(hash('alice'));
    expect(hash('alice')).toMatch(/^h:[0-9a-f]{16}$/);
  });

  test.each(['k', 'k'.repeat(64), 'k'.repeat(100)])('the hash is an HMAC of the key %s', (key) => {
    expect(hashWith(key)('Ünal')).toBe(`h:${createHmac('sha256', key).update('ünal').digest('hex').slice(0, 16)}`);
  });

  test('a reader keeps no local part that was not hashed', () => {
    expect(hashOf('alice')).toBe('');
    expect(hashOf(hash('alice'))).toBe(hash('alice'));
  });

  test('any local part of letters is gone from any address', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z][a-z.+-]{6,20}[a-z]$/),
        fc.constantFrom('<', '"', ' ', '(', 'to=<', 'rfc822;'),
        (local, before) => {
          expect(redact(`x ${before}${local}@example.com> y`, hash)).not.toContain(local);
        },
      ),
    );
  });
});

test('samples have no addresses, names or long numbers', () => {
  expect(sampleOf(redact('user "alice" <a@b.example> from 192.0.2.1 or 2001:db8:0:1::3 sent 123456', hash))).toBe(
    'user "*" <*> from * or * sent #',
  );
});

test('colours of a terminal are dropped, and what else moves its cursor is shown as unreadable', () => {
  expect(printable('\u001b[31mNov 27 10:00:01\u001b[0m mx1')).toBe('Nov 27 10:00:01 mx1');
  expect(printable('a\u001b[2Jb')).toBe('a\ufffd[2Jb');
});
