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

  test('in several pieces is hashed in both forms, and counts the line behind its header once', () => {
    const message = new Message(new Memory());
    message.addField('From', ' ada@example.com');
    for (const piece of ['one  two\r\n', '', '\r\n']) message.addBody(Buffer.from(piece));
    const whole = message.end();
    const raw = 'From: ada@example.com\r\n\r\none  two\r\n\r\n';
    const digest = (text: string) => createHash('sha256').update(text);
    expect(whole).toEqual({
      raw: Buffer.from('From: ada@example.com\r\n\r\n'),
      header: expect.objectContaining({ body: 25, doubt: null }),
      authors: expect.objectContaining({ author: { domain: 'example.com', address: 'ada@example.com' }, unclear: null }),
      bodies: {
        simple: { sha256: digest('one  two\r\n').digest('base64'), length: 10 },
        relaxed: { sha256: digest('one two\r\n').digest('base64'), length: 9 },
      },
      fields: [{ name: 'From', value: ' ada@example.com' }],
      size: raw.length,
      sha256: digest(raw).digest('hex'),
      whole: Buffer.from(raw),
      tooLong: false,
    });
  });

  const LONG = 'the header of the mail is too long';
  test('with a header without end is unclear, and what was kept of it is bounded', () => {
    const message = new Message(new Memory());
    message.addField('From', ' ada@example.com');
    for (let i = 0; i < 3_000; i++) message.addField('X-Long', ` ${'a'.repeat(100)}`);
    message.addField('Authentication-Results', ' mx.example.com; dmarc=pass');
    message.addBody(Buffer.from('Hello.\r\n'));
    const whole = message.end();
    expect(whole.raw.length).toBeLessThanOrEqual(MOST_HEADER + 2);
    expect(whole.header.doubt).toBe(LONG);
    expect(whole.authors).toMatchObject({ author: null, unclear: LONG, domains: ['example.com'] });
    expect([whole.whole, whole.tooLong]).toEqual([null, true]);
    // Of what is beyond, only what this server alone may write.
    expect(whole.fields[0]).toEqual({ name: 'From', value: ' ada@example.com' });
    expect(whole.fields.filter(({ value }) => value === null)).toEqual([{ name: 'Authentication-Results', value: null }]);
  });

  test.each([
    [128 * 1024, 'it is far longer than the header of any genuine report'],
    [128 * 1024 + 1, LONG],
  ])('with a header of %i octets', (octets, doubt) => {
    const message = new Message(new Memory());
    message.addField('From', ' ada@example.com');
    message.addField('X', 'a'.repeat(octets - 23 - 4));
    expect(message.end()).toMatchObject({ header: { doubt }, tooLong: doubt === LONG });
  });

  test('has no more forged fields than a header has octets', () => {
    const message = new Message(new Memory());
    message.addField('X', 'a'.repeat(128 * 1024));
    for (let n = 0; n <= 128 * 1024; n++) message.addField('X-Ruawatch-A', '');
    expect(message.end().fields).toHaveLength(128 * 1024);
  });
});

test('the memory of all mails at a time is bounded, with their headers', () => {
  const memory = new Memory();
  expect(memory.free + 200 * MOST_HEADER).toBe(63 * 1024 * 1024);
  expect([memory.take(memory.free), memory.free, memory.take(1)]).toEqual([true, 0, false]);
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
    two.addBody(Buffer.from('more'));
    const lost = two.end();
    expect(lost.whole).toBeNull();
    expect(lost.bodies.simple.length).toBe(406);
    one.drop();
    one.drop();
    two.drop();
    expect(memory.free).toBe(1_000);
  });

  test('keeps bodies of sixteen mebibytes, and no more', () => {
    const most = 16 * 1024 * 1024;
    for (const [length, more] of [
      [most, 0],
      [most, 1],
    ] as const) {
      const memory = new Memory();
      const message = new Message(memory);
      message.addField('From', ' ada@example.com');
      message.addBody(Buffer.alloc(length));
      message.addBody(Buffer.alloc(more));
      const { whole, tooLong } = message.end();
      expect([whole?.length, tooLong]).toEqual(more === 0 ? [25 + most, false] : [undefined, true]);
      message.drop();
      expect(memory.free).toBe(new Memory().free);
    }
  });
});
