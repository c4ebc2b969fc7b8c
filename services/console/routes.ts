import type { z } from 'zod';
import type { Clock } from '../shared/clock.ts';
import type { Db } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Config } from '../shared/settings/config.ts';
import type { Kept } from '../store/console/page-cache.ts';
import type { PersonRole, TokenScope, Visitor } from '../store/console/rights.ts';
import type { Reader } from '../store/console/scope.ts';
import type { Address, Html } from './html.ts';
import type { Told } from './told.ts';

/** Who may call a route: everybody, or people from this role on. */
export type Least = 'everybody' | PersonRole;

/**
 * What of the domains a route is about.
 * - `none`: nothing, such as the sign-in page.
 * - `filtered`: what it shows is chosen by `read` of store/console/scope.ts.
 * - `domain`: the parameter `domain`; where the person may not see that domain, there is no such page.
 * - `object`: something that its handler looks up by `read`; where that finds nothing, there is no such page.
 * - `installation`: all domains, so only people who see all of them.
 */
export type DomainScope = 'none' | 'filtered' | 'domain' | 'object' | 'installation';

type Shape = z.ZodObject | undefined;
type Read<S extends Shape> = S extends z.ZodObject ? z.output<S> : Record<never, never>;

/** What a handler works with. */
export interface Services {
  db: Db;
  config: Config;
  log: Log;
  clock: Clock;
  /** Sums that people who read pages share for some seconds. Absent: each asks Postgres. */
  kept?: Kept;
  /**
   * Connects to what the settings name, for the page that sets ruawatch up. Absent where nobody gave them.
   */
  probes?: Probes;
}

/** A file of a form. */
export interface UploadedFile {
  name: string;
  bytes: Buffer;
}

/** Tries of other servers; each answers with a sentence, or throws one. */
export interface Probes {
  /** @param name of a mailbox of the settings */
  mailbox(name: string): Promise<string>;
  smtp(): Promise<string>;
}

/** A request whose parameters were read. */
export interface Asked<P extends Shape = Shape, Q extends Shape = Shape, B extends Shape = Shape> extends Services {
  params: Read<P>;
  query: Read<Q>;
  body: Read<B>;
  /** Null on routes for everybody, when nobody is signed in. */
  visitor: Visitor | null;
  /** What the visitor may see; nothing when nobody is signed in. */
  reader: Reader;
  /** The token of the visitor's session. */
  session: string | null;
  /** The visitor's network address, and what the browser calls itself. */
  address: string;
  agent: string | null;
  /** The address at which the browser reached the console, without a path. */
  origin: string;
  /** What the browser keeps while somebody is at the company's provider. */
  flow: string | null;
  /** The files of a form, on routes with `upload`. */
  files: readonly UploadedFile[];
  /** The path and query of the request. */
  here: string;
}

/** What a route answers. */
export type Answer =
  | { is: 'page'; title: string; body: Html; status?: number; section?: Section; refresh?: number; script?: boolean }
  /** 303: the browser asks for the address by GET. */
  | { is: 'see'; address: Address; session?: string | null; flow?: string | null; told?: Told }
  | { is: 'data'; data: unknown; status?: number }
  | { is: 'file'; type: string; content: Buffer | string; name?: string; keep?: boolean; apart?: boolean };

/** The part of the navigation that a page belongs to. */
export type Section =
  | 'overview'
  | 'findings'
  | 'domains'
  | 'reports'
  | 'requests'
  | 'access'
  | 'held'
  | 'digest'
  | 'health'
  | 'people'
  | 'account';

/** What a route of the API needs of a token, and what its description says. */
export interface ApiNotes {
  /** The name of the operation. */
  id: string;
  summary: string;
  /** The scope that a token must have. */
  token: TokenScope;
  /** The form of the answer. */
  answer: z.ZodType;
  status?: number;
}

/** A route as its file declares it. */
export interface Route<P extends Shape = Shape, Q extends Shape = Shape, B extends Shape = Shape> {
  method: 'GET' | 'POST' | 'DELETE';
  /** As Fastify writes it: /findings/:key */
  path: string;
  kind: 'page' | 'api' | 'file';
  least: Least;
  scope: DomainScope;
  /** Whether its form has files: its body is read once it is known who sends it. */
  upload?: boolean;
  /** The most requests from one address in a minute, where that is not the usual number. */
  perMinute?: number;
  /**
   * What its handler waits for beside the database. It keeps no place of those that wait for the database
   * alone (gate.ts).
   */
  waitsFor?: 'servers' | 'passwords' | 'provider';
  /** Of the API alone. */
  api?: ApiNotes;
  params?: P;
  query?: Q;
  body?: B;
  handle(asked: Asked<P, Q, B>): Promise<Answer> | Answer;
}

/** A route in a list, whatever its parameters are. */
export type AnyRoute = Omit<Route, 'handle'> & { handle(asked: never): Promise<Answer> | Answer };

/**
 * Declares a route. Its handler gets what the schemas read, so that nothing else of the request reaches it.
 */
export function route<P extends Shape = undefined, Q extends Shape = undefined, B extends Shape = undefined>(
  given: Route<P, Q, B>,
): AnyRoute {
  return given as unknown as AnyRoute;
}

const RANK: Record<Least, number> = { everybody: 0, viewer: 1, operator: 2, admin: 3 };

/** Whether a visitor has at least this role. */
export function may(visitor: Visitor | null, least: Least): boolean {
  return (visitor === null ? 0 : RANK[visitor.role]) >= RANK[least];
}

/** The role that a route needs of people; the least where it is for everybody. */
export const leastRole = ({ least }: Pick<AnyRoute, 'least'>): PersonRole => (least === 'everybody' ? 'viewer' : least);

/** A page. */
export function page(
  title: string,
  body: Html,
  more: { status?: number; section?: Section; refresh?: number; script?: boolean } = {},
): Answer {
  return { is: 'page', title, body, ...more };
}

/** Sends the browser to another page after something was done, which that page tells where it is `told`. */
export function see(address: Address, more: Omit<Extract<Answer, { is: 'see' }>, 'is' | 'address'> = {}): Answer {
  return { is: 'see', address, ...more };
}

/** @throws never returns: a page that does not exist, or that the person may not know of, is the same */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  /** When to try again, in seconds; null where that would not help. */
  readonly after: number | null;
  /** The field of the form that is wrong; null where it is none, or not known. */
  readonly field: string | null;
  /** What is wrong with it, in few words. */
  readonly why: string | null;

  constructor(
    status: number,
    code: string,
    sentence: string,
    { after = null, field = null, why = null }: { after?: number | null; field?: string | null; why?: string | null } = {},
  ) {
    super(sentence);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
    this.after = after;
    this.field = field;
    this.why = why;
  }
}
