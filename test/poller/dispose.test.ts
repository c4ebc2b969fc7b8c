import { beforeEach, expect, test } from 'vitest';
import { dispose } from '../../services/poller/dispose.ts';
import { Folder } from './folder.ts';
import { mailboxAt } from './setup.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
const at = (extra: Parameters<typeof mailboxAt>[1] = {}) => mailboxAt('imap://a:b@127.0.0.1:1/INBOX?tls=none', extra);
const run = (extra: Parameters<typeof mailboxAt>[1], uids = [1, 2, 5], words = ['stale', 'No right to']) => {
  const connection = folder.connection();
  connection.refusals.take = () => words.shift() ?? '';
  return dispose(connection, at(extra), uids);
};

test.each([
  [{}, ['move to ruawatch 1:2,5']],
  [{ move_to: 'Done' }, ['move to Done 1:2,5']],
  [{ after: 'delete' as const }, ['delete 1:2,5']],
  [{ after: 'flag' as const }, ['flag $ruawatch 1:2,5']],
  [{ after: 'keep' as const }, []],
])('%j', async (extra, asked) => {
  await run(extra);
  expect(folder.asked).toEqual(asked);
});

test('mails are marked as read before they are moved, where that is wanted', async () => {
  await run({ mark_read: true }, [1, 2]);
  expect(folder.asked).toEqual(['flag \\Seen 1:2', 'move to ruawatch 1:2']);
});

test('nothing is moved on a connection that breaks while mails are marked', async () => {
  folder.allows = () => {
    folder.usable = false;
    return true;
  };
  await expect(run({ mark_read: true })).rejects.toThrow('No right to');
  expect(folder.asked).toEqual(['flag \\Seen 1:2,5']);
});

test('nothing is asked for no mail', async () => {
  await run({}, []);
  expect(folder.asked).toEqual([]);
});

test.each([
  [{}, 'moved to the folder "ruawatch"'],
  [{ after: 'delete' as const }, 'deleted'],
  [{ after: 'flag' as const, flag: '$x' }, 'flagged with "$x"'],
])('a refusal of %j is one sentence, with what the server said of it and not before', async (extra, what) => {
  folder.allows = () => false;
  await expect(run(extra)).rejects.toMatchObject({
    code: 'dispose_refused',
    transient: false,
    message: expect.stringContaining(`stored mails cannot be ${what} (the server says: No right to); grant`),
  });
  await expect(run(extra, [1], [])).rejects.toMatchObject({ message: expect.stringContaining(`cannot be ${what}; grant`) });
});

test('a connection that is closed meanwhile is no refusal, and no folder is made on it', async () => {
  folder.allows = () => {
    folder.usable = false;
    return false;
  };
  await expect(run({})).rejects.toThrow('No right to');
  folder.usable = true;
  await expect(run({}, [1], [])).rejects.toThrow('the connection was closed');
  expect(folder.asked.filter((what) => what.startsWith('create'))).toEqual([]);
});

test('a folder that cannot be made: the second move tells why, unless the connection broke', async () => {
  let tries = 0;
  folder.allows = () => ++tries > 1;
  const connection = folder.connection();
  connection.client.mailboxCreate = async () => {
    folder.asked.push('create');
    throw new Error('it exists');
  };
  await dispose(connection, at(), [1]);
  expect(folder.asked).toEqual(['move to ruawatch 1', 'create', 'move to ruawatch 1']);
  tries = 0;
  connection.client.mailboxCreate = async () => {
    folder.usable = false;
    throw new Error('reset');
  };
  await expect(dispose(connection, at(), [1])).rejects.toThrow('reset');
});
