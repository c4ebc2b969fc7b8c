import { scryptSync } from 'node:crypto';
import type { TestPerson } from './setup.ts';
import { same, shownOf } from './shown.ts';
import type { World } from './world.ts';

/** What people and programs do in the world, one act after another: what a golden file holds of it. */

export const PASSWORD = 'correct horse battery';
const SALT = Buffer.from('sixteen bytes ..');
const HASH = scryptSync(PASSWORD, SALT, 32, { N: 2, r: 1, p: 1 });
/** The password as it is stored, with the least cost: a test gives it many times. */
const STORED = `scrypt$2$1$1$${SALT.toString('base64url')}$${HASH.toString('base64url')}`;

/** Days of the clock of the database, which some requests are opened by and end by. */
const BY_CLOCK = [0, 1, 2, 3, 4].map((days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10));
const MOMENT = new RegExp(`(?:${BY_CLOCK.join('|')})[T ][\\d:.]+Z?`, 'g');

/** Without what is another in each run. */
const steady = (text: string) =>
  same(text.replace(/ruawatch_[\w-]{43}/g, 'TOKEN'))
    .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replace(/\b[A-Z2-7]{32}\b/g, 'SECRET')
    .replace(/"code":"\d{6}"/g, '"code":"CODE"')
    .replace(MOMENT, 'BY THE CLOCK')
    .replace(/Bearer [\w-]+…/g, 'Bearer TOKEN…')
    .replace(/\b(admin|operator|viewer)-\d+/g, '$1');

/** What a form or a program is answered: of a page its title, what is wrong on it, and what it shows once. */
const saidIn = (body: string) =>
  body.startsWith('{')
    ? JSON.stringify(JSON.parse(body))
    : [
        ...body.matchAll(
          /<h1[^>]*>[\s\S]*?<\/h1>|<p class="problem-line"[\s\S]*?<\/p>|<pre class="secret">.*?<\/pre>|<div class="problem">[\s\S]*?<\/div>/g,
        ),
      ]
        .map(([part]) =>
          part!
            .replace(/<[^>]+>/g, ' ')
            .replace(/\s+/g, ' ')
            .trim(),
        )
        .join(' | ');

/** Acts one after another; each with what is answered, what the next page tells, and what is noted of it. */
export class Acts {
  readonly lines: string[] = [];
  private readonly of: World;
  private last: number;

  private constructor(of: World, last: number) {
    this.of = of;
    this.last = last;
  }

  /** Begins where the acts before end. Ada and eve have the password. */
  static async in(of: World): Promise<Acts> {
    const { db } = of.c.t;
    await db.query("update ruawatch.people set password = $1 where name in ('ada', 'eve')", [STORED]);
    const { rows } = await db.query<{ last: number }>('select coalesce(max(act_key), 0) as last from ruawatch.console_acts');
    return new Acts(of, Number(rows[0]!.last));
  }

  async post(person: TestPerson, path: string, fields: Record<string, string> = {}, from?: string): Promise<void> {
    const { statusCode, headers, body } = await person.post(path, fields, from === undefined ? {} : { from });
    const to = headers.location;
    this.lines.push(`POST ${path} ${JSON.stringify(fields)}: ${[statusCode, to].filter(Boolean).join(' ')}`);
    if (statusCode === 303) {
      const next = (await person.get(String(to))).body;
      const told = /role="status">([^<]*)/.exec(next)?.[1];
      if (told !== undefined) this.lines.push(`  told: ${told}`);
    } else this.lines.push(`  said: ${saidIn(body)}`);
    await this.noted();
  }

  async api(person: TestPerson, method: 'GET' | 'POST', path: string, body?: object): Promise<void> {
    const answer = await person.api(method, `/api/v1${path}`, body);
    this.lines.push(`${method} ${path} ${JSON.stringify(body ?? null)}: ${answer.statusCode}`, `  said: ${saidIn(answer.body)}`);
    await this.noted();
  }

  async page(person: TestPerson, path: string): Promise<void> {
    this.lines.push(`GET ${path}`, shownOf((await person.get(path)).body));
  }

  private async noted(): Promise<void> {
    const { rows } = await this.of.c.t.db.query<{ act_key: number; by_name: string }>(
      'select act_key, by_name, act, domain, object, detail from ruawatch.console_acts where act_key > $1 order by act_key',
      [this.last],
    );
    for (const { act_key, ...act } of rows) {
      this.last = act_key;
      // Those that the helpers of tests note say nothing.
      if (act.by_name !== 'test') this.lines.push(`  noted: ${JSON.stringify(act).replace(/"token":\d+/g, '"token":KEY')}`);
    }
  }

  text(): string {
    return `${steady(this.lines.join('\n'))}\n`;
  }
}
