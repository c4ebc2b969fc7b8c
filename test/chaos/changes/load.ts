import type { Random } from '../../../demo/random.ts';
import type { Plan } from '../../../services/requests/plan.ts';
import { txtOf } from '../../../services/requests/plans/members.ts';
import type { State } from '../../../services/requests/states.ts';
import type { Db } from '../../../services/shared/runtime/db.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { planOf, rulesOf } from '../../requests/sample.ts';

export const ZONE = 'example.com';
const RULES = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1_000_000 } });

/** What a request has to come to. */
export interface Expected {
  key: number;
  state: State;
  /** How often a name of the zone changes. */
  effects: number;
  /** The texts at its names. */
  texts: Record<string, string[]>;
}

const record = (name: string, before: string[], after: string[]): Plan['changes'][number] => ({
  target: 'dns',
  name: `${name}.${ZONE}`,
  type: 'TXT',
  ttl: { before: before.length === 0 ? null : 60, after: after.length === 0 ? null : 60 },
  before: before.map(txtOf),
  after: after.map(txtOf),
});

/** Opens requests of all sorts, that a rule approves at once, and says what each has to come to. */
export class Load {
  readonly expected: Expected[] = [];
  private readonly random: Random;
  private readonly db: Db;
  private n = 0;
  private last: Expected | null = null;

  constructor(db: Db, random: Random) {
    this.db = db;
    this.random = random;
  }

  async open(): Promise<void> {
    const n = ++this.n;
    const long = `v=DKIM1; k=rsa; p=${'A'.repeat(600)}${n}`;
    switch (this.random.int(0, 4)) {
      case 0:
        return this.ask([record(`one${n}`, [], [`one ${n}`])], { effects: 1, texts: { [`one${n}`]: [`one ${n}`] } });
      case 1:
        return this.ask([record(`a${n}`, [], [long]), record(`b${n}`, [], ['b1', 'b2'])], {
          effects: 2,
          texts: { [`a${n}`]: [long], [`b${n}`]: ['b1', 'b2'] },
        });
      case 2:
        // The second is stale: the first is taken back.
        return this.ask([record(`c${n}`, [], ['c']), record(`d${n}`, ['was never there'], ['d'])], {
          state: 'stale',
          effects: 2,
          texts: { [`c${n}`]: [], [`d${n}`]: [] },
        });
      case 3:
        return this.ask([record(`e${n}`, [], ['e']), this.sender(n)], { effects: 1, texts: { [`e${n}`]: ['e'] } });
      default:
        return this.goOn(n);
    }
  }

  /** Changes what an earlier request published, once that one is done. */
  private async goOn(n: number): Promise<void> {
    const one = this.last;
    if (one === null) return this.start(n);
    const { rows } = await this.db.query<{ state: State }>('select state from ruawatch.requests where request_key = $1', [
      one.key,
    ]);
    if (rows[0]!.state !== 'done') return this.start(n);
    const [[name, texts]] = Object.entries(one.texts) as [[string, string[]]];
    const after = texts.length > 2 ? [] : [...texts.slice(1), `${n}`, `${n} more`];
    one.texts = {};
    this.last = null;
    await this.ask([record(name, texts, after)], { effects: 1, texts: { [name]: after } });
    if (after.length > 0) this.last = this.expected.at(-1)!;
  }

  private async start(n: number): Promise<void> {
    await this.ask([record(`f${n}`, [], ['first', 'second'])], { effects: 1, texts: { [`f${n}`]: ['first', 'second'] } });
    this.last ??= this.expected.at(-1)!;
  }

  private sender(n: number): Plan['changes'][number] {
    return {
      target: 'senders',
      domain: ZONE,
      source: `mailer${n}.example`,
      is_service: false,
      before: null,
      after: 'approved',
      until: null,
    };
  }

  private async ask(changes: Plan['changes'], part: Omit<Expected, 'key' | 'state'> & { state?: State }): Promise<void> {
    const plan = planOf({ kind: 'dns.change', domain: ZONE, changes, back: { watch_hours: 0, text: 'It is put back.' } });
    const given = { plan, requester: 'zoe@example.com', requester_kind: 'person' as const, why: 'chaos' };
    const key = (await openRequest(this.db, RULES, given, null))!;
    this.expected.push({ state: 'done', ...part, key });
  }
}
