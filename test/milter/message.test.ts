import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Memory } from '../../services/milter/memory.ts';
import { Message, MOST_HEADER, messageOf } from '../../services/milter/message.ts';
import { BodyHash, bodyHash } from '../../services/report/mail/canonical.ts';
import { mail, usual } from './mails.ts';

describe('a mail that arrives in pieces', () => {
  test('is the one that was sent, however it was cut', () => {
    const text = fc
      .array(fc.constantFrom('a', ' ', '\t', '\r\n', '\r', '\n', 'é'), { maxLength: 60 })
      .map((parts) => Buffer.from(parts.join(''), 'latin1'));
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 7 })), (body, cuts) => {
        for (const relaxed of [false, true]) {
          const hash = new BodyHash(relaxed);
          let at = 0;
          for (const cut of cuts) {
            hash.update(body.subarray(at, at + cut));
            at += cut;
          }
          hash.update(body.subarray(at));
          expect(hash.digest().sha256).toBe(bodyHash(body, 0, relaxed));
        }
      }),
    );
  });

  test('has its digest, its size and its octets', () => {
    const raw = mail(usual('Ada <ada@example.com>'), 'one\r\ntwo\r\n');
    const whole = messageOf(raw, new Memory()).end();
    expect(whole.sha256).toBe(createHash('sha256').update(raw).digest('hex'));
    expect(whole.size).toBe(raw.length);
    expect(whole.whole!.equals(raw)).toBe(true);
    expect(whole.raw.toString('latin1')).toBe(raw.toString('latin1').replace(/one[\s\S]*/, ''));
    expect(whole.authors.author?.domain).toBe('example.com');
    expect(messageOf(Buffer.from(raw.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'), new Memory()).end().sha256).toBe(
      whole.sha256,
    );
  });

  test('without a body has a digest all the same', () => {
    const message = new Message(new Memory());
    message.addField('From', ' ada@example.com');
    expect(message.end()).toMatchObject({ size: 25, header: { doubt: null } });
  });

  test('keeps the folds and blanks of its fields, which simple signatures are over', () => {
    const message = new Message(new Memory());
    message.addField('Subject', '  a\n\tb ');
    expect(message.end().raw.toString('latin1')).toBe('Subject:  a\r\n\tb \r\n\r\n');
  });

  test('with a header without end is unclear, and what was kept of it is bounded', () => {
    const message = new Message(new Memory());
    message.addField('From', ' ada@example.com');
    for (let i = 0; i < 3_000; i++) message.addField('X-Long', ` ${'a'.repeat(100)}`);
    message.addField('Authentication-Results', ' mx.example.com; dmarc=pass');
    const whole = message.end();
    expect(whole.raw.length).toBeLessThanOrEqual(MOST_HEADER + 2);
    expect(whole.authors).toMatchObject({ author: null, unclear: expect.stringContaining('too long'), domains: ['example.com'] });
    expect(whole.fields.at(-1)).toEqual({ name: 'Authentication-Results', value: null });
  });
});

describe('the memory of bodies', () => {
  test('is given back when the mail is done, and a mail beyond it is hashed and not kept', () => {
    const memory = new Memory(1_000);
    const begin = (length: number) => {
      const message = new Message(memory);
      message.addField('From', ' ada@example.com');
      message.addBody(Buffer.alloc(length, 'a'));
      return message;
    };
    const one = begin(400);
    const two = begin(400);
    expect(memory.free).toBe(200);
    expect(one.end().whole).not.toBeNull();
    const lost = two.end();
    expect(lost.whole).toBeNull();
    expect(lost.bodies.simple.length).toBe(402);
    one.drop();
    two.drop();
    two.drop();
    expect(memory.free).toBe(1_000);
  });
});
