import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commandLine } from '../../services/cli/program/index.ts';
import { escaped, jsonText } from '../../services/shared/escape.ts';
import { transaction } from '../../services/shared/runtime/db.ts';
import { storeMails } from '../../services/store/messages/intake.ts';
import { type Bench, bench } from '../alerter/setup.ts';
import { arrivalOf } from '../helpers/arrival.ts';
import { Commands, type Said } from '../helpers/process.ts';
import { reportXml } from '../helpers/report.ts';

/**
 * Whatever a stranger writes into a mail may be printed by a command: nothing of it may move the cursor,
 * change colours or direction, hide, or end a line.
 */
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const HOSTILE = [
  ...range(0x01, 0x1f),
  ...range(0x7f, 0x9f),
  ...[0xad, 0x34f, 0x61c, 0x115f, 0x180e, 0x2028, 0x2029, 0x2800, 0x3164, 0xfe0f, 0xfeff, 0xffa0, 0xe0041],
  ...range(0x200b, 0x200f),
  ...range(0x202a, 0x202e),
  ...range(0x2060, 0x206f),
];
const EVIL = `a${String.fromCodePoint(...HOSTILE)}z\u001b[2J\u001b]0;owned\u0007\u009b31mred`;
/** Raw in an output, any of them but the line feed is a hole. */
const HOLE = new RegExp(
  `[${HOSTILE.filter((c) => c !== 0x0a)
    .map((c) => `\\u{${c.toString(16)}}`)
    .join('')}]`,
  'u',
);

let b: Bench;
let folder: string;
let commands: Commands;
let message: number;
let finding: number;
beforeAll(async () => {
  b = await bench();
  commands = new Commands({ DATABASE_URL: b.database.url });
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-terminal-'));
  finding = await b.event({
    domain: `x${EVIL}.example`,
    severity: 'critical',
    summary: EVIL,
    evidence: {
      what: EVIL,
      who: [],
      advice: [EVIL],
      query: `select 1;\n${EVIL}`,
      broken: [1, 2].map(() => ({ source: EVIL, since: EVIL, messages: 1, of: 1, names: [EVIL] })),
    },
  });
  await b.db.query(
    `insert into ruawatch.sender_list (domain, source, verdict, by_name, why, since) values ($1, $1, 'approved', $1, $1, now())`,
    [EVIL],
  );
  const mail = { ...arrivalOf(Buffer.from('no report')), uid: 1, sender: EVIL, subject: EVIL, file: EVIL };
  const place = { mailbox: EVIL, folder: 'INBOX', uidValidity: 1 };
  [message] = (await transaction(b.db, (tx) => storeMails(tx, place, [mail]))).stored as [number];
  await b.db.query(`update ruawatch.messages set state = 'quarantined', code = 'x', reason = $1`, [EVIL]);
  mkdirSync(path.join(folder, 'in'));
  const name = EVIL.replaceAll('/', '');
  const xml = reportXml({ org: '&#x202e;&#x9b;31m', id: '\u202e\u200bid', rows: [{ header_from: 'a\u202eb\u2028.example' }] });
  writeFileSync(path.join(folder, 'in', `${name.slice(0, 40)}.xml`), xml);
  writeFileSync(path.join(folder, 'in', `${name.slice(40, 80)}.txt`), 'nothing');
  writeFileSync(path.join(folder, 'in', `${name.slice(80, 110)}.xml`), '<feedback><report_metadata>');
});
afterAll(async () => {
  await commands.close();
  await b.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs it, whatever its exit code, and looks over both streams. */
async function look(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout, stderr } = await ran(args, env);
  for (const [stream, text] of [
    ['stdout', stdout],
    ['stderr', stderr],
  ] as const)
    expect(HOLE.exec(text)?.[0].codePointAt(0)?.toString(16), `${args.join(' ')}: ${stream}`).toBeUndefined();
  return stdout;
}

/** In a process of its own when it has settings of its own. */
async function ran(args: string[], env: Record<string, string>): Promise<Said> {
  if (Object.keys(env).length === 0) return commands.run(args);
  const own = new Commands({ DATABASE_URL: b.database.url, ...env });
  try {
    return await own.run(args);
  } finally {
    await own.close();
  }
}

/** All commands below one, or the one itself when it has none, with the words that call them. */
function commandsBelow(command: Command, words: string[] = []): { words: string[]; command: Command }[] {
  if (command.commands.length === 0) return [{ words, command }];
  return command.commands.flatMap((one) => commandsBelow(one, [...words, one.name()]));
}

/** It prints what is stored without being given anything, as far as its declaration shows. */
const needsNothing = (command: Command) =>
  !command.registeredArguments.some((argument) => argument.required) && !command.options.some((option) => option.mandatory);

/** What waits a minute unless it is told otherwise. */
const SHORTER: Record<string, string[]> = { 'guard probe': ['--listen', '127.0.0.1:0', '--seconds', '1'] };

test('every command that lists or shows prints no hostile character, and valid JSON', async () => {
  const all = commandsBelow(commandLine()).filter(({ words }) => !['start', 'demo', 'migrate'].includes(words[0]!));
  expect(all.length).toBeGreaterThan(60);
  let lists = 0;
  for (const { words, command } of all) {
    const verb = words.at(-1)!;
    if (verb === 'show') await look([...words, String(words[0] === 'messages' ? message : finding)]);
    else if (needsNothing(command)) await look([...words, ...(SHORTER[words.join(' ')] ?? [])]);
    if (verb !== 'list') continue;
    lists++;
    const text = await look([...words, '--json']);
    if (words[0] !== 'messages') continue;
    const rows = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { subject: string; reason: string });
    expect(rows.map((row) => [row.subject, row.reason])).toEqual([[EVIL, EVIL]]);
  }
  expect(lists).toBeGreaterThan(6);
  expect((JSON.parse(await look(['messages', 'show', String(message)])) as { sender: string }).sender).toBe(EVIL);
  expect((JSON.parse(await look(['findings', 'show', String(finding), '--json'])) as { summary: string }).summary).toBe(EVIL);
  expect(await look(['messages', 'list'])).toContain('a\\u0001\\u0002');
}, 300_000);

test('parse and import, with names of files and contents that are hostile', async () => {
  const lines = (await look(['parse', folder])).trim().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as { org_name?: string; report_id?: string });
  expect(parsed).toHaveLength(3);
  expect(parsed.some((one) => one.report_id === '\u202e\u200bid')).toBe(true);
  expect(JSON.parse(await look(['import', folder, '--json']))).toMatchObject({ messages: 3 });
  await look(['import', folder], { LOG_LEVEL: 'trace' });
});

test('what is wrong in arguments and settings is quoted without what is hostile', async () => {
  const evil = EVIL.slice(0, 60);
  await look(['parse', `/nowhere/${evil}`]);
  await look(['import', `/nowhere/${evil}`]);
  await look(['messages', 'show', evil]);
  await look(['messages', 'list', '--state', evil]);
  await look(['senders', 'approve', evil, evil, '--why', 'x']);
  await look(['senders', 'approve', 'example.com', evil, '--why', 'x']);
  await look(['findings', 'snooze', '1', '--for', evil, '--why', 'x']);
  await look([evil]);
  await look(['messages', 'list', `--${evil}`]);
  await look(['doctor'], { IMAP_URL: `imap://a:b@127.0.0.1:1/${evil}`, ALERT_TO: evil });
});

test('log lines', () => {
  const log = pathToFileURL(path.resolve(import.meta.dirname, '../../dist/services/shared/runtime/log.js')).href;
  const script = `import { createLog } from ${JSON.stringify(log)}; const evil = ${JSON.stringify(EVIL)};
    createLog('info').child({ name: evil }).warn({ err: evil, [evil]: 1 }, evil);`;
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', `${script}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  expect(text).toBe('');
  const caught = execFileSync('sh', ['-c', 'exec "$0" --input-type=module -e "$1" 2>&1', process.execPath, script], {
    encoding: 'utf8',
  });
  expect(HOLE.exec(caught)).toBeNull();
  expect(JSON.parse(caught)).toMatchObject({ name: EVIL, err: EVIL, [EVIL]: 1, msg: EVIL });
});

test('what is harmless stays as it is', () => {
  const text = 'Grüße, 日本語, עברית, русский, café, 👍 a b';
  expect(escaped(text)).toBe(text);
  expect(jsonText({ text })).toBe(JSON.stringify({ text }));
  expect(JSON.parse(jsonText({ [EVIL]: `${EVIL}\ud800` }))).toEqual({ [EVIL]: `${EVIL}\ud800` });
});
