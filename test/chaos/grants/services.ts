import { setTimeout as wait } from 'node:timers/promises';
import type { Run } from '../../helpers/process.ts';

export type ServiceName = 'applier' | 'approver' | 'gateway';

/**
 * Our services as real processes, started again whenever one is killed. Kills wait for each other: of two
 * that cross, each would start a process in the place of the same one, and the one that is not kept would
 * outlive the test.
 */
export class Services {
  private readonly start: (name: ServiceName) => Run;
  private readonly running: { name: ServiceName; run: Run }[];
  private turn: Promise<unknown> = Promise.resolve();
  private stopped = false;

  constructor(start: (name: ServiceName) => Run) {
    this.start = start;
    const names: ServiceName[] = ['applier', 'applier', 'approver', 'gateway'];
    this.running = names.map((name) => ({ name, run: start(name) }));
  }

  /** @param pause milliseconds in which none of that name runs */
  kill(name: ServiceName, pause = 0): Promise<void> {
    return this.alone(() =>
      this.replace(
        this.running.filter((one) => one.name === name),
        pause,
      ),
    );
  }

  killOne(): Promise<void> {
    return this.alone(async () => {
      await this.replace(this.running.slice(0, 1), 0);
      this.running.push(this.running.shift()!);
      this.running.sort((a, b) => Number(b.name === 'applier') - Number(a.name === 'applier'));
    });
  }

  stop(): Promise<void> {
    this.stopped = true;
    return this.alone(async () => {
      for (const { run } of this.running) run.child.kill('SIGKILL');
      await Promise.all(this.running.map(({ run }) => run.ended));
    });
  }

  logs(): string {
    return this.running.map(({ name, run }) => `${name}:\n${run.stdout().slice(-3_000)}${run.stderr().slice(-1_000)}`).join('\n');
  }

  private alone(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = Promise.allSettled([done]);
    return done;
  }

  private async replace(these: { name: ServiceName; run: Run }[], pause: number): Promise<void> {
    if (this.stopped) return;
    for (const { run } of these) run.child.kill('SIGKILL');
    await Promise.all(these.map(({ run }) => run.ended));
    await wait(pause);
    // Who has said meanwhile that all is to stop waits for this turn, and finds nothing that was begun after
    // it.
    if (!this.stopped) for (const one of these) one.run = this.start(one.name);
  }
}
