import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyByUpdate } from '../../../services/applier/targets/rfc2136.ts';
import type { RecordChange } from '../../../services/applier/targets/target.ts';
import type { LogEvent } from '../../../services/collector/events.ts';
import { readLine } from '../../../services/collector/lines/line.ts';
import { programOf, readProgram } from '../../../services/collector/programs/index.ts';
import { readKnot, readNamed } from '../../../services/collector/programs/nameservers.ts';
import { txtOf } from '../../../services/requests/plans/members.ts';
import type { UpdatedServer } from '../../../services/shared/settings/dns-servers.ts';
import { type LoggingServer, startUpdatableBind, startUpdatableKnot, updatable } from '../../helpers/update-servers.ts';

const ZONE = 'example.com';
const NAME = `s1._domainkey.${ZONE}`;
const key = (name: string) => ({ name, algorithm: 'hmac-sha256' as const, secret: randomBytes(32) });
const CI = key('ci');
const OTHER = key('other');

const change = (before: string[], after: string[]): RecordChange => ({
  name: NAME,
  type: 'TXT',
  ttl: { before: before.length === 0 ? null : 60, after: after.length === 0 ? null : 60 },
  before: before.map(txtOf),
  after: after.map(txtOf),
});

/** A key is published and taken away again, and an update with an unknown TSIG key is turned away. */
async function update({ server }: LoggingServer): Promise<void> {
  const by = ({ name, algorithm, secret }: typeof CI): UpdatedServer => ({
    kind: 'rfc2136',
    name: 'primary',
    zones: [ZONE],
    server,
    key: { name, algorithm },
    secret: () => Buffer.from(secret),
  });
  expect(await applyByUpdate(by(CI), ZONE, change([], ['v=DKIM1; p=a']))).toMatchObject({ state: 'applied' });
  expect(await applyByUpdate(by(CI), ZONE, change(['v=DKIM1; p=a'], []))).toMatchObject({ state: 'applied' });
  await applyByUpdate(by(OTHER), ZONE, change([], ['v=DKIM1; p=b'])).catch(() => undefined);
}

const GIVEN = { zone: ZONE, records: ['www A 127.0.0.1'] };

/** The changes among the lines of a server, each read as the collector reads it. */
function changesIn(said: string): LogEvent[] {
  return said.split('\n').flatMap((line) => {
    const { tag, text } = readLine(line, Date.now());
    const program = programOf(tag);
    return program === null ? [] : readProgram(program, tag, text)!.events;
  });
}

const BIND_NOTE = updatable.bind ? '' : ' (SKIPPED: bind9 is not installed)';
describe.runIf(updatable.bind)(`lines that BIND writes${BIND_NOTE}`, () => {
  let running: LoggingServer;
  beforeAll(async () => {
    running = await startUpdatableBind({ ...GIVEN, keys: [CI] });
  });
  afterAll(() => running.stop());
  test('an addition and a deletion, by whom', async () => {
    await update(running);
    const of = { kind: 'dns_change', zone: ZONE, name: NAME, type: 'TXT', client: 'ci' };
    await expect
      .poll(() => changesIn(running.said()))
      .toEqual([
        { ...of, action: 'added' },
        { ...of, action: 'deleted' },
      ]);
  });
});

const KNOT_NOTE = updatable.knot ? '' : ' (SKIPPED: knot is not installed)';
describe.runIf(updatable.knot)(`lines that Knot writes${KNOT_NOTE}`, () => {
  let running: LoggingServer;
  beforeAll(async () => {
    running = await startUpdatableKnot({ ...GIVEN, keys: [CI] });
  });
  afterAll(() => running.stop());
  test('that the zone changed, and who was refused', async () => {
    await update(running);
    const of = { kind: 'dns_change', zone: ZONE, name: null, type: null };
    await expect
      .poll(() => changesIn(running.said()))
      .toEqual([
        { ...of, action: 'changed', client: null },
        { ...of, action: 'changed', client: null },
        { ...of, action: 'refused', client: 'other' },
      ]);
  });
});

// Written by Debian's bind9 9.18 and knot 3.2.6 on 2026-11-27.
const BIND = "client @0x7f7253ed1c98 127.0.0.1#46699/key ci: updating zone 'example.com/IN': ";
test.each([
  [`${BIND}adding an RR at 'x.example.com' A 127.0.0.1`, [{ action: 'added', name: 'x.example.com', type: 'A', client: 'ci' }]],
  [`${BIND}deleting an RR at x.example.com TXT`, [{ action: 'deleted', name: 'x.example.com', type: 'TXT' }]],
  [`${BIND}deleting rrset at 'x.example.com' TXT`, [{ action: 'deleted', name: 'x.example.com', type: 'TXT' }]],
  [`${BIND}delete all rrsets from name 'x.example.com'`, [{ action: 'deleted', name: 'x.example.com', type: null }]],
  [`${BIND}update failed: rejected by secure update (REFUSED)`, [{ action: 'refused', zone: 'example.com', client: 'ci' }]],
  [
    "client @0x7f7253ed0098 127.0.0.1#33237: updating zone 'example.com/IN': update failed: rejected by secure update (REFUSED)",
    [{ action: 'refused', client: '127.0.0.1' }],
  ],
  ["client @0x7f2a 192.0.2.1#4711: update 'example.com/IN' denied", [{ action: 'refused', client: '192.0.2.1', name: null }]],
  ['client @0x7f72 127.0.0.1#36309: update failed: other.example: not authoritative for update zone (NOTAUTH)', []],
  ['client @0x7f72 127.0.0.1#33987: request has invalid signature: TSIG no: tsig verify failure (BADKEY)', []],
])('BIND: %s', (line, said) => {
  expect(readNamed(line)!.events).toMatchObject(said);
  expect(readNamed(line)!.events).toHaveLength(said.length);
  expect(readNamed(`update: info: ${line}`)).toEqual(readNamed(line));
});

test.each([
  [
    'info: [example.com.] DDNS, finished, serial 1 -> 2, 0.00 seconds',
    [{ action: 'changed', zone: 'example.com', client: null }],
  ],
  ['info: [example.com.] loaded, serial 1 -> 2, 143 bytes', [{ action: 'changed' }]],
  ["debug: [example.com.] ACL, denied, action update, remote 127.0.0.1@32837, key 'no.'", [{ action: 'refused', client: 'no' }]],
  ['debug: [example.com.] ACL, denied, action update, remote ::1@33395, key none', [{ action: 'refused', client: '::1' }]],
  ["debug: [example.com.] ACL, denied, action transfer, remote 127.0.0.1@32837, key 'no.'", []],
  ["debug: [example.com.] ACL, allowed, action update, remote 127.0.0.1@35007, key 'ci.'", []],
  ['info: [example.com.] DDNS, processing 1 updates', []],
  ['info: [example.com.] DDNS, finished, no changes to the zone were made', []],
  ['info: [example.com.] loaded, serial none -> 1, 143 bytes', []],
  ['info: [example.com.] zone file parsed, serial 1', []],
  ['info: [example.com.] zone file updated, serial 1 -> 2', []],
  ["info: [example.com.] control, received command 'zone-begin'", []],
  ['info: server started in the foreground, PID 2761', []],
  ['', []],
])('Knot: %s', (line, said) => {
  expect(readKnot(line)!.events).toMatchObject(said);
  expect(readKnot(line)!.events).toHaveLength(said.length);
});
