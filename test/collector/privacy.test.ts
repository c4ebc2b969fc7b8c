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

  const shown = (name: string) => (name.startsWith('h:') ? name : `h:[${name}]`);
  test.each([
    ['no names here', 'no names here'],
    ['ada@ example.com @ x@', 'ada@ example.com @ x@'],
    ['a@[192.0.2.1] b', 'h:[a]@[192.0.2.1] b'],
    ['@example.com', '@example.com'],
    ['<@example.com>', '<@example.com>'],
    ['a@b.example c@d.example', 'h:[a]@b.example h:[c]@d.example'],
    ['AB: message-id=a@mx.example, to=<bob@x.example>', 'AB: message-id=a@mx.example, to=<h:[bob]@x.example>'],
    ['AB: message-id=<a@mx.example', 'AB: message-id=<a@mx.example'],
    ['id: <a@mx.example>, to: bob@x.example', 'id: <a@mx.example>, to: h:[bob]@x.example'],
    ['xid: <a@mx.example>', 'xid: <h:[a]@mx.example>'],
    ['{"message_id":"a@mx.example","to":"bob@x.example"}', '{"message_id":"a@mx.example","to":"h:[bob]@x.example"}'],
    [' id=a@mx.example bob@x.example', ' id=a@mx.example h:[bob]@x.example'],
    ['"a b"@x.example', 'h:["a b"]@x.example'],
    ['c"@x.example', 'ch:["]@x.example'],
    ['to=a:b@x.example', 'to=a:h:[b]@x.example'],
    ['to=<a:b@x.example>', 'to=<h:[a:b]@x.example>'],
    ['said: a=b@x.example', 'said: a=h:[b]@x.example'],
    ['key=smtp:bob@x.example', 'key=smtp:h:[bob]@x.example'],
    ['to=h:0123@x.example', 'to=h:0123@x.example'],
    ['rfc822:h:0123@x.example', 'rfc822:h:h:[0123]@x.example'],
    ['info: header Subject: a secret from local; from=<bob@x.example>', 'info: header Subject: (dropped)'],
    [
      'info: header Subject: a from app[10.0.0.1]; b from app[10.0.0.2]; from=<> helo=<x>: new text',
      'info: header Subject: (dropped)',
    ],
    ['info: header From: Ada <ada@x.example> from local; from=<>', 'info: header From: <@x.example> from local; from=<>'],
    ['info: header From: Ada from local; from=<>', 'info: header From: (dropped) from local; from=<>'],
    ['info: header To: Ada <ada@x.example> from local; from=<>', 'info: header To: (dropped) from local; from=<>'],
    ['info: header X-Any: ada', 'info: header X-Any: (dropped)'],
    ['header bits 3: x', 'header bits 3: x'],
    ['the header is fine', 'the header is fine'],
    ['AB T="for \\"ada\\"" S=1', 'AB S=1'],
    ['AB XT="for ada" S=1', 'AB XT="for ada" S=1'],
    ['subject: ada, to: x', 'subject: (dropped), to: x'],
    ['Subject="a, b", x', 'Subject=(dropped), x'],
    ['subject=<ada>, y', 'subject=(dropped), y'],
    ['subject line ada', 'subject line ada'],
    ['AB => bob <bob@x.example> R=local', 'AB => (local) <h:[bob]@x.example> R=local'],
    ['AB == bob <bob@x.example>', 'AB == (local) <h:[bob]@x.example>'],
    ['sasl_username=Ada Lovelace, sasl_sender=Bob B', 'sasl_username=h:[Ada Lovelace], sasl_sender=h:[Bob B]'],
    ['sasl_username=h:1, x', 'sasl_username=h:1, x'],
    ['user=<ada>, login=bob', 'user=<h:[ada]>, login=h:[bob]'],
    ['login=h:1 user=ada@', 'login=h:1 user=ada@'],
    [', user: ada, A=plain:bob U=eve', ', user: ada, A=plain:bob U=h:[eve]'],
    ['unknown user: "ada"', 'unknown user: "(dropped)"'],
    ['User unknown: "ada" in table', 'User unknown: "(dropped)" in table'],
    ['user ada "x"', 'user ada "x"'],
    ['unknown user: "ada" user=bob', 'unknown user: "(dropped)" user=h:[bob]'],
    ['> orig_to=bob', '> orig_to=h:[bob]'],
    ['to=bob', 'to=h:[bob]'],
    ['x', 'x'],
  ])('%s becomes %s', (text, clean) => {
    expect(redact(text, shown)).toBe(clean);
    expect(redact(clean, shown)).toBe(clean);
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
  expect(sampleOf("it's ada' 123 1234 2001:db8::1 a.b@c.d-e h:0123456789abcdef h:0123")).toBe('it"*" 123 # * * * h:#');
  expect(sampleOf('x'.repeat(201))).toBe('x'.repeat(200));
});

test('colours of a terminal are dropped, and what else moves its cursor is shown as unreadable', () => {
  expect(printable('\u001b[31mNov 27 10:00:01\u001b[0m mx1')).toBe('Nov 27 10:00:01 mx1');
  expect(printable('a\u001b[2Jb')).toBe('a\ufffd[2Jb');
  expect(printable('a\tb\u202ec \ud800 \u00e9')).toBe('a b\ufffdc \ufffd \u00e9');
});
