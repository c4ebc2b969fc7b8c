import { chmodSync, chownSync, mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generateDemo } from '../../demo/world.ts';
import { DEMO_AUTHSERV_ID } from '../../demo/write.ts';
import { type Sink, startSink } from '../alerter/sink.ts';
import { type Dovecot, dovecotPresent, startDovecot } from '../helpers/dovecot.ts';
import { type Run, ruawatch, ruawatchOnce } from '../helpers/process.ts';
import { freePort, until } from '../helpers/services.ts';

/** What a newcomer does, in the order of README, "Your own mailbox". */
describe.skipIf(!dovecotPresent)(
  `from README to the first alert${dovecotPresent ? '' : ' (SKIPPED: needs dovecot-imapd)'}`,
  { timeout: 400_000 },
  () => {
    let dovecot: Dovecot;
    let sink: Sink;
    let folder: string;
    let running: Run | null = null;
    beforeEach(async () => {
      dovecot = await startDovecot();
      sink = await startSink({ disabledCommands: ['STARTTLS', 'AUTH'] });
      await sink.stop();
      folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-new-user-'));
      // The embedded Postgres runs as a user of its own when we are root.
      chmodSync(folder, 0o755);
    });
    afterEach(async () => {
      running?.child.kill('SIGTERM');
      await running?.ended;
      await dovecot.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const env = (options: string): Record<string, string> => ({
      IMAP_URL: `imaps://reports:correct%20horse@127.0.0.1:${dovecot.imapsPort}/INBOX${options}`,
      SMTP_URL: `smtp://${sink.at}?tls=none`,
      ALERT_FROM: 'ruawatch@example.com',
      ALERT_TO: 'you@example.com',
    });
    /** Puts mails into the INBOX with the dates they were received. */
    const deliver = async () => {
      const { mails } = await generateDemo({ seed: 4, today: new Date(), days: 42 });
      const maildir = dovecot.maildir('reports');
      const { uid, gid } = statSync(maildir);
      for (const [i, { raw, received }] of mails.entries()) {
        const name = `${Math.floor(received.getTime() / 1000)}.M${i}P${process.pid}.new-user`;
        const tmp = path.join(maildir, 'tmp', name);
        writeFileSync(tmp, raw);
        chownSync(tmp, uid, gid);
        utimesSync(tmp, received, received);
        renameSync(tmp, path.join(maildir, 'new', name));
      }
      return mails.length;
    };

    test('with a self-signed certificate and a mail server that is down at first', async () => {
      const count = await deliver();
      const doctor = (options: string, more: Record<string, string> = {}) =>
        ruawatchOnce(['doctor'], { ...env(options), ...more }, folder);

      const first = await doctor('');
      expect(first.code).toBe(1);
      expect(first.stdout).toMatch(/^ok +settings: read; 1 mailbox, alerts on$/m);
      expect(first.stdout).toMatch(/^FAIL +mailbox .*certificate of .* is not trusted .*tls_verify=no\.$/m);
      expect(first.stdout).toMatch(/^FAIL +alerts: The mail server .* cannot be reached: connection refused\.$/m);
      const second = await doctor('?tls_verify=no');
      expect(second.stdout).toMatch(new RegExp(`^ok +mailbox .*: ${count} mails`, 'm'));
      expect(second.stdout).toMatch(/^-- +database: embedded; it does not exist yet/m);

      // It starts although nothing can be mailed, says so once, and reads the mailbox meanwhile.
      const port = await freePort();
      const settings = { ...env('?tls_verify=no'), HTTP_LISTEN: `127.0.0.1:${port}` };
      const start = () => {
        running = ruawatch(['start'], settings, folder);
        return running;
      };
      const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
      const begun = start();
      await until(() => begun.stderr().includes('no alert can be mailed at present'));
      await until(async () => (await ready()).includes('alerter: SMTP: The mail server of SMTP_URL'));
      await until(() => dovecot.mails('reports', 'INBOX') === 0);

      // Nothing is found yet, and each place says why.
      await until(async () => {
        const { stdout } = await ruawatchOnce(['findings'], settings, folder);
        return /could not be verified.*trust\.authserv_ids/.test(stdout);
      });
      const beside = await doctor('?tls_verify=no', { HTTP_LISTEN: settings.HTTP_LISTEN });
      expect(beside.stdout).toMatch(/^-- +trust: .*set or correct trust\.authserv_ids/m);
      expect(beside.stdout).toMatch(/^-- +domains: .*known to be yours/m);
      expect(beside.stdout).toMatch(/^ok +health port: ruawatch is running/m);
      const added = await ruawatchOnce(['domains', 'add', 'kestrel-books.example', 'kestrel-pay.example'], settings, folder);
      expect(added.code).toBe(0);
      begun.child.kill('SIGTERM');
      expect((await begun.ended).code).toBe(0);
      writeFileSync(path.join(folder, 'ruawatch.yaml'), `trust:\n  authserv_ids: [${DEMO_AUTHSERV_ID}]\n`);

      const verified = await ruawatchOnce(['verify', '--all'], settings, folder);
      expect(verified.code).toBe(0);
      const again = start();
      await until(() => /alerts are waiting for the mail server/.test(again.stderr()));
      expect(sink.mails).toEqual([]);
      await sink.again();
      await until(() => sink.mails.length > 0);
      expect(sink.mails[0]!.to).toEqual(['you@example.com']);
      // Names that are cut have an ellipsis, which a header cannot hold as it is.
      expect(sink.mails[0]!.headers.get('subject')).toMatch(/^(?:\[ruawatch\] |=\?UTF-8\?Q\?=5Bruawatch=5D_)/);
      await until(async () => (await ready()).trim() === 'ok');
      again.child.kill('SIGTERM');
      expect((await again.ended).code).toBe(0);
      for (const run of [begun, again]) for (const line of run.stderr().trim().split('\n')) JSON.parse(line);
      expect(begun.stdout() + again.stdout()).toBe('');
      await sink.stop();
    });
  },
);
