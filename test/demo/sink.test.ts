import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { startMailSink } from '../../demo/sink.ts';

test('writes each mail whole, numbered and named by its subject', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'ruawatch-sink-'));
  const sink = await startMailSink(path.join(folder, 'alerts'));
  const transport = createTransport(sink.url);
  const send = (subject: string | undefined, text: string): Promise<unknown> =>
    transport.sendMail({ from: 'a@one.example', to: 'b@two.example', text, ...(subject === undefined ? {} : { subject }) });
  await send('[kestrel-books.example] Forged mail: 60 sources', 'first\n.a line with a dot\n');
  await send('Ünïcode & more, in a subject that goes on and on for longer than any file name should', 'second');
  await send(undefined, 'third');
  await send('../../etc/passwd', 'fourth');
  transport.close();
  await sink.stop();
  expect(sink.files.map((file) => path.relative(folder, file))).toEqual([
    'alerts/001-kestrel-books-example-forged-mail-60-sources.eml',
    'alerts/002-n-code-more-in-a-subject-that-goes-on-and-on-for-longer-than.eml',
    'alerts/003-mail.eml',
    'alerts/004-etc-passwd.eml',
  ]);
  const first = await readFile(sink.files[0] as string, 'latin1');
  expect(first).toContain('Subject: [kestrel-books.example] Forged mail: 60 sources\r\n');
  expect(first).toContain('\r\n\r\nfirst\r\n.a line with a dot\r\n');
  await rm(folder, { recursive: true });
});
