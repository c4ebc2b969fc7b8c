import { renameSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startRelease } from '../../../services/milter/release/index.ts';
import type { NewHeld } from '../../../services/requests/held/facts.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { loadHeld } from '../../../services/store/held/held.ts';
import { holdMessage } from '../../../services/store/held/hold.ts';
import { forgetBodies, noteDenial, resolveDoubt } from '../../../services/store/held/steps.ts';
import { verifyAudit } from '../../../services/store/requests/audit.ts';
import { decide, withdraw } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { sweepRequests } from '../../../services/store/requests/sweep.ts';
import { type Sink, startSink } from '../../alerter/sink.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { type Postfix, postfixPresent, startPostfix } from '../../helpers/postfix.ts';
import { until } from '../../helpers/services.ts';
import { digest, heldOf, KEY, RAW } from '../../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';
import { keyFile } from './key-file.ts';

let t: TestDatabase;
let sink: Sink;
let context: Context;
let running: { stop(): Promise<void> }[] = [];
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  sink = await startSink();
  context = testContext(t, {
    env: { SMTP_URL: `smtp://${sink.at}?tls=none`, ALERT_FROM: 'ruawatch@example.com', ALERT_TO: 'ada@example.com' },
  });
  context.config.milter.hold = {
    ...context.config.milter.hold,
    host: 'mx1',
    keyFile: keyFile(),
    smtpUrl: `smtp://${sink.at}?tls=none`,
  };
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  running = [];
  await context.queues.close();
  await sink.stop();
  await t.drop();
});

const [ADA, BEN] = GROUPS.mail as [string, string];
const rules = rulesOf({
  name: 'held',
  when: { kinds: ['messages.release'] },
  stages: [{ group: 'mail', need: 2, within_hours: 1 }],
});
const hold = (message: NewHeld) => holdMessage(t.db, message, { rules, key: KEY, most: 100, host: 'mx1' });
const stored = (part: Partial<NewHeld> = {}) => hold(heldOf({ kept_in: 'store', queue_id: null, ...part }));
const vote = async (request_key: number, person: string, decision: 'approve' | 'deny') =>
  decide(t.db, request_key, {
    person,
    decision,
    why: 'looked at it',
    digest: (await loadRequest(t.db, request_key)).digest,
    via: 'test',
  });
const approve = async (request_key: number) => {
  await vote(request_key, ADA, 'approve');
  await vote(request_key, BEN, 'approve');
};
const start = () => {
  const one = startRelease(context);
  running.push(one);
  return one;
};
const settled = (held_key: number) => until(async () => (await loadHeld(t.db, held_key)).settled_at !== null);
const mails = () => sink.mails.map((mail) => mail.raw.toString());

describe('a mail in the store', () => {
  test('is delivered once when two people approve it, with a header that says by whom', async () => {
    const { held_key, request_key } = await stored();
    start();
    await vote(request_key, ADA, 'approve');
    expect(mails()).toEqual([]);
    await vote(request_key, BEN, 'approve');
    await settled(held_key);
    expect(mails()).toHaveLength(1);
    const [mail] = mails();
    expect(mail).toMatch(/^X-Ruawatch-Released: by ada@example\.com,\r\n {2}ben@example\.com;\r\n request \d+; held \d+;/m);
    expect(mail!.endsWith(RAW.toString().slice(0, -2)) || mail!.includes(RAW.toString().trim())).toBe(true);
    expect(sink.mails[0]).toMatchObject({ from: 'bounce@evil.example', to: ['ben@example.com'] });
    expect(await loadRequest(t.db, request_key)).toMatchObject({ state: 'done' });
    expect(await loadHeld(t.db, held_key)).toMatchObject({ state: 'released', decided_by: [ADA, BEN] });
    expect((await verifyAudit(t.db)).faults).toEqual([]);
  });

  test.each(['reject', 'delete'] as const)('is not delivered after a denial (%s)', async (denied_as) => {
    const { held_key, request_key } = await stored();
    const { digest: seen } = await loadRequest(t.db, request_key);
    await decide(t.db, request_key, {
      person: ADA,
      decision: 'deny',
      why: 'forged',
      digest: seen,
      via: 'test',
      also: (tx) => noteDenial(tx, request_key, denied_as),
    });
    start();
    await settled(held_key);
    expect(await loadHeld(t.db, held_key)).toMatchObject({
      state: denied_as === 'reject' ? 'rejected' : 'deleted',
      decided_by: [ADA],
    });
    // Its sender is proven by SPF.
    expect(sink.mails.map(({ from, to }) => [from, to])).toEqual(denied_as === 'reject' ? [['', ['bounce@evil.example']]] : []);
    for (const mail of mails()) expect(mail).not.toContain('evil.example/');
  });

  test.each([
    ['an unproven sender', { results: { ...heldOf().results, spf: { result: 'softfail', domain: 'evil.example' }, dkim: [] } }],
    ['the null sender', { envelope_from: '' }],
  ])('is not sent back to %s', async (_, part) => {
    context.config.milter.hold.on_denial = 'reject';
    const { held_key, request_key } = await stored(part);
    await vote(request_key, ADA, 'deny');
    start();
    await settled(held_key);
    expect(await loadHeld(t.db, held_key)).toMatchObject({ state: 'rejected' });
    expect(mails()).toEqual([]);
  });

  test.each([
    ['crlf', ['\r\n.\r\n', '\n.\r\n']],
    ['single controls', ['\n.\n', '\r.\r', '\r.\n']],
  ])('is one mail whatever its text has of the end of one and of commands (%s)', async (_, ends) => {
    const end = ends.join('x');
    const raw = Buffer.from(
      `From: ada@example.com\r\nSubject: x\r\n\r\nfirst${end}MAIL FROM:<x@evil.example>\r\nRCPT TO:<ben@example.com>\r\nDATA\r\nSubject: second\r\n\r\nsecond${end}`,
    );
    const { held_key, request_key } = await stored({ raw });
    start();
    await approve(request_key);
    await settled(held_key);
    expect(sink.mails.map(({ from, to }) => [from, to])).toEqual([['bounce@evil.example', ['ben@example.com']]]);
    expect(mails()[0]).toContain('Subject: second');
  });

  test.each([
    { envelope_from: 'x@evil.example>\r\nRCPT TO:<victim@example.com' },
    { recipients: ['ben@example.com', 'ben@example.com>\r\nRCPT TO:<victim@example.com'] },
  ])('with a command in its envelope gives none of it to the server: %j', async (part) => {
    const { request_key, held_key } = await stored(part);
    start();
    await approve(request_key);
    await until(async () => (await loadHeld(t.db, held_key)).answer !== null);
    expect(sink.mails.flatMap(({ from, to }) => [from, ...to]).filter((one) => one.includes('victim'))).toEqual([]);
    expect((await loadHeld(t.db, held_key)).state).not.toBe('released');
  });

  test('is not delivered when nobody decides, or its request is withdrawn', async () => {
    const first = await stored();
    const second = await stored({ recipients: ['cleo@example.com'] });
    await sweepRequests(t.db, new Date(Date.now() + 2 * 3_600_000));
    await vote(second.request_key, ADA, 'approve').catch(() => undefined);
    start();
    await settled(first.held_key);
    await settled(second.held_key);
    for (const { held_key } of [first, second]) expect(await loadHeld(t.db, held_key)).toMatchObject({ state: 'expired' });
    const third = await stored({ raw: Buffer.from('From: x@y.example\r\n\r\nz') });
    await withdraw(t.db, third.request_key, { person: ADA, why: 'no' });
    await settled(third.held_key);
    expect(await loadHeld(t.db, third.held_key)).toMatchObject({ state: 'expired' });
    expect(sink.mails.filter(({ from }) => from !== '')).toEqual([]);
  });

  test('carries what was verified, and nothing that its sender wrote in the name of this server', async () => {
    context.config.milter.authservId = 'mx.example.com';
    const forged = [
      'Authentication-Results: mx.example.com; dmarc=pass',
      'AUTHENTICATION-results: (x) MX.example.com;\r\n spf=pass',
    ];
    const raw = Buffer.from(
      `${forged.join('\r\n')}\r\nAuthentication-Results: other.example; spf=none\r\nFrom: ada@example.com\r\n\r\nx\r\n`,
    );
    const { held_key, request_key } = await stored({ raw, sha256: digest(raw) });
    await approve(request_key);
    start();
    await settled(held_key);
    const fields = mails()[0]!
      .replace(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .filter((line) => /^authentication-results/i.test(line));
    expect(fields).toEqual([
      'Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=evil.example; dkim=pass header.d=evil.example header.s=s1; dmarc=fail (p=none) header.from=example.com',
      'Authentication-Results: other.example; spf=none',
    ]);
  });

  test('is sent again when the server is away or puts it off, and once when it takes it', async () => {
    const { held_key, request_key } = await stored();
    let asked = 0;
    sink.behaviour.accept = () => (++asked < 3 ? Object.assign(new Error('later'), { responseCode: 451 }) : null);
    await approve(request_key);
    start();
    await settled(held_key);
    expect(mails()).toHaveLength(1);
  });

  test('cut off between its last octet and the answer is in doubt: nothing is sent until a person has looked', async () => {
    const server = createServer((socket) => {
      let data = false;
      let body = '';
      socket.write('220 x\r\n');
      socket.on('error', () => undefined);
      socket.on('data', (piece) => {
        if (data) {
          body += piece.toString();
          if (body.endsWith('\r\n.\r\n')) socket.destroy();
          return;
        }
        if (piece.toString().startsWith('DATA')) data = true;
        socket.write(data ? '354 go\r\n' : '250 ok\r\n');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    context.config.milter.hold.smtpUrl = `smtp://127.0.0.1:${port}?tls=none`;
    const { held_key, request_key } = await stored();
    await approve(request_key);
    const one = start();
    await until(async () => (await loadHeld(t.db, held_key)).doubt);
    await one.stop();
    context.config.milter.hold.smtpUrl = `smtp://${sink.at}?tls=none`;
    start();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(mails()).toEqual([]);
    await expect(withdraw(t.db, request_key, { person: ADA, why: 'x' })).rejects.toMatchObject({ code: 'request_settled' });
    expect(await resolveDoubt(t.db, held_key, { arrived: false, person: ADA, why: 'not in the log' })).toBe(true);
    await settled(held_key);
    expect(mails()).toHaveLength(1);
    expect(await resolveDoubt(t.db, held_key, { arrived: false, person: ADA, why: 'again' })).toBe(false);
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  test('is gone from the store some time after the decision, and not before', async () => {
    const { held_key, request_key } = await stored();
    const waiting = await stored({ recipients: ['cleo@example.com'] });
    await approve(request_key);
    start();
    await settled(held_key);
    const bodies = async () =>
      (await t.db.query<{ held_key: number }>('select held_key from ruawatch.held_bodies')).rows.map((row) => row.held_key);
    expect(await forgetBodies(t.db, 7, new Date(Date.now() + 6 * 86_400_000))).toBe(0);
    expect(await forgetBodies(t.db, 7, new Date(Date.now() + 8 * 86_400_000))).toBe(1);
    expect(await bodies()).toEqual([waiting.held_key]);
    expect((await loadHeld(t.db, held_key)).body_gone_at).not.toBeNull();
  });
});

describe.skipIf(!postfixPresent)('a mail in the hold queue of Postfix', () => {
  let postfix: Postfix;
  let outside: Sink;
  beforeAll(async () => {
    outside = await startSink();
    postfix = await startPostfix({
      relayhost: `[127.0.0.1]:${outside.at.split(':')[1]}`,
      settings: { smtpd_client_restrictions: 'check_client_access static:HOLD' },
    });
  });
  afterAll(async () => {
    await postfix.stop();
    await outside.stop();
  });
  beforeEach(() => {
    outside.mails.length = 0;
    const command = (name: string) => [`/usr/sbin/${name}`, '-c', postfix.config];
    context.config.milter.hold = {
      ...context.config.milter.hold,
      smtpUrl: `smtp://127.0.0.1:${postfix.port}?tls=none`,
      smtp_holds: true,
      postsuper: command('postsuper'),
      postqueue: command('postqueue'),
      postcat: command('postcat'),
    };
  });

  /** Comes in by SMTP and is held, as the milter would have it. */
  const arrive = async (subject: string) => {
    const raw = Buffer.from(
      `From: ada@example.com\r\nTo: ben@example.com\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@evil.example>\r\nX-Ruawatch-Released: by nobody\r\n\r\n.dot\r\nÄ\r\n`,
    );
    const answer = await postfix.send({ from: 'bounce@evil.example', to: 'ben@example.com', raw: raw.toString() });
    const queue_id = /queued as (\w+)/.exec(answer)![1]!;
    const message_id = `<${subject}@evil.example>`;
    return { ...(await hold(heldOf({ raw, sha256: digest(raw), queue_id, subject, message_id }))), queue_id };
  };
  const inHold = () =>
    postfix
      .queue()
      .filter(({ queue_name }) => queue_name === 'hold')
      .map(({ queue_id }) => queue_id);
  const cleared = (held_key: number) => until(async () => (await loadHeld(t.db, held_key)).cleared_at !== null);

  test('is delivered once with the header, its octets as they came, and leaves nothing behind', async () => {
    const { held_key, request_key } = await arrive('one');
    start();
    await approve(request_key);
    await cleared(held_key);
    await until(() => outside.mails.length === 1);
    await postfix.drained();
    const [mail] = outside.mails.map(({ raw }) => raw.toString());
    expect(mail).toContain('X-Ruawatch-Released: by ada@example.com,\r\n  ben@example.com;');
    expect(mail).not.toContain('by nobody');
    expect(mail).toContain('\r\n\r\n.dot\r\nÄ\r\n');
    expect(outside.mails[0]).toMatchObject({ from: 'bounce@evil.example', to: ['ben@example.com'] });
  });

  test('without a port that holds mail is let go as it is', async () => {
    context.config.milter.hold = { ...context.config.milter.hold, smtpUrl: null, smtp_holds: false };
    const { held_key, request_key } = await arrive('two');
    start();
    await approve(request_key);
    await cleared(held_key);
    await until(() => outside.mails.length === 1);
    await postfix.drained();
  });

  test('is deleted after a denial, with copies that come later', async () => {
    const { held_key, request_key } = await arrive('three');
    start();
    await vote(request_key, ADA, 'deny');
    await cleared(held_key);
    expect(inHold()).toEqual([]);
    const again = await arrive('three');
    expect(again).toMatchObject({ held_key, again: true });
    await until(() => inHold().length === 0);
    expect(outside.mails).toEqual([]);
  });

  /** The file of a mail, as its server has it while it takes the mail in: not yet under its name. */
  const notYet = (queue_id: string) => {
    const file = path.join(postfix.folder, 'queue', 'hold', queue_id);
    renameSync(file, `${file}-`);
    return () => renameSync(`${file}-`, file);
  };

  test('that is approved before its server has put it there is delivered when it has', async () => {
    const { held_key, request_key, queue_id } = await arrive('eight');
    const put = notYet(queue_id);
    await approve(request_key);
    start();
    await until(async () => (await loadHeld(t.db, held_key)).answer?.includes('not in the hold queue yet'));
    put();
    await settled(held_key);
    expect(await loadHeld(t.db, held_key)).toMatchObject({ state: 'released' });
    await until(() => outside.mails.length === 1);
    await postfix.drained();
  });

  test('that its server puts there after it was denied goes with the next look at the queue', async () => {
    const { held_key, request_key, queue_id } = await arrive('nine');
    const put = notYet(queue_id);
    await vote(request_key, ADA, 'deny');
    const one = start();
    await cleared(held_key);
    await one.stop();
    put();
    start();
    await until(() => inHold().length === 0);
    expect(outside.mails).toEqual([]);
  });

  test('that somebody deleted in the queue is lost after a while, and said to be', async () => {
    const { held_key, request_key, queue_id } = await arrive('four');
    postfix.run('postsuper', '-d', queue_id);
    await t.db.query("update ruawatch.held_messages set held_at = held_at - interval '16 minutes' where held_key = $1", [
      held_key,
    ]);
    await approve(request_key);
    start();
    await settled(held_key);
    expect(await loadHeld(t.db, held_key)).toMatchObject({ state: 'lost' });
    expect(await loadRequest(t.db, request_key)).toMatchObject({ state: 'failed' });
  });

  /** What Postfix does when it gives the name of a queue file once more: another mail has it now. */
  const reuse = async (held_key: number, subject: string, sender = 'bounce@evil.example') => {
    const raw = `From: ada@example.com\r\nTo: cleo@example.com\r\nSubject: ${subject}\r\nMessage-ID: <other@evil.example>\r\n\r\nx\r\n`;
    const queue_id = /queued as (\w+)/.exec(await postfix.send({ from: sender, to: 'cleo@example.com', raw }))![1]!;
    await t.db.query(
      'update ruawatch.held_messages set queue_ids = array_append(queue_ids, $2), cleared_at = null where held_key = $1',
      [held_key, queue_id],
    );
    return queue_id;
  };

  test.each(['approve', 'deny'] as const)(
    'leaves alone a mail that has the name of a copy by now, after %s',
    async (decision) => {
      const subject = `six-${decision}`;
      const { held_key, request_key } = await arrive(subject);
      const before = await reuse(held_key, 'other before the decision');
      start();
      if (decision === 'approve') await approve(request_key);
      else await vote(request_key, ADA, 'deny');
      await cleared(held_key);
      expect(inHold()).toEqual([before]);
      // The same subject and sender are no proof.
      const after = await reuse(held_key, subject);
      const again = await arrive(subject);
      expect(again).toMatchObject({ held_key, again: true });
      await until(() => !inHold().includes(again.queue_id));
      await cleared(held_key);
      expect(inHold().sort()).toEqual([before, after].sort());
      await until(() => outside.mails.length === (decision === 'approve' ? 1 : 0));
      for (const { raw } of outside.mails) expect(raw).toContain(`Subject: ${subject}`);
      postfix.run('postsuper', '-d', 'ALL');
    },
  );

  test('is not let go when the name of its copy is of another mail by now', async () => {
    const { held_key, request_key, queue_id } = await arrive('seven');
    const other = await reuse(held_key, 'another that waits');
    await approve(request_key);
    // As a process leaves it that was killed after it let go.
    postfix.run('postsuper', '-d', queue_id);
    await t.db.query("update ruawatch.held_messages set state = 'releasing', copy_id = $2 where held_key = $1", [
      held_key,
      other,
    ]);
    await t.db.query("update ruawatch.requests set state = 'applying' where request_key = $1", [request_key]);
    start();
    await cleared(held_key);
    expect(inHold()).toEqual([other]);
    expect(outside.mails).toEqual([]);
    postfix.run('postsuper', '-d', 'ALL');
  });

  test('a copy of a stored mail that was chosen on this machine, and let go by no other, is delivered', async () => {
    const own = { ...context.config.milter.hold, keep: 'store' as const };
    const { held_key, request_key } = await stored();
    await approve(request_key);
    // This machine was ended once the copy was chosen; another one, whose hold queue is empty, has taken
    // over.
    context.config.milter.hold = { ...own, host: 'mx2', postsuper: ['true'], postqueue: ['true'], postcat: ['true'] };
    const other = start();
    await settled(held_key);
    await other.stop();
    expect(inHold()).toHaveLength(1);
    context.config.milter.hold = own;
    start();
    await until(() => outside.mails.length === 1);
    expect(inHold()).toEqual([]);
  });

  test.each(['postfix', 'store'] as const)(
    'a copy that a killed release left behind is never delivered, and goes (%s)',
    async (keep) => {
      context.config.milter.hold = { ...context.config.milter.hold, keep };
      const { held_key, request_key } = keep === 'store' ? await stored() : await arrive('five');
      await approve(request_key);
      const one = start();
      await cleared(held_key);
      await one.stop();
      await until(() => outside.mails.length === 1);
      // The same release, as a process that was killed before it could note its copy had sent it.
      await postfix.send({ from: 'bounce@evil.example', to: 'ben@example.com', raw: outside.mails[0]!.raw.toString() });
      const forged = outside.mails[0]!.raw.toString().replace(/token [0-9a-f]{4}/, 'token 0000');
      await postfix.send({ from: 'bounce@evil.example', to: 'ben@example.com', raw: forged });
      expect(inHold()).toHaveLength(2);
      start();
      await until(() => inHold().length === 1);
      expect(outside.mails).toHaveLength(1);
      postfix.run('postsuper', '-d', 'ALL');
    },
  );
});
