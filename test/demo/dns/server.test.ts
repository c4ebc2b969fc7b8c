import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DemoNameServer, startNameServer } from '../../../demo/dns/server.ts';
import { createDnsClient } from '../../../services/dns/client/client.ts';
import { RECORD_TYPES, type RecordType } from '../../../services/dns/client/types.ts';
import { TABLE_ZONE, table } from '../../dns/wire/table.ts';

let running: DemoNameServer;
beforeAll(async () => {
  running = await startNameServer({
    zones: {
      '.': [],
      [TABLE_ZONE.zone]: TABLE_ZONE.records,
      'other.test': [
        'a A 192.0.2.1',
        'deep.below TXT "x"',
        'away CNAME www.update.test.',
        'loop CNAME loop.other.test.',
        'away2 CNAME nobody.update.test.',
        `big TXT ${'"'.padEnd(251, 'x')}" ${'"'.padEnd(251, 'y')}" ${'"'.padEnd(251, 'z')}"`,
        ...Array.from({ length: 8 }, (_, i) => `big TXT "${i}${'w'.repeat(240)}"`),
      ],
    },
    keys: TABLE_ZONE.keys.map(({ textOnly, ...key }) => ({ ...key, ...(textOnly && { types: [RECORD_TYPES.TXT] }) })),
  });
});
afterAll(() => running.stop());

describe('the table of RFC 2136', () => {
  table(() => running, {
    noRight: 'REFUSED',
    outOfZone: 'NOTZONE',
    outOfZoneOfLimited: 'NOTZONE',
    unsigned: '5',
    unknownKey: 'NOTAUTH BADKEY',
    badSecret: 'NOTAUTH BADSIG',
    clock: 'NOTAUTH BADTIME',
    shortMac: '9 22',
    shorterMac: '1 -',
    besideCname: 'NOERROR',
    ttlAfterAdd: 30,
    comparesCase: true,
  });
});

test.each<[string, RecordType, string, unknown]>([
  ['a.other.test', 'A', 'records', ['192.0.2.1']],
  ['A.Other.TEST', 'A', 'records', ['192.0.2.1']],
  ['a.other.test', 'AAAA', 'nodata', undefined],
  ['below.other.test', 'TXT', 'nodata', undefined],
  ['nobody.other.test', 'A', 'nxdomain', undefined],
  ['away.other.test', 'A', 'records', ['192.0.2.1']],
  ['away2.other.test', 'A', 'nxdomain', undefined],
  ['loop.other.test', 'A', 'unknown', undefined],
  ['other.test', 'NS', 'records', ['ns.other.test']],
  ['com', 'NS', 'nxdomain', undefined],
])('%s %s: %s', async (name, type, state, records) => {
  const client = createDnsClient({ servers: [running.server], cacheEntries: 0 });
  const answer = await client.ask(name, type);
  expect(answer.state).toBe(state);
  if (records !== undefined) expect(answer).toMatchObject({ records });
});

test('a large answer comes over TCP', async () => {
  const answer = await createDnsClient({ servers: [running.server] }).ask('big.other.test', 'TXT');
  expect(answer.state === 'records' && answer.records.length).toBe(9);
});

test('bytes that are no message end nothing', async () => {
  const socket = createSocket('udp4');
  for (const bytes of [
    Buffer.alloc(3),
    Buffer.alloc(12, 255),
    Buffer.from('000128000001000000000000', 'hex'),
    Buffer.alloc(600, 7),
  ])
    await new Promise<void>((resolve) => socket.send(bytes, running.server.port, '127.0.0.1', () => resolve()));
  socket.close();
  await new Promise<void>((resolve) => {
    const tcp = connect({ host: '127.0.0.1', port: running.server.port });
    tcp.on('close', () => resolve());
    tcp.on('error', () => undefined);
    tcp.write(Buffer.from([0, 4, 1, 2, 3, 4]));
  });
  expect((await createDnsClient({ servers: [running.server] }).ask('a.other.test', 'A')).state).toBe('records');
});

test('a server without keys refuses every update', async () => {
  const bare = await startNameServer({ zones: { 'other.test': [] } });
  const { sendUpdate } = await import('../../../services/dns/wire/send.ts');
  const outcome = await sendUpdate(bare.server, TABLE_ZONE.keys[0]!, { zone: 'other.test', prerequisites: [], changes: [] });
  expect(outcome).toMatchObject({ state: 'refused', reason: 'bad_key' });
  await bare.stop();
});
