import { afterEach, describe, expect, test } from 'vitest';
import { checkDisposal } from '../../services/poller/check-disposal.ts';
import { checkMailbox } from '../../services/poller/check-mailbox.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { mailboxAt } from './setup.ts';
import { type Answer, startWire, type Wire } from './wire.ts';

let wire: Wire;
afterEach(() => wire.stop());

interface Server {
  rights?: Record<string, string>;
  folders?: string[];
  readOnly?: boolean;
  capabilities?: string;
  /** The prefix of the personal namespace. */
  prefix?: string;
  /** It closes the connection when it is asked for rights. */
  breaks?: boolean;
}

/** What the check of a mailbox says about such a server. */
async function check(server: Server, extra: Parameters<typeof mailboxAt>[1] = {}): Promise<string> {
  const { rights, folders = ['() "/" INBOX'], readOnly = false } = server;
  const answer: Answer = (line) => {
    if (/^(SELECT|EXAMINE)/.test(line))
      return ['* 3 EXISTS', '* OK [UIDVALIDITY 7] .', `OK [READ-${readOnly ? 'ONLY' : 'WRITE'}]`];
    if (/^LIST "" ""/.test(line)) return [`* LIST (\\Noselect) ${folders[0]!.split(' ')[1]} ""`, 'OK'];
    if (/^(LIST|LSUB)/.test(line)) return [...folders.map((one) => `* LIST ${one}`), 'OK'];
    if (server.prefix !== undefined && line === 'NAMESPACE') return [`* NAMESPACE (("${server.prefix}" ".")) NIL NIL`, 'OK'];
    if (server.breaks && line.startsWith('MYRIGHTS')) {
      for (const socket of wire.sockets) socket.destroy();
      return null;
    }
    const asked = /^MYRIGHTS "?([^"]+)"?/.exec(line)?.[1];
    if (asked !== undefined)
      return rights?.[asked] === undefined ? ['NO no such folder'] : [`* MYRIGHTS "${asked}" ${rights[asked]}`, 'OK'];
    return undefined;
  };
  const capabilities = server.capabilities ?? `IMAP4rev1 IDLE MOVE UIDPLUS${rights ? ' ACL' : ''}`;
  wire = await startWire(answer, { capabilities });
  const mailbox = mailboxAt(`imap://demo:s3cret@127.0.0.1:${wire.port}/INBOX?tls=none`, extra);
  try {
    return await checkMailbox(mailbox, createLog('silent'));
  } catch (error) {
    return (error as Error).message;
  } finally {
    expect(wire.lines.filter((line) => /^(UID )?(CREATE|STORE|COPY|MOVE|EXPUNGE|APPEND|SETACL|DELETE)/.test(line))).toEqual([]);
  }
}

describe('rights', () => {
  test('that are there', async () => {
    expect(await check({ rights: { INBOX: 'lrswipkxtea' } })).toMatch(/READ-WRITE, "ruawatch" will be created/);
    // RFC 2086: one letter for what are three now.
    expect(await check({ rights: { INBOX: 'lrswd' } })).toMatch(/READ-WRITE/);
  });
  test.each([
    ['move', 'lrs', /may not mark mails as deleted \(t\), nor expunge \(e\) in the folder "INBOX" \(rights: lrs\)/],
    ['delete', 'lrst', /may not expunge \(e\)/],
    ['flag', 'lrs', /may not set flags \(w\)/],
  ] as const)('that %s needs and %s lacks', async (after, rights, says) => {
    expect(await check({ rights: { INBOX: rights } }, { after })).toMatch(says);
  });
  test('on the target folder, and on its parent when it is to be created', async () => {
    const folders = ['() "/" INBOX', '() "/" ruawatch', '() "/" Archive'];
    const rights = { INBOX: 'lrswte', ruawatch: 'lr', Archive: 'lr' };
    expect(await check({ folders, rights })).toMatch(/may not add mails \(i\) in the folder "ruawatch"/);
    await wire.stop();
    expect(await check({ folders, rights }, { move_to: 'Archive/dmarc' })).toMatch(
      /may not create folders \(k\) in the folder "Archive"/,
    );
  });
  test('a server without ACL says nothing, and one that refuses the question neither', async () => {
    expect(await check({})).toMatch(/READ-WRITE/);
    expect(wire.lines.filter((line) => line.startsWith('MYRIGHTS'))).toEqual([]);
    await wire.stop();
    expect(await check({ rights: {} })).toMatch(/READ-WRITE/);
  });
});

test('a connection that breaks when it is asked for rights is no server that says nothing', async () => {
  expect(await check({ rights: {}, breaks: true }, { after: 'flag' })).toMatch(/was lost/);
});

test('the letter of RFC 2086 for creating folders stands for that, and for nothing else', async () => {
  const folders = ['() "/" INBOX', '() "/" ruawatch', '() "/" Archive'];
  const rights = { INBOX: 'lrswte', ruawatch: 'lrc', Archive: 'lrc' };
  expect(await check({ folders, rights }, { move_to: 'Archive/dmarc' })).toMatch(/"Archive\/dmarc" will be created/);
  await wire.stop();
  expect(await check({ folders, rights })).toMatch(/may not add mails \(i\) in the folder "ruawatch"/);
});

describe('how mails will leave the folder', () => {
  const begin = '3 mails, no IDLE';
  const marked = 'no UIDPLUS: whatever another program marks as deleted here is expunged with the reports';
  test.each([
    ['move', 'MOVE UIDPLUS', `${begin}, MOVE, READ-WRITE, "ruawatch" will be created`],
    ['move', 'MOVE', `${begin}, MOVE, READ-WRITE, "ruawatch" will be created`],
    ['move', 'UIDPLUS', `${begin}, no MOVE, READ-WRITE, "ruawatch" will be created, copy and expunge instead of MOVE`],
    ['move', '', `${begin}, no MOVE, READ-WRITE, "ruawatch" will be created, ${marked}`],
    ['delete', 'MOVE UIDPLUS', `${begin}, MOVE, READ-WRITE, expunge by UID`],
    ['delete', 'MOVE', `${begin}, MOVE, READ-WRITE, ${marked}`],
    ['flag', 'MOVE', `${begin}, MOVE, READ-WRITE`],
    ['keep', '', `${begin}, no MOVE, read-only, as "after: keep" needs`],
  ] as const)('%s with %s', async (after, offers, says) => {
    expect(await check({ capabilities: `IMAP4rev1 ${offers}`.trim(), readOnly: after === 'keep' }, { after })).toBe(says);
  });

  test('a folder that is not open cannot be written to', async () => {
    const mailbox = mailboxAt('imap://demo:s3cret@127.0.0.1:1/INBOX?tls=none');
    wire = await startWire();
    await expect(checkDisposal({ mailbox: false } as never, mailbox)).rejects.toMatchObject({ code: 'imap_read_only' });
  });
});

test('the target folder may be below the personal namespace', async () => {
  const server = {
    folders: ['() "." INBOX', '() "." INBOX.ruawatch'],
    capabilities: 'IMAP4rev1 MOVE NAMESPACE',
    prefix: 'INBOX.',
  };
  expect(await check(server)).toMatch(/"ruawatch" is there/);
  await wire.stop();
  expect(await check({ ...server, prefix: '' })).toMatch(/"ruawatch" will be created/);
});

test('a folder below the personal namespace has its parent there as well', async () => {
  const server = { capabilities: 'IMAP4rev1 MOVE NAMESPACE ACL', prefix: 'INBOX.' };
  const folders = ['() "." INBOX', '() "." INBOX.Archive', '(\\Noinferiors) "." INBOX.Old'];
  const rights = { INBOX: 'lrswtek', 'INBOX.Archive': 'lr' };
  expect(await check({ ...server, folders, rights }, { move_to: 'Archive.dmarc' })).toMatch(
    /create folders \(k\) in the folder "INBOX\.Archive"/,
  );
  await wire.stop();
  expect(await check({ ...server, folders, rights }, { move_to: 'Old.dmarc' })).toMatch(/"INBOX\.Old" takes no folders below it/);
  await wire.stop();
  expect(await check({ ...server, folders, rights: { INBOX: 'lrswte' } })).toMatch(/create folders \(k\) in the folder "INBOX"/);
  await wire.stop();
  expect(await check({ ...server, folders, rights })).toMatch(/"ruawatch" will be created/);
});

test('the right to mark mails as read is missed, and does not stop the move', async () => {
  const says = /moved mails cannot be marked as read \(mark_read\)/;
  expect(await check({ rights: { INBOX: 'lrte' } }, { mark_read: true })).toMatch(says);
  for (const [rights, mark_read] of [
    ['lrste', true],
    ['lrte', false],
  ] as const) {
    await wire.stop();
    expect(await check({ rights: { INBOX: rights } }, { mark_read })).not.toMatch(says);
  }
  await wire.stop();
  expect(await check({}, { mark_read: true })).not.toMatch(says);
});

test('the rights on a parent that holds no mails do not count', async () => {
  const folders = ['() "/" INBOX', '(\\Noselect) "/" Old', '(\\Noinferiors) "/" O'];
  const rights = { INBOX: 'lrswte', Old: 'lr' };
  expect(await check({ folders, rights }, { move_to: 'Old/dmarc' })).toMatch(/"Old\/dmarc" will be created/);
  await wire.stop();
  // A name without a delimiter has no parent.
  expect(await check({ folders, rights }, { move_to: 'Ox' })).toMatch(/"Ox" will be created/);
});

test('a folder that opens read-only', async () => {
  expect(await check({ readOnly: true })).toMatch(/opens the folder "INBOX" read-only, so mails cannot be taken out of it/);
  await wire.stop();
  expect(await check({ readOnly: true }, { after: 'flag' })).toMatch(/cannot be flagged/);
  await wire.stop();
  expect(await check({ readOnly: true }, { after: 'keep' })).toMatch(/read-only, as "after: keep" needs/);
});

describe('the target folder', () => {
  test.each([
    ['is there', ['() "/" INBOX', '() "/" ruawatch'], 'ruawatch', /"ruawatch" is there/],
    ['holds no mails', ['() "/" INBOX', '(\\Noselect) "/" ruawatch'], 'ruawatch', /can hold folders and no mails/],
    [
      'is written with another delimiter',
      ['() "." INBOX'],
      'INBOX/dmarc',
      /separates folders by "\/", this server by "\.": write "INBOX\.dmarc"/,
    ],
    ['has a parent that takes none', ['() "/" INBOX', '(\\Noinferiors) "/" Old'], 'Old/dmarc', /"Old" takes no folders below it/],
    [
      'has a far ancestor that takes none',
      ['() "/" INBOX', '(\\Noinferiors) "/" Old'],
      'Old/a/b',
      /"Old" takes no folders below it/,
    ],
    ['is below INBOX in another case', ['(\\Noinferiors) "/" INBOX'], 'Inbox/dmarc', /"INBOX" takes no folders below it/],
    ['is below INBOX in another case, and there', ['() "/" INBOX', '() "/" INBOX/dmarc'], 'inbox/dmarc', /dmarc" is there/],
    ['differs in case', ['() "/" INBOX', '() "/" Ruawatch'], 'ruawatch', /"ruawatch" will be created/],
    ['has a parent that takes some', ['() "/" INBOX', '() "/" Old'], 'Old/dmarc', /"Old\/dmarc" will be created/],
  ])('%s', async (_, folders, move_to, says) => {
    expect(await check({ folders }, { move_to })).toMatch(says);
  });
});
