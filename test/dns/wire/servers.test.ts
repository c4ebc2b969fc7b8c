import { afterAll, beforeAll, describe } from 'vitest';
import {
  startUpdatableBind,
  startUpdatableKnot,
  startUpdatablePowerDns,
  type UpdateServer,
  type UpdateZone,
  updatable,
} from '../../helpers/update-servers.ts';
import { type Differences, TABLE_ZONE, table } from './table.ts';

/** The table of RFC 2136 behavior, as it was measured on the servers that Debian has. */
function suite(
  name: string,
  skipped: string | false,
  start: (zone: UpdateZone) => Promise<UpdateServer>,
  differs: Differences,
): void {
  describe.skipIf(skipped !== false)(`${name}${skipped || ''}`, () => {
    let running: UpdateServer;
    beforeAll(async () => {
      running = await start(TABLE_ZONE);
    });
    afterAll(() => running?.stop());
    table(() => running, differs);
  });
}

suite('Knot', !updatable.knot && ' (SKIPPED: knot is not installed)', startUpdatableKnot, {
  noRight: 'NOTAUTH BADKEY',
  outOfZone: 'NOTZONE',
  outOfZoneOfLimited: 'NOTAUTH BADKEY',
  unsigned: '9',
  unknownKey: 'NOTAUTH BADKEY',
  badSecret: 'NOTAUTH BADSIG',
  clock: 'NOTAUTH BADTIME',
  shortMac: '9 16',
  shorterMac: '9 16',
  besideCname: 'NOERROR',
  ttlAfterAdd: 60,
  comparesCase: true,
});

suite('BIND', !updatable.bind && ' (SKIPPED: bind9 is not installed)', startUpdatableBind, {
  noRight: 'REFUSED',
  outOfZone: 'NOTZONE',
  outOfZoneOfLimited: 'NOTZONE',
  unsigned: '5',
  unknownKey: 'NOTAUTH BADKEY',
  badSecret: 'NOTAUTH BADSIG',
  clock: 'NOTAUTH BADTIME',
  shortMac: '9 22',
  shorterMac: '1 16',
  besideCname: 'NOERROR',
  ttlAfterAdd: 30,
  comparesCase: true,
});

suite('PowerDNS', !updatable.powerdns && ' (SKIPPED: pdns-server is not installed)', startUpdatablePowerDns, {
  noRight: 'NOERROR',
  outOfZone: 'NOTZONE',
  outOfZoneOfLimited: 'NOTZONE',
  unsigned: '5',
  unknownKey: 'REFUSED',
  badSecret: 'REFUSED',
  clock: 'REFUSED',
  shortMac: '5 -',
  shorterMac: '5 -',
  besideCname: 'REFUSED',
  ttlAfterAdd: 30,
  comparesCase: false,
});
