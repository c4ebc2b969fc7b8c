import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../../demo/random.ts';
import { reply } from '../alerter/sink.ts';
import { RECIPIENTS, type World } from './world.ts';

/**
 * One way to disturb a run. `act` ends when the disturbance is over, and leaves nothing disturbed. It
 * resolves to whether a service met the disturbance, where that is not certain.
 */
interface Fault {
  name: string;
  weight: number;
  act(world: World, random: Random): Promise<unknown>;
}

const some = (random: Random, most: number) => random.int(200, most);

/** Alerts are few: waits until one has met the fault, for half a minute at most, and a while longer. */
async function meeting(happened: () => boolean, ms: number): Promise<void> {
  for (const until = performance.now() + 30_000; !happened() && performance.now() < until; ) await wait(50);
  await wait(ms);
}

const FAULTS: readonly Fault[] = [
  {
    name: 'kill -9',
    weight: 10,
    async act({ processes }, random) {
      processes.signal(random.pick(processes.names), 'SIGKILL');
    },
  },
  {
    name: 'kill -9 of all',
    weight: 1,
    async act({ processes }) {
      processes.signalAll('SIGKILL');
    },
  },
  {
    name: 'SIGTERM',
    weight: 2,
    async act({ processes }, random) {
      processes.signal(random.pick(processes.names), 'SIGTERM');
    },
  },
  {
    // Long enough now and then to lose the lease on the mailbox (30 s) and wake up behind the back of the
    // other poller.
    name: 'frozen process',
    weight: 2,
    async act({ processes }, random) {
      const name = random.pick(processes.names);
      processes.signal(name, 'SIGSTOP');
      await wait(random.chance(0.15) ? 35_000 : some(random, 4_000));
      processes.signal(name, 'SIGCONT');
    },
  },
  {
    name: 'Postgres crash',
    weight: 3,
    act: ({ postgres }, random) => postgres.crash(random.chance(0.3) ? some(random, 6_000) : 0),
  },
  { name: 'sessions terminated', weight: 3, act: ({ postgres }) => postgres.terminateSessions() },
  {
    name: 'writes refused',
    weight: 3,
    async act({ postgres }, random) {
      await postgres.refuseWrites(true);
      await wait(some(random, 4_000));
      await postgres.refuseWrites(false);
    },
  },
  {
    name: 'disk full',
    weight: 4,
    async act({ postgres }, random) {
      if (!postgres.hasDisk) return;
      postgres.fillDisk(true);
      await wait(some(random, 4_000));
      postgres.fillDisk(false);
    },
  },
  { name: 'Redis flushed', weight: 3, act: ({ redis }) => redis.flush() },
  { name: 'Redis restart', weight: 3, act: ({ redis }, random) => redis.restart(random.chance(0.3) ? some(random, 5_000) : 0) },
  {
    name: 'connections cut',
    weight: 6,
    async act({ lines }, random) {
      random.pick([lines.postgres, lines.postgres, lines.imap, lines.imap, lines.smtp]).cut();
    },
  },
  {
    name: 'line dead',
    weight: 3,
    async act({ lines }, random) {
      const line = random.pick([lines.postgres, lines.redis, lines.imap, lines.smtp]);
      const ms = some(random, 4_000);
      if (random.chance(0.5)) line.stall(ms);
      else line.refuse(ms);
      await wait(ms);
      line.heal();
    },
  },
  {
    // TCP is content, and nobody answers: no error ends it, only a bound on the waiting side. Cut in the end,
    // or never heard of again.
    name: 'line silent',
    weight: 4,
    async act({ lines }, random) {
      const line = random.pick([lines.postgres, lines.postgres, lines.redis, lines.imap, lines.smtp]);
      const before = line.swallowed;
      line.swallow();
      await wait(random.chance(0.15) ? 35_000 : some(random, 10_000));
      line.heal();
      if (random.chance(0.6)) line.cut();
      return line.swallowed > before;
    },
  },
  {
    name: 'IMAP restart',
    weight: 2,
    async act({ imapRestart }) {
      await imapRestart?.();
    },
  },
  {
    name: 'SMTP outage',
    weight: 2,
    async act({ sink }, random) {
      await sink.stop();
      await wait(some(random, 4_000));
      await sink.again();
    },
  },
  {
    name: 'SMTP puts off',
    weight: 3,
    async act({ sink }, random) {
      const code = random.pick([421, 450, 451, 452]);
      const refusal = () => reply(code, 'Try again later');
      sink.behaviour = random.pick([{ sender: refusal }, { recipient: refusal }, { accept: refusal }, { cut: true }]);
      await wait(some(random, 3_000));
      sink.behaviour = {};
    },
  },
  {
    // The alert is made anew as another mail; whoever corrects a mail server starts the alerter again, which
    // tries at once.
    name: 'SMTP refuses',
    weight: 4,
    async act({ sink, processes }, random) {
      const code = random.pick([550, 551, 553, 554]);
      let refused = 0;
      const refusal = () => {
        refused++;
        return reply(code, 'Not accepted here');
      };
      sink.behaviour = random.pick([{ sender: refusal }, { recipient: refusal }, { recipient: refusal }, { accept: refusal }]);
      await meeting(() => refused > 0, some(random, 4_000));
      sink.behaviour = {};
      processes.signal('alerter-1', 'SIGTERM');
      return refused > 0;
    },
  },
  {
    name: 'SMTP treats recipients apart',
    weight: 3,
    async act({ sink, processes }, random) {
      const [one, other] = random.shuffle(RECIPIENTS);
      const [first, second] = random.pick([
        [550, null],
        [450, null],
        [550, 450],
      ] as const);
      let refused = 0;
      sink.behaviour = {
        recipient: (address) => {
          const code = address === one ? first : address === other ? second : null;
          if (code === null) return null;
          refused++;
          return reply(code, 'Not for this one');
        },
      };
      await meeting(() => refused > 0, some(random, 4_000));
      sink.behaviour = {};
      processes.signal('alerter-1', 'SIGTERM');
      return refused > 0;
    },
  },
];

/**
 * Faults that must not overlap: a server that is being restarted cannot be restarted, and crash recovery
 * needs its disk.
 */
const OF_POSTGRES = new Set(['Postgres crash', 'sessions terminated', 'writes refused', 'disk full']);
const OF_REDIS = new Set(['Redis flushed', 'Redis restart']);
const OF_SMTP = new Set(['SMTP outage', 'SMTP puts off', 'SMTP refuses', 'SMTP treats recipients apart']);
/** One may be healed by the end of the other. */
const OF_LINES = new Set(['line dead', 'line silent']);
const GROUPS = [OF_POSTGRES, OF_REDIS, OF_SMTP, new Set(['IMAP restart']), new Set(['frozen process']), OF_LINES];

export interface Chaos {
  /**
   * Alerts are about to be sent: begins a fault of the mail server, unless one is under way; also after
   * `stop`, since a wave may be analyzed only then. Resolves when the fault is over.
   */
  alerting(): Promise<void>;
  /** What was done, by name. */
  done: Map<string, number>;
  /** How often a service met it, of faults that may pass unnoticed. */
  met: Map<string, number>;
  /**
   * Begins nothing new; resolves when everything that was disturbed is whole again. @throws what a fault
   * threw
   */
  stop(): Promise<void>;
}

/** Disturbs the world at random, `meanMs` between two beginnings, until stopped. */
export function startChaos(world: World, random: Random, meanMs: number, say: (line: string) => void): Chaos {
  const done = new Map<string, number>();
  const met = new Map<string, number>();
  const under = new Set<Promise<void>>();
  const busy = new Set<ReadonlySet<string>>();
  const stopping = new AbortController();
  let failure: unknown;
  const total = FAULTS.reduce((sum, { weight }) => sum + weight, 0);
  const draw = () => {
    let at = random.next() * total;
    return (
      FAULTS.find(({ weight }) => {
        at -= weight;
        return at < 0;
      }) ?? FAULTS[0]!
    );
  };
  const begin = (fault: Fault, parameters: Random): Promise<void> => {
    const group = GROUPS.find((names) => names.has(fault.name));
    if (group && busy.has(group)) return Promise.resolve();
    if (group) busy.add(group);
    done.set(fault.name, (done.get(fault.name) ?? 0) + 1);
    say(fault.name);
    const acting = fault
      .act(world, parameters)
      .then((noticed) => {
        if (typeof noticed === 'boolean') met.set(fault.name, (met.get(fault.name) ?? 0) + Number(noticed));
      })
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => {
        under.delete(acting);
        if (group) busy.delete(group);
      });
    under.add(acting);
    return acting;
  };
  const loop = (async () => {
    for (let n = 0; !stopping.signal.aborted; n++) {
      await wait(random.int(meanMs * 0.2, meanMs * 1.8), undefined, { signal: stopping.signal }).catch(() => undefined);
      if (!stopping.signal.aborted) void begin(draw(), random.fork(`fault/${n}`));
    }
  })();
  const ofAlerts = random.fork('alerting');
  let strikes = 0;
  return {
    done,
    met,
    alerting() {
      // Mostly refusals: the others come by themselves.
      const name = ofAlerts.pick([
        'SMTP refuses',
        'SMTP refuses',
        'SMTP treats recipients apart',
        'SMTP puts off',
        'SMTP outage',
      ]);
      const fault = FAULTS.find((one) => one.name === name)!;
      return begin(fault, ofAlerts.fork(`${strikes++}`));
    },
    async stop() {
      stopping.abort();
      await loop;
      await Promise.all(under);
      if (failure !== undefined) throw failure;
    },
  };
}
