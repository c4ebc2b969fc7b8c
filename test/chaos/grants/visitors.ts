import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import type { Random } from '../../../demo/random.ts';
import type { Server } from '../../../services/dns/client/servers.ts';
import { sendUpdate } from '../../../services/dns/wire/send.ts';
import type { TsigKey } from '../../../services/dns/wire/tsig.ts';

/** Milliseconds between two tries of somebody who uses what was lent, as long as it may be used and after. */
const BETWEEN: [number, number] = [40, 160];
const PATIENCE_MS = 3_000;

/**
 * What the holder of a lent role did with it, until he is told to go. The moments are those at which he
 * began.
 */
export class RoleVisitor {
  lastLogin = 0;
  lastUse = 0;
  uses = 0;
  private going = true;
  private readonly done: Promise<void>;

  constructor(connect: () => pg.Client, random: Random) {
    this.done = this.visit(connect, random);
  }

  /** Lets him go, and waits until he has. */
  async leave(): Promise<void> {
    this.going = false;
    await this.done;
  }

  private async visit(connect: () => pg.Client, random: Random): Promise<void> {
    while (this.going) {
      const client = connect();
      let open = true;
      client.on('error', () => undefined);
      client.on('end', () => {
        open = false;
      });
      const begun = Date.now();
      try {
        await client.connect();
        this.lastLogin = begun;
        // What a role leaves behind hinders its removal.
        if (random.int(0, 2) === 0) await client.query('select lo_create(0)');
        if (random.int(0, 3) === 0) await client.query('create temp table mine (a int)');
        while (this.going && open && random.int(0, 30) > 0) {
          const before = Date.now();
          await client.query(random.int(0, 9) === 0 ? 'select text, pg_sleep(1) from items' : 'select text from items');
          this.lastUse = before;
          this.uses++;
          await wait(random.int(...BETWEEN));
        }
      } catch (error) {
        // Refused, cut off, or the server is down: he tries again.
        if (!(error instanceof Error)) throw error;
      }
      if (open) await client.end().catch(() => undefined);
      await wait(random.int(...BETWEEN));
    }
  }
}

/** An update that was sent with a lent key. */
export interface SentUpdate {
  name: string;
  begun: number;
  /** Whether the gateway said so in an answer that it signed. */
  accepted: boolean;
}

/** What the holder of a lent key did with it: each update adds a record of its own. */
export class KeyVisitor {
  readonly sent: SentUpdate[] = [];
  /** The name below which the key may change records. */
  readonly under: string;
  private going = true;
  private readonly done: Promise<void>;

  /**
   * @param task a name whose record is what the grant was asked for; it is added after some updates
   */
  constructor(
    gateway: Server,
    key: TsigKey,
    { zone, under, task, random }: { zone: string; under: string; task: string | null; random: Random },
  ) {
    this.under = under;
    this.done = this.visit(gateway, key, { zone, under, task, random });
  }

  async leave(): Promise<void> {
    this.going = false;
    await this.done;
  }

  private async visit(
    gateway: Server,
    key: TsigKey,
    { zone, under, task, random }: { zone: string; under: string; task: string | null; random: Random },
  ): Promise<void> {
    const doneAfter = random.int(1, 5);
    for (let n = 0; this.going; n++) {
      const name = task !== null && n >= doneAfter && n % 2 === 1 ? task : `u${n}.${under}`;
      const begun = Date.now();
      const change = { kind: 'add' as const, name, type: 'TXT' as const, ttl: 60, data: ['done'] };
      const outcome = await sendUpdate(gateway, key, { zone, prerequisites: [], changes: [change] }, { timeoutMs: PATIENCE_MS });
      this.sent.push({ name, begun, accepted: outcome.state === 'accepted' });
      await wait(random.int(200, 900));
    }
  }
}
