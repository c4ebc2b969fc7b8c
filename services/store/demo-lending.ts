import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { scramVerifier } from '../shared/runtime/embedded-secrets.ts';
import { lendSetup } from './grants/lend-setup.ts';

const DATABASE = 'demo_shop';
const LENDER = 'demo_lender';
/** The role whose rights the demo lends. */
export const SHOP_READERS = 'demo_shop_readers';

async function on<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  // What a session is cut off with is the error of its next statement.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Makes the shop's database anew, which people of the demo look something up in, and sets it up to lend.
 * @param adminUrl of the superuser, for a database
 * @returns the URL of the login that lends
 */
export async function makeShop(adminUrl: (database?: string) => string): Promise<string> {
  const password = randomBytes(18).toString('base64url');
  await on(adminUrl(), async (admin) => {
    await admin.query(`drop database if exists ${DATABASE} with (force)`);
    await admin.query(`create database ${DATABASE}`);
    for (const [role, can] of [
      [SHOP_READERS, 'nologin'],
      [LENDER, 'login'],
    ])
      await admin.query(
        `do $$ begin if not exists (select from pg_roles where rolname = '${role}') then create role ${role} ${can}; end if; end $$`,
      );
    await admin.query(`alter role ${LENDER} password '${scramVerifier(password)}'`);
  });
  await on(adminUrl(DATABASE), async (admin) => {
    await admin.query(
      `create table orders (number int primary key, customer text, state text);
       insert into orders values (4711, 'C. Vogel', 'paid'), (4712, 'M. Adler', 'sent'), (4713, 'R. Falk', 'paid');
       grant select on orders to ${SHOP_READERS}`,
    );
    await admin.query(lendSetup(LENDER, [SHOP_READERS]));
  });
  const url = new URL(adminUrl(DATABASE));
  url.username = LENDER;
  url.password = password;
  return url.href;
}

/** A session of somebody in the shop. */
export interface ShopSession {
  /** Looks at the orders. @returns how many there are; the server's words when it refuses */
  look(): Promise<number | string>;
  /** Tries to delete them. @returns the server's words */
  clear(): Promise<string>;
  close(): Promise<void>;
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Logs in. @returns the server's words when it refuses */
export async function enterShop(lenderUrl: string, user: string, password: string): Promise<ShopSession | string> {
  const url = new URL(lenderUrl);
  url.username = user;
  url.password = password;
  const client = new pg.Client({ connectionString: url.href });
  // What the server says as it cuts a session off comes between two statements.
  let cut: string | null = null;
  client.on('error', (error) => {
    cut ??= words(error);
  });
  try {
    await client.connect();
  } catch (error) {
    return words(error);
  }
  return {
    look: () =>
      client.query<{ n: number }>('select count(*)::int as n from orders').then(
        ({ rows }) => rows[0]!.n,
        (error: unknown) => cut ?? words(error),
      ),
    clear: () =>
      client.query('delete from orders').then(
        () => 'done',
        (error: unknown) => words(error),
      ),
    close: () => client.end().catch(() => undefined),
  };
}
