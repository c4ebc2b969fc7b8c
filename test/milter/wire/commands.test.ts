import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCommand } from '../../../services/milter/wire/commands.ts';
import { Frames } from '../../../services/milter/wire/frames.ts';
import { ProtocolError } from '../../../services/milter/wire/protocol.ts';
import { connect, macros, negotiate, packet, strings } from './packets.ts';

const read = (bytes: Buffer) => readCommand(new Frames().push(bytes)[0]!);

describe('commands of a mail server', () => {
  test('are read with all they carry', () => {
    expect(read(negotiate(6, 0x1ff, 0x1fffff))).toEqual({ type: 'negotiate', version: 6, actions: 0x1ff, steps: 0x1fffff });
    expect(read(connect('mail.example', '192.0.2.1'))).toEqual({ type: 'connect', host: 'mail.example', address: '192.0.2.1' });
    expect(read(connect('mail.example', '2001:db8::1'))).toMatchObject({ address: '2001:db8::1' });
    expect(read(packet('C', strings('mail.example').concat('6\0\x19IPv6:2001:db8::1\0')))).toMatchObject({
      address: '2001:db8::1',
    });
    expect(read(packet('C', 'localhost\0U'))).toEqual({ type: 'connect', host: 'localhost', address: null });
    expect(read(packet('C', 'localhost\0L\0\0/run/socket\0'))).toEqual({ type: 'connect', host: 'localhost', address: null });
    expect(read(packet('H', 'mail.example\0'))).toEqual({ type: 'helo', name: 'mail.example' });
    expect(read(packet('H'))).toEqual({ type: 'helo', name: '' });
    expect(read(packet('C', '\0U'))).toEqual({ type: 'connect', host: '', address: null });
    expect(read(packet('D', 'Mi\x004AF2\0'))).toEqual({ type: 'macros', stage: 'M', values: new Map([['i', '4AF2']]) });
    expect(read(packet('T'))).toEqual({ type: 'data' });
    expect(read(packet('N'))).toEqual({ type: 'endOfHeader' });
    expect(read(packet('A'))).toEqual({ type: 'abort' });
    expect(read(packet('Q'))).toEqual({ type: 'quit' });
    expect(read(packet('K'))).toEqual({ type: 'quitNewConnection' });
    expect(read(packet('U', 'VRFY x\0'))).toEqual({ type: 'unknownSmtp', text: 'VRFY x' });
    expect(read(packet('z'))).toEqual({ type: 'unknown', command: 'z' });
    expect(read(packet('E', 'end'))).toEqual({ type: 'endOfBody', bytes: Buffer.from('end') });
    expect(read(packet('B', 'a\0b'))).toEqual({ type: 'body', bytes: Buffer.from('a\0b') });
  });

  test.each([
    ['<ada@example.com>', 'ada@example.com'],
    ['<>', ''],
    ['ada@example.com', 'ada@example.com'],
    ['<@relay.example,@other.example:ada@example.com>', 'ada@example.com'],
    ['<"a b>"@example.com>', '"a b>"@example.com'],
  ])('have the address %s without what is around it', (text, address) => {
    expect(read(packet('M', strings(text, 'SIZE=100', 'BODY=8BITMIME')))).toEqual({
      type: 'mail',
      sender: address,
      parameters: ['SIZE=100', 'BODY=8BITMIME'],
    });
    expect(read(packet('R', strings(text)))).toEqual({ type: 'recipient', recipient: address, parameters: [] });
  });

  test('have macros of a stage, also with empty values', () => {
    const said = read(macros('M', { i: '4F2A', '{auth_authen}': '', '{mail_addr}': 'ada@example.com' }));
    expect(said).toMatchObject({ type: 'macros', stage: 'M' });
    expect(said.type === 'macros' && [...said.values]).toEqual([
      ['i', '4F2A'],
      ['{auth_authen}', ''],
      ['{mail_addr}', 'ada@example.com'],
    ]);
  });

  test('have a header field as it was sent, one character per octet', () => {
    expect(read(packet('L', strings('Subject', ' caf\xc3\xa9\n folded')))).toEqual({
      type: 'header',
      name: 'Subject',
      value: ' caf\xc3\xa9\n folded',
    });
    expect(read(packet('L', strings('X-Empty', '')))).toMatchObject({ value: '' });
  });

  test.each([
    ['a negotiation cut off', packet('O', '\0\0\0\x06')],
    ['macros without a stage', packet('D')],
    ['a macro without a value', packet('D', `M${strings('i')}`)],
    ['a macro that does not end', packet('D', 'Mi\0x')],
    ['a connection without a family', packet('C', 'host\0')],
    ['a connection without a NUL', packet('C', 'host')],
    ['a connection without a NUL that begins as a family', packet('C', 'U')],
    ['a connection of no family', packet('C', 'host\0x\0\x19192.0.2.1\0')],
    ['a connection without an address', packet('C', 'host\x004\0\x19')],
    ['a connection with a name for its address', packet('C', 'host\x004\0\x19mail.example\0')],
    ['a header field without a value', packet('L', strings('Subject'))],
    ['a header field without a name', packet('L', strings('', 'x'))],
    ['a header field with a third string', packet('L', strings('A', 'b', 'c'))],
    ['a header field that does not end', packet('L', 'A\0b')],
    ['MAIL without an address', packet('M')],
    ['RCPT without an address', packet('R')],
    ['MAIL with a command behind its address', packet('M', strings('<a@b.example>\r\nRCPT TO:<c@d.example>'))],
    ['RCPT with a line end in its address', packet('R', strings('<a@b.example\n>'))],
  ])('are refused: %s', (_, bytes) => {
    expect(() => read(bytes)).toThrow(ProtocolError);
  });

  test('of any octets are read or refused, and nothing else is thrown', () => {
    fc.assert(
      fc.property(fc.constantFrom(...'ABCDEHKLMNOQRTUz'), fc.uint8Array({ maxLength: 60 }), (command, data) => {
        try {
          expect(readCommand({ command, data: Buffer.from(data) }).type).toBeTypeOf('string');
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
