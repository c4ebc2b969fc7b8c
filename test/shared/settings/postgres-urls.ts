/** What a Postgres URL means, as the words of libpq. */
export interface Meant {
  host?: string;
  port?: string;
  user?: string;
  password?: string;
  dbname?: string;
  options?: string;
  application_name?: string;
  client_encoding?: string;
}

/** One URL, what libpq 15 makes of it (PQconninfoParse), and ours where it is not the same. */
export interface Row {
  /** What follows "postgres://". */
  rest: string;
  /** 'refused', or what it reads; TLS is in postgres-url.test.ts. */
  libpq: Meant | 'refused';
  /** Absent: as libpq. */
  ours?: Meant | 'refused';
  /** Why ours differs. */
  why?: string;
}

const U = { user: 'u', password: 'p' };
const BASE: Meant = { ...U, host: 'h', dbname: 'db' };
const one = (rest: string, libpq: Row['libpq'] = BASE): Row => ({ rest, libpq });
const not = (rest: string, libpq: Row['libpq'], why: string, ours: Row['ours'] = 'refused'): Row => ({ rest, libpq, ours, why });

const PASSWORD = 'may be the rest of an unescaped password';
const ONE_HOST = 'one host only';
const IGNORED = 'would be ignored by the driver';

export const ROWS: readonly Row[] = [
  one('u:p@h/db'),
  one('u:p@h:5433/db', { ...BASE, port: '5433' }),
  one('u:p@h', { ...U, host: 'h' }),
  one('u:p@h/', { ...U, host: 'h' }),
  one('u:p@h/db?'),
  one('u@h/db', { user: 'u', host: 'h', dbname: 'db' }),
  one('u:@h/db', { user: 'u', host: 'h', dbname: 'db' }),
  one(':p@h/db', { password: 'p', host: 'h', dbname: 'db' }),
  one('h/db', { host: 'h', dbname: 'db' }),
  one('h', { host: 'h' }),
  one('/db', { dbname: 'db' }),
  one('', {}),
  // Escapes.
  one('u:p%40ss@h/db', { ...BASE, password: 'p@ss' }),
  one('u:p%2Fs%23%3F@h/db', { ...BASE, password: 'p/s#?' }),
  one('u%40x:p@h/db', { ...BASE, user: 'u@x' }),
  one('u:p%25@h/db', { ...BASE, password: 'p%' }),
  one('u:p%2Bq@h/db', { ...BASE, password: 'p+q' }),
  one('u:p+q@h/db', { ...BASE, password: 'p+q' }),
  one('u:a:b@h/db', { ...BASE, password: 'a:b' }),
  one('u:pé@h/db', { ...BASE, password: 'pé' }),
  one('U:P@H.Example/Db', { user: 'U', password: 'P', host: 'H.Example', dbname: 'Db' }),
  one('u:p@h/d%20b', { ...BASE, dbname: 'd b' }),
  one('u:p@h/d%2Fb', { ...BASE, dbname: 'd/b' }),
  one('u:p@h/d%23b', { ...BASE, dbname: 'd#b' }),
  one('u:p@h/d%C3%A9', { ...BASE, dbname: 'dé' }),
  one('u:p@h/a/b', { ...BASE, dbname: 'a/b' }),
  one('u:p%@h/db', 'refused'),
  one('u:p%zz@h/db', 'refused'),
  one('u:p%00@h/db', 'refused'),
  // Sockets and addresses.
  one('u:p@/db?host=/cloudsql/a:b:c', { ...U, dbname: 'db', host: '/cloudsql/a:b:c' }),
  one('u:p@/db?host=h2', { ...U, dbname: 'db', host: 'h2' }),
  one('/db?host=/run/pg&user=u&password=p', { ...U, dbname: 'db', host: '/run/pg' }),
  one('u:p@%2Frun%2Fpg/db', { ...BASE, host: '/run/pg' }),
  one('u:p@%2Frun%2Fpg:5433/db', { ...BASE, host: '/run/pg', port: '5433' }),
  one('u:p@[::1]/db', { ...BASE, host: '::1' }),
  one('u:p@[::1]:5433/db', { ...BASE, host: '::1', port: '5433' }),
  one('u:p@[fe80::1%25eth0]/db', { ...BASE, host: 'fe80::1%eth0' }),
  // Parameters override what stands before.
  one('u:p@h/db?host=other', { ...BASE, host: 'other' }),
  one('u:p@h:1/db?port=6000', { ...BASE, port: '6000' }),
  one('u:p@h/db?user=v&password=q+r', { ...BASE, user: 'v', password: 'q+r' }),
  one('u:p@h/db?dbname=other', { ...BASE, dbname: 'other' }),
  one('u:p@h?dbname=other', { ...BASE, dbname: 'other' }),
  one('u:p@h/db?application_name=a%20b', { ...BASE, application_name: 'a b' }),
  one('u:p@h/db?application_name=a+b', { ...BASE, application_name: 'a+b' }),
  one('u:p@h/db?options=-c%20search_path%3Dx', { ...BASE, options: '-c search_path=x' }),
  one('u:p@h/db?client_encoding=UTF8', { ...BASE, client_encoding: 'UTF8' }),
  one('u:p@h/db?connect_timeout=5&keepalives=0&target_session_attrs=read-write&gssencmode=disable'),
  one('u:p@h/db?nonsense=1', 'refused'),
  one('u:p@h/db?pgbouncer=true', 'refused'),
  one('u:p@h/db?SSLMODE=require', 'refused'),
  // Where ours differs.
  not('u:p@ss@h/db', { ...BASE, host: 'ss@h' }, PASSWORD),
  not('u:p/s@h/db', { host: 'u', port: 'p', dbname: 's@h/db' }, PASSWORD),
  not('u:p#s@h/db', { ...BASE, password: 'p#s' }, PASSWORD),
  not('u:p?s@h/db', { ...BASE, password: 'p?s' }, PASSWORD),
  not('u:p s@h/db', { ...BASE, password: 'p s' }, PASSWORD),
  not('u:p@h/db#x', { ...BASE, dbname: 'db#x' }, PASSWORD),
  not('u:p@ho st/db', { ...BASE, host: 'ho st' }, PASSWORD),
  not('u:p@h:port/db', { ...BASE, port: 'port' }, PASSWORD),
  not('u:p@h:99999/db', { ...BASE, port: '99999' }, PASSWORD),
  not('u:p@h1,h2/db', { ...BASE, host: 'h1,h2', port: ',' }, ONE_HOST),
  not('u:p@h1:1,h2:2/db', { ...BASE, host: 'h1,h2', port: '1,2' }, ONE_HOST),
  not('u:p@/db?host=h1,h2', { ...U, dbname: 'db', host: 'h1,h2' }, ONE_HOST),
  not('u:p@h/db?hostaddr=127.0.0.1', BASE, IGNORED),
  not('u:p@h/db?service=x', BASE, IGNORED),
  not('u:p@h/db?passfile=/tmp/x', BASE, IGNORED),
  not('u:p@h/db?requirepeer=x', BASE, IGNORED),
  not('u:p@h/db?application_name', 'refused', 'says nothing, and harms nobody', BASE),
  not('u:p@h/db?application_name=a=b', 'refused', 'has one reading', { ...BASE, application_name: 'a=b' }),
  not('u:p@h/db?statement_timeout=5', 'refused', "the driver's own parameter", BASE),
  not('u:p@h/db ', { ...BASE, dbname: 'db ' }, 'white space around a setting is never meant', BASE),
];
