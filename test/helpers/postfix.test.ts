import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { opendkimPresent, type SigningMilter, startOpendkim } from './milters.ts';
import { type Postfix, postfixPresent, startPostfix } from './postfix.ts';

const MAIL = 'From: a@kestrel.test\nTo: b@sink.test\nSubject: x\nDate: Fri, 27 Nov 2026 14:00:00 +0000\n\nhello\n.\n';

describe.skipIf(!postfixPresent)(`Postfix${postfixPresent ? '' : ' (SKIPPED: postfix is not installed)'}`, () => {
  let postfix: Postfix;
  let opendkim: SigningMilter | null = null;
  beforeAll(async () => {
    const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs1' });
    if (opendkimPresent)
      opendkim = await startOpendkim([{ domain: 'kestrel.test', selector: 's1', pem: pem.toString() }], ['Syslog no']);
    postfix = await startPostfix({ milters: opendkim === null ? [] : [opendkim.milter] });
  });
  afterAll(async () => {
    await postfix.stop();
    await opendkim?.stop();
  });

  test('keeps a mail, signed by OpenDKIM, in a queue of its own through a kill, until it is deleted', async () => {
    expect(await postfix.send({ from: 'a@kestrel.test', to: 'b@sink.test', raw: MAIL })).toMatch(/^250 .*queued as/);
    await postfix.logged(/status=deferred/);
    await postfix.kill();
    await postfix.up();
    const [mail] = postfix.queue();
    expect(mail).toMatchObject({ sender: 'a@kestrel.test', recipients: [{ address: 'b@sink.test' }] });
    const text = postfix.run('postcat', '-q', mail!.queue_id);
    expect(text).toContain('\nhello\n.\n');
    if (opendkimPresent) expect(text).toContain('d=kestrel.test');
    postfix.run('postsuper', '-d', 'ALL');
    await postfix.drained();
  });
});
