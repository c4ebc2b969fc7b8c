import { expect, test } from 'vitest';
import { isPreamble, readTrace } from '../../../services/collector/lines/trace.ts';

const HEADING = 'message_trace_id,sender_address,recipient_address,status,received';
const ROW = 't1,ada@x.example,bob@gmx.net,Delivered,2026-11-27T14:20:01Z';
/** What each line gives: the recipients, as they are read. */
const read = (heading: string, ...lines: string[]) => {
  const trace = readTrace(heading);
  return trace === null
    ? null
    : lines.map((line) => trace(line).map(({ text }) => (JSON.parse(text) as { to: string[] }).to.join()));
};

test('a row is an event, with its time where it has one', () => {
  const text = JSON.stringify({ id: 't1', event: 'sent', from: 'ada@x.example', to: ['bob@gmx.net'] });
  const raw = { text, tag: 'm365', host: 'm365' };
  expect(readTrace(HEADING)!(ROW)).toEqual([{ ...raw, at: Date.parse('2026-11-27T14:20:01Z') }]);
  expect(readTrace(HEADING)!(ROW.replace(/,[^,]*$/, ','))).toEqual([raw]);
});

test.each([
  ['sender,recipient,messageid', 'a@x,b@y,m', ['b@y']],
  ['sender,recipient,messageid', 'a@x,"b""q@y",m', ['b"q@y']],
  ['\ufeffsender;recipient;messageid', 'a@x;b@y;m', ['b@y']],
  ['sender\trecipient\tmessageid', 'a@x\tb@y\tm', ['b@y']],
  ['"Sender Address","Recipient_Address","Message-ID"', '"a@x","b@y","m"', ['b@y']],
  ['Absender;Empfänger;Nachrichten-ID', 'a@x;b@y;m', ['b@y']],
  ["Adresse de l'expéditeur;Destinataire;ID du message", 'a@x;b@y;m', ['b@y']],
  ['sender,recipient,messageid', 'a@x', [undefined]],
])('the heading %s', (heading, row, recipients) => {
  expect(read(heading, row)).toEqual([recipients.filter((one) => one !== undefined)]);
});

test.each(['sender', 'sender recipient', 'sender,messageid', 'a,b,c', ''])('%j is no heading', (heading) => {
  expect(readTrace(heading)).toBeNull();
});

test('a value in quotes may have separators, quotes and line breaks', () => {
  const heading = 'sender,subject,recipient,messageid';
  expect(read(heading, 'a@x,"one, ""two"", three",b@y,m', 'a@x,"begins', 'goes ""on""', 'ends",c@y,m', 'a@x,s,d@y,m')).toEqual([
    ['b@y'],
    [],
    [],
    ['c@y'],
    ['d@y'],
  ]);
});

test('a quote too many ends with the two hundredth line', () => {
  const heading = 'sender,recipient,messageid,subject';
  const lines = ['a@x,b@y,m,"open', ...Array.from({ length: 199 }, () => 'more'), 'a@x,c@y,m,s'];
  expect(read(heading, ...lines)).toEqual([...Array.from({ length: 199 }, () => []), ['b@y'], ['c@y']]);
});

test.each([
  ['sep=;', true],
  ['"sep=,"', true],
  ['#TYPE System.Management', true],
  ['\ufeff#type x', true],
  ['sep', false],
  [HEADING, false],
])('%j stands before a heading: %s', (line, is) => {
  expect(isPreamble(line)).toBe(is);
});
