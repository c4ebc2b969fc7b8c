import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PROBE_CODES } from '../../services/cli/probe/codes.ts';
import { PROBE_LIMITS } from '../../services/cli/probe/mail.ts';
import { ASPECTS } from '../../services/dns/guard/aspects.ts';
import { GUARD_CODES } from '../../services/dns/guard/codes.ts';
import { readGuard } from '../../services/dns/guard/file.ts';
import { PROBE_DAYS } from '../../services/store/sending/probes.ts';

const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/guard.md'), 'utf8');

test('docs/guard.md lists every code with its severity', () => {
  const rows = [...text.matchAll(/^\| `((?:guard|probe)_\w+)` \| (\w+) \|/gm)].map(([, code, severity]) => [code, severity]);
  expect(Object.fromEntries(rows)).toEqual({ ...GUARD_CODES, ...PROBE_CODES });
});

test('and every aspect', () => {
  for (const aspect of ASPECTS) expect(text, aspect).toContain(`\`${aspect}\``);
});

test('its first file can be read', () => {
  const [, file] = /```yaml\n([\s\S]*?)```/.exec(text)!;
  expect(readGuard(file!).environments.map(({ name }) => name)).toEqual(['production', 'staging']);
});

test('and how long runs of the probe are kept', () => {
  expect(text.replace(/\s+/g, ' ')).toContain(`runs are deleted after ${PROBE_DAYS} days`);
  const schema = readFileSync(path.resolve(import.meta.dirname, '../../docs/schema.md'), 'utf8').replace(/\s+/g, ' ');
  expect(schema).toContain(`Kept for ${PROBE_DAYS} days.`);
});

test('and how the probe is limited', () => {
  const { mails, size, clients, idleMs, waiting, lateMs } = PROBE_LIMITS;
  const words = text.replace(/\s+/g, ' ');
  expect(words).toContain(
    `accepts ${mails.toLocaleString('en')} messages of up to ${size / 2 ** 20} MiB and ${clients} connections at once, and closes a connection that is silent for ${idleMs / 1000} seconds. When more than ${waiting / 2 ** 20} MiB are waiting, further messages are deferred. A run ends at most ${lateMs / 1000} seconds after`,
  );
});
