import { expect, test } from 'vitest';
import { textOf } from '../../simulate/outbox.ts';

test('the text of a mail goes to the boundary, also past an option behind a soft line break', () => {
  const mail = [
    'Subject: x',
    'Content-Type: multipart/alternative; boundary="--_b1"',
    '',
    '----_b1',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'ruawatch findings ack 3 =',
    '--why "known", =C3=A9',
    '----_b1',
    'Content-Type: text/html',
    '',
    '<p>other</p>',
    '----_b1--',
  ].join('\r\n');
  expect(textOf(Buffer.from(mail))).toBe('ruawatch findings ack 3 --why "known", \u00e9');
});
